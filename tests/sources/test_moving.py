"""Lists that move while they are read, beside a pager that does not look: it loses rows."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.account import DAY, HOUR, MINUTE, SERVED, SETTINGS, Account, Open
from support.lanes import in_the_deep_lane
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbWarehouse
from talkhouse.simulator import World, serve
from talkhouse.simulator import credentials as keys
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.scan.list_state import ListState, stored_state
from talkhouse.sources.scan.listing import Listing
from talkhouse.sources.scan.progress import Progress
from talkhouse.sources.scan.scan import Reading, scan

PAGED = ["chatwoot", "hilos", "activecampaign", "octopush"]
paged = pytest.mark.parametrize("provider", PAGED)
WAYS = [*((provider, {}) for provider in PAGED), ("chatwoot", {"chatwoot_filter": False})]
every_way = pytest.mark.parametrize(
    "provider, served", WAYS, ids=[*PAGED, "chatwoot without a filter"]
)
PATH = {
    "chatwoot": "/api/v1/accounts/1/conversations?status=all&sort_by=created_at_asc&page=",
    "hilos": "/api/inbox/conversation?page_size=5&page=",
    "activecampaign": "/channel/whatsapp/inbox/conversation?page_size=5&page=",
    "octopush": "/conversations/list?per_page=5&page=",
}
HEADERS = {
    "chatwoot": {"Api-Access-Token": keys.CHATWOOT_ADMIN},
    "hilos": {"Authorization": f"Token {keys.HILOS_KEY}"},
    "activecampaign": {"Api-Token": keys.ACTIVECAMPAIGN_KEY},
    "octopush": {"api-login": keys.OCTOPUSH_LOGIN, "api-key": keys.OCTOPUSH_KEY},
}


def naively_paged(account: Account) -> Iterator[Any]:
    """The keys of the conversations, page after page until one is empty, as most tools read."""
    base_url = account.simulator.base_url(account.provider)  # type: ignore[arg-type]
    with httpx.Client(headers=HEADERS[account.provider]) as client:
        for page in count(1):
            answer = client.get(f"{base_url}{PATH[account.provider]}{page}")
            found = answer.json() if answer.status_code == 200 else []
            rows = found if isinstance(found, list) else found.get("results")
            rows = found["data"]["payload"] if rows is None else rows
            if not rows:
                return
            yield from (row["conversation_id" if "color" in row else "id"] for row in rows)


def served_first(account: Account) -> list[int]:
    """The conversations of the first page that the naive pager gets."""
    served = account.world.served(account.provider)  # type: ignore[arg-type]
    by = {"octopush": lambda c: c.public_messages[-1].created_at}.get(
        account.provider, lambda c: c.created_at
    )
    ordered = sorted(served, key=by, reverse=account.provider != "chatwoot")
    return [conversation.id for conversation in ordered[:5]]


def on_request(account: Account, number: int, act: Callable[[], object]) -> None:
    """`act` happens before the answer to the `number`th request from now on."""
    asked = count(1)
    account.before("", lambda: None)
    log = account.simulator.app.requests
    append = type(log).append

    class Log(type(log)):  # type: ignore[misc]
        def append(self, request: Any) -> None:
            append(self, request)
            if next(asked) == number:
                act()

    account.simulator.requests = account.simulator.app.requests = Log()


def here(account: Account) -> set[Any]:
    return {
        c.id if account.provider == "chatwoot" else c.uuid
        for c in account.world.served(account.provider)  # type: ignore[arg-type]
    }


def deletes(account: Account) -> None:
    """As many as two overlapping pages can have in common, so that none of those is left."""
    for conversation in served_first(account):
        account.world.delete_conversation(conversation)


def deletes_and_adds(account: Account) -> None:
    """What keeps the count as it was."""
    deletes(account)
    for _ in range(5):
        account.world.new_message(account.converse(), kind="incoming")


@paged
@pytest.mark.parametrize("change", [deletes, deletes_and_adds])
def test_a_naive_pager_loses_rows(
    provider: str, change: Callable[[Account], None], account_of: Open
) -> None:
    account = account_of(provider, World(conversations=60))
    on_request(account, 3, lambda: change(account))
    found = set(naively_paged(account))
    lost = here(account) - found
    # a row that comes on top makes up for one that went, for all but who reads the oldest first
    assert lost or (change is deletes_and_adds and provider != "chatwoot")


@every_way
@pytest.mark.parametrize("change", [deletes, deletes_and_adds])
@pytest.mark.parametrize("request_number", [4, *in_the_deep_lane(2, 6)])
def test_a_scan_loses_none(
    provider: str,
    served: dict[str, bool],
    change: Callable[[Account], None],
    request_number: int,
    account_of: Open,
) -> None:
    account = account_of(provider, World(conversations=60), only=["conversations"], **served)
    there = here(account)
    on_request(account, request_number, lambda: change(account))
    account.synced()
    key = "conversation_id" if provider == "octopush" else "id"
    assert there & here(account) <= set(account.column("conversations", key))


@paged
def test_ties_that_are_shuffled_lose_none(provider: str, account_of: Open) -> None:
    account = account_of(
        provider, World(conversations=10), only=["conversations"], chatwoot_ties="shuffled"
    )
    account.world.bulk_import(40)
    account.synced()
    assert account.differences() == {}
    account.world.bulk_import(30)
    account.later(MINUTE)
    account.synced()
    assert account.differences() == {}


@paged
@pytest.mark.parametrize("changed", [0, 30, *in_the_deep_lane(1, 230)])
def test_a_recent_run_asks_for_little_more_than_what_changed(
    provider: str, changed: int, account_of: Open
) -> None:
    size = 25 if provider == "chatwoot" else 50
    account = account_of(
        provider,
        World(conversations=80),
        settings={"lookback": "1s", "messages": False},
        chatwoot_page_size=size,
    )
    if provider != "chatwoot":
        account.settings["page_size"] = size
    account.synced()
    account.later(HOUR)
    for _ in range(changed):
        account.later(1)
        account.world.new_message(account.converse(), kind="incoming")
    account.later()
    account.synced()
    path = PATH[provider].partition("?")[0]
    asked = sum(request.path.endswith(path) for request in account.simulator.requests)
    probes = 0 if provider == "chatwoot" else 1  # one row, to know the server's time
    assert asked - probes <= -(-changed // size) + 2
    assert account.differences() == {}


@pytest.mark.parametrize("provider", SETTINGS)
def test_the_state_of_a_list_does_not_grow(provider: str, account_of: Open) -> None:
    account = account_of(provider, World(conversations=20))
    connection = account.connection
    client = connection.provider.connect(connection.settings)
    listing: Listing[Any] = next(iter(connection.provider.lists(connection.settings)))
    state = ListState()
    sizes = []
    for run in range(200):
        progress = Progress()
        reading = Reading(client, plan_of(connection), Terms("shop"), str(run))
        while not progress.finished:
            list(scan(reading, listing, state, progress))
        sizes.append(len(json.dumps(stored_state(state))))
        account.later(3 * HOUR)
        account.world.set_status(account.oldest())
    client.close()
    # what differs is how many digits a load's name has
    assert max(sizes[20:]) - min(sizes[20:]) <= 8


@settings(max_examples=5, derandomize=True, deadline=None)
@given(cuts=st.lists(st.integers(1, 89), min_size=1, max_size=4, unique=True))
@pytest.mark.deep
@pytest.mark.parametrize("provider", ["hilos", "octopush"])
def test_any_split_of_a_window_is_one_run(
    provider: str, cuts: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("split")
    with (
        serve(World(conversations=40), **SERVED) as simulator,
        DuckDbWarehouse(folder / "t.duckdb") as warehouse,
    ):
        whole, parts = (
            Account(simulator, provider, warehouse, folder / "pipelines", name, {"messages": False})
            for name in ("whole", "parts")
        )
        began = simulator.world.now - timedelta(days=91)
        days = [0, *sorted(cuts), 92]
        bounds = [(began + timedelta(days=day)).isoformat() for day in days]
        only = ["conversations"]
        whole.synced(since=bounds[0], until=bounds[-1], only=only)
        for since, until in zip(bounds, bounds[1:], strict=False):
            parts.synced(since=since, until=until, only=only)
        key = "conversation_id" if provider == "octopush" else "id"
        assert parts.column("conversations", key) == whole.column("conversations", key)
        assert len(whole.column("conversations", key)) == len(here(whole))


def test_a_full_scan_can_be_spread_over_runs(account_of: Open) -> None:
    account = account_of(
        "hilos",
        World(conversations=80),
        only=["conversations"],
        settings={"full_scan_requests": 3, "lookback": "1m"},
    )
    account.synced()
    at_once = account.asked("/inbox/conversation")
    account.later(2 * DAY)
    late = account.world.conversations[account.oldest()]
    account.world.set_status(late.id, "pending" if late.status == "resolved" else "resolved")
    asked = []
    for _ in range(12):
        account.later(MINUTE)
        new = account.converse()
        account.synced()
        # each run has what is new, whether or not the full scan has come to its end
        assert account.world.conversations[new].uuid in account.column("conversations", "id")
        asked.append(account.asked("/inbox/conversation"))
        if account.differences() == {}:
            break
    assert account.differences() == {}
    assert len(asked) > 2
    assert max(asked) < at_once


@pytest.mark.parametrize("provider", ["hilos", "octopush"])
@pytest.mark.parametrize("new", [12, 40, *in_the_deep_lane(1, 100)])
def test_a_scan_goes_on_below_what_came_between_two_chunks(
    provider: str, new: int, account_of: Open
) -> None:
    settings = {"page_size": 15, "messages": False, "in_flight": 1}
    account = account_of(provider, World(conversations=400), settings=settings)
    there = here(account)
    account.fault("status", PATH[provider].partition("?")[0], status=401, after=8)
    assert not account.sync(chunk_rows=30, only=["conversations"]).ok
    account.simulator.faults.clear()
    for _ in range(new):
        account.later(1)
        account.world.new_message(account.converse(), kind="incoming")
    account.later()
    account.synced(chunk_rows=30, only=["conversations"])
    key = "conversation_id" if provider == "octopush" else "id"
    assert there <= set(account.column("conversations", key))
    account.later()
    account.synced()
    assert account.differences() == {}
