"""The runs that the audit keeps: a list of them, and what one of them did and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from rich.table import Table

from talkhouse.pipelines.console import print_json, results
from talkhouse.pipelines.warehouse.interface import AUDIT, Destination, Warehouse
from talkhouse.sources.settings import SettingsError

WHY = {
    "full": "to its end: it was due, or --full",
    "recent": "newest first, until what was read before",
    "window": "the days that were asked for",
    "threads": "of the conversations that moved, or were due again",
}


@dataclass
class PastRun:
    """A row of `audit.runs`, with its rows of `audit.scans` if they were asked for."""

    run: dict[str, Any]
    scans: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seconds(self) -> float | None:
        """How long it took; None if it did not come to say so."""
        began, ended = self.run["started_at"], self.run["ended_at"]
        return (ended - began).total_seconds() if ended else None


def past_runs(destination: Destination, limit: int) -> list[PastRun]:
    """The latest runs, newest first. Raises SettingsError if there are none."""
    with _audited(destination) as warehouse:
        found = warehouse.rows(
            "select * from audit.runs order by started_at desc, run_id desc limit %s", [limit]
        )
    return [PastRun(row) for row in found]


def past_run(destination: Destination, run_id: str) -> PastRun:
    """One run with its lists, by its id or the beginning of it. Raises SettingsError."""
    with _audited(destination) as warehouse:
        found = warehouse.rows(
            "select * from audit.runs where run_id like %s order by run_id",
            [run_id.replace("%", "") + "%"],
        )
        if len(found) != 1:
            raise SettingsError(
                f"{len(found) or 'no'} runs have an id that begins with {run_id}: "
                "`talkhouse runs` lists them"
            )
        scans = warehouse.rows(
            "select * from audit.scans where run_id = %s order by list", [found[0]["run_id"]]
        )
    return PastRun(found[0], scans)


def _audited(destination: Destination) -> Warehouse:
    if destination.exists():
        warehouse = destination.open(read_only=True)
        if warehouse.has_table(AUDIT, "runs"):
            return warehouse
        warehouse.close()
    raise SettingsError(f"{destination} has no run: `talkhouse sync` makes one")


def show_runs(runs: Sequence[PastRun], as_json: bool) -> None:
    """Prints a line for each run."""
    if as_json:
        print_json([each.run | {"seconds": each.seconds} for each in runs])
        return
    table = Table("run", "connection", "began (UTC)")
    for name in ("seconds", "requests", "rows"):
        table.add_column(name, justify="right")
    table.add_column("outcome")
    for each in runs:
        run = each.run
        outcome = f"{run['outcome']}: {run['error']}" if run["error"] else run["outcome"]
        table.add_row(
            run["run_id"],
            run["account"],
            _moment(run["started_at"]),
            _number(each.seconds, 1),
            _number(run["requests"]),
            _number(run["rows_loaded"]),
            outcome,
        )
    results().print(table)


def show_run(one: PastRun, as_json: bool) -> None:
    """Prints what a run did, list by list, and why it read each as it did."""
    if as_json:
        print_json(asdict(one) | {"seconds": one.seconds})
        return
    console, run = results(), one.run
    lines = [
        f"{run['run_id']}: {run['account']} ({run['provider']}), {run['outcome']}",
        f"  from {_moment(run['started_at'])} UTC, {_number(one.seconds, 1) or '?'} s, "
        f"{_number(run['requests']) or '?'} requests, {_number(run['rows_loaded']) or '?'} rows "
        f"loaded, {_number(run['throttled_seconds'], 1) or '?'} s waited for the host's budget",
    ]
    if run["error"]:
        lines.append(f"  {run['error']}")
    for scan in one.scans:
        lines += _explained(scan)
    for line in lines:
        console.print(line, markup=False, soft_wrap=True, highlight=False)


def _explained(scan: dict[str, Any]) -> list[str]:
    mode = scan["mode"]
    how = f"{mode} ({WHY.get(mode, 'nothing to do')})" if mode else "failed before it was read"
    lines = [f"  {scan['list']}: {how}"]
    counted = {
        "pages": scan["pages"],
        "rows seen": scan["rows_seen"],
        "new": scan["rows_new"],
        "changed": scan["rows_changed"],
        "unchanged": scan["rows_unchanged"],
        "marked deleted": scan["rows_deleted"],
        "that cannot be read": scan["rows_quarantined"],
        "messages missing": scan["messages_missing"],
        "left to the next run": scan["rows_left"],
    }
    said = [f"{_number(n)} {what}" for what, n in counted.items() if n]
    lines.append(f"    {', '.join(said) or 'nothing was there'}")
    if scan["is_whole"] and scan["declared_count"] is not None:
        lines.append(
            f"    proof: {_number(scan['distinct_ids'])} distinct ids, "
            f"{_number(scan['declared_count'])} declared by the provider"
        )
    if scan["skipped"]:
        lines.append(f"    skipped: {scan['skipped']}")
    elif not scan["is_finished"]:
        lines.append("    not finished: the next run goes on from there")
    return lines


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
