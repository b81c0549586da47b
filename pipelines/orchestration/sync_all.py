"""Syncs the chosen connections, one after the other; one that fails leaves the others loaded."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from talkhouse.pipelines.audit.housekeeping import kept_for
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.monitoring.metrics_export import Meter
from talkhouse.pipelines.orchestration.progress import watching
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.pipelines.syncing import dry_run
from talkhouse.pipelines.syncing.plans import chosen_lists, plans_of, request_budget
from talkhouse.pipelines.syncing.storage_rules import terms_of
from talkhouse.pipelines.syncing.sync_connection import ConnectionSync, sync
from talkhouse.pipelines.telemetry.sync_events import sync_told
from talkhouse.pipelines.warehouse.destination import configured
from talkhouse.pipelines.warehouse.failures import explained
from talkhouse.pipelines.warehouse.interface import (
    Destination,
    Warehouse,
    WarehouseError,
    WarehouseGone,
)
from talkhouse.sources.settings import SettingsError

NOWHERE = Meter()


@dataclass(frozen=True)
class SyncOptions:
    """What is asked of a sync this once.

    `only` names lists; a connection that has none of them is left out. `full` reads all to its
    end; `since` and `until` (ISO 8601, UTC) read a window. `message_budget` is what threads may
    cost: requests (`500`) or time (`10m`). A `dry_run` loads nothing.
    """

    only: Sequence[str] = ()
    full: bool = False
    since: str = ""
    until: str = ""
    message_budget: str = ""
    dry_run: bool = False


EVERYTHING = SyncOptions()


def sync_all(
    chosen: Sequence[Connection],
    options: SyncOptions = EVERYTHING,
    *,
    project: Project = HERE,
    destination: Destination | None = None,
    meter: Meter = NOWHERE,
) -> list[Outcome]:
    """What the sync of each connection did. `meter` gets each outcome.

    Raises what is wrong with the request before any: SettingsError, UnknownList; WarehouseError if
    the warehouse cannot be opened.
    """
    plans = plans_of(chosen, full=options.full, since=options.since, until=options.until)
    budget = request_budget("--message-budget", options.message_budget)
    keep = kept_for(project)
    asked = _asked(chosen, options.only)
    destination = destination or configured(project)
    outcomes = []
    with ExitStack() as opened:
        warehouse = None if options.dry_run else opened.enter_context(destination.open())
        # a policy that changed is wrong with all of them
        if warehouse:
            for each in chosen:
                terms_of(each, warehouse)
        watch = opened.enter_context(watching(options.dry_run))
        for each, plan in zip(chosen, plans, strict=True):
            if each.name not in asked:
                continue
            outcome = Outcome(each.name, each.provider.name)
            outcomes.append(outcome)
            with sync_told(outcome), _told_in(outcome, warehouse):
                watched, lists = watch.begins(each, outcome), asked[each.name]
                if warehouse is None:
                    dry_run.dry_run(watched, destination, plan, lists, outcome)
                else:
                    folder = project.pipelines_folder
                    wanted = ConnectionSync(watched, warehouse, plan, lists, budget, keep, folder)
                    sync(replace(wanted, outcome=outcome))
            watch.ended(outcome)
            meter.synced(outcome, each, warehouse)
    return outcomes


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
