"""`talkhouse status`: what needs somebody, the worst first, and what a monitor is told of it."""

import json
import os
import pty
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from support.account import HOUR, Open
from support.shell import Shell, chatwoot, octopush, wait_until
from talkhouse.pipelines.monitoring.health import health, words
from talkhouse.pipelines.monitoring.volume import unusual
from talkhouse.simulator import Fault, Simulator


def verdict(shell: Shell, exit_code: int) -> str:
    return shell("status", exit_code=exit_code).stdout.splitlines()[0]


def ago(shell: Shell, hours: int) -> None:
    """Every run was so many hours earlier."""
    with duckdb.connect(shell.folder / "talkhouse.duckdb") as connection:
        connection.execute(
            "update audit.runs set started_at = started_at - to_hours(?), "
            "ended_at = ended_at - to_hours(?)",
            [hours, hours],
        )


def test_all_is_well(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator), shop=chatwoot(simulator))
    shell("sync")
    told = shell("status").stdout
    assert told.splitlines()[0] == ("In talkhouse.duckdb: 2 connections, all fresh, nothing to do")
    assert "hotline (octopush): ok\n" in told
    assert re.search(
        r"^    \d+\.\d s; \d+ requests, [\d.]+ a second of at most 100,000, for which it waited "
        r"0\.0 s; \d+ rows loaded$",
        told,
        re.M,
    )
    assert "stale after 2 d without one" in told
    shell("sync")
    assert re.search(r"^    \d+\.\d s, usually \d+\.\d; ", shell("status").stdout, re.M)


def test_the_worst_comes_first(shell: Shell, simulator: Simulator) -> None:
    shell.configure(
        aged=octopush(simulator, stale_after="2h"),
        broken=chatwoot(simulator, api_access_token="wrong"),
        good=octopush(simulator),
        misspelt=octopush(simulator, lookbak="1h"),
        new=octopush(simulator),
    )
    shell("sync", "aged")
    ago(shell, 3)
    shell("sync", "broken", "good", exit_code=1)
    told = shell("status", exit_code=1).stdout
    assert told.splitlines()[0] == (
        "In talkhouse.duckdb: 4 of 5 connections need you: misspelt has wrong settings, "
        "broken fails, aged is stale, new was never synced"
    )
    assert re.findall(r"^(\w+)(?: \(\w+\))?: ", told, re.M) == [
        "misspelt",
        "broken",
        "aged",
        "new",
        "good",
    ]
    assert "unknown setting lookbak; did you mean lookback?" in told
    assert "answered 401; check account_id and api_access_token" in told
    assert re.search(
        r"^  no sync has ended well since [-\d]+ [:\d]+ UTC, and one is to within 2 h: does the "
        r"scheduler still run `talkhouse sync`\? `talkhouse runs` lists what came of it$",
        told,
        re.M,
    )
    states = json.loads(shell("status", "--json", exit_code=1).stdout)
    assert [each["state"] for each in states] == ["settings", "failed", "stale", "unsynced", "ok"]


def test_a_good_sync_makes_it_fresh(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator, stale_after="2h"))
    shell("sync")
    ago(shell, 3)
    assert verdict(shell, 1).endswith("1 of 1 connection needs you: hotline is stale")
    simulator.world.advance(3 * HOUR)
    shell("sync")
    assert verdict(shell, 0).endswith("1 connection, fresh, nothing to do")


def test_what_is_no_duration_is_refused(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator, stale_after="soon"))
    assert "'soon' is not a duration" in shell("status", exit_code=2).stderr


