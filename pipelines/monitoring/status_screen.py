"""`talkhouse status`, as it is read: a line that says what needs somebody, and the worst first."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from rich.live import Live
from rich.text import Text

from talkhouse.pipelines.console import print_json, results
from talkhouse.pipelines.monitoring.connection_status import FINDINGS, ListStatus, Status
from talkhouse.pipelines.monitoring.health import (
    SETTINGS,
    SKIPPED,
    STALE,
    SYNC_FAILED,
    UNSYNCED,
    VOLUME,
    words,
)
from talkhouse.pipelines.monitoring.overview import Overview
from talkhouse.pipelines.warehouse.interface import AlreadySyncing

QUARANTINED_SHOWN = 10
WATCH_SECONDS = 5.0

STATES = {
    SETTINGS: "has wrong settings",
    SYNC_FAILED: "fails",
    STALE: "is stale",
    UNSYNCED: "was never synced",
    SKIPPED: "leaves out a list",
    VOLUME: "has an unusual volume",
    "ok": "ok",
}


def show_overview(found: Overview, as_json: bool) -> None:
    """Prints every connection."""
    if as_json:
        print_json([_document(each, found) for each in found.statuses])
        if found.held:
            # what is read by programs stays a list of connections
            sys.stderr.write(f"talkhouse: {_held(found)}\n")
        return
    console = results()
    for line in lines(found, datetime.now(UTC)):
        console.print(_styled(line), soft_wrap=True)


def watch(look: Callable[[], Overview]) -> Overview:
    """Shows it anew every few seconds, until interrupted; gives what was seen last."""
    console = results()
    found = look()
    try:
        if console.is_terminal:
            with Live(_drawn(found), console=console, screen=True) as live:
                while True:
                    found = _again(look, found)
                    live.update(_drawn(found))
        while True:
            show_overview(found, as_json=False)
            console.print()
            found = _again(look, found)
    except KeyboardInterrupt:
        return found


def _again(look: Callable[[], Overview], before: Overview) -> Overview:
    time.sleep(WATCH_SECONDS)
    try:
        return look()
    except AlreadySyncing as e:
        return replace(before, held=str(e))


def _drawn(found: Overview) -> Text:
    now = datetime.now(UTC)
    shown = [*lines(found, now), "", f"{now:%H:%M:%S} UTC; Ctrl-C ends this"]
    return Text("\n").join(_styled(line) for line in shown)


def _styled(line: str) -> Text:
    return Text(line, style="" if line.startswith(" ") else "bold")


def _document(status: Status, found: Overview) -> dict[str, Any]:
    also = {"is_synced": status.is_synced, "state": status.state, "last_build": found.last_build}
    also["cut_off"] = found.cut_off
    return asdict(status) | also


def lines(found: Overview, now: datetime) -> Iterator[str]:
    """What is printed."""
    yield f"In {found.source}: {verdict(found)}"
    if found.held:
        yield _held(found)
    for status in found.statuses:
        yield ""
        yield from _connection(status, now)
    if found.last_build:
        built = found.last_build
        why = "; `talkhouse build` says why, and none is published" if found.build_failed else ""
        yield ""
        yield f"last build {_moment(built['built_at'])}: {built['outcome']}{why}"


def _held(found: Overview) -> str:
    return f"this is how {found.source} has it, as it was last read: {found.held}"


def verdict(found: Overview) -> str:
    """Whether anybody is needed, and for what."""
    bad = [each for each in found.statuses if each.state != "ok"]
    number = len(found.statuses)
    all_of = "1 connection" if number == 1 else f"{number} connections"
    if bad:
        which = ", ".join(f"{each.connection} {STATES[each.state]}" for each in bad)
        needed = f"{len(bad)} of {all_of} need{'s' if len(bad) == 1 else ''} you: {which}"
    else:
        needed = f"{all_of}, {'fresh' if number == 1 else 'all fresh'}"
    also = ["the last build failed"] if found.build_failed else []
    also += [f"`{command}` was cut off: run it again" for command in found.cut_off]
    if also:
        return "; ".join([needed, *also])
    return needed if bad else f"{needed}, nothing to do"


def _connection(status: Status, now: datetime) -> Iterator[str]:
    health = status.health
    running = ", a sync is running" if health.is_running else ""
    of = f" ({status.provider})" if status.provider else ""
    yield f"{status.connection}{of}: {STATES[status.state]}{running}"
    for problem in health.problems:
        if problem.kind != SYNC_FAILED:
            yield f"  {problem.text}"
    if run := health.last_run:
        outcome = run["outcome"]
        if outcome == "running" and not health.is_running:
            outcome = "cut off"
        ended = f"{outcome}: {run['error']}" if run["error"] else outcome
        yield f"  last run {_moment(run['started_at'])}: {ended}"
        if figures := _figures(status):
            yield f"    {figures}"
    if health.last_good_at:
        yield (
            f"  last good run {_ago(health.last_good_at, now)}; stale after "
            f"{words(health.stale_after_seconds)} without one"
        )
    for each in status.lists:
        yield from _list(each, status, now)
    if status.is_synced:
        rows = (f"{table} {n:,}" for table, n in status.rows.items() if table not in FINDINGS)
        yield f"  rows: {', '.join(rows)}"
        if status.threads_to_read is not None:
            yield f"  threads to read: {status.threads_to_read:,}{_eta(status)}"
        yield f"  {', '.join(_finding(status, table) for table in FINDINGS)}"


def _figures(status: Status) -> str:
    """What the last run took, beside what is usual and allowed."""
    run, usual = status.health.last_run, status.health.usual_seconds
    if run is None or run["ended_at"] is None:
        return ""
    seconds = (run["ended_at"] - run["started_at"]).total_seconds()
    took = f"{seconds:,.1f} s" + (f", usually {usual:,.1f}" if usual is not None else "")
    asked = f"{run['requests']:,} requests, {run['requests'] / max(seconds, 0.1):,.1f} a second"
    allowed = f"of at most {status.requests_per_second:,.0f}, for which it waited"
    loaded = f"{run['rows_loaded']:,} rows loaded"
    return f"{took}; {asked} {allowed} {run['throttled_seconds']:,.1f} s; {loaded}"


def _list(each: ListStatus, status: Status, now: datetime) -> Iterator[str]:
    as_of = datetime.fromisoformat(each.complete_as_of) if each.complete_as_of else None
    yield (
        f"  {each.name}: complete as of {_moment(as_of)}, changes seen within "
        f"{words(each.changes_within_seconds)}, everything re-verified within "
        f"{words(each.verified_within_seconds)}"
    )
    last = status.health.last_run
    if each.skipped:
        yield f"    skipped: {each.skipped}"
    elif each.read_at and last and each.read_at != last["started_at"]:
        yield f"    last read to its end {_ago(each.read_at, now)}"
    if each.unfinished:
        yield f"    unfinished: {each.unfinished}"
    if each.quarantined:
        some = ", ".join(map(str, each.quarantined[:QUARANTINED_SHOWN]))
        yield f"    cannot be read ({len(each.quarantined):,}): {some}"


def _eta(status: Status) -> str:
    if not status.threads_to_read:
        return ""
    return f", about {words(status.threads_seconds)} of reading"


def _finding(status: Status, table: str) -> str:
    latest = status.findings_in_last_run.get(table, 0)
    met = f" ({latest:,} met in the last run)" if latest else ""
    return f"{table} {status.rows.get(table, 0):,}{met}"


def _ago(moment: datetime, now: datetime) -> str:
    return f"{words(max((now - moment).total_seconds(), 0))} ago"


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
