"""The published copy: whole, equal, and in the old one's place at once, whoever reads it."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any, BinaryIO

import duckdb
import pytest

from support.account import Account
from support.shell import Shell, octopush
from talkhouse.pipelines.analytics import publish as publishing
from talkhouse.pipelines.analytics.after_sync import publish_synced
from talkhouse.pipelines.analytics.publish import Publication, published
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.warehouse.destination import Copy, copy_to
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import WarehouseError
from talkhouse.simulator import Fault, Simulator, World, serve
from talkhouse.sources.settings import SettingsError

COUNT = "select count(*) as n from octopush.messages"
ALWAYS = [
    ("octopush.conversations", "octopush.messages", "octopush._dlt_loads", "audit.runs"),
    ("audit.drift", "audit.rejects"),
]
"""Some tables that every warehouse here has, and some views."""
READER = """\
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
for query in sys.stdin:
    print(connection.execute(query).fetchone()[0], flush=True)
"""
KILLED_WRITER = """\
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute(sys.argv[2])
os._exit(9)
"""


class Reader:
    """Another process, such as a BI tool, that holds a file open to read."""

    def __init__(self, file: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "open"

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate(timeout=30)

    def count(self) -> int:
        assert self.process.stdin
        self.process.stdin.write(COUNT + "\n")
        self.process.stdin.flush()
        return int(self._line())

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


@dataclass
class Shop:
    """A warehouse that is loaded from a simulator, and its copy. Neither is open between calls."""

    simulator: Simulator
    folder: Path

    @property
    def copy(self) -> Copy:
        return Copy(self.folder / "talkhouse.duckdb", self.folder / "published.duckdb")

    def sync(self, **settings: Any) -> Outcome:
        """One sync, whatever its end."""
        with DuckDbFile(self.copy.warehouse).open() as warehouse:
            pipelines = self.folder / "pipelines"
            return Account(
                self.simulator, "octopush", warehouse, pipelines, "shop", settings
            ).sync()

    def new_messages(self) -> None:
        """Something to load."""
        for _ in range(5):
            self.simulator.world.new_conversation(5)

    def count(self, file: Path | None = None) -> int:
        with DuckDbFile(file or self.copy.warehouse).open(read_only=True) as warehouse:
            return int(warehouse.rows(COUNT)[0]["n"])

    def publish(self) -> Publication:
        publication = published(self.copy)
        assert publication.error == ""
        return publication

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if path.name != "pipelines"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    folder = tmp_path / "shop"
    folder.mkdir()
    with serve(World(conversations=24)) as simulator:
        shop = Shop(simulator, folder)
        assert shop.sync().ok
        yield shop


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "work", tmp_path / "home")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with serve(World(conversations=24)) as simulator:
        yield simulator


def killed_writer(file: Path, statement: str) -> None:
    """Another process that writes and is killed, so that what it wrote is in DuckDB's log only."""
    subprocess.run([sys.executable, "-c", KILLED_WRITER, str(file), statement], timeout=30)
    assert file.with_name(file.name + ".wal").exists()


def test_the_copy_has_every_table_view_and_row(shop: Shop) -> None:
    publication = shop.publish()
    tables, views = ALWAYS
    assert set(tables) <= publication.tables.keys()
    assert set(views) <= set(publication.views)
    assert publication.tables["octopush.messages"] == shop.count() > 0
    with DuckDbFile(shop.copy.warehouse).open() as one, DuckDbFile(shop.copy.target).open() as two:
        for name in [*publication.tables, *publication.views]:
            query = f"select * from {name} order by all"
            assert two.rows(query) == one.rows(query), name
    assert shop.files() == {"talkhouse.duckdb", "published.duckdb"}


def test_what_a_killed_sync_left_in_the_log_is_published(shop: Shop) -> None:
    killed_writer(shop.copy.warehouse, "delete from octopush.messages")
    shop.publish()
    assert shop.count(shop.copy.target) == 0
    assert shop.files() == {"talkhouse.duckdb", "published.duckdb"}


def test_a_reader_of_the_old_copy_keeps_it_and_a_new_one_sees_the_new(shop: Shop) -> None:
    shop.publish()
    before = shop.count()
    with Reader(shop.copy.target) as old:
        shop.new_messages()
        assert shop.sync().ok
        shop.publish()
        assert shop.count() > before
        with Reader(shop.copy.target) as new:
            assert (old.count(), new.count()) == (before, shop.count())


def test_a_reader_of_the_copy_blocks_neither_sync_nor_publication(shop: Shop) -> None:
    shop.publish()
    with Reader(shop.copy.target):
        assert shop.sync().ok
        shop.publish()


