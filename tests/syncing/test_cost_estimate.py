"""What a sync would cost is told before, and is near what it then costs."""

from pathlib import Path

import pytest

from support.account import DAY, Account, Open
from talkhouse.pipelines.syncing.cost_estimate import Planned, plan_all
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.simulator import World


def planned(account: Account, full: bool = False) -> Planned:
    plan = plan_of(account.connection, full=full)
    account.warehouse.close()  # DuckDB opens a file in one way at a time
    try:
        [found] = plan_all([account.connection], [plan], DuckDbFile(account.warehouse.file))
    finally:
        account.warehouse.__init__(account.warehouse.file)  # type: ignore[misc]
    return found


def requests(found: Planned) -> dict[str, int]:
    return {cost.list: cost.requests for cost in found.costs}


@pytest.mark.parametrize("provider", ["chatwoot", "hilos", "activecampaign", "octopush"])
def test_a_first_sync_costs_about_what_was_planned(provider: str, account_of: Open) -> None:
    account = account_of(provider, World(conversations=80))
    account.warehouse.close()
    account.warehouse.file.unlink()
    plan, nowhere = plan_of(account.connection), DuckDbFile(Path("no such file"))
    [found] = plan_all([account.connection], [plan], nowhere)
    account.warehouse.__init__(account.warehouse.file)  # type: ignore[misc]
    assert found.error == ""
    cost = account.synced().requests
    assert sum(requests(found).values()) == pytest.approx(cost, rel=0.4, abs=4)


@pytest.mark.parametrize("provider", ["chatwoot", "octopush"])
def test_what_is_known_is_not_asked_again(provider: str, filled: Open) -> None:
    account = filled(provider)
    account.later(DAY)
    account.synced(full=True)
    cost = account.asked()
    account.simulator.requests.clear()
    found = planned(account, full=True)
    assert found.asked == account.asked() == 0
    assert sum(requests(found).values()) == pytest.approx(cost, rel=0.3, abs=3)


def test_a_list_that_is_forbidden_costs_nothing(account_of: Open) -> None:
    account = account_of("chatwoot")
    account.fault("status", "csat", status=403)
    found = planned(account)
    [csat] = [cost for cost in found.costs if cost.list == "csat_responses"]
    assert (csat.requests, csat.basis.partition(":")[0]) == (0, "skipped")


def test_a_provider_that_cannot_be_asked_is_told(account_of: Open) -> None:
    account = account_of("hilos")
    account.fault("status", status=401)
    assert "answered 401" in planned(account).error


def test_minutes_are_by_the_rate_limit(account_of: Open) -> None:
    account = account_of("hilos", World(conversations=80))
    account.settings["requests_per_second"] = 0.5
    plan = planned(account)
    minutes, asked = {cost.list: cost.minutes for cost in plan.costs}, requests(plan)
    assert minutes == {name: round(number / 30, 1) for name, number in asked.items()}


def test_what_is_due_is_reckoned_by_the_servers_clock(account_of: Open) -> None:
    account = account_of("hilos", World(conversations=80))
    account.synced()
    modes = []
    for _ in range(2):
        modes.append({cost.list: cost.mode for cost in planned(account).costs}["conversations"])
        account.later(2 * DAY)
    assert modes == ["recent", "full"]


def test_of_a_scan_that_is_spread_a_part_is_planned(account_of: Open) -> None:
    account = account_of("hilos", World(conversations=80), settings={"full_scan_requests": 2})
    account.synced()
    account.later(2 * DAY)
    costs = [each for each in planned(account).costs if each.list == "conversations"]
    assert [(cost.mode, cost.requests) for cost in costs][1] == ("full", 2)
    assert costs[0].mode == "recent"
