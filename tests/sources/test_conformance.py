"""What every provider must show: each test runs over real HTTP into a real DuckDB file."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import stamina

from support.account import DAY, MINUTE, SETTINGS, Account, Open
from support.lanes import in_the_deep_lane
from support.oracle import KEYS
from talkhouse.simulator import World
from talkhouse.simulator.credentials import CANARY
from talkhouse.sources.http import client
from talkhouse.sources.registry import PROVIDERS

pytestmark = pytest.mark.twin

every_provider = pytest.mark.parametrize("provider", PROVIDERS)
# pembalasan tells no time of a conversation: it is read whole every time
with_a_cursor = pytest.mark.parametrize("provider", [p for p in PROVIDERS if p != "pembalasan"])
with_tags = pytest.mark.parametrize("provider", ["chatwoot", "hilos", "activecampaign"])

PATH = {
    "chatwoot": "/accounts/1/conversations",
    "hilos": "/inbox/conversation",
    "activecampaign": "/inbox/conversation",
    "octopush": "/conversations/list",
    "pembalasan": "/conversations",
}
"""Part of the path of each provider's list of conversations."""
QUERY = {
    "chatwoot": "page=",
    "hilos": "page=",
    "activecampaign": "page=",
    "octopush": "page=",
    "pembalasan": "",
}
QUIET = {"chatwoot": 9, "hilos": 6, "activecampaign": 4, "octopush": 3}
"""The most requests of a run that finds nothing new; pembalasan needs one per contact."""


@pytest.fixture
def account(provider: str, account_of: Open) -> Account:
    return account_of(provider)


@pytest.fixture
def listed(provider: str, account_of: Open) -> Account:
    """An account of which the conversations are read, and no other list."""
    return account_of(provider, only=["conversations"])


@pytest.fixture
def small(provider: str, account_of: Open) -> Account:
    """An account whose provider's clock stands at a minute's last second: what chatwoot limits by
    the minute is over a second later.
    """
    # enough for ten requests of the list, at least
    conversations = 16 if provider in ("chatwoot", "pembalasan") else 60
    now = datetime(2026, 6, 1, 9, 0, 59, 0, UTC)
    return account_of(provider, World(conversations=conversations, now=now))


def spoil(account: Account, kind: str, **how: Any) -> None:
    """A fault in the list of conversations, for ever unless `times` says otherwise."""
    account.fault(kind, PATH[account.provider], query=QUERY[account.provider], **how)


def mode(outcome: object) -> str:
    return outcome.report.lists["conversations"].mode  # type: ignore[attr-defined,no-any-return]


@pytest.mark.both_destinations
@every_provider
def test_it_loads_every_table_row_for_row(account: Account) -> None:
    account.synced()
    assert all(account.expected().values())
    assert account.differences() == {}


@every_provider
def test_a_second_run_changes_nothing_and_asks_little(provider: str, filled: Open) -> None:
    account = filled(provider)
    before = account.contents()
    account.later()
    outcome = account.synced()
    assert account.contents() == before
    assert outcome.requests <= QUIET.get(account.provider, len(account.identifiers))


@pytest.mark.twin
@every_provider
def test_a_change_arrives(account: Account) -> None:
    conversation = account.converse()
    account.synced()
    account.later()
    account.world.new_message(conversation, kind="incoming")
    account.world.new_message(conversation, kind="outgoing", attachment="image")
    account.world.assign(conversation)
    account.world.assign_team(conversation)
    account.world.tag(conversation)
    account.world.set_priority(conversation)
    account.world.set_status(conversation, "resolved")
    assert account.differences() != {}
    account.synced()
    assert account.differences() == {}


@every_provider
def test_a_new_conversation_arrives(provider: str, filled: Open) -> None:
    account = filled(provider)
    account.later()
    account.converse()
    account.synced()
    assert account.differences() == {}


@with_tags
def test_the_last_tag_that_is_removed_goes(account: Account) -> None:
    conversation = account.converse()
    account.world.tag(conversation, 41)
    account.synced()
    account.later()
    account.world.untag(conversation, 41)
    account.synced()
    assert account.differences() == {}


