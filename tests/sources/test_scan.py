"""Lists that move, repeat, lie about their order or end oddly are read whole, or refused."""

from typing import Any

import pytest

from support.account import CHANNEL, DAY, MINUTE, Open
from talkhouse.simulator import World
from talkhouse.sources import reader_processes
from talkhouse.sources.scan import scan
from talkhouse.sources.scan.overlapping_pages import span

LISTS = {
    "chatwoot": ("/accounts/1/conversations", "status=all"),
    "hilos": ("/inbox/conversation", "page="),
    "octopush": ("/conversations/list", "per_page=5"),
}


def of_page(provider: str, number: int) -> str:
    """What the request of a page of conversations holds."""
    overlapping = span(number, 5)
    return {
        "chatwoot": f"conversations?status=all&sort_by=created_at_desc&page={number}",
        "hilos": f"inbox/conversation?page={overlapping.page}&page_size={overlapping.size}",
        "octopush": f"conversations/list?page={overlapping.page}&per_page={overlapping.size}",
    }[provider]


NO_FILTER = {"chatwoot_filter": False}
"""A Chatwoot whose full scans go by pages, since it cannot be asked for ids."""


def mode(outcome: Any) -> tuple[str, int]:
    progress = outcome.report.lists["conversations"]
    return progress.mode, progress.pages


@pytest.mark.parametrize("provider", LISTS)
def test_a_recent_run_stops_at_the_watermark(provider: str, account_of: Open) -> None:
    account = account_of(provider, only=["conversations"])
    account.synced()
    account.later()
    # Chatwoot is first asked for what was updated since
    assert mode(account.synced()) == ("recent", 2 if provider == "chatwoot" else 1)


@pytest.mark.parametrize("provider", LISTS)
def test_a_recent_run_reads_on_while_rows_are_newer(provider: str, account_of: Open) -> None:
    account = account_of(provider, only=["conversations"])
    account.synced()
    for _ in range(11):
        account.later(MINUTE)
        account.world.new_conversation(CHANNEL[provider])
    account.later()
    found = mode(account.synced())
    assert found[0] == "recent" and found[1] >= 3
    assert account.differences() == {}


@pytest.mark.parametrize(
    "provider, served",
    [("hilos", {"hilos_order": "unordered"}), ("octopush", {"octopush_order": "unordered"})],
)
def test_a_list_without_an_order_is_read_to_its_end(
    provider: str, served: dict[str, str], account_of: Open
) -> None:
    account = account_of(provider, World(conversations=50), only=["conversations"], **served)
    account.synced()
    account.later()
    account.converse()
    account.world.new_message(account.converse())
    found = mode(account.synced())
    assert found[0] == "recent"
    assert found[1] >= len(account.expected()["conversations"]) / 3
    assert account.differences() == {}


@pytest.mark.parametrize("provider", ["chatwoot", "octopush"])
def test_a_list_that_gives_one_page_for_ever_is_refused(provider: str, account_of: Open) -> None:
    account = account_of(provider, only=["conversations"], **NO_FILTER)
    account.synced()
    before = account.contents()
    account.later(DAY)
    account.fault("repeat_page", LISTS[provider][0])
    error = account.sync(full=True).error
    assert "repeats the pages before it; the provider, or a proxy before it, ignores" in error
    assert account.contents() == before
    account.simulator.faults.clear()
    account.synced(full=True)
    assert account.differences() == {}


def test_a_list_that_counts_its_rows_ends_though_it_repeats_a_page(account_of: Open) -> None:
    account = account_of("hilos", only=["conversations"])
    account.fault("repeat_page", LISTS["hilos"][0])
    assert "repeats the pages before it" in account.sync().error


def test_pages_that_are_clamped_lose_nothing(account_of: Open) -> None:
    account = account_of(
        "octopush", World(conversations=40), only=["conversations"], octopush_max_per_page=5
    )
    account.settings["page_size"] = 8
    account.synced()
    assert account.differences() == {}


@pytest.mark.parametrize("provider", ["chatwoot", "hilos", "octopush"])
def test_rows_that_move_up_behind_deleted_ones_are_not_skipped(
    provider: str, account_of: Open
) -> None:
    account = account_of(provider, World(conversations=40), only=["conversations"], **NO_FILTER)
    served = sorted(account.world.served(provider), key=lambda c: c.created_at)  # type: ignore[arg-type]

    def delete() -> None:
        for newest in served[-4:]:
            account.world.delete_conversation(newest.id)

    account.before(of_page(provider, 3), delete)
    account.synced()
    assert account.acted
    assert account.differences(gone=list(account.expected())) == {}


