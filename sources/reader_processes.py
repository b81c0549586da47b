"""Other processes that read pages of a list and make their tables, for where the provider answers
faster than one process can take: Python runs one thread at a time.

Each is `python -m talkhouse.sources.reader_processes`, and talks by its standard input and output,
so that no secret is in an argument or a file. They are told what to read; the scan decides, and
reads again itself whatever is not as it should be.
"""

import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import IO, Any
from uuid import uuid4

import msgspec
import pyarrow as pa

from talkhouse.sources.registry import provider
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.rows.table import tables_of
from talkhouse.sources.scan.fetch import Fetch
from talkhouse.sources.scan.list_state import ScanState, Way
from talkhouse.sources.scan.listing import Group, Listing, Seen, seen_of
from talkhouse.sources.scan.prefetch import PagesAhead
from talkhouse.sources.scan.scan import BATCH_ROWS
from talkhouse.sources.settings import Settings

# requests per second from which one process is the limit, not the provider
FAST = 200.0
# groups that may wait for their turn, of each process: as many as are read while a chunk is loaded
GROUPS_READY = 30


# what was seen of a group's pages, and the files of its tables
Answer = tuple[list[Seen], dict[str, str]]


@dataclass(frozen=True)
class Job:
    """The list that a process reads, and where its tables go."""

    settings: Settings
    terms: Terms
    list_name: str
    way: Way
    folder: str


def worth_it(settings: Settings) -> bool:
    """Whether more processes than one can be of use with this connection, on this machine."""
    return settings.requests_per_second >= FAST and (os.cpu_count() or 1) > 1


class ReaderPool:
    """Opens readers for one list at a time, and keeps them from one chunk of it to the next."""

    def __init__(self, settings: Settings, terms: Terms, folder: str) -> None:
        self._settings = settings
        self._terms = terms
        self._folder = folder
        self._open: tuple[tuple[str, int, str], ReaderProcesses] | None = None

    def __call__(self, list_name: str, page_size: int, way: Way) -> "ReaderProcesses":
        """The readers of a list, given the size of its pages and the way to read it."""
        asked = (list_name, page_size, way)
        if self._open and (self._open[0] != asked or self._open[1].is_closed):
            self.close()
        if self._open is None:
            self._open = asked, ReaderProcesses(self._settings, self._terms, self._folder, *asked)
        return self._open[1]

    def close(self) -> None:
        """Ends what is open."""
        if self._open:
            self._open[1].close()
            self._open = None


class ReaderProcesses:
    """Processes that read groups of pages, ahead of their use, given in their order.

    What was read waits in files, however much it is: of those that are given, nothing is left.
    """

    def __init__(
        self,
        settings: Settings,
        terms: Terms,
        folder: str,
        list_name: str,
        page_size: int,
        way: Way,
    ) -> None:
        self.is_closed = False
        self._folder = TemporaryDirectory(dir=folder)
        count = os.cpu_count() or 1
        share = msgspec.structs.replace(
            settings,
            requests_per_second=settings.requests_per_second / count,
            in_flight=max(1, settings.in_flight // count),
        )
        self.pages = max(1, BATCH_ROWS // page_size)
        self._first = 0
        job = Job(share, terms, list_name, way, self._folder.name)
        self._processes = [_Process(job) for _ in range(count)]
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._groups = PagesAhead(self._read, count, ready=GROUPS_READY)
        self._starting = ThreadPoolExecutor(count)
        self._started = [self._starting.submit(process.started) for process in self._processes]

    @property
    def ready(self) -> bool:
        """Whether they have all started, which takes a moment. One that could not reads nothing."""
        return all(started.done() for started in self._started)

    def group(self, number: int, last: int) -> Group | None:
        """The pages from `number`; None if they are not all before page `last`, or one failed."""
        self._first = self._first or number
        nth, within = divmod(number - self._first, self.pages)
        self._groups.last = (last - self._first) // self.pages
        if within or nth + 1 > self._groups.last:
            return None
        return self._groups.page(nth + 1)

    def close(self) -> None:
        """Ends the processes, at once."""
        if self.is_closed:
            return
        self.is_closed = True
        for process in self._processes:
            process.kill()
        self._starting.shutdown()
        self._groups.close()
        self._folder.cleanup()

    def _read(self, nth: int) -> Group | None:
        process = self._idle.get()
        try:
            return process.read(self._first + (nth - 1) * self.pages, self.pages)
        finally:
            self._idle.put(process)


class _Process:
    def __init__(self, job: Job) -> None:
        self._process = subprocess.Popen(
            # -P: a folder named talkhouse where the user works is not to be taken for ours
            [sys.executable, "-P", "-m", "talkhouse.sources.reader_processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin and self._process.stdout
        self._to, self._from = self._process.stdin, self._process.stdout
        _send(self._to, job)

    def started(self) -> None:
        """Waits until the process can read, or is gone."""
        self._answer()

    def read(self, number: int, pages: int) -> Group | None:
        try:
            _send(self._to, (number, pages))
            answer = self._answer()
            if answer is None:
                return None
            seen, files = answer
            return Group(seen, {table: _taken(file) for table, file in files.items()})
        except OSError:
            return None

    def _answer(self) -> "Answer | None":
        try:
            answer: Answer | None = pickle.load(self._from)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            return None  # the process is gone: the scan reads these pages itself
        return answer

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for end in (self._to, self._from):
            with suppress(OSError):  # closing flushes what a process that is gone did not take
                end.close()


def _send(to: IO[bytes], what: Any) -> None:
    pickle.dump(what, to, protocol=pickle.HIGHEST_PROTOCOL)
    to.flush()


def _serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    """Reads the groups that are asked for, until no more is."""
    job: Job = pickle.load(asked)
    its = provider(job.settings.provider)
    client = its.connect(job.settings)
    listing = next(each for each in its.lists(job.settings) if each.name == job.list_name)
    _send(answers, None)
    while True:
        try:
            number, pages = pickle.load(asked)
        except EOFError:
            return
        try:
            answer = _read(client, listing, job, number, pages)
        except Exception:  # whatever it is, the scan meets it again and says what it is
            answer = None
        _send(answers, answer)


def _read(client: Any, listing: Listing[Any], job: Job, number: int, pages: int) -> Answer:
    fetch: Fetch[Any] = Fetch(client, listing, ScanState(mode="full", way=job.way))
    with ThreadPoolExecutor(client.in_flight) as pool:
        read = list(pool.map(fetch, range(number, number + pages)))
    rows = [row for page in read for row in page.rows]
    tables = tables_of(listing.tables, rows, job.terms)
    files = {name: _kept(table, job) for name, table in tables.items()}
    return [seen_of(page, listing, None) for page in read], files


def _kept(rows: pa.Table, job: Job) -> str:
    """Writes a table to a file of its own."""
    name = os.path.join(job.folder, uuid4().hex)
    with pa.OSFile(name, "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows)
    return name


def _taken(name: str) -> pa.Table:
    """The table of a file, which stays on disk until it is used, though the file is gone."""
    with pa.memory_map(name) as file:
        rows = pa.ipc.open_file(file).read_all()
    os.unlink(name)
    return rows


if __name__ == "__main__":
    import gc

    gc.freeze()
    gc.set_threshold(100_000)  # rows hold no cycles, and there are many of them
    _serve(sys.stdin.buffer, sys.stdout.buffer)
