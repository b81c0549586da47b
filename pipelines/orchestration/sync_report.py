"""What a run of syncs did, as two tables or as JSON, and what became of the published copy."""

import sys
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from talkhouse.pipelines.analytics.publish import Publication, show_publication
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.console import print_json, results
from talkhouse.sources.dlt_source.run import MESSAGES
from talkhouse.sources.scan.progress import Progress


def show_outcomes(
    outcomes: Sequence[Outcome], as_json: bool, dry_run: bool, publication: Publication | None
) -> None:
    """Prints every list that was read, every connection, and what was published."""
    if as_json:
        print_json([_document(outcome, dry_run) for outcome in outcomes])
        if publication:
            # what is read by programs stays a list of connections
            sys.stderr.write(f"{publication}\n")
        return
    console = results()
    console.print(_lists(outcomes))
    console.print(_connections(outcomes, dry_run))
    for outcome in outcomes:
        if outcome.error:
            console.print(f"{outcome.connection}: {outcome.error}", markup=False, soft_wrap=True)
        for (table, path, problem), rows in outcome.report.findings.drift.items():
            console.print(
                f"{outcome.connection}: drift in {table}.{path}: {problem}, {rows} rows",
                markup=False,
                soft_wrap=True,
            )
    if dry_run:
        threads = sum(each.report.of("messages").pages for each in outcomes)
        console.print(
            f"A dry run: nothing was loaded. The messages of {threads:,} conversations would be "
            "read."
        )
    if publication:
        show_publication(publication, as_json=False)


def _lists(outcomes: Sequence[Outcome]) -> Table:
    table = Table("connection", "list", "mode")
    for name in ("pages", "rows read", "new", "changed"):
        table.add_column(name, justify="right")
    table.add_column("")
    for outcome in outcomes:
        for name, progress in outcome.report.lists.items():
            table.add_row(
                outcome.connection,
                name,
                progress.mode,
                f"{progress.pages:,}",
                f"{progress.rows:,}",
                "" if progress.new is None else f"{progress.new:,}",
                "" if progress.new is None else f"{progress.changed:,}",
                _note(name, progress, outcome),
            )
    return table


def _note(name: str, progress: Progress, outcome: Outcome) -> str:
    if progress.skipped:
        return f"skipped: {progress.skipped}"
    if progress.error:
        return "failed"
    notes = []
    if name == MESSAGES:
        notes.append("a page is a conversation's thread")
        if progress.left:
            notes.append(f"{progress.left:,} left for the next run")
    elif not progress.finished:
        notes.append("not finished")
    if progress.deleted:
        notes.append(f"{progress.deleted:,} marked deleted")
    if progress.quarantined:
        notes.append(f"{len(progress.quarantined):,} cannot be read")
    if progress.missing:
        notes.append(f"{progress.missing:,} messages short")
    return ", ".join(notes)


def _connections(outcomes: Sequence[Outcome], dry_run: bool) -> Table:
    table = Table("connection")
    rows = "rows to load, but for messages" if dry_run else "rows loaded"
    for name in (rows, "requests", "seconds", "waited", "drift", "rejects"):
        table.add_column(name, justify="right")
    table.add_column("result")
    for outcome in outcomes:
        found = outcome.report.findings
        table.add_row(
            outcome.connection,
            f"{sum(outcome.rows.values()):,}",
            f"{outcome.requests:,}",
            f"{outcome.seconds:.1f}",
            f"{outcome.waited_seconds:.1f}",
            f"{len(found.drift):,}",
            f"{len(found.rejects):,}",
            "ok" if outcome.ok else "failed",
        )
    return table


def _document(outcome: Outcome, dry_run: bool) -> dict[str, Any]:
    found = outcome.report.findings
    return {
        "connection": outcome.connection,
        "provider": outcome.provider,
        "ok": outcome.ok,
        "error": outcome.error,
        "dry_run": dry_run,
        "requests": outcome.requests,
        "seconds": round(outcome.seconds, 3),
        "waited_seconds": round(outcome.waited_seconds, 3),
        "lists": {
            name: {
                "mode": progress.mode,
                "pages": progress.pages,
                "rows": progress.rows,
                "finished": progress.finished,
                "skipped": progress.skipped,
                "error": progress.error,
                "new": progress.new,
                "changed": None if progress.new is None else progress.changed,
                "deleted": progress.deleted,
                "quarantined": progress.quarantined,
                "messages_missing": progress.missing,
                "left": progress.left,
            }
            for name, progress in outcome.report.lists.items()
        },
        "rows": outcome.rows,
        "drift": [
            {"table": table, "field": path, "problem": problem, "rows": rows}
            for (table, path, problem), rows in found.drift.items()
        ],
        "rejects": len(found.rejects),
    }
