"""What a run did is told afterwards, whatever became of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from support.account import DAY, Account, Open
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbWarehouse
from talkhouse.pipelines.warehouse.interface import WarehouseError
from talkhouse.simulator import World
from talkhouse.sources.registry import PROVIDERS

pytestmark = pytest.mark.twin


def runs(account: Account) -> list[dict[str, Any]]:
    return account.warehouse.rows("select * from audit.runs order by run_id")


def scans(account: Account, outcome: Outcome | None = None) -> dict[str, dict[str, Any]]:
    """The scans of the last run, by their list."""
    found = account.warehouse.rows(
        "select * from audit.scans where run_id = (select max(run_id) from audit.runs)"
    )
    return {row["list"]: row for row in found}


@pytest.mark.both_destinations
def test_a_run_is_noted(account_of: Open) -> None:
    account = account_of("hilos")
    outcome = account.synced()
    [run] = runs(account)
    assert run["run_id"].startswith(f"{run['started_at']:%Y%m%dT%H%M%S.%f}-")
    assert run["started_at"] < run["ended_at"] <= datetime.now(UTC)
    told = {name: run[name] for name in ("account", "provider", "outcome", "error", "requests")}
    assert told == {
        "account": "shop",
        "provider": "hilos",
        "outcome": "ok",
        "error": None,
        "requests": outcome.requests,
    }
    assert run["rows_loaded"] == sum(outcome.rows.values())


def test_a_full_scan_is_noted_with_its_proof(account_of: Open) -> None:
    account = account_of("hilos", World(conversations=60))
    account.synced()
    there = len(account.world.served("hilos"))
    scan = scans(account)["conversations"]
    assert (scan["mode"], scan["is_whole"], scan["is_finished"]) == ("full", True, True)
    assert (scan["declared_count"], scan["distinct_ids"]) == (there, there)
    assert (scan["rows_new"], scan["rows_changed"], scan["rows_unchanged"]) == (there, 0, 0)
    assert scan["watermark"] == scan["started_at"] == account.world.now
    assert scan["requests"] == account.asked("/inbox/conversation")
    assert scan["rows_seen"] >= there


@pytest.mark.both_destinations
def test_a_recent_scan_tells_what_is_new_changed_and_as_it_was(filled: Open) -> None:
    account = filled("octopush")
    account.later()
    thread = account.world.served("octopush")[0]
    account.world.new_message(thread.id, kind="incoming")
    account.world.new_message(account.converse(), kind="incoming")
    account.synced()
    scan = scans(account)["conversations"]
    assert (scan["mode"], scan["is_whole"], scan["is_in_order"]) == ("recent", False, True)
    assert (scan["rows_new"], scan["rows_changed"]) == (1, 1)
    assert scan["rows_unchanged"] == scan["rows_seen"] - 2
    assert scans(account)["messages"]["pages"] == 2


def test_a_run_that_failed_says_why(account_of: Open) -> None:
    account = account_of("octopush")
    account.fault("status", status=401)
    error = account.sync().error
    [run] = runs(account)
    assert (run["outcome"], run["error"]) == ("failed", error)


@pytest.mark.twin
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("after", [0, 3])
def test_a_runs_requests_are_those_of_its_lists(
    provider: str, after: int, account_of: Open
) -> None:
    account = account_of(provider)
    account.fault("status", status=401, after=after)
    assert account.sync().error
    [run] = runs(account)
    found = scans(account).values()
    assert run["requests"] == sum(scan["requests"] for scan in found) > after
    assert {scan["mode"] for scan in found} <= {"full", "threads", None}
    account.simulator.faults.clear()
    account.synced()
    [_, run] = runs(account)
    assert run["requests"] == sum(scan["requests"] for scan in scans(account).values())


def test_a_list_that_fails_before_it_is_known_how_to_read_it_has_no_mode(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.fault("status", status=401)
    assert account.sync().error
    found = [scan for scan in scans(account).values() if not scan["mode"]]
    assert [(scan["list"], scan["pages"]) for scan in found] == [("conversations", 0)]


def test_a_run_that_was_killed_is_noted_by_the_next(filled: Open) -> None:
    account = filled("octopush")
    account.warehouse.execute("update audit.runs set outcome = 'running', ended_at = null")
    account.synced()
    assert [run["outcome"] for run in runs(account)] == ["cut off", "ok"]


def test_a_list_that_is_skipped_says_why(account_of: Open) -> None:
    account = account_of("octopush")
    account.fault("status", "/agents", status=403)
    account.synced()
    assert "answered 403" in scans(account)["agents"]["skipped"]


def test_deleted_rows_are_counted(filled: Open) -> None:
    account = filled("hilos")
    account.world.delete_conversation(account.oldest())
    for _ in range(2):
        account.later(DAY)
        account.synced()
    assert scans(account)["conversations"]["rows_deleted"] == 1


@pytest.mark.both_destinations
def test_findings_of_all_providers_are_in_one_place(account_of: Open) -> None:
    for provider in ("hilos", "octopush"):
        account = account_of(provider)
        account.fault("extra_field", records="all", field="mood")
        account.fault("null_id", "conversation", times=1, after=1)
        account.synced()
    found = account.warehouse.rows(
        "select distinct provider, field from audit.drift where problem = 'unknown field' "
        "order by provider"
    )
    assert [tuple(row.values()) for row in found] == [("hilos", "mood"), ("octopush", "mood")]
    [row] = account.warehouse.rows("select count(*) as n from audit.rejects")
    assert row["n"] > 0


def test_a_file_named_like_the_audit_is_refused(tmp_path: Any) -> None:
    with pytest.raises(WarehouseError, match="hides its own dataset audit"):
        DuckDbWarehouse(tmp_path / "audit.duckdb")