@every_provider
def test_a_late_change_inside_the_lookback_arrives_with_the_next_run(account: Account) -> None:
    account.later(-50 * MINUTE)
    late = account.converse()
    account.later(40 * MINUTE)
    for _ in range(10):
        account.later(MINUTE)
        account.converse()
    account.synced()
    # on the second page of every list: only the lookback brings it
    account.later(-30 * MINUTE)
    account.world.new_message(late, kind="incoming")
    account.world.set_status(late, "resolved")
    account.later(40 * MINUTE)
    assert mode(account.synced()) == ("full" if account.provider == "pembalasan" else "recent")
    assert account.differences() == {}


def change_silently(account: Account) -> None:
    """Changes the oldest conversation so that no cursor moves."""
    oldest = account.world.conversations[account.oldest()]
    if account.provider == "chatwoot":
        account.world.open_by_agent(oldest.id)
    elif account.provider == "octopush":
        account.world.assign(oldest.id)
    else:
        status = "pending" if oldest.status == "resolved" else "resolved"
        account.world.set_status(oldest.id, status)


@with_a_cursor
@pytest.mark.parametrize("after, how", [(DAY, {}), (MINUTE, {"full": True})], ids=["due", "asked"])
def test_a_change_outside_the_lookback_arrives_with_the_full_scan(
    listed: Account, after: float, how: dict[str, bool]
) -> None:
    listed.synced()
    listed.later()
    change_silently(listed)
    assert mode(listed.synced()) == "recent"
    assert listed.differences().keys() == {"conversations"}
    listed.later(after)
    assert mode(listed.synced(**how)) == "full"
    assert listed.differences() == {}


@with_tags
def test_a_tag_that_is_deleted_leaves_every_conversation(listed: Account) -> None:
    listed.synced()
    for tag in (40, 41, 42):
        listed.world.delete_tag(tag)
    listed.later(DAY)
    listed.synced()
    assert listed.differences(gone=["labels"]) == {}


@every_provider
def test_what_is_deleted_stays_in_the_warehouse(listed: Account) -> None:
    listed.synced()
    before = listed.contents()["conversations"]
    listed.world.delete_conversation(listed.oldest())
    listed.later(DAY)
    listed.synced()
    assert len(listed.contents()["conversations"]) == len(before)


@every_provider
def test_keys_are_unique(account: Account) -> None:
    contact = account.world.conversations[account.converse()].contact_id
    if account.provider == "chatwoot":  # one phone number, reached through two inboxes
        account.world.new_conversation(5, contact)
    account.synced()
    account.later()
    change_silently(account)
    account.synced(full=True)
    assert account.differences() == {}
    findings = {"drift": ("table_name", "field", "problem"), "rejects": ("table_name", "row_hash")}
    for table, key in (KEYS[account.provider] | findings).items():
        rows = [tuple(row.values()) for row in account.rows(table, key)]
        assert len(rows) == len(set(rows)), table
        assert None not in {value for row in rows for value in row}, table


@pytest.mark.twin
@every_provider
def test_an_empty_account_makes_every_table_with_its_columns(
    provider: str, account_of: Open
) -> None:
    account = account_of(provider, World(conversations=0))
    # someone whom pembalasan knows, and who has written nothing that is still there
    account.world.delete_conversation(account.world.new_conversation(10).id)
    account.identifiers = _identifiers(account.world)
    account.synced()
    assert account.rows("conversations", ["account"]) == []
    empty = account.columns()
    assert empty.keys() >= KEYS[provider].keys() | {"drift", "rejects"}
    for channel in (4, 4, 5, 7, 9, 10, 10):
        account.world.new_conversation(channel)
    account.identifiers = _identifiers(account.world)
    account.later(DAY)
    account.synced()
    assert account.differences() == {}
    assert account.columns() == empty


def _identifiers(world: World) -> list[str]:
    return [a.source_id for c in world.contacts.values() for a in c.addresses if a.channel_id == 10]


WRONG_ONCE: list[tuple[str, dict[str, Any]]] = [
    ("status", {"status": 500}),
    ("status", {"status": 429}),
    ("status", {"status": 429, "retry_after": "0"}),
    ("status", {"status": 503, "retry_after": "Mon, 01 Jun 2026 09:00:58 GMT"}),
    ("slow", {"seconds": 0.6}),
    ("cut", {}),
    ("truncated", {}),
    ("html", {}),
    ("empty", {}),
]


