"""What is secret stays so: nobody else may read what is written, and nothing that is written, said
or shown of a process holds a token or a password.
"""

import json
import os
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import psutil
import pytest
from dlt.common.versioned_state import decompress_state

from support.receiving import receiving
from support.shell import Shell, octopush
from talkhouse.pipelines.demo.simulate import simulated
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.simulator import Fault, Simulator, World, serve
from talkhouse.simulator import credentials as keys

WRONG = "canary-of-a-wrong-token"
PASSWORD = "canary-of-postgres"
SECRETS = [
    keys.CHATWOOT_ADMIN,
    keys.HILOS_KEY,
    keys.ACTIVECAMPAIGN_KEY,
    keys.OCTOPUSH_KEY,
    "a-secret-path",  # of the webhook
    WRONG,
    PASSWORD,
]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "work", tmp_path / "home")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with serve(World(7, 8)) as simulator:
        yield simulator


@pytest.fixture
def careless() -> Iterator[None]:
    """A user whose files everyone may read and write, unless it is said otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


def readable_by_others(folder: Path) -> list[str]:
    found = [folder, *folder.rglob("*")]
    return sorted(str(each) for each in found if each.stat().st_mode & 0o077)


def test_nobody_else_may_read_what_is_written(
    careless: None, shell: Shell, simulator: Simulator
) -> None:
    shell.folder.chmod(0o700)
    shell("init", "octopush")
    assert readable_by_others(shell.folder) == []
    shell.configure(shop=octopush(simulator))
    (shell.folder / ".dlt/config.toml").chmod(0o600)
    shell("sync")
    shell("build")
    shell("publish", "--to", "published.duckdb")
    shell("schedule")
    assert {"talkhouse.duckdb", "published.duckdb", ".dlt/dbt/logs/dbt.log"} <= shell.files()
    assert readable_by_others(shell.folder) == []


def test_who_was_let_in_stays(careless: None, shell: Shell, simulator: Simulator) -> None:
    shell.configure(shop=octopush(simulator))
    shell("sync")
    shell("publish", "--to", "published.duckdb")
    for name in ("talkhouse.duckdb", "published.duckdb"):
        (shell.folder / name).chmod(0o640)
    shell("sync")
    shell("publish", "--to", "published.duckdb")
    for name in ("talkhouse.duckdb", "published.duckdb"):
        assert (shell.folder / name).stat().st_mode & 0o777 == 0o640


def test_a_secrets_file_that_others_can_read_is_told(shell: Shell, simulator: Simulator) -> None:
    shell.configure(shop=octopush(simulator), other=octopush(simulator))
    (shell.folder / ".dlt/secrets.toml").chmod(0o640)
    of_all, *connections = json.loads(shell("check", "--json", exit_code=1).stdout)
    assert of_all == {
        "connection": "",
        "provider": "",
        "ok": False,
        "checks": [
            {
                "what": "secrets",
                "ok": False,
                "found": ".dlt/secrets.toml can be read or written by other users of this machine",
                "remedy": "chmod 600 .dlt/secrets.toml",
            }
        ],
    }
    assert [(each["connection"], each["ok"]) for each in connections] == [
        ("other", True),
        ("shop", True),
    ]
    subprocess.run(of_all["checks"][0]["remedy"].split(), cwd=shell.folder, check=True)
    shell("check")


class Watch:
    """Runs commands, and keeps what they say and the command line of each of their processes."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.said = ""
        self.shown: set[str] = set()

    def __call__(self, *arguments: str, exit_code: int = 0) -> None:
        running = self.shell.start(*arguments)
        over = Event()
        looking = Thread(target=self._look, args=[psutil.Process(running.pid), over])
        looking.start()
        said = "".join(running.communicate(timeout=240))
        over.set()
        looking.join()
        assert running.returncode == exit_code, said
        self.said += said

    def _look(self, process: psutil.Process, over: Event) -> None:
        while not over.wait(0.2):
            try:
                for each in (process, *process.children(recursive=True)):
                    self.shown.add(" ".join(each.cmdline()))
            except psutil.NoSuchProcess:
                pass