@pytest.mark.parametrize("provider", ["hilos", "octopush"])
def test_rows_that_move_down_behind_a_new_one_come_once(provider: str, account_of: Open) -> None:
    account = account_of(provider, World(conversations=40), only=["conversations"])
    account.before(of_page(provider, 2), account.converse)
    account.synced()
    assert account.acted
    account.later()
    account.synced()
    assert account.differences() == {}


@pytest.mark.parametrize("provider", ["hilos", "octopush", "chatwoot"])
def test_a_list_that_moves_between_two_chunks_is_read_whole(
    provider: str, account_of: Open
) -> None:
    account = account_of(provider, World(conversations=40), only=["conversations"], **NO_FILTER)
    account.before(of_page(provider, 3), account.converse)
    account.synced(chunk_rows=4)
    assert account.acted
    account.later()
    account.synced()
    assert account.differences() == {}


def test_what_changes_while_a_run_reads_comes_with_the_next(account_of: Open) -> None:
    account = account_of("chatwoot", only=["conversations"], **NO_FILTER)
    changed = account.oldest()

    def change() -> None:
        account.later(MINUTE)
        account.world.set_priority(changed, "urgent")

    account.before(of_page("chatwoot", 4), change)
    account.synced()
    assert account.acted
    account.later()
    account.synced()
    assert account.differences() == {}


def test_a_404_past_the_first_page_is_the_end(account_of: Open) -> None:
    account = account_of("octopush", only=["conversations"])
    account.fault("status", LISTS["octopush"][0], query="page=2", status=404)
    account.synced()
    assert len(account.rows("conversations", ["account"])) == 5


def test_a_404_of_the_first_page_is_an_error(account_of: Open) -> None:
    account = account_of("octopush", only=["conversations"])
    account.fault("status", LISTS["octopush"][0], query="page=1&per_page=5", status=404)
    assert "answered 404" in account.sync().error


def test_a_clock_that_goes_back_brings_a_full_scan(account_of: Open) -> None:
    account = account_of("hilos", only=["conversations"])
    account.synced()
    account.later(-DAY)
    assert mode(account.synced())[0] == "full"
    assert account.differences() == {}


def test_a_start_date_leaves_older_rows_out(account_of: Open) -> None:
    account = account_of("hilos", World(conversations=40), only=["conversations"])
    account.settings["start_date"] = "2026-04-20"
    account.synced()
    wanted = [
        c.uuid for c in account.world.served("hilos") if c.created_at.isoformat() >= "2026-04-20"
    ]
    assert 0 < len(wanted) < len(account.world.served("hilos"))
    assert account.column("conversations", "id") == sorted(wanted)


def test_full_scans_come_as_often_as_they_are_set_to(account_of: Open) -> None:
    account = account_of("hilos", only=["conversations"])
    account.settings["full_scan_every"] = "30m"
    modes = []
    for _ in range(4):
        modes.append(mode(account.synced())[0])
        account.later(20 * MINUTE)
    assert modes == ["full", "recent", "full", "recent"]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes read even the shortest list, two pages at a time."""
    monkeypatch.setattr(scan, "WORTH_READERS", 10)
    monkeypatch.setattr(reader_processes, "BATCH_ROWS", 10)


@pytest.mark.usefixtures("eager")
def test_other_processes_read_the_same(account_of: Open) -> None:
    account = account_of("chatwoot", World(conversations=60), only=["conversations"])
    account.synced()
    assert account.differences() == {}


@pytest.mark.usefixtures("eager")
def test_what_other_processes_find_is_counted(account_of: Open) -> None:
    account = account_of("chatwoot", World(conversations=60), only=["conversations"])
    account.fault("extra_field", "/conversations/filter", records="all")
    outcome = account.synced()
    assert account.differences() == {}
    found = {("conversations", "unexpected", "unknown field"): 60}
    assert outcome.report.findings.drift == found
    assert account.column("drift", "field") == ["unexpected"]


@pytest.mark.usefixtures("eager")
def test_what_other_processes_cannot_read_fails_the_run_as_ever(account_of: Open) -> None:
    account = account_of("chatwoot", World(conversations=60), only=["conversations"])
    account.fault("status", "/conversations/filter", status=401, after=5)
    assert "answered 401" in account.sync().error
    account.simulator.faults.clear()
    account.later()
    account.synced()
    assert account.differences() == {}
