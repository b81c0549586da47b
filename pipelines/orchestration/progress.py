"""What a sync shows while it runs: a live table on a terminal, plain lines elsewhere.

All of it goes to standard error, and is drawn by another thread from the reports that fill.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.sources.http.client import Client
from talkhouse.sources.scan.progress import Progress

SAY_EVERY_SECONDS = 10.0


class Watch(Protocol):
    """Follows the syncs of one run."""

    def begins(self, connection: Connection, outcome: Outcome) -> Connection:
        """The connection to sync instead, so that its client can be watched."""

    def ended(self, outcome: Outcome) -> None: ...


@contextmanager
def watching(dry_run: bool = False) -> Iterator[Watch]:
    """A display for as long as the context lasts."""
    console = Console(stderr=True)
    if console.is_terminal:
        table = LiveTable()
        with Live(get_renderable=table.drawn, console=console, transient=True):
            yield table
    else:
        with PlainLines(console, dry_run) as lines:
            yield lines


@dataclass
class Watched:
    """One connection at work."""

    outcome: Outcome
    clients: list[Client] = field(default_factory=list)
    began: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def lists(self) -> list[tuple[str, Progress]]:
        """The lists so far, as the sync's own thread fills them; the clock of each is kept."""
        now = time.monotonic()
        found = list(self.outcome.report.lists.items())
        for name, progress in found:
            began = self.began.setdefault(name, now)
            if not progress.finished or name not in self.seconds:
                self.seconds[name] = now - began
        return found

    def rows_per_second(self, name: str) -> str:
        seconds = self.seconds.get(name, 0.0)
        rows = self.outcome.report.lists[name].rows
        return f"{rows / seconds:,.0f}" if rows and seconds >= 0.5 else ""

    @property
    def waited(self) -> str:
        waited = self.clients[-1].rate_limit.waited_seconds if self.clients else 0.0
        return f"{waited:.0f} s" if waited >= 1 else ""


def _with_its_client(connection: Connection, watched: Watched) -> Connection:
    def connect(settings: Any) -> Client:
        client = connection.provider.connect(settings)
        watched.clients.append(client)
        return client

    return replace(connection, provider=replace(connection.provider, connect=connect))


class LiveTable:
    """A line for each list of the connection at work, and one for each connection before it."""

    def __init__(self) -> None:
        self._watched: list[Watched] = []
        self._ended = 0

    def begins(self, connection: Connection, outcome: Outcome) -> Connection:
        watched = Watched(outcome)
        self._watched.append(watched)
        return _with_its_client(connection, watched)

    def ended(self, outcome: Outcome) -> None:
        self._ended += 1

    def drawn(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for name in ("connection", "list", "mode"):
            table.add_column(name, no_wrap=True)
        for name in ("pages", "rows", "rows/s", "budget/s", "waited"):
            table.add_column(name, justify="right", no_wrap=True)
        for number, watched in enumerate(list(self._watched)):
            if number < self._ended:
                outcome = watched.outcome
                rows = sum(progress.rows for _, progress in watched.lists())
                result = "done" if outcome.ok else "failed"
                table.add_row(outcome.connection, "", result, "", f"{rows:,}", "", "", "")
                continue
            for name, progress in watched.lists():
                at_work = not (progress.finished or progress.skipped)
                table.add_row(
                    watched.outcome.connection,
                    name,
                    "skipped" if progress.skipped else progress.mode,
                    f"{progress.pages:,}",
                    f"{progress.rows:,}",
                    watched.rows_per_second(name),
                    f"{watched.clients[-1].rate_limit.rate:,.1f}" if at_work else "",
                    watched.waited if at_work else "",
                    style="" if at_work else "dim",
                )
        return table


class PlainLines:
    """A line for each list and connection that is done, and for a long one now and then."""

    def __init__(self, console: Console, dry_run: bool) -> None:
        self._console = console
        self._done = "to load, but for messages" if dry_run else "loaded"
        self._watched: Watched | None = None
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="progress", daemon=True)

    def __enter__(self) -> "PlainLines":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def begins(self, connection: Connection, outcome: Outcome) -> Connection:
        with self._lock:
            self._watched = Watched(outcome)
            self._said = {}
        return _with_its_client(connection, self._watched)

    def ended(self, outcome: Outcome) -> None:
        with self._lock:
            self._say_what_is_new(ended=True)
            self._watched = None
        name, rows = outcome.connection, sum(outcome.rows.values())
        result = outcome.error or f"{rows:,} rows {self._done}"
        self._say(f"{name}: {result}; {outcome.requests:,} requests, {outcome.seconds:.1f} s")

    def _look(self) -> None:
        while not self._over.wait(0.25):
            with self._lock:
                self._say_what_is_new()

    def _say_what_is_new(self, ended: bool = False) -> None:
        watched = self._watched
        if watched is None:
            return
        for name, progress in watched.lists():
            done = ended or progress.finished or bool(progress.skipped or progress.error)
            last = self._said.setdefault(name, time.monotonic())
            if last < 0 or not (done or time.monotonic() - last >= SAY_EVERY_SECONDS):
                continue
            self._said[name] = -1.0 if done else time.monotonic()
            self._say(_line(watched, name, progress, done))

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)


def _line(watched: Watched, name: str, progress: Progress, done: bool) -> str:
    where = f"{watched.outcome.connection} {name}"
    if progress.skipped:
        return f"{where}: skipped: {progress.skipped}"
    pages = "thread" if name == "messages" else "page"
    pages += "" if progress.pages == 1 else "s"
    mode = progress.mode or "not begun"
    said = f"{where}: {mode}, {progress.pages:,} {pages}, {progress.rows:,} rows"
    if done:
        return said
    rate, waited = watched.rows_per_second(name), watched.waited
    return said + f", {rate or 0} rows/s" + (f", waited {waited}" if waited else "") + " so far"
