"""Tells what `talkhouse status` finds: each problem once when it begins, and once when it is over.

Nothing is told, and nothing noted, while no channel is configured.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pipelines.audit import last_build
from pipelines.channels import Channel
from pipelines.connections import Connection
from pipelines.health import FAILED, SETTINGS, STALE, VOLUME, Health, health
from pipelines.ledger import BUILD, DRIFT, PUBLICATION, REJECTS, Ledger, tell_outage
from pipelines.migrations import migrate
from pipelines.summary import Publication
from pipelines.warehouse import AlreadySyncing, Destination, WarehouseError

FIELDS_SHOWN = 5
# a provider may name fields by what they hold
TELLABLE = re.compile(r"(?!.*\d{4})[A-Za-z_][\w.\"-]{0,80}")


def send_alerts(
    known: Mapping[str, Channel],
    chosen: Sequence[Connection],
    wrong: Mapping[str, str],
    destination: Destination,
    publication: Publication | None = None,
) -> list[str]:
    """Tells these channels what is new of the connections, and of others whose settings are wrong;
    says what could not be delivered, and why.
    """
    if not known or not destination.exists():
        return []
    try:
        with destination.open() as warehouse, warehouse.loading("alerts"):
            migrate(warehouse)
            ledger = Ledger(warehouse, known)
            ledger.outage_is_over()
            for each in chosen:
                _note_connection(ledger, each, health(each, warehouse))
                ledger.note(SETTINGS, each.name, "")
            for name, why in wrong.items():
                ledger.note(SETTINGS, name, why)
            if built := last_build(warehouse):
                why = (
                    "`talkhouse build` says why; its tables are as they were, and none is published"
                )
                ledger.note(BUILD, "", why if built["outcome"] == "failed" else "")
            if publication:
                ledger.note(PUBLICATION, "", publication.error)
            return ledger.delivered()
    except AlreadySyncing as e:
        return [f"alerts are left to the next run: {e}"]
    except WarehouseError as e:
        return tell_outage(known, str(e))
    except Exception as e:
        # its message is left out, since it may quote a row
        return tell_outage(known, f"{type(e).__name__}; is the disk full?")


def _note_connection(ledger: Ledger, connection: Connection, found: Health) -> None:
    name, run = connection.name, found.last_run or {}
    run_id = run.get("run_id", "")
    for kind in (FAILED, STALE, VOLUME):
        why = "; ".join(problem.text for problem in found.problems if problem.kind == kind)
        over = f", {run.get('rows_loaded') or 0:,} rows were loaded" if kind == FAILED else ""
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
        tuple(key) for about in ledger.about(DRIFT, connection.name) for key in json.loads(about)
    }
    new = [tuple(row.values()) for row in found if tuple(row.values()) not in told]
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
    ledger.add(DRIFT, connection.name, text, run_id, about=json.dumps(new))


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


@contextmanager
def outage_told(known: Mapping[str, Channel]) -> Iterator[None]:
    """Tells, once, that the warehouse cannot be opened. That another sync holds it is no news."""
    try:
        yield
    except AlreadySyncing:
        raise
    except WarehouseError as e:
        tell_outage(known, str(e))
        raise
