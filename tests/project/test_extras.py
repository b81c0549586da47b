"""What is installed without an extra is enough without it; a command that needs one says so."""

from pathlib import Path

import duckdb
import pytest

from support.installations import installed, without_the_rest
from support.postgres_server import Server
from support.shell import Shell, octopush
from talkhouse.simulator import Simulator

MISSING_DBT = "needs dbt: pip install 'talkhouse[build]'\n"
MISSING_DRIVERS = (
    'talkhouse: destination = "postgres" needs the Postgres drivers: '
    "pip install 'talkhouse[postgres]'\n"
)


@pytest.fixture
def plain(shell: Shell, tmp_path: Path) -> Shell:
    """A shell in whose environment no extra is installed."""
    shell.environment = without_the_rest(tmp_path / "plain")
    # a fork has imported it all
    shell.is_forked = False
    return shell


def test_an_extra_adds_what_it_is_for() -> None:
    plain = installed("talkhouse")
    assert {"duckdb", "pyarrow"} <= plain
    dbt = {"dbt-core", "dbt-duckdb", "dbt-postgres"}
    drivers = {"psycopg2-binary", "adbc-driver-manager", "adbc-driver-postgresql"}
    assert not plain & (dbt | drivers)
    assert installed("talkhouse", ["postgres"]) - plain >= drivers
    assert not installed("talkhouse", ["postgres"]) & dbt
    assert installed("talkhouse", ["build"]) - plain >= dbt


def test_the_demonstration_shows_what_was_loaded_and_says_what_builds(plain: Shell) -> None:
    told = plain("demo").stdout
    assert "conversations 240" in told
    assert f"\nThe analysts' tables were not built: that {MISSING_DBT}" in told
    assert "select" not in told
    [(loaded,)] = plain.rows("select count(*) from chatwoot.messages")
    assert loaded > 0


@pytest.mark.deep
def test_all_that_needs_no_extra_works_without(plain: Shell, simulator: Simulator) -> None:
    plain.configure(shop=octopush(simulator))
    for command in (
        *("check", "plan", "sync", "sync", "verify", "status", "runs", "privacy"),
        *("publish --to copy.duckdb", "schedule --build never"),
    ):
        plain(*command.split())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("build", f"talkhouse: a build {MISSING_DBT}"),
        ("sync --build 1d", f"talkhouse: --build {MISSING_DBT}"),
        (
            "schedule",
            f"talkhouse: --build 1h {MISSING_DBT.strip()}; or write --build never\n",
        ),
    ],
)
def test_a_command_that_builds_says_what_is_missing(
    command: str, said: str, plain: Shell, simulator: Simulator
) -> None:
    plain.configure(shop=octopush(simulator))
    assert plain(*command.split(), exit_code=2).stderr == said
    assert not simulator.requests


@pytest.mark.parametrize("command", ["sync", "build"])
@pytest.mark.parametrize("extras", [(), ("build",)])
def test_a_command_on_postgres_says_what_is_missing(
    command: str, extras: tuple[str, ...], shell: Shell, simulator: Simulator, tmp_path: Path
) -> None:
    shell.configure(shop=octopush(simulator))
    shell.is_forked = False
    shell.environment = {"DESTINATION": "postgres", **without_the_rest(tmp_path / "these", *extras)}
    assert shell(command, exit_code=2).stderr == MISSING_DRIVERS
    assert not simulator.requests


@pytest.mark.parametrize("command", ["retain", "privacy --apply"])
def test_nothing_is_deleted_that_the_built_tables_would_still_show(
    command: str, plain: Shell, simulator: Simulator
) -> None:
    plain.configure(shop=octopush(simulator))
    plain("sync")
    with duckdb.connect(plain.folder / "talkhouse.duckdb") as connection:
        connection.execute("create schema unified; create table unified.messages (body text)")
    count = "select count(*) from octopush.messages"
    before = plain.rows(count)
    plain.environment |= {"RETENTION__MESSAGES": "1m", "PRIVACY__BODY": "drop"}
    said = plain(*command.split(), exit_code=2).stderr
    assert said == f"talkhouse: rebuilding the analysts' tables {MISSING_DBT}"
    assert plain.rows(count) == before


@pytest.mark.deep
def test_dbt_on_duckdb_needs_no_other_extra(shell: Shell, tmp_path: Path) -> None:
    shell.is_forked = False
    shell.environment = without_the_rest(tmp_path / "build", "build")
    assert shell("demo").stdout.count("    select ") == 4


@pytest.mark.deep
def test_postgres_needs_no_other_extra(
    shell: Shell, simulator: Simulator, postgres: Server, tmp_path: Path
) -> None:
    shell.configure(shop=octopush(simulator))
    shell.is_forked = False
    with postgres.database() as database:
        shell.environment = {
            "DESTINATION": "postgres",
            "DESTINATION__POSTGRES__CREDENTIALS": database.credentials.to_native_representation(),
            **without_the_rest(tmp_path / "postgres", "postgres"),
        }
        for command in ("sync", "verify", "status"):
            shell(command)
        assert shell("build", exit_code=2).stderr == f"talkhouse: a build {MISSING_DBT}"