def test_nobody_else_can_write_until_the_copy_is_compared(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a process that closes the warehouse's file anywhere loses DuckDB's lock on it
    found = []

    def tried(*_: Any) -> None:
        command = [sys.executable, "-c", KILLED_WRITER, str(shop.copy.warehouse), "checkpoint"]
        found.append(subprocess.run(command, capture_output=True, text=True).stderr)

    monkeypatch.setattr("talkhouse.pipelines.analytics.publish.shutil.copymode", tried)
    shop.publish()
    assert ["Conflicting lock" in each for each in found] == [True]


def truncated(new: Path) -> None:
    with new.open("r+b") as copied:
        copied.truncate(new.stat().st_size - 3 * 4_096)


def longer(new: Path) -> None:
    with new.open("ab") as copied:
        copied.write(b" ")


def without(statement: str) -> Callable[[Path], None]:
    def spoil(new: Path) -> None:
        with duckdb.connect(new) as copied:
            copied.execute(statement)

    return spoil


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda new: new.write_bytes(new.read_bytes()[:9_000]), ""),
        (truncated, "differs from the warehouse in its bytes"),
        (longer, "differs from the warehouse in its bytes"),
        (without("drop table octopush.messages"), "in octopush.messages"),
        (without("drop view audit.drift"), "in audit.drift"),
        (without("create table audit.more (n int)"), "in audit.more"),
        (without("delete from octopush.messages"), "in octopush.messages"),
    ],
    ids=["cut off", "truncated", "longer", "table", "view", "table too many", "rows"],
)
def test_a_copy_that_is_spoiled_does_not_replace_the_old_one(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None], said: str
) -> None:
    shop.publish()
    old = shop.copy.target.read_bytes()
    copy_bytes = publishing.copy_bytes

    def spoiled(source: BinaryIO, new: Path) -> None:
        copy_bytes(source, new)
        spoil(new)

    monkeypatch.setattr(publishing, "copy_bytes", spoiled)
    publication = published(shop.copy)
    assert not publication.ok
    assert said in publication.error
    assert shop.copy.target.read_bytes() == old
    assert shop.files() == {"talkhouse.duckdb", "published.duckdb"}


def test_a_disk_that_is_full_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("talkhouse.pipelines.analytics.publish.os.fsync", full)
    publication = published(shop.copy)
    assert publication.error == f"{shop.copy.target}: No space left on device"
    assert shop.files() == {"talkhouse.duckdb"}


def test_what_a_killed_publication_left_is_overwritten(shop: Shop) -> None:
    (shop.folder / ".published.duckdb.new").write_bytes(b"half of it")
    shop.publish()
    assert shop.files() == {"talkhouse.duckdb", "published.duckdb"}


def test_a_publication_does_not_touch_what_another_one_is_making(shop: Shop) -> None:
    making = shop.folder / ".published.duckdb.new"
    making.write_bytes(b"half of it")
    with Reader(shop.copy.warehouse) as other:
        publication = published(shop.copy)
        assert publication.is_busy
        assert f"PID {other.process.pid}" in publication.error
    assert making.read_bytes() == b"half of it"


def test_who_looks_something_up_is_waited_for(shop: Shop) -> None:
    with Reader(shop.copy.warehouse) as other:
        Timer(0.5, other.process.terminate).start()
        shop.publish()


def test_a_copy_that_was_written_into_is_not_replaced(shop: Shop) -> None:
    shop.publish()
    killed_writer(shop.copy.target, "create table mine (n int)")
    publication = published(shop.copy)
    assert "published.duckdb.wal is there" in publication.error
    (shop.folder / "published.duckdb.wal").unlink()
    shop.publish()


def test_a_copy_that_was_written_into_meanwhile_is_not_replaced(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_bytes = publishing.copy_bytes
    shop.publish()

    def copied(source: BinaryIO, new: Path) -> None:
        copy_bytes(source, new)
        killed_writer(shop.copy.target, "create table mine (n int)")

    monkeypatch.setattr(publishing, "copy_bytes", copied)
    assert "published.duckdb.wal is there" in published(shop.copy).error
    assert ".published.duckdb.new" not in shop.files()


def test_the_copy_has_the_rights_of_the_one_before(shop: Shop) -> None:
    shop.copy.warehouse.chmod(0o600)
    shop.publish()
    assert shop.copy.target.stat().st_mode & 0o777 == 0o600
    shop.copy.target.chmod(0o640)
    shop.publish()
    assert shop.copy.target.stat().st_mode & 0o777 == 0o640


def test_a_target_that_is_a_link_stays_one(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    shop.copy.target.symlink_to(tmp_path / "share/shop.duckdb")
    shop.publish()
    assert shop.copy.target.is_symlink()
    assert shop.count(tmp_path / "share/shop.duckdb") == shop.count()


def test_a_folder_that_is_not_there_is_told(shop: Shop) -> None:
    gone = Copy(shop.copy.warehouse, shop.folder / "share" / "published.duckdb")
    with pytest.raises(WarehouseError, match="there is no folder .*share; make it"):
        publishing.publish(gone)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("talkhouse.duckdb", "is what everything is loaded into"),
        ("./sub/../talkhouse.duckdb", "is what everything is loaded into"),
        ("chatwoot.duckdb", "hides its own dataset chatwoot"),
        ("Audit.db", "hides its own dataset audit"),
        ("hilos.today.duckdb", "hides its own dataset hilos"),
        ("", "`talkhouse publish --to published.duckdb`, or for every sync as destination.publish"),
    ],
)
def test_names_that_no_copy_can_have(
    named: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as raised:
        copy_to(named)
    assert said in str(raised.value)


def test_postgres_needs_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION", "postgres")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://u:hidden@localhost/d")
    for named in ("", "published.duckdb"):
        with pytest.raises(SettingsError, match="readers of Postgres need no copy"):
            copy_to(named)


