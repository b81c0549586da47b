"""Syncs the chosen connections, one after the other; one that fails leaves the others loaded."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

from pipelines.audit import Outcome, last_build
from pipelines.build import Built, build, failed_build, time_zone_of
from pipelines.connections import Connection
from pipelines.destination import Copy, configured
from pipelines.dry_run import dry_run as read_only
from pipelines.failures import explained
from pipelines.housekeeping import kept_for
from pipelines.meter import Meter
from pipelines.progress import watching
from pipelines.publish import published
from pipelines.repair import repair
from pipelines.summary import Publication
from pipelines.sync import chosen_lists, plan_of, sync
from pipelines.telling import sync_told
from pipelines.terms import terms_of
from pipelines.verdict import Verdict
from pipelines.verify import verify
from pipelines.warehouse import (
    AlreadySyncing,
    Destination,
    Warehouse,
    WarehouseError,
    WarehouseGone,
)
from sources.listing import Plan
from sources.settings import SettingsError, duration, instant
from sources.threads import Budget

# of repairs, until nothing differs
ROUNDS = 2
NOWHERE = Meter()


def sync_all(
    chosen: Sequence[Connection],
    only: Sequence[str] = (),
    *,
    full: bool = False,
    since: str = "",
    until: str = "",
    message_budget: str = "",
    dry_run: bool = False,
    destination: Destination | None = None,
    meter: Meter = NOWHERE,
) -> list[Outcome]:
    """What the sync of each connection did. Raises what is wrong with the request before any.

    `only` names lists; a connection that has none of them is left out. `meter` is told of each.
    """
    plans = plans_of(chosen, full=full, since=since, until=until)
    budget, keep = _budget("--message-budget", message_budget), kept_for()
    asked = _asked(chosen, only)
    destination = destination or configured()
    outcomes = []
    with ExitStack() as opened:
        warehouse = None if dry_run else opened.enter_context(destination.open())
        # a policy that changed is wrong with all of them
        if warehouse:
            for each in chosen:
                terms_of(each, warehouse)
        watch = opened.enter_context(watching(dry_run))
        for each, plan in zip(chosen, plans, strict=True):
            if each.name not in asked:
                continue
            outcome = Outcome(each.name, each.provider.name)
            outcomes.append(outcome)
            with sync_told(outcome), _told_in(outcome, warehouse):
                watched, lists = watch.begins(each, outcome), asked[each.name]
                if warehouse is None:
                    read_only(watched, destination, plan, lists, outcome)
                else:
                    sync(
                        watched,
                        warehouse,
                        plan,
                        only=lists,
                        message_budget=budget,
                        outcome=outcome,
                        keep=keep,
                    )
            watch.ended(outcome)
            meter.synced(outcome, each, warehouse)
    return outcomes


def build_age(text: str) -> timedelta | None:
    """How old the last good build may be, as `--build` says; None if nothing is to be built.

    Raises SettingsError, also if there is no such time zone as it would build for.
    """
    if not text:
        return None
    time_zone_of()
    try:
        return duration(text)
    except ValueError as e:
        raise SettingsError(f"--build: {e}") from None


def build_synced(outcomes: Sequence[Outcome], every: timedelta | None) -> Built | None:
    """What came of a build, if any of these syncs loaded something and the last one is so old, or
    failed; an error is a failed one. Where another process is at it, the next sync builds.
    """
    if every is None or not any(outcome.ok or outcome.rows for outcome in outcomes):
        return None
    destination = configured()
    try:
        with destination.open(read_only=True) as warehouse:
            last = last_build(warehouse)
        # it ends some time after its sync began, and is not to be left to the sync after the next
        if last and last["outcome"] == "ok" and datetime.now(UTC) - last["built_at"] < every * 0.9:
            return None
        return build(destination)
    except AlreadySyncing:
        return None
    except (SettingsError, WarehouseError) as e:
        return failed_build(destination, str(e))


def publish_synced(outcomes: Sequence[Outcome], copy: Copy | None) -> Publication | None:
    """What came of publishing a copy, if one is wanted and any of these syncs loaded something."""
    if copy is None or not any(outcome.ok or outcome.rows for outcome in outcomes):
        return None
    return published(copy)


def plans_of(
    chosen: Sequence[Connection], *, full: bool = False, since: str = "", until: str = ""
) -> list[Plan]:
    """How far each connection is to be read. Raises SettingsError."""
    try:
        plans = [plan_of(each, full=full, since=since, until=until) for each in chosen]
    except ValueError as e:
        raise SettingsError(f"--since or --until: {e}") from None
    if full and (since or until):
        raise SettingsError("--full reads everything, so --since and --until say nothing")
    if since and until and instant(since) >= instant(until):
        raise SettingsError("--since must be before --until: the window is [since, until)")
    return plans


def verify_all(
    chosen: Sequence[Connection], budget: str, mend: bool, destination: Destination | None = None
) -> list[Verdict]:
    """How each connection and the warehouse differ; after mending it, if that was asked."""
    spending = _budget("--budget", budget)
    destination = destination or configured()
    if not destination.exists():
        raise SettingsError(f"{destination} is not there: run `talkhouse sync` first")
    verdicts = []
    with destination.open() as warehouse:
        for each, plan in zip(chosen, plans_of(chosen), strict=True):
            verdict = Verdict(verify(each, warehouse, plan, spending))
            # a thread can be compared only once its conversation is there
            for _ in range(ROUNDS):
                if not mend or all(table.ok for table in verdict.found.tables):
                    break
                found, mended = repair(each, warehouse, plan, spending)
                verdict.before.append(found)
                verdict.mended += mended
                verdict.found = verify(each, warehouse, plan, spending)
            verdicts.append(verdict)
    return verdicts


def _budget(option: str, text: str) -> Budget:
    try:
        return Budget.of(text)
    except ValueError as e:
        raise SettingsError(f"{option}: {e}; or a number of requests") from None


@contextmanager
def _told_in(outcome: Outcome, warehouse: Warehouse | None) -> Iterator[None]:
    """What goes wrong with one connection must not keep the others from their sync."""
    try:
        yield
    except WarehouseGone as e:
        outcome.error = str(e)
    except (SettingsError, WarehouseError):
        raise
    except Exception as e:
        outcome.error = explained(e, warehouse)


def _asked(chosen: Sequence[Connection], only: Sequence[str]) -> dict[str, list[str]]:
    """The lists to read of each connection, an empty one for all of them."""
    if not only:
        return {each.name: [] for each in chosen}
    known = {each.name: chosen_lists(each) for each in chosen}
    anywhere = list(dict.fromkeys(name for names in known.values() for name in names))
    for name in only:
        if name not in anywhere:
            raise SettingsError(f"there is no list {name}; there are {', '.join(anywhere)}")
    asked = {each: [name for name in only if name in names] for each, names in known.items()}
    return {each: names for each, names in asked.items() if names}