def all_once(account: Account) -> None:
    """Everything that can go wrong, each once, one after the other."""
    for passing, (kind, how) in enumerate(WRONG_ONCE, 1):
        spoil(account, kind, times=1, after=passing, **how)


@every_provider
def test_what_goes_wrong_once_is_retried(small: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT", httpx.Timeout(0.4))
    all_once(small)
    with stamina.set_testing(True, attempts=len(WRONG_ONCE) + 1):
        small.synced()
    assert [fault.used for fault in small.simulator.faults] == [1] * len(WRONG_ONCE)
    assert small.differences() == {}


SAID = {
    "500": "answered 500; the next run goes on from the last checkpoint",
    "429": "answered 429; lower requests_per_second",
    "404": "answered 404; ",
    "401": "answered 401; ",
    "403": "answered 403; ",
    "cut": "failed: RemoteProtocolError; the next run goes on",
    "truncated": "bytes that are not the JSON expected; check base_url",
    "html": "bytes that are not the JSON expected; check base_url",
    "empty": "0 bytes that are not the JSON expected; check base_url",
}
REMEDIES = {
    ("chatwoot", "401"): "check the connection's secrets in .dlt/secrets.toml",
    ("chatwoot", "403"): "use a token of an administrator",
    ("chatwoot", "404"): "check base_url and the ids",
    ("hilos", "401"): "set api_key to a key from https://app.hilos.io/dev/api-keys",
    ("hilos", "403"): "use an administrator's key",
    ("activecampaign", "401"): "`talkhouse check` tries every `auth`",
    ("activecampaign", "403"): "`talkhouse check` tries every `auth`",
    ("octopush", "401"): "set api_login and api_key",
    ("octopush", "404"): "`talkhouse check` tries every conversations_path",
}


@every_provider
def test_what_goes_wrong_for_ever_says_what_to_do_and_wedges_nothing(small: Account) -> None:
    small.synced()
    before = small.contents()
    small.later()
    errors = {}
    for kind in SAID:
        how = {"status": int(kind), "retry_after": "0"} if kind.isdigit() else {}
        spoil(small, "status" if how else kind, **how)
        errors[kind] = small.sync().error
        small.simulator.faults.clear()
    assert {e.partition(" /")[0] for e in errors.values()} == {f"{small.provider}: GET"}
    for kind, error in errors.items():
        assert SAID[kind] in error
        assert REMEDIES.get((small.provider, kind), "") in error
        assert "?" not in error
    assert small.contents() == before
    small.later()
    small.converse()
    small.synced()
    assert small.differences() == {}


@every_provider
def test_a_field_that_is_not_known_is_kept_and_makes_no_column(listed: Account) -> None:
    listed.synced()
    columns = listed.columns()
    spoil(listed, "extra_field", records="all", field="mood", value={"is": "new"})
    listed.later()
    listed.synced(full=True)
    assert listed.differences() == {}
    assert listed.columns() == columns
    kept = listed.rows("conversations", ["_extra"])
    assert kept and all(row["_extra"] == {"mood": {"is": "new"}} for row in kept)
    drift = listed.rows("drift", ["table_name", "field", "problem"])
    assert drift == [{"table_name": "conversations", "field": "mood", "problem": "unknown field"}]
    assert listed.column("drift", "rows") >= [len(kept)]  # pages overlap


WRONG = {
    "chatwoot": ("status", 7, "found number"),
    "hilos": ("status", ["NEW"], "found array"),
    "activecampaign": ("created_on", "yesterday", "found text"),
    "octopush": ("color", "red", "found text"),
    "pembalasan": ("inbox_id", {"a": 1}, "found object"),
}


@every_provider
def test_a_value_of_another_type_is_kept_and_changes_no_column(listed: Account) -> None:
    field, value, problem = WRONG[listed.provider]
    spoil(listed, "wrong_type", records="all", field=field, value=value)
    listed.synced()
    columns = listed.columns()
    found = listed.rows("conversations", [field, "_extra"])
    assert found
    assert all(row == {field: None, "_extra": {field: value}} for row in found)
    assert listed.differences().keys() <= {"conversations", "message_reads"}
    drift = listed.rows("drift", ["table_name", "field", "problem"])
    assert drift == [{"table_name": "conversations", "field": field, "problem": problem}]
    listed.simulator.faults.clear()
    listed.later(DAY)
    listed.synced(full=True)
    assert listed.differences() == {}
    assert listed.columns() == columns
    assert {row["_extra"] for row in listed.rows("conversations", ["_extra"])} == {None}


@every_provider
def test_a_row_without_its_id_is_rejected_and_kept_as_it_came(listed: Account) -> None:
    spoil(listed, "null_id", records="first")
    listed.synced()
    rejected = [
        reject
        for reject in listed.rows("rejects", ["table_name", "reason", "row"])
        if reject["table_name"] == "conversations"  # rows inside the rows may lose theirs, too
    ]
    key = KEYS[listed.provider]["conversations"][0]
    assert rejected
    for reject in rejected:
        assert reject["reason"] == f"no usable {key}"
        assert reject["row"][key] is None and len(reject["row"]) > 5
    stored = listed.column("conversations", key)
    # pages overlap, so a row may be without its id in one, and with it in another
    assert len(stored) + len(rejected) >= len(listed.expected()["conversations"])
    listed.simulator.faults.clear()
    listed.later(DAY)
    listed.synced(full=True)
    assert listed.differences() == {}


def what_must_not_be_said(account: Account) -> set[str]:
    """Secrets, phone numbers and messages of the account."""
    said = {v for v in SETTINGS[account.provider].values() if isinstance(v, str)}
    said |= {"kV8uNq2wXyZ4mRt6Hs1JpLdA", CANARY, *account.identifiers}
    for contact in account.world.contacts.values():
        said |= {(contact.phone or "").removeprefix("+"), contact.email or ""}
    return (said | {m.content or "" for m in account.world.messages.values()}) - {""}


@every_provider
def test_nothing_secret_or_personal_is_logged_or_told(
    small: Account, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    all_once(small)
    spoil(small, "wrong_type", times=1, after=20, field="labels", value="+351910000999")
    with stamina.set_testing(True, attempts=len(WRONG_ONCE) + 1):
        outcomes = [small.sync()]
    for status in (400, 401, 403, 404, 429, 500):
        small.simulator.faults.clear()
        spoil(small, "status", status=status, retry_after="0")
        outcomes.append(small.sync())
    skipped = [p.skipped for outcome in outcomes for p in outcome.report.lists.values()]
    told = [*(o.error for o in outcomes), *skipped, caplog.text, *capfd.readouterr()]
    assert sum(bool(outcome.error) for outcome in outcomes) >= 5
    everything = "\n".join(told)
    assert [text for text in what_must_not_be_said(small) if text in everything] == []


@every_provider
def test_no_planted_secret_is_in_any_table(provider: str, filled: Open) -> None:
    account = filled(provider)
    texts = account.warehouse.rows(
        "select table_schema, table_name, column_name from information_schema.columns "
        "where data_type in ('VARCHAR', 'JSON', 'character varying', 'jsonb') "
        "and table_schema not in ('pg_catalog', 'information_schema')"
    )
    assert len(texts) > 20
    for schema, table, column in (row.values() for row in texts):
        found = account.warehouse.rows(
            f'select "{column}" from "{schema}"."{table}" where strpos("{column}"::text, %s) > 0',
            [CANARY],
        )
        assert found == []


@pytest.mark.twin
def test_one_provider_that_fails_leaves_the_others_loaded(
    account_of: Open, beside: Callable[..., Account]
) -> None:
    first = account_of("hilos", World(conversations=16), name="hilos_1")
    accounts = [first, *(beside(first, p, f"{p}_1") for p in PROVIDERS if p != "hilos")]
    first.fault("status", "/hilos/", status=500)
    outcomes = {account.provider: account.sync() for account in accounts}
    assert [p for p, outcome in outcomes.items() if not outcome.ok] == ["hilos"]
    assert [account.differences() for account in accounts[1:]] == [{}] * 4


@pytest.mark.parametrize(
    "provider",
    ["chatwoot", "octopush", *in_the_deep_lane("hilos", "activecampaign", "pembalasan")],
)
def test_two_connections_of_one_provider_do_not_collide(provider: str, account_of: Open) -> None:
    one = account_of(provider, World(conversations=16), name="one")
    two = account_of(provider, World(conversations=16), name="two")
    for contact in two.world.contacts:
        two.world.rename_contact(contact, "Other")
    for conversation in list(two.world.conversations):
        two.world.set_status(conversation)
    one.synced()
    two.synced()
    one.synced()
    key = KEYS[provider]["conversations"][0]
    assert one.column("conversations", key) == two.column("conversations", key)
    assert (one.differences(), two.differences()) == ({}, {})


CHUNK = {"chatwoot": 20, "hilos": 4, "activecampaign": 4, "octopush": 4, "pembalasan": 2}


@every_provider
def test_a_run_in_chunks_loads_the_same(account: Account) -> None:
    account.synced(chunk_rows=CHUNK[account.provider])
    assert account.differences() == {}
    loads = account.warehouse.rows(f"select load_id from {account.provider}._dlt_loads")
    assert len(loads) > 1


@every_provider
def test_a_run_that_ends_early_goes_on_from_its_checkpoint(provider: str, account_of: Open) -> None:
    # one request at a time, so that it is known which fails
    account = account_of(
        provider, World(conversations=120), settings={"in_flight": 1}, chatwoot_filter=False
    )
    spoil(account, "status", status=500, after=4)
    assert "answered 500" in account.sync(chunk_rows=CHUNK[provider] // 2).error
    loaded = account.column("conversations", KEYS[provider]["conversations"][0])
    assert 0 < len(loaded) < len(account.expected()["conversations"])
    account.simulator.faults.clear()
    account.later()
    account.synced()
    assert not any(is_first_page(account, r.path, r.query) for r in account.simulator.requests)
    assert account.differences() == {}


FIRST_PAGE = {
    "chatwoot": "status=all&sort_by=created_at_desc&page=1",
    "hilos": "page=1&page_size=5",
    "activecampaign": "page=1&page_size=5",
    "octopush": "page=1&per_page=5",
}


def is_first_page(account: Account, path: str, query: str) -> bool:
    if account.provider == "pembalasan":
        return account.identifiers[0] in path
    return PATH[account.provider] in path and query == FIRST_PAGE[account.provider]


CURSOR = {
    "chatwoot": lambda c: c.created_at,
    "hilos": lambda c: c.created_at,
    "activecampaign": lambda c: c.created_at,
    "octopush": lambda c: c.public_messages[-1].created_at,
}


def days_before(account: Account, days: int) -> str:
    return (account.world.now - timedelta(days=days)).isoformat()


def keys_between(account: Account, first: int, last: int) -> list[object]:
    """The keys of the conversations whose window cursor is that many days ago."""
    now, provider = account.world.now, account.provider
    return sorted(
        c.id if provider == "chatwoot" else c.uuid
        for c in account.world.served(provider)  # type: ignore[arg-type]
        if now - timedelta(days=first) <= CURSOR[provider](c) < now - timedelta(days=last)
    )


@with_a_cursor
def test_a_window_loads_what_is_in_it_and_leaves_the_watermark_alone(listed: Account) -> None:
    window = {"since": days_before(listed, 60), "until": days_before(listed, 20)}
    outcome = listed.synced(**window)
    assert mode(outcome) == "window"
    wanted = keys_between(listed, 60, 20)
    assert len(wanted) > 2
    assert listed.column("conversations", KEYS[listed.provider]["conversations"][0]) == wanted
    listed.later()
    assert mode(listed.synced()) == "full"
    assert listed.differences() == {}
    listed.later()
    listed.synced(**window)
    listed.later()
    assert mode(listed.synced()) == "recent"
    assert listed.differences() == {}


@with_a_cursor
def test_two_adjacent_windows_are_one(listed: Account, beside: Callable[..., Account]) -> None:
    whole = beside(listed, listed.provider, "whole")
    whole.only = listed.only
    start, middle, end = (days_before(listed, days) for days in (70, 40, 15))
    listed.synced(since=start, until=middle)
    listed.synced(since=middle, until=end)
    whole.synced(since=start, until=end)
    assert len(keys_between(listed, 70, 15)) > 3
    for table, expected in listed.expected().items():
        names = list(expected[0])
        rows = [
            sorted(json.dumps(row, default=str) for row in each.rows(table, names))
            for each in (listed, whole)
        ]
        assert rows[0] == rows[1], table
