"""Syncs in processes of their own, which may be killed at any request and at any step of a load.

Each is a fork (forks.py), so that it begins at once.
"""

import faulthandler
import os
import signal
import traceback
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any
from unittest.mock import patch

import stamina
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from support.forks import processes
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing import sync_connection, sync_messages
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbWarehouse
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.pipelines.warehouse.postgres.database import PostgresWarehouse
from talkhouse.pipelines.warehouse.postgres.parquet_copy import JsonbCopyJob
from talkhouse.sources.scan.progress import Plan

ATTEMPTS = 3


def guarded(is_so: bool) -> AbstractContextManager[object]:
    """While the context lasts, loads wait for each other, or do not."""
    if is_so:
        return nullcontext()
    return patch.object(PostgresWarehouse, "loading", lambda *_: nullcontext())


LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """A sync: of what, into what, how far, and the step of its loads that kills it. Unless it is
    guarded, it loads beside others, as dlt does by itself.
    """

    connection: Connection
    destination: Destination
    folder: Path
    plan: Plan
    threads_per_chunk: int
    deadly_step: int | None = None
    is_guarded: bool = True

    @property
    def stacks(self) -> Path:
        """Where it is written what a sync that does not end is doing."""
        return self.folder.with_suffix(".stacks")


@dataclass(frozen=True)
class Ended:
    """How a sync ended that was not killed: its outcome's error, or the traceback of a crash."""

    error: str = ""
    crash: str = ""
    steps: int = 0


class Syncing:
    """A sync in a process of its own, which begins when it is told to, or its end is waited for."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._is_to_die = job.deadly_step is not None
        self._pipe, theirs = processes.Pipe()
        self._process = processes.Process(target=_sync, args=(theirs,), daemon=True)
        self._process.start()
        self._has_begun = False
        theirs.close()

    def kill(self) -> None:
        self._is_to_die = True
        self._process.kill()

    def begin(self) -> None:
        self._pipe.send(self._job)
        self._has_begun = True

    def end(self) -> Ended | None:
        """How it ended; None if it was killed, by us."""
        if not self._has_begun:
            self.begin()
        with self._pipe as pipe:
            ended = self._ended(pipe)
        self._process.join()
        killed = self._process.exitcode == -signal.SIGKILL
        self._process.close()
        if ended is None and not (killed and self._is_to_die):
            raise ChildProcessError("a sync died by itself")
        return ended

    def _ended(self, pipe: "Pipe[Job, Ended]") -> Ended | None:
        try:
            if pipe.poll(LONGEST_SECONDS):
                return pipe.recv()
        except (EOFError, ConnectionResetError):
            return None
        self._process.kill()
        stacks = self._job.stacks.read_text("utf-8")
        return Ended(crash=f"a sync did not end in {LONGEST_SECONDS:.0f} s\n{stacks}")


def _sync(pipe: "Pipe[Ended, Job]") -> None:
    job = pipe.recv()
    steps = Steps(job.deadly_step)
    try:
        with (
            job.stacks.open("w") as stacks,
            stamina.set_testing(True, attempts=ATTEMPTS),
            patch.object(sync_messages, "THREADS_PER_CHUNK", job.threads_per_chunk),
            steps.of(DuckDbSqlClient, "execute_query"),
            steps.of(DuckDbSqlClient, "commit_transaction"),
            steps.of(Psycopg2SqlClient, "execute_query"),
            steps.of(Psycopg2SqlClient, "commit_transaction"),
            steps.of(JsonbCopyJob, "run"),
            steps.of(DuckDbWarehouse, "execute"),
            steps.of(PostgresWarehouse, "execute"),
            guarded(job.is_guarded),
            job.destination.open() as warehouse,
        ):
            faulthandler.dump_traceback_later(LONGEST_SECONDS - 1, file=stacks)
            wanted = sync_connection.ConnectionSync(
                job.connection, warehouse, job.plan, folder=job.folder
            )
            outcome = sync_connection.sync(wanted)
            faulthandler.cancel_dump_traceback_later()
        ended = Ended(outcome.error, steps=steps.taken)
    except BaseException:
        ended = Ended(crash=traceback.format_exc())
    pipe.send(ended)


class Steps:
    """Counts what loads ask of the warehouse; the deadly one kills this process."""

    def __init__(self, deadly: int | None) -> None:
        self.deadly = deadly
        self.taken = 0

    def of(self, kind: type, name: str) -> AbstractContextManager[object]:
        """While the context lasts, every call of the method is a step."""
        asked = getattr(kind, name)

        def step(*args: Any, **how: Any) -> Any:
            self.taken += 1
            if self.taken == self.deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            return asked(*args, **how)

        return patch.object(kind, name, step)
