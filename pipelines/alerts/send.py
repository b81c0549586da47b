"""Tells what `talkhouse status` finds: each problem once when it begins, and once when it is over.

Nothing is told, and nothing noted, while no channel is configured.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256

from talkhouse.pipelines.alerts.alert_log import (
    BUILD,
    DRIFT,
    PUBLICATION,
    REJECTS,
    WAREHOUSE,
    Ledger,
)
from talkhouse.pipelines.alerts.channels import Channel
from talkhouse.pipelines.alerts.delivery import deliver
from talkhouse.pipelines.alerts.outage import note_end, tell_held, tell_outage
from talkhouse.pipelines.analytics.publish import Publication
from talkhouse.pipelines.audit.notes import last_build
from talkhouse.pipelines.monitoring.health import (
    SETTINGS,
    SKIPPED,
    STALE,
    SYNC_FAILED,
    VOLUME,
    Health,
    health,
)
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.warehouse.failures import explained
from talkhouse.pipelines.warehouse.interface import (
    AlreadySyncing,
    Destination,
    Warehouse,
    WarehouseError,
    WarehouseGone,
)
from talkhouse.pipelines.warehouse.migrations import migrate

FIELDS_SHOWN = 5
# a provider may name fields by what they hold
TELLABLE = re.compile(r"(?!.*\d{4})[A-Za-z_][\w.\"-]{0,80}")


def send_alerts(
    known: Mapping[str, Channel],
    chosen: Sequence[Connection],
    wrong: Mapping[str, str],
    destination: Destination,
    publication: Publication | None = None,
    *,
    synced: bool = False,
) -> list[str]:
    """Tells these channels what is new of the connections, and of others whose settings are wrong;
    says what could not be delivered, and why. `synced` tells that they were just synced.
    """
    if not known:
        return []
    try:
        if not destination.exists():
            return tell_outage(
                known,
                WAREHOUSE,
                f"{destination} is not there: put back what was moved away, or run `talkhouse "
                "sync`, which reads everything",
            )
        with _opened(destination) as warehouse:
            migrate(warehouse)
            ledger = Ledger(warehouse, known)
            _note_all(ledger, chosen, wrong, publication)
            # last: what else cannot be noted is an outage, too
            note_end(ledger, [WAREHOUSE, *([SETTINGS] if synced else [])])
            waiting = ledger.waiting()
        undelivered = deliver(waiting, known)
        if waiting:
            try:
                with _opened(destination) as warehouse:
                    Ledger(warehouse, known).delivered(waiting)
            except AlreadySyncing as e:
                undelivered.append(f"what was told is not noted, and will be told again: {e}")
        return undelivered
    except AlreadySyncing as e:
        return [f"alerts are left to the next run: {e}", *tell_held(known, str(e))]
    except WarehouseError as e:
        return tell_outage(known, WAREHOUSE, str(e))
    except Exception as e:
        # a fault of this program, or of the folder; the sync went as it went
        return [f"alerts are left to the next run: {explained(e, None)}"]


@contextmanager
def _opened(destination: Destination) -> Iterator[Warehouse]:
    """The warehouse, while no other process notes alerts. Raises WarehouseError for whatever its
    database says.
    """
    with destination.open() as warehouse:
        try:
            with warehouse.loading("alerts"):
                yield warehouse
        except warehouse.errors as e:
            # its message is left out, since it may quote a row
            why = warehouse.meaning(e) or f"{type(e).__name__}; is the disk full?"
            raise WarehouseGone(why) from None


def _note_all(
    ledger: Ledger,
    chosen: Sequence[Connection],
    wrong: Mapping[str, str],
    publication: Publication | None,
) -> None:
    for each in chosen:
        _note_connection(ledger, each, health(each, ledger.warehouse))
        ledger.note(SETTINGS, each.name, "")
    for name, why in wrong.items():
        ledger.note(SETTINGS, name, why)
    if built := last_build(ledger.warehouse):
        why = "`talkhouse build` says why; its tables are as they were, and none is published"
        ledger.note(BUILD, "", why if built["outcome"] == "failed" else "")
    if publication:
        ledger.note(PUBLICATION, "", publication.error)


def _note_connection(ledger: Ledger, connection: Connection, found: Health) -> None:
    name, run = connection.name, found.last_run or {}
    run_id = run.get("run_id", "")
    for kind in (SYNC_FAILED, STALE, SKIPPED, VOLUME):
        why = "; ".join(problem.text for problem in found.problems if problem.kind == kind)
        over = f", {run.get('rows_loaded') or 0:,} rows were loaded" if kind == SYNC_FAILED else ""
        ledger.note(kind, name, why, run_id, over)
    tables = ledger.warehouse.tables(connection.provider.name)
    if DRIFT in tables:
        _note_drift(ledger, connection, run_id)
    if REJECTS in tables:
        _note_rejects(ledger, connection, run_id)


def _note_drift(ledger: Ledger, connection: Connection, run_id: str) -> None:
    """Fields that were not told of before."""
    found = ledger.warehouse.rows(
        f"select table_name, field, problem from {connection.provider.name}.drift "
        "where account = %s order by table_name, field, problem",
        [connection.name],
    )
    told = {
        each if isinstance(each, str) else _hashed(each)
        for about in ledger.about(DRIFT, connection.name)
        for each in json.loads(about)
    }
    new = [key for key in (tuple(row.values()) for row in found) if _hashed(key) not in told]
    if not new:
        return
    shown = [
        f"{table}.{field} ({problem})"
        if TELLABLE.fullmatch(field)
        else f"a field of {table} ({problem})"
        for table, field, problem in new[:FIELDS_SHOWN]
    ]
    if len(new) > FIELDS_SHOWN:
        shown.append(f"{len(new) - FIELDS_SHOWN:,} more")
    text = (
        f"{connection.name} sends what is not declared: {', '.join(shown)}. Nothing is lost: it is "
        "kept in _extra, and audit.drift lists it; a newer Talkhouse may have a column for it"
    )
    ledger.add(
        DRIFT, connection.name, text, run_id, about=json.dumps([_hashed(key) for key in new])
    )


def _hashed(key: Sequence[str]) -> str:
    """What a field is known again by: its name may hold what a customer is called. Older releases
    noted the names.
    """
    return sha256("\0".join(key).encode()).hexdigest()


def _note_rejects(ledger: Ledger, connection: Connection, run_id: str) -> None:
    """More rows that could not be loaded than were told of before."""
    found = ledger.warehouse.rows(
        f"select table_name, count(*) as n from {connection.provider.name}.rejects "
        "where account = %s group by table_name order by table_name",
        [connection.name],
    )
    now, before = sum(row["n"] for row in found), ledger.about(REJECTS, connection.name)
    new = now - (int(before[-1]) if before else 0)
    if new > 0:
        counts = ", ".join(f"{row['table_name']} {row['n']:,}" for row in found)
        text = (
            f"{connection.name} has {new:,} more rows that could not be loaded: {counts} in all. "
            "audit.rejects says which and why; full scans try again what cannot be read"
        )
        ledger.add(REJECTS, connection.name, text, run_id, about=str(now))
