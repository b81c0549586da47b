"""Syncs one connection: its lists, chunk by chunk, then the threads of the conversations that
changed.

Each chunk is one load package: rows, and the state that says where to go on. A run that is killed
anywhere loses at most the chunk at work, and the next run reads that one again.
"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from talkhouse.pipelines.audit.housekeeping import KEEP, tidy
from talkhouse.pipelines.audit.notes import audited, note_end
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.audit.row_changes import settle
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.settings.project import HERE
from talkhouse.pipelines.syncing.list_states import list_states
from talkhouse.pipelines.syncing.load_chunk import Loader, is_new
from talkhouse.pipelines.syncing.plans import chosen_lists
from talkhouse.pipelines.syncing.storage_rules import is_empty, note_policy, terms_of
from talkhouse.pipelines.syncing.sync_messages import sync_messages
from talkhouse.pipelines.syncing.tombstones import count_distinct_rows, mark_deleted_rows
from talkhouse.pipelines.warehouse.failures import LoadFailed, explained
from talkhouse.pipelines.warehouse.interface import AlreadySyncing, Warehouse
from talkhouse.sources.dlt_source.run import MESSAGES, Run
from talkhouse.sources.http.errors import SourceError
from talkhouse.sources.reader_processes import ReaderPool, worth_it
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.scan.list_state import ListState
from talkhouse.sources.scan.progress import Plan
from talkhouse.sources.scan.threads import Budget

NO_LIMIT = Budget()


@dataclass(frozen=True)
class ConnectionSync:
    """A sync of a connection: into what, how far, and what it may cost.

    `only` names the lists to read, all if it is empty. `message_budget` is what threads may cost.
    `keep` is how long the audit is kept. `terms` are those that are stored, if they are not given.
    `outcome` may be watched from another thread while it fills.
    """

    connection: Connection
    warehouse: Warehouse
    plan: Plan
    only: Sequence[str] = ()
    message_budget: Budget = NO_LIMIT
    keep: timedelta = KEEP
    folder: Path = HERE.pipelines_folder
    terms: Terms | None = None
    outcome: Outcome | None = None


def sync(wanted: ConnectionSync) -> Outcome:
    """Brings the warehouse up to date with the connection. What fails is in the outcome's `error`.

    Raises SettingsError if what is stored is under another privacy policy.
    """
    connection, warehouse = wanted.connection, wanted.warehouse
    outcome = wanted.outcome or Outcome(connection.name, connection.provider.name)
    try:
        with warehouse.syncing(connection.name):
            # here: who was erased while this one waited stays out
            terms = wanted.terms or terms_of(connection, warehouse)
            with audited(connection, warehouse, outcome):
                settle(warehouse, connection.name)
                if is_empty(warehouse):
                    note_policy(warehouse, terms.privacy)
                _read(wanted, terms, outcome)
                # the last run of each outcome is kept: what came of this one is noted before
                note_end(warehouse, outcome, "ok" if outcome.ok else "failed")
                tidy(connection, warehouse, wanted.keep)
    except AlreadySyncing as e:
        outcome.error, outcome.is_busy = str(e), True
    return outcome


def _read(wanted: ConnectionSync, terms: Terms, outcome: Outcome) -> None:
    """Reads and loads; what fails is in the outcome."""
    began, connection = time.monotonic(), wanted.connection
    try:
        with closing(connection.provider.connect(connection.settings)) as client:
            spent = wanted.message_budget.spender(client)
            run = Run(terms, client, wanted.plan, outcome.report, is_spent=spent)
            # the rate limit is its host's, and other connections may have waited for it before
            waited_before = client.rate_limit.waited_seconds
            try:
                with closing(
                    Loader(connection, wanted.warehouse, outcome, wanted.folder)
                ) as loader:
                    _read_all(wanted, run, loader)
                errors = [progress.error for progress in run.report.lists.values()]
                outcome.error = "; ".join(error for error in errors if error)
            finally:
                outcome.requests = client.requests
                outcome.waited_seconds = client.rate_limit.waited_seconds - waited_before
    except (SourceError, LoadFailed) as e:
        outcome.error = explained(e, wanted.warehouse)
    finally:
        outcome.seconds = time.monotonic() - began


def _read_all(wanted: ConnectionSync, run: Run, loader: Loader) -> None:
    connection, warehouse = wanted.connection, wanted.warehouse
    names = chosen_lists(connection, wanted.only)
    with closing(ReaderPool(connection.settings, run.terms, str(loader.folder))) as readers:
        # they read ahead: more than what a run may ask of a scan that is spread over several
        if worth_it(connection.settings) and not run.plan.full_scan_requests:
            run = replace(run, readers=readers)
        _read_lists(wanted, run, loader, names)
    count_distinct_rows(connection, warehouse, run.report)
    states = list_states(connection, warehouse)
    mark_deleted_rows(connection, warehouse, run.plan, run.report, states)
    if MESSAGES in names:
        sync_messages(connection, warehouse, replace(run, lists=[MESSAGES]), loader)


def _read_lists(wanted: ConnectionSync, run: Run, loader: Loader, names: Sequence[str]) -> None:
    """Reads the lists to their end, a chunk of each at a time; but not a short one that was read
    lately, unless it is asked for. The threads of a first sync come with its first chunk.
    """
    connection, warehouse = wanted.connection, wanted.warehouse
    provider = connection.provider
    listings = {each.name: each for each in provider.lists(connection.settings)}
    states = list_states(connection, warehouse)
    left = [name for name in names if name != MESSAGES]
    run = replace(run, skips_fresh=not (wanted.only or run.plan.full))
    while left:
        is_first = not warehouse.tables(provider.name)
        new = [
            name
            for name in left
            if is_new(connection, warehouse, listings[name], states.get(name, ListState()), run)
        ]
        lists = left if states or MESSAGES not in names else [*left, MESSAGES]
        loader.load(replace(run, lists=lists, is_first=is_first, new=new))
        states = list_states(connection, warehouse)
        begun = [name for name in left if name in run.report.lists]
        left = [name for name in begun if not run.report.is_done(name)]
