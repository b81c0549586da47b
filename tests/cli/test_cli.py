"""The real commands, in an empty folder, against the simulator."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.shell import Shell, chatwoot, octopush, wait_until
from talkhouse.simulator import Fault, Simulator, World, serve
from talkhouse.simulator import credentials as keys


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "work", tmp_path / "home")


@pytest.fixture
def program(shell: Shell) -> Shell:
    """The installed program, in a new process for each command."""
    shell.is_forked = False
    return shell


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with serve(World(7, 40)) as simulator:
        yield simulator


def filled_in(file: Path, **values: Any) -> None:
    """The file with these settings, as a user would write them."""
    text = file.read_text()
    for name, value in values.items():
        text, found = re.subn(
            rf"^#?{name} = \S*", f"{name} = {json.dumps(value)}", text, count=1, flags=re.M
        )
        assert found, name
    file.write_text(text)


def test_it_says_which_release_it_is(program: Shell) -> None:
    assert program("--version").stdout == f"talkhouse {version('talkhouse')}\n"


def test_from_init_to_the_second_sync(program: Shell, simulator: Simulator) -> None:
    program("init", "chatwoot")
    config, secrets = program.folder / ".dlt/config.toml", program.folder / ".dlt/secrets.toml"
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert "api_access_token" not in config.read_text()

    unfilled = program("check", exit_code=2)
    assert unfilled.stderr == (
        "talkhouse: [connections.chatwoot]: account_id is missing; set it in .dlt/config.toml; "
        "api_access_token is missing; set it in .dlt/secrets.toml\n"
    )

    url = simulator.base_url("chatwoot")
    filled_in(config, account_id=1, base_url=url, requests_per_second=100_000)
    filled_in(secrets, api_access_token=keys.CHATWOOT_ADMIN)
    assert "Chatwoot 4.15.1" in program("check").stdout
    unsynced = program("status", exit_code=1).stdout
    assert "In talkhouse.duckdb:" in unsynced
    assert "never synced" in unsynced
    assert not (program.folder / "talkhouse.duckdb").exists()

    first = program("sync")
    assert re.search(r"^chatwoot conversations: full, \d+ pages, 40 rows$", first.stderr, re.M)
    assert "\x1b" not in first.stderr + first.stdout
    assert program.rows("select count(*), count(distinct id) from chatwoot.conversations") == [
        (40, 40)
    ]
    [status] = json.loads(program("status", "--json").stdout)
    assert status["is_synced"]
    assert status["threads_to_read"] == 0
    assert status["rows"]["conversations"] == 40
    [conversations] = [each for each in status["lists"] if each["name"] == "conversations"]
    assert conversations["complete_as_of"] == "2026-06-01T00:00:00+00:00"
    assert conversations["unfinished"] == ""

    before = program.rows("select * exclude (_dlt_load_id) from chatwoot.messages order by id")
    [second] = json.loads(program("sync", "chatwoot", "--json").stdout)
    assert second["ok"]
    assert second["requests"] <= 10
    assert second["lists"]["messages"]["pages"] == 0
    after = program.rows("select * exclude (_dlt_load_id) from chatwoot.messages order by id")
    assert after == before

    info = program.program(
        "dlt", "pipeline", "--pipelines-dir", ".dlt/pipelines", "chatwoot", "info"
    )
    assert "chatwoot" in info.stdout
    assert not list(program.home.iterdir())


def test_init_keeps_what_is_there(shell: Shell) -> None:
    shell("init", "chatwoot")
    filled_in(shell.folder / ".dlt/config.toml", account_id=77)
    before = (shell.folder / ".dlt/config.toml").read_text()
    added = shell("init", "chatwoot", "hilos").stdout
    assert "added connection chatwoot_2;" in added
    after = (shell.folder / ".dlt/config.toml").read_text()
    assert after.startswith(before)
    assert "[connections.hilos]" in after
    unknown = shell("init", "hubspot", exit_code=2)
    assert unknown.stderr.startswith("talkhouse: there is no provider hubspot; there are chatwoot,")
    assert (shell.folder / ".dlt/config.toml").read_text() == after


def test_one_that_fails_leaves_the_others_loaded(shell: Shell, simulator: Simulator) -> None:
    shell.configure(bad=chatwoot(simulator, api_access_token="wrong"), good=octopush(simulator))
    checked = shell("check", "--json", exit_code=1)
    bad, good = json.loads(checked.stdout)
    assert (bad["ok"], good["ok"]) == (False, True)
    assert "401" in bad["checks"][0]["found"]
    assert "api_access_token" in bad["checks"][0]["found"]

    synced = shell("sync", "--json", exit_code=1)
    bad, good = json.loads(synced.stdout)
    assert "check account_id and api_access_token" in bad["error"]
    assert good["ok"]
    assert "wrong" not in checked.stdout + synced.stdout + synced.stderr
    [(loaded,)] = shell.rows("select count(*) from octopush.conversations")
    assert loaded == len(simulator.world.served("octopush"))
    statuses = json.loads(shell("status", "--json", exit_code=1).stdout)
    assert [each["is_synced"] for each in statuses] == [False, True]


@pytest.mark.parametrize(
    ("values", "arguments", "said"),
    [
        ({"acount_id": 1}, ["check"], "unknown setting acount_id; did you mean account_id?"),
        ({"lookback": "soon"}, ["sync"], "'soon' is not a duration such as 90s, 5m, 1h30m or 7d"),
        ({}, ["sync", "shop"], "there is no connection shop in .dlt/config.toml (known: one)"),
        ({}, ["sync", "--only", "deals"], "there is no list deals; there are conversations, "),
        ({}, ["sync", "--since", "lately"], "'lately' is not a date or time such as 2026-01-31"),
    ],
)
def test_wrong_usage_is_one_line(
    shell: Shell, simulator: Simulator, values: dict[str, Any], arguments: list[str], said: str
) -> None:
    shell.configure(one=chatwoot(simulator, **values))
    told = shell(*arguments, exit_code=2)
    assert said in told.stderr
    assert told.stderr.startswith("talkhouse: ")
    assert told.stderr.count("\n") == 1
    assert not simulator.requests


def test_without_a_connection(shell: Shell) -> None:
    assert "add one with `talkhouse init PROVIDER`" in shell("sync", exit_code=2).stderr


def test_a_file_that_is_not_toml(program: Shell) -> None:
    (program.folder / ".dlt").mkdir()
    (program.folder / ".dlt/config.toml").write_text("[connections.shop\n")
    told = program("status", exit_code=2).stderr
    assert told.count("\n") == 1
    assert "config.toml" in told


def test_a_file_that_another_process_holds(program: Shell, simulator: Simulator) -> None:
    program.configure(one=octopush(simulator))
    with duckdb.connect(program.folder / "talkhouse.duckdb"):
        told = program("sync", exit_code=75).stderr
        assert f"PID {os.getpid()}" in told
        assert "wait for that process to end" in program("status", exit_code=75).stderr


def test_bare_names_in_the_environment_are_nobodys(shell: Shell, simulator: Simulator) -> None:
    values = octopush(simulator)
    del values["api_key"]
    shell.configure(one=values)
    shell.environment = {"API_KEY": keys.OCTOPUSH_KEY, "CONNECTIONS__API_KEY": keys.OCTOPUSH_KEY}
    assert "api_key is missing; set it in .dlt/secrets.toml" in shell("check", exit_code=2).stderr
    shell.environment = {"CONNECTIONS__ONE__API_KEY": keys.OCTOPUSH_KEY}
    shell("check")


def test_dry_run_reads_and_loads_nothing(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=chatwoot(simulator))
    [outcome] = json.loads(shell("sync", "--dry-run", "--json").stdout)
    assert outcome["rows"]["conversations"] == 40
    assert outcome["lists"]["messages"]["pages"] == 40
    assert not any("/messages" in request.path for request in simulator.requests)
    assert shell.files() == {".dlt", ".dlt/config.toml", ".dlt/secrets.toml"}

    shell("sync")
    simulator.world.new_message()
    before = shell("status", "--json").stdout
    told = shell("sync", "--dry-run")
    assert "The messages of 1 conversations would be read." in told.stdout
    assert shell("status", "--json").stdout == before


def test_only_some_lists(program: Shell, simulator: Simulator) -> None:
    program.configure(one=chatwoot(simulator), two=octopush(simulator))
    outcomes = json.loads(program("sync", "--only", "agents", "--only", "teams", "--json").stdout)
    assert [list(outcome["lists"]) for outcome in outcomes] == [["agents", "teams"], ["agents"]]


def test_a_file_that_was_taken_away_is_filled_anew(shell: Shell, simulator: Simulator) -> None:
    # the second connection finds the dataset that the first one has just made
    shell.configure(one=chatwoot(simulator), two=chatwoot(simulator))
    for _ in range(2):
        shell("sync", "--only", "conversations")
        counted = shell.rows("select account, count(*) from chatwoot.conversations group by all")
        assert sorted(counted) == [("one", 40), ("two", 40)]
        (shell.folder / "talkhouse.duckdb").unlink()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sync_goes_on(
    shell: Shell, simulator: Simulator, number: signal.Signals
) -> None:
    shell.configure(one=chatwoot(simulator))
    simulator.faults.add(Fault("slow", path="/messages", times=None, seconds=1.0))
    running = shell.start("sync")
    wait_until(lambda: any("/messages" in request.path for request in simulator.requests))
    running.send_signal(number)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130, told
    assert "the next run goes on from there" in told
    assert "Traceback" not in told
    simulator.faults.clear()
    shell("sync")
    [(threads,)] = shell.rows("select count(*) from chatwoot.message_reads")
    assert threads == 40


def test_a_sync_that_waits_for_minutes_ends_when_it_is_told_to(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(one=octopush(simulator))
    shell("sync")
    simulator.faults.add(Fault("status", status=503, times=None, retry_after=290))
    running = shell.start("sync")
    seen = len(simulator.requests)
    wait_until(lambda: len(simulator.requests) > seen)
    running.terminate()
    running.communicate(timeout=60)
    assert running.returncode == 130
    simulator.faults.clear()
    shell("sync")
    [(outcomes,)] = shell.rows("select list(outcome order by run_id) from audit.runs")
    # whether it could still say so is a matter of the second in which it was told
    assert [outcomes[0], outcomes[2]] == ["ok", "ok"]
    assert outcomes[1] in ("cut off", "interrupted")


@pytest.mark.deep
def test_demo_in_an_empty_folder(program: Shell) -> None:
    told = program("demo").stdout
    assert told.count("    select ") == 4
    for dataset in ("chatwoot", "hilos", "activecampaign", "octopush", "pembalasan"):
        [(loaded,)] = program.rows(f"select count(*) from {dataset}.conversations")
        assert loaded > 0
    assert {path.split("/")[0] for path in program.files()} == {".dlt", "talkhouse.duckdb"}
    assert not list(program.home.iterdir())

    def answers(text: str) -> str:
        return text[text.index("How fast") :]

    assert answers(program("demo").stdout) == answers(told)


def test_demo_leaves_real_data_alone(shell: Shell, simulator: Simulator) -> None:
    shell.configure(shop=octopush(simulator))
    shell("sync")
    assert "talkhouse demo --file demo.duckdb" in shell("demo", exit_code=2).stderr


def test_simulate_tells_how_to_reach_it(shell: Shell) -> None:
    running = shell.start("simulate", "--port", "0")
    assert running.stdout is not None
    lines: list[str] = []
    while "clock" not in (lines[-1] if lines else ""):
        lines.append(running.stdout.readline())
    said = "".join(lines)
    config, secrets = said[said.index("[conn") : said.index("\ncontrol")].split(
        "# .dlt/secrets.toml"
    )
    (shell.folder / ".dlt").mkdir()
    (shell.folder / ".dlt/config.toml").write_text(config)
    (shell.folder / ".dlt/secrets.toml").write_text(secrets)
    (shell.folder / ".dlt/secrets.toml").chmod(0o600)
    assert shell("check", "--json").stdout.count('"connection"') == 5
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=10)


def test_help_is_quick() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from typer.testing import CliRunner\n"
            "from talkhouse.pipelines.cli.commands import app\n"
            "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
            "slow = {'dlt', 'duckdb', 'pyarrow', 'talkhouse.simulator', 'httpx'}\n"
            "slow &= set(sys.modules)\n"
            "sys.exit(' '.join(slow) or 0)",
        ],
        capture_output=True,
        text=True,
    )
    assert not loaded.stderr


def test_plan_tells_the_cost_and_loads_nothing(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator))
    told = shell("plan").stdout
    assert "requests were made to know this; nothing was loaded." in told
    assert not (shell.folder / "talkhouse.duckdb").exists()
    shell("sync")
    [planned] = json.loads(shell("plan", "--full", "--json").stdout)
    assert {cost["list"] for cost in planned["costs"]} == {"conversations", "agents", "messages"}
    assert planned["asked"] == 0


def test_verify_finds_what_was_planted_and_mends_it(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator))
    shell("sync")
    assert "one: all equal" in shell("verify").stdout
    with duckdb.connect(shell.folder / "talkhouse.duckdb") as connection:
        connection.execute(
            "update octopush.conversations set last_message = 'planted' where conversation_id = "
            "(select min(conversation_id) from octopush.conversations)"
        )
    told = shell("verify", exit_code=1).stdout
    assert "one: stale in conversations, such as " in told
    assert "one: differs; --repair reads again what does" in told
    assert "one: mended; all equal" in shell("verify", "--repair").stdout
    [verdict] = json.loads(shell("verify", "--json", "--budget", "3").stdout)
    assert verdict["ok"] and verdict["threads_read"] < verdict["threads"]


def test_a_budget_that_is_none_is_refused(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator))
    told = shell("sync", "--message-budget", "soon", exit_code=2).stderr
    assert told.startswith("talkhouse: --message-budget: 'soon' is not a duration such as 90s")


def test_what_a_budget_leaves_is_told(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator))
    assert "left for the next run" in shell("sync", "--message-budget", "2").stdout
    told = shell("status").stdout
    assert re.search(r"threads to read: [1-9]", told)
    assert re.search(
        r"  conversations: complete as of [-\d]+ [:\d]+ UTC, changes seen within a run, "
        r"everything re-verified within 24 h$",
        told,
        re.M,
    )


def test_status_tells_how_the_last_run_ended(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator))
    shell("sync")
    simulator.faults.add(Fault("status", times=None, status=401))
    shell("sync", exit_code=1)
    assert re.search(
        r"  last run [-\d]+ [:\d]+ UTC: failed: octopush: GET ",
        shell("status", exit_code=1).stdout,
    )


def test_everything_has_no_window(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator))
    told = shell("sync", "--full", "--since", "2026-01-01", exit_code=2).stderr
    assert told.startswith("talkhouse: --full reads everything")


def test_verify_wants_a_sync_before(shell: Shell, simulator: Simulator) -> None:
    shell.configure(one=octopush(simulator))
    assert "run `talkhouse sync` first" in shell("verify", exit_code=2).stderr
