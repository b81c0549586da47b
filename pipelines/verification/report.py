"""What `verify` says, as tables or as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.console import print_json, results
from talkhouse.pipelines.verification.verify import KEYS_SHOWN, Verified


@dataclass
class Verdict:
    """What differs; after a repair, what still does, what had differed, and the syncs it took."""

    found: Verified
    before: list[Verified] = field(default_factory=list)
    mended: list[Outcome] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.found.ok

    def as_document(self) -> dict[str, Any]:
        """All of it, for a program to read."""
        repair = [{"rows": each.rows, "error": each.error} for each in self.mended]
        before = [each.as_document() for each in self.before]
        return {**self.found.as_document(), "repair": repair, "before": before}


def show_verified(verdicts: Sequence[Verdict], as_json: bool) -> None:
    """Prints every table that was compared, and every kind of difference."""
    if as_json:
        print_json([verdict.as_document() for verdict in verdicts])
        return
    console = results()
    console.print(_compared(verdicts))
    for verdict in verdicts:
        found = verdict.found
        for before in verdict.before:
            for table in before.tables:
                if not table.ok:
                    counts = f"missing {table.missing:,}, extra {table.extra:,}"
                    console.print(
                        f"{found.connection}: read again: {table.table}: {counts}, "
                        f"stale {table.stale:,}"
                    )
        for table in found.tables:
            for kind, keys in table.keys.items():
                such = f", such as {', '.join(keys)}" if keys else ""
                some = f"{kind} in {table.table}{such}"
                fields = f": {', '.join(table.fields)}" if kind == "stale" else ""
                console.print(f"{found.connection}: {some}{fields}", markup=False, soft_wrap=True)
        for name, reason in found.not_read.items():
            console.print(f"{found.connection}: {name} not compared: {reason}", soft_wrap=True)
        for name, rows in found.unreadable.items():
            some = ", ".join(map(str, rows[:KEYS_SHOWN]))
            console.print(
                f"{found.connection}: {name} that cannot be read ({len(rows):,}): {some}",
                markup=False,
                soft_wrap=True,
            )
        if found.threads:
            console.print(
                f"{found.connection}: {found.threads_read:,} of {found.threads:,} threads "
                f"compared, {found.threads_short:,} unlike"
            )
        if found.error:
            console.print(f"{found.connection}: {found.error}", markup=False, soft_wrap=True)
        console.print(f"{found.connection}: {_said(verdict)}", soft_wrap=True)


def _compared(verdicts: Sequence[Verdict]) -> Table:
    table = Table("connection", "table")
    for name in ("compared", "missing", "extra", "stale"):
        table.add_column(name, justify="right")
    for verdict in verdicts:
        for each in verdict.found.tables:
            counts = (each.compared, each.missing, each.extra, each.stale)
            table.add_row(verdict.found.connection, each.table, *(f"{n:,}" for n in counts))
    return table


def _said(verdict: Verdict) -> str:
    if verdict.found.error:
        return "the comparison could not be finished"
    if errors := [outcome.error for outcome in verdict.mended if outcome.error]:
        return f"could not be mended: {'; '.join(errors)}"
    if verdict.ok:
        part = verdict.found.threads_read < verdict.found.threads
        equal = "all that was compared is equal" if part else "all equal"
        return f"mended; {equal}" if verdict.mended else equal
    if all(table.ok for table in verdict.found.tables):
        return "all that could be read is equal; audit.rejects says why some could not"
    if verdict.mended:
        return "could not all be mended: this is what still differs"
    return "differs; --repair reads again what does"
