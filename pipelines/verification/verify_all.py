"""Verifies the chosen connections, one after the other, and repairs them if asked."""

from collections.abc import Sequence

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.pipelines.syncing.plans import plans_of, request_budget
from talkhouse.pipelines.verification.repair import repair
from talkhouse.pipelines.verification.report import Verdict
from talkhouse.pipelines.verification.verify import verify
from talkhouse.pipelines.warehouse.destination import configured
from talkhouse.pipelines.warehouse.interface import (
    Destination,
)
from talkhouse.sources.settings import SettingsError

# of repairs, until nothing differs
ROUNDS = 2


def verify_all(
    chosen: Sequence[Connection],
    budget: str,
    mend: bool,
    *,
    project: Project = HERE,
    destination: Destination | None = None,
) -> list[Verdict]:
    """How each connection and the warehouse differ; after mending it, if that was asked."""
    spending = request_budget("--budget", budget)
    destination = destination or configured(project)
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
                found, mended = repair(each, warehouse, plan, spending, project.pipelines_folder)
                verdict.before.append(found)
                verdict.mended += mended
                verdict.found = verify(each, warehouse, plan, spending)
            verdicts.append(verdict)
    return verdicts