def everything_in(destination: Destination) -> str:
    """Every row of every table, as text, with the state of dlt as it is inside."""
    found = ""
    with destination.open(read_only=True) as warehouse:
        tables = warehouse.rows(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema not in ('pg_catalog', 'information_schema')"
        )
        for row in tables:
            name = f'"{row["table_schema"]}"."{row["table_name"]}"'
            for stored in warehouse.rows(f"select * from {name}"):
                found += str(stored)
                if row["table_name"] == "_dlt_pipeline_state":
                    found += str(decompress_state(stored["state"]))
    return found


def inside(file: Path) -> bytes:
    """The bytes of a file, and what they are if they were compressed."""
    raw = file.read_bytes()
    try:
        return raw + zlib.decompress(raw, wbits=47)
    except zlib.error:
        return raw


@pytest.mark.deep
@pytest.mark.both_destinations
def test_no_secret_is_in_anything_that_is_left_or_said(
    destination: Destination, shell: Shell, simulator: Simulator
) -> None:
    shell.configure(**simulated(simulator.world, simulator.url))
    secrets = shell.folder / ".dlt/secrets.toml"
    if isinstance(destination, DuckDbFile):
        destination = DuckDbFile(shell.folder / "talkhouse.duckdb")
    else:
        credentials = destination.credentials  # type: ignore[attr-defined]
        credentials.update({"password": PASSWORD})
        uri = credentials.to_native_representation()
        shell.environment = {"DESTINATION": "postgres"}
        secrets.write_text(f'{secrets.read_text()}[destination.postgres]\ncredentials = "{uri}"\n')
    run = Watch(shell)
    with receiving() as receiver:
        secrets.write_text(f'{secrets.read_text()}[alerts]\nwebhook = "{receiver.url}"\n')
        for command in ("check", "plan", "sync", "verify", "build", "status", "runs"):
            run(command)
        wrong = {f"CONNECTIONS__DEMO_{each}__API_KEY": WRONG for each in ("HILOS", "OCTOPUSH")}
        shell.environment |= wrong
        for command in ("check", "sync"):
            run(command, exit_code=1)
        for name in wrong:
            del shell.environment[name]
        simulator.faults.add(Fault("status", times=None, status=422))
        run("sync", exit_code=1)
        simulator.faults.clear()
        receiver.statuses = [500] * 40
        shell.environment |= {"PYTHONDEVMODE": "1", "PYTHONFAULTHANDLER": "1"}
        run("sync", "--full")
    kept = "".join(f"{path}\n" for path in shell.files()) + everything_in(destination)
    files = b"".join(
        inside(path)
        for folder in (shell.folder, shell.home)
        for path in folder.rglob("*")
        if path.is_file() and path != secrets
    )
    # what is no secret is found in each, so that a secret would be
    assert "demo_hilos" in run.said and "demo_hilos" in kept and b"demo_hilos" in files
    assert [each for each in run.shown if each.endswith("talkhouse build")]
    for secret in SECRETS:
        assert secret not in run.said
        assert secret not in kept
        assert secret.encode() not in files
        assert not [each for each in run.shown if secret in each]


def test_a_process_that_reads_is_given_its_token_unseen(shell: Shell) -> None:
    many = shell.command("talkhouse", "simulate", "--static", "--conversations", "12000")
    with subprocess.Popen(**(many | {"args": [*many["args"], "--port", "0"]})) as serving:
        assert serving.stdout
        url = serving.stdout.readline().split()[2].rstrip(";")
        shell.configure(
            shop={
                "provider": "chatwoot",
                "base_url": f"{url}/chatwoot",
                "account_id": keys.ACCOUNT_ID,
                "api_access_token": keys.CHATWOOT_ADMIN,
                "requests_per_second": 100_000,
            }
        )
        run = Watch(shell)
        run("sync", "--only", "conversations")
        serving.terminate()
        serving.communicate()
    assert [each for each in run.shown if "-m talkhouse.sources.reader_processes" in each]
    assert not [each for each in run.shown if keys.CHATWOOT_ADMIN in each]
