"""Brings everything under the policy of the settings: what is stored, what is built of it, and the
copy that others read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from talkhouse.pipelines.audit.unfinished import PRIVACY, READ_AGAIN, note_renewed
from talkhouse.pipelines.orchestration.sync_all import SyncOptions, sync_all
from talkhouse.pipelines.privacy.inventory import report
from talkhouse.pipelines.privacy.rebuild import renew, require_for_rebuild
from talkhouse.pipelines.privacy.rewrite_rows import rewrite
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.warehouse.destination import Copy
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.sources.rows.personal_data import Privacy


@dataclass
class Applied:
    """What was done: the tables that were rewritten, and what failed on the way, each with what to
    do.
    """

    rewritten: list[str] = field(default_factory=list)
    read_again: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.failures


def apply_policy(
    destination: Destination, privacy: Privacy, chosen: Sequence[Connection], copy: Copy | None
) -> Applied:
    """Rewrites what is stored; what cannot be is read again in full. Then builds anew what was
    built, and publishes, so that nothing of what is hidden now is left anywhere. Raises
    SettingsError if what was built cannot be rebuilt.
    """
    require_for_rebuild(destination)
    applied = Applied()
    with destination.open() as warehouse:
        applied.read_again = report(warehouse, privacy).read_again
        applied.rewritten = rewrite(warehouse, privacy, chosen)
    began = datetime.now(UTC)
    if applied.read_again:
        outcomes = sync_all(chosen, SyncOptions(full=True), destination=destination)
        applied.failures += [
            f"{each.connection}: {each.error}; then `talkhouse privacy --apply` again"
            for each in outcomes
            if each.error
        ]
        if not applied.failures:
            with destination.open() as warehouse:
                note_renewed(warehouse, READ_AGAIN, began)
    applied.failures += renew(destination, PRIVACY, copy)
    return applied