def test_threads_that_are_left_have_an_eta(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync", "--message-budget", "2")
    assert re.search(
        r"^  threads to read: [1-9]\d*, about \d+ s of reading$", shell("status").stdout, re.M
    )
    [status] = json.loads(shell("status", "--json").stdout)
    [(pages, part)] = shell.rows(
        "select pages, scans.requests / runs.requests * epoch(ended_at - runs.started_at) "
        "from audit.scans join audit.runs using (run_id) where list = 'messages'"
    )
    assert status["threads_seconds"] == pytest.approx(status["threads_to_read"] * part / pages)


def test_a_failed_build_needs_somebody(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    with duckdb.connect(shell.folder / "talkhouse.duckdb") as connection:
        connection.execute("insert into audit.builds (built_at, outcome) values (now(), 'failed')")
    told = shell("status", exit_code=1).stdout
    assert told.splitlines()[0] == (
        "In talkhouse.duckdb: 1 connection, fresh; the last build failed"
    )
    assert "failed; `talkhouse build` says why" in told.splitlines()[-1]


def test_drift_and_rejects_of_the_last_run_are_told(shell: Shell, simulator: Simulator) -> None:
    shell.configure(shop=chatwoot(simulator))
    poisoned = simulator.world.served("chatwoot")[-1].id
    fault = Fault("status", path=f"/conversations/{poisoned}/messages", status=500, times=None)
    simulator.faults.add(fault)
    shell("sync")
    assert "\n  drift 0, rejects 1 (1 met in the last run)\n" in shell("status").stdout
    simulator.faults.clear()
    shell("sync")
    assert "\n  drift 0, rejects 1\n" in shell("status").stdout


def test_a_list_that_was_not_read_says_since_when(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    ago(shell, 3)
    shell("sync", "--only", "agents")
    assert re.findall(r"^  (\w+): complete .*\n(?:    (.*))?", shell("status").stdout, re.M) == [
        ("conversations", "last read to its end 3 h ago"),
        ("agents", ""),
    ]


def test_a_list_that_is_read_no_more_is_stale(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator, stale_after="2d"))
    shell("sync")
    ago(shell, 9 * 24)
    shell("sync", "--only", "agents")
    told = shell("status", exit_code=1).stdout
    assert told.splitlines()[0].endswith("1 of 1 connection needs you: hotline is stale")
    assert "  syncs end well, and none has read conversations to the end, which one is to " in told
    # that January was read again says nothing of what is new
    shell("sync", "--since", "2026-01-01", "--until", "2026-02-01")
    assert verdict(shell, 1).endswith("hotline is stale")
    shell("sync")
    assert verdict(shell, 0).endswith("1 connection, fresh, nothing to do")


def test_a_sync_that_finished_no_list_makes_nothing_well(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(hotline=octopush(simulator))
    simulator.faults.add(Fault("status", status=401, times=None))
    shell("sync", exit_code=1)
    simulator.faults.clear()
    with duckdb.connect(shell.folder / "talkhouse.duckdb") as connection:
        connection.execute(
            "insert into audit.runs (run_id, account, provider, started_at, ended_at, outcome, "
            "talkhouse_version, requests, rows_loaded, throttled_seconds) values "
            "(strftime(now()::timestamp, '%Y%m%dT%H%M%S.9'), 'hotline', 'octopush', now(), now(), "
            "'ok', '1', 0, 0, 0)"
        )
    assert verdict(shell, 1).endswith("1 of 1 connection needs you: hotline fails")
    shell("sync")
    assert verdict(shell, 0).endswith("1 connection, fresh, nothing to do")


def test_a_list_that_is_skipped_needs_somebody(shell: Shell, simulator: Simulator) -> None:
    shell.configure(shop=chatwoot(simulator, messages=False))
    simulator.faults.add(Fault("status", path="/csat_survey_responses", status=403, times=None))
    shell("sync")
    told = shell("status", exit_code=1).stdout
    assert told.splitlines()[0].endswith("1 of 1 connection needs you: shop leaves out a list")
    assert "\n  csat_responses is not read: " in told
    simulator.faults.clear()
    shell("sync")
    assert verdict(shell, 0).endswith("1 connection, fresh, nothing to do")


def test_threads_that_are_not_to_be_read_are_not_waited_for(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(hotline=octopush(simulator, messages=False))
    shell("sync")
    assert "threads to read" not in shell("status").stdout


def test_watch_is_for_people(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    for option in ("--json", "--alert"):
        told = shell("status", "--watch", option, exit_code=2).stderr
        assert told == "talkhouse: --watch is for people to look at: not with --alert, nor --json\n"


def test_a_run_that_was_killed_is_said_to_be_cut_off(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    with duckdb.connect(shell.folder / "talkhouse.duckdb") as connection:
        connection.execute(
            "insert into audit.runs (run_id, account, provider, started_at, outcome, "
            "talkhouse_version) values ('3', 'hotline', 'octopush', now(), 'running', '1')"
        )
    assert re.search(r"^  last run .*: cut off$", shell("status").stdout, re.M)


def test_a_published_copy_is_read_while_the_file_is_held(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(hotline=octopush(simulator))
    config = shell.folder / ".dlt/config.toml"
    config.write_text('[destination]\npublish = "published.duckdb"\n' + config.read_text())
    shell("sync")
    with duckdb.connect(shell.folder / "talkhouse.duckdb"):
        told = shell("status").stdout.splitlines()
        document = shell("status", "--json")
    assert told[0] == "In published.duckdb: 1 connection, fresh, nothing to do"
    held = (
        r"this is how published\.duckdb has it, as it was last read: talkhouse\.duckdb is open in"
    )
    assert re.match(held, told[1])
    assert [each["state"] for each in json.loads(document.stdout)] == ["ok"]
    assert re.match(f"talkhouse: {held}", document.stderr)


def test_watch_goes_on_until_it_is_interrupted(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    seen = shell.folder / "seen"
    with seen.open("w") as out:
        with shell.start("status", "--watch", stdout=out) as watching:
            wait_until(lambda: seen.read_text().count("In talkhouse.duckdb: ") == 2)
            watching.terminate()
            assert watching.wait(30) == 0
    assert seen.read_text().count("hotline (octopush): ok") == 2


def test_watch_draws_on_a_terminal_and_leaves_it_as_it_was(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    ours, theirs = pty.openpty()
    shell.environment = {"TERM": "xterm", "LINES": "40"}
    with shell.start("status", "--watch", stdout=theirs) as watching:
        os.close(theirs)
        drawn = b""
        while drawn.count(b"hotline (octopush): ok") < 2:
            drawn += os.read(ours, 65_536)
        watching.terminate()
        with suppress(OSError):  # how a terminal says that it is over
            while came := os.read(ours, 65_536):
                drawn += came
        assert watching.wait(30) == 0
    os.close(ours)
    enters, leaves = b"\x1b[?1049h", b"\x1b[?1049l"
    assert drawn.startswith(enters)
    assert drawn.endswith(leaves)
    assert b"Ctrl-C ends this" in drawn


@pytest.mark.both_destinations
def test_a_sync_that_is_running_is_told(filled: Open, request: pytest.FixtureRequest) -> None:
    account = filled("octopush")
    assert not health(account.connection, account.warehouse).is_running
    if "postgres" not in request.node.name:
        return  # a DuckDB file is not opened while a sync runs
    seen: list[bool] = []

    def look() -> None:
        with request.getfixturevalue("destination").open(read_only=True) as other:
            seen.append(health(account.connection, other).is_running)

    account.before("page", look)
    account.synced()
    assert seen == [True]


@pytest.mark.twin
def test_stale_is_three_times_the_usual_and_an_hour_at_least(filled: Open) -> None:
    account = filled("octopush")
    account.warehouse.execute("delete from audit.runs")
    now = datetime.now(UTC)
    for hours, expected in [(0, 48 * 3_600), (2, 6 * 3_600), (4, 6 * 3_600), (5, 6 * 3_600)]:
        note_run(account, now - timedelta(hours=hours))
        assert health(account.connection, account.warehouse).stale_after_seconds == expected
    for minutes in range(1, 9):
        note_run(account, now + timedelta(minutes=minutes))
    assert health(account.connection, account.warehouse).stale_after_seconds == 3_600


@pytest.mark.twin
def test_an_unusual_volume_is_told(filled: Open) -> None:
    account = filled("octopush")
    account.warehouse.execute("delete from audit.runs")
    account.warehouse.execute("delete from audit.scans")
    saturday = datetime(2026, 11, 21, 18, tzinfo=UTC)

    def told(new: int) -> list[str]:
        account.warehouse.execute("delete from audit.scans where run_id like '20261121%'")
        note_scan(account, saturday, new)
        return unusual(account.warehouse, "shop", saturday)

    for week, new in [(1, 400), (2, 420)]:
        note_scan(account, saturday - timedelta(weeks=week, hours=3), new)
        # another weekday is not compared with
        note_scan(account, saturday - timedelta(weeks=week, days=2), 9_000)
    assert told(0) == []  # two weeks are too few
    note_scan(account, saturday - timedelta(weeks=3), 40_000)
    assert told(105) == told(1_680) == []
    [few] = told(104)
    assert few == (
        "104 new rows in 24 hours, and 420 are usual on a Saturday: is a channel disconnected at "
        "the provider, or does the token see less than before?"
    )
    [many] = told(1_681)
    assert many.startswith("1,681 new rows in 24 hours, and 420 are usual on a Saturday: did ")


@pytest.mark.twin
def test_a_full_scan_that_sees_half_as_much_is_told(filled: Open) -> None:
    account = filled("octopush")
    account.warehouse.execute("delete from audit.scans")
    now = datetime(2026, 11, 21, 18, tzinfo=UTC)
    for days, seen in [(3, 1_000), (2, 1_010), (1, 1_020)]:
        note_scan(account, now - timedelta(days=days), 0, seen=seen, is_whole=True)
    assert unusual(account.warehouse, "shop", now) == []
    # all of one day are one
    for minutes in range(5, 60, 5):
        note_scan(account, now - timedelta(minutes=minutes), 0, seen=504, is_whole=True)
    note_scan(account, now, 0, seen=504, is_whole=True)
    [told] = unusual(account.warehouse, "shop", now)
    assert told.startswith(
        "conversations: the last full scan saw 504 rows, and 1,010 are usual: does the token "
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "a run"), (59, "59 s"), (300, "5 min"), (86_400, "24 h"), (172_800, "2 d")],
)
def test_a_time_is_said_in_words(seconds: float | None, said: str) -> None:
    assert words(seconds) == said


def note_run(account: Any, at: datetime) -> None:
    account.warehouse.execute(
        "insert into audit.runs (run_id, account, provider, started_at, ended_at, outcome, "
        "talkhouse_version) values (%s, 'shop', 'octopush', %s, %s, 'ok', '1')",
        [f"{at:%Y%m%dT%H%M%S.%f}", at, at],
    )


def note_scan(
    account: Any, at: datetime, new: int, *, seen: int = 0, is_whole: bool = False
) -> None:
    account.warehouse.execute(
        "insert into audit.scans (run_id, account, provider, list, mode, is_finished, is_whole, "
        "pages, requests, rows_seen, rows_new, rows_deleted, rows_quarantined, messages_missing, "
        "rows_left, throttled_seconds) values "
        "(%s, 'shop', 'octopush', 'conversations', 'full', true, %s, 1, 1, %s, %s, 0, 0, 0, 0, 0)",
        [f"{at:%Y%m%dT%H%M%S.%f}", is_whole, seen, new],
    )


def test_a_policy_that_keeps_syncs_from_beginning_is_shown(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(shop=chatwoot(simulator))
    shell("sync")
    shell.environment["PRIVACY__NAME"] = "drop"
    [told] = json.loads(shell("status", "--json", exit_code=1).stdout)
    assert told["state"] == "settings"
    [problem] = told["health"]["problems"]
    assert problem["text"].startswith(
        "no sync begins: the rows that are stored are under another privacy policy (name is drop"
    )
    shell("privacy", "--apply")
    shell("status")
