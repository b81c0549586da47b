"""Talkhouse as a library: what the command line does, for a folder, or for settings that are passed
in.

    from pathlib import Path
    from talkhouse.pipelines import api
    from talkhouse.pipelines.settings.project import Project

    project = Project(Path("/srv/talkhouse"))
    outcomes = api.sync(project, names=["shop"])
    assert all(outcome.ok for outcome in outcomes)

Nothing is done as it is imported. A process works on one folder at a time: a call from another
thread waits. While one of these functions runs, files that the process makes can be read by their
owner alone, and the variables that dbt's profile asks for are set.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING

from talkhouse.pipelines.settings.project import HERE, Project

if TYPE_CHECKING:
    from talkhouse.pipelines.analytics.build import Built
    from talkhouse.pipelines.analytics.publish import Publication
    from talkhouse.pipelines.audit.outcome import Outcome
    from talkhouse.pipelines.monitoring.metrics_export import Meter
    from talkhouse.pipelines.monitoring.overview import Overview
    from talkhouse.pipelines.orchestration.sync_all import SyncOptions
    from talkhouse.pipelines.settings.connections import Connection
    from talkhouse.pipelines.verification.report import Verdict

# the rights of files, and what dlt is set up with, are the whole process's
ONE_AT_A_TIME = RLock()


def connections(project: Project = HERE, names: Sequence[str] = ()) -> "list[Connection]":
    """The connections of the settings, or those named. Raises SettingsError."""
    from talkhouse.pipelines.settings import connections as named

    return named.connections(names, project)


def sync(
    project: Project = HERE,
    options: "SyncOptions | None" = None,
    *,
    names: Sequence[str] = (),
    chosen: "Sequence[Connection] | None" = None,
    meter: "Meter | None" = None,
) -> "list[Outcome]":
    """Brings the warehouse up to date with the connections that are `chosen`, or named, or all.

    What fails of a connection is in its outcome's `error`, and leaves the others loaded. `meter`
    exports the metrics of each. Raises SettingsError or UnknownList before anything is read;
    WarehouseError if the warehouse cannot be opened.
    """
    from talkhouse.pipelines.orchestration.sync_all import EVERYTHING, NOWHERE, sync_all

    with private_files():
        return sync_all(
            connections(project, names) if chosen is None else chosen,
            options or EVERYTHING,
            project=project,
            meter=meter or NOWHERE,
        )


def verify(
    project: Project = HERE, *, names: Sequence[str] = (), budget: str = "", repair: bool = False
) -> "list[Verdict]":
    """Reads the providers again, and compares each row with the warehouse; `repair` reads again
    what differs. `budget` is what comparing threads may cost: requests (`500`) or time (`10m`).

    Raises SettingsError; WarehouseError if the warehouse cannot be opened.
    """
    from talkhouse.pipelines.verification.verify_all import verify_all

    with private_files():
        return verify_all(connections(project, names), budget, repair, project=project)


def status(project: Project = HERE, *, names: Sequence[str] = ()) -> "Overview":
    """The status of the connections, the worst first. Sends no request to a provider.

    Raises SettingsError; WarehouseError if the warehouse cannot be read, AlreadySyncing if another
    process holds the DuckDB file and there is no published copy to read instead.
    """
    from talkhouse.pipelines.monitoring.overview import look
    from talkhouse.pipelines.settings.connections import usable_connections
    from talkhouse.pipelines.warehouse.destination import configured, configured_copy

    usable, wrong = usable_connections(names, project)
    return look(usable, wrong, configured(project), configured_copy(project))


def build(project: Project = HERE, *, full: bool = False) -> "Built":
    """Builds the analysts' tables, unless nothing changed since the last good build; `full` builds
    them all the same. What fails is in `failures`.

    Raises SettingsError if nothing was ever loaded; WarehouseError; AlreadySyncing.
    """
    from talkhouse.pipelines.analytics import build as building
    from talkhouse.pipelines.warehouse.destination import configured

    with private_files():
        return building.build(configured(project), full=full, project=project)


def publish(project: Project = HERE, *, to: str = "") -> "Publication":
    """Copies the DuckDB file for readers: to the file named, or that of the settings. What fails is
    in `error`. Raises SettingsError if there is nothing to copy, or no file to copy it to.
    """
    from talkhouse.pipelines.analytics.publish import published
    from talkhouse.pipelines.warehouse.destination import copy_to

    with private_files():
        return published(copy_to(to, project))


@contextmanager
def private_files() -> Iterator[None]:
    """While the context lasts, what the process writes can be read by its owner alone: it holds
    what customers wrote, and DuckDB makes its log, and dlt its files, with the rights of any file.
    Other threads wait until it ends.
    """
    with ONE_AT_A_TIME:
        before = os.umask(0o077)
        try:
            yield
        finally:
            os.umask(before)