@pytest.mark.parametrize(
    ("outcomes", "wanted"),
    [
        ([Outcome("one", "hilos", error="refused")], False),
        ([], False),
        ([Outcome("one", "hilos", error="refused"), Outcome("two", "hilos")], True),
        ([Outcome("one", "hilos", error="refused later", rows={"users": 1})], True),
    ],
    ids=["all failed", "none chosen", "one failed", "one failed later"],
)
def test_a_sync_publishes_if_anything_was_loaded(
    shop: Shop, outcomes: list[Outcome], wanted: bool
) -> None:
    assert (publish_synced(outcomes, shop.copy) is not None) == wanted
    assert shop.copy.target.exists() == wanted
    assert publish_synced(outcomes, None) is None


def test_sync_publishes_to_the_file_of_the_settings(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator), two=octopush(simulator, api_key="wrong"))
    config = shell.folder / ".dlt/config.toml"
    config.write_text('[destination]\npublish = "published.duckdb"\n' + config.read_text())
    shell("sync", "--dry-run", exit_code=1)
    assert "published.duckdb" not in shell.files()
    told = shell("sync", exit_code=1).stdout
    assert re.search(r"^published to published.duckdb: \d+ tables, \d+\.\d MB$", told, re.M)
    assert shell.rows(COUNT, "published.duckdb") == shell.rows(COUNT)

    simulator.world.new_conversation(5)
    told_json = shell("sync", "one", "--json")
    [outcome] = json.loads(told_json.stdout)
    assert outcome["ok"]
    assert "published to published.duckdb: " in told_json.stderr
    assert shell.rows(COUNT, "published.duckdb") == shell.rows(COUNT)

    simulator.faults.add(Fault("status", times=None, status=401))
    assert "published" not in shell("sync", exit_code=1).stdout


def test_a_sync_that_cannot_publish_is_told_and_loaded(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator))
    shell.environment = {"DESTINATION__PUBLISH": "share/published.duckdb"}
    told = shell("sync", exit_code=1).stdout
    assert "not published to share/published.duckdb: there is no folder share; make it\n" in told
    assert shell.rows(COUNT)[0][0] > 0
    as_json = shell("sync", "--json", exit_code=1)
    assert json.loads(as_json.stdout)[0]["ok"]
    assert "there is no folder share" in as_json.stderr

    shell.environment = {"DESTINATION__PUBLISH": "talkhouse.duckdb"}
    simulator.requests.clear()
    assert "publish to another file" in shell("sync", exit_code=2).stderr
    assert not simulator.requests


def test_publish_by_itself(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator))
    missing = shell("publish", "--to", "published.duckdb", exit_code=2).stderr
    assert missing == "talkhouse: talkhouse.duckdb is not there: run `talkhouse sync` first\n"
    assert "no file to publish to" in shell("publish", exit_code=2).stderr

    assert "published" not in shell("sync").stdout
    assert "published to bi.duckdb: " in shell("publish", "--to", "bi.duckdb").stdout
    shell.environment = {"DESTINATION__PUBLISH": "published.duckdb"}
    document = json.loads(shell("publish", "--json").stdout)
    assert (document["ok"], document["file"]) == (True, "published.duckdb")
    assert document["tables"]["octopush.messages"] == shell.rows(COUNT)[0][0]
    assert document["bytes"] == (shell.folder / "published.duckdb").stat().st_size
    assert shell.rows(COUNT, "bi.duckdb") == shell.rows(COUNT, "published.duckdb")

    with Reader(shell.folder / "talkhouse.duckdb") as other:
        held = shell("publish", exit_code=75).stdout
        assert f"PID {other.process.pid}" in held
        document = json.loads(shell("publish", "--json", exit_code=75).stdout)
        assert not document["ok"] and "is open in another process" in document["error"]
