"""The simulated products over real HTTP: documented shapes, defaults, errors and faults."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from talkhouse.simulator import Fault, Simulator, World, serve
from talkhouse.simulator import credentials as keys
from talkhouse.simulator.changes import CHANGES
from talkhouse.simulator.chatwoot_json import ChatwootJson
from talkhouse.simulator.entities import Conversation
from talkhouse.simulator.static import StaticApp

HEADERS = {
    "chatwoot": {"Api-Access-Token": keys.CHATWOOT_ADMIN},
    "pembalasan": {"Api-Access-Token": keys.CHATWOOT_ADMIN},
    "hilos": {"Authorization": f"Token {keys.HILOS_KEY}"},
    "activecampaign": {"Api-Token": keys.ACTIVECAMPAIGN_KEY},
    "octopush": {"api-login": keys.OCTOPUSH_LOGIN, "api-key": keys.OCTOPUSH_KEY},
}
ACCOUNT = "/api/v1/accounts/1"
CONVERSATIONS = f"{ACCOUNT}/conversations"
WHATSAPP = "/channel/whatsapp"

Get = Callable[..., httpx.Response]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with serve() as simulator:
        yield simulator


@pytest.fixture
def get(simulator: Simulator) -> Iterator[Get]:
    """`get("chatwoot", "/api", page=2)` with that product's good credentials."""
    with httpx.Client(timeout=5) as client:

        def get(provider: Any, path: str, headers: Any = None, **params: Any) -> httpx.Response:
            url = simulator.base_url(provider) + path
            headers = HEADERS[provider] if headers is None else headers
            return client.get(url, headers=headers, params=params)

        yield get


def keys_of(document: Any) -> set[str]:
    return set(document)


def chatwoot_list(get: Get, **params: Any) -> list[dict[str, Any]]:
    answer = get("chatwoot", CONVERSATIONS, **params)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]["payload"]
    return rows


def chatwoot_ids(get: Get, **params: Any) -> list[int]:
    return [row["id"] for row in chatwoot_list(get, **params)]


def test_two_worlds_of_one_seed_are_the_same() -> None:
    def rendered(world: World) -> str:
        out = ChatwootJson(world, world.agents[11])
        rows = [out.conversation(c) for c in world.conversations.values()]
        return json.dumps([rows, *([out.thread_message(m, c) for m in c.messages]
                                   for c in world.conversations.values())])  # fmt: skip

    assert rendered(World(seed=3)) == rendered(World(seed=3))
    assert rendered(World(seed=3)) != rendered(World(seed=4))


def test_every_product_has_a_dozen_conversations_and_every_status_occurs() -> None:
    world = World()
    assert min(world.summary()["served"].values()) >= 12
    statuses = {c.status for c in world.conversations.values()}
    assert statuses == {"open", "resolved", "pending", "snoozed"}
    assert {m.delivery for m in world.messages.values()} == {"sent", "delivered", "read", "failed"}


def test_message_ids_rise_with_time_and_no_moment_is_in_the_future() -> None:
    world = World()
    messages = sorted(world.messages.values(), key=lambda m: m.id)
    times = [m.created_at for m in messages]
    assert times == sorted(times)
    assert times[-1] <= world.now
    assert times[0] > world.now - timedelta(days=92)


def test_every_change_happens_without_being_told_to_what() -> None:
    world = World()
    world.set_status(status="snoozed")
    for name in CHANGES:
        world.advance(1)
        assert getattr(world, name)() is not None, name


MOVES = {
    "new_message": {"last_activity_at", "updated_at"},
    "set_status": {"last_activity_at", "updated_at"},
    "assign": {"last_activity_at", "updated_at"},
    "assign_team": {"last_activity_at", "updated_at"},
    "set_priority": {"last_activity_at", "updated_at"},
    "tag": {"last_activity_at", "updated_at"},
    "set_attribute": {"updated_at"},
    "open_by_agent": set(),
}


@pytest.mark.parametrize("change", MOVES)
def test_a_change_moves_the_times_that_chatwoot_moves(change: str) -> None:
    world = World()
    conversation = next(c for c in world.conversations.values() if not c.tags and c.messages)
    before = times_of(conversation)
    world.advance(60)
    getattr(world, change)(conversation.id)
    after = times_of(conversation)
    assert {name for name in after if after[name] != before[name]} == MOVES[change]


def test_snooze_expiry_moves_updated_at_alone_and_says_nothing() -> None:
    world = World()
    conversation = world.set_status(status="snoozed")
    before, messages = times_of(conversation), len(conversation.messages)
    world.advance(60)
    world.expire_snooze(conversation.id)
    after = times_of(conversation)
    assert {n for n in after if after[n] != before[n]} == {"updated_at"}
    assert (conversation.status, len(conversation.messages)) == ("open", messages)


@pytest.mark.parametrize(
    "change",
    ["edit_message", "delete_message", "set_delivery", "answer_csat", "rename_contact",
     "delete_tag", "delete_team", "remove_agent"],
)  # fmt: skip
def test_silent_changes_move_no_time(change: str) -> None:
    world = World()
    before = {c.id: times_of(c) for c in world.conversations.values()}
    world.advance(60)
    getattr(world, change)()
    assert {c.id: times_of(c) for c in world.conversations.values()} == before


def test_a_deleted_conversation_comes_back_as_it_was(get: Get, simulator: Simulator) -> None:
    world = simulator.world
    answered = next(iter(world.csat.values())).conversation_id
    listed = f"{ACCOUNT}/csat_survey_responses"

    def seen() -> list[Any]:
        paths = (f"{CONVERSATIONS}/{answered}", f"{CONVERSATIONS}/{answered}/messages", listed)
        answers = [get("chatwoot", path) for path in paths]
        return [[answer.json() for answer in answers], chatwoot_ids(get, sort_by="created_at_asc")]

    before = seen()
    world.delete_conversation(answered)
    assert get("chatwoot", f"{CONVERSATIONS}/{answered}").status_code == 404
    assert world.restore_conversation().id == answered
    assert seen() == before
    with pytest.raises(LookupError):
        world.restore_conversation()


def test_a_conversation_comes_back_with_its_contact_but_without_what_else_is_gone(
    get: Get, simulator: Simulator
) -> None:
    world = simulator.world
    conversation = world.new_conversation(channel=4).id
    world.tag(conversation, 40), world.assign_team(conversation, 5), world.assign(conversation, 12)
    contact = world.conversations[conversation].contact_id
    world.contacts[contact].tags = [40, 41]
    world.delete_contact(contact)
    world.delete_tag(40), world.delete_team(5), world.remove_agent(12)
    world.restore_conversation(conversation)
    row = get("chatwoot", f"{CONVERSATIONS}/{conversation}").json()
    assert (row["labels"], row["meta"]["sender"]["id"]) == ([], contact)
    assert not {"team", "assignee"} & keys_of(row["meta"])
    uuid = world.contacts[contact].uuid
    assert [tag["id"] for tag in get("hilos", f"/api/contact/{uuid}").json()["tags"]] == [41]
    world.delete_conversation(conversation)
    world.merge_contacts(contact=contact)
    with pytest.raises(LookupError):
        world.restore_conversation(conversation)


def times_of(c: Conversation) -> dict[str, datetime]:
    names = ("created_at", "last_activity_at", "updated_at")
    return {name: getattr(c, name) for name in names}


CONVERSATION_KEYS = (
    "meta id messages account_id uuid additional_attributes agent_last_seen_at "
    "assignee_last_seen_at can_reply contact_last_seen_at custom_attributes inbox_id labels muted "
    "snoozed_until status created_at updated_at timestamp first_reply_created_at unread_count "
    "last_non_activity_message last_activity_at priority waiting_since sla_policy_id"
).split()
EMBEDDED_KEYS = (
    "id content account_id inbox_id conversation_id message_type created_at updated_at private "
    "status source_id content_type content_attributes sender_type sender_id external_source_ids "
    "additional_attributes processed_message_content sentiment conversation"
).split()
SENDER_KEYS = (
    "additional_attributes availability_status email id name phone_number blocked identifier "
    "thumbnail custom_attributes last_activity_at created_at"
).split()
AGENT_KEYS = (
    "id account_id availability_status auto_offline confirmed email provider available_name name "
    "role thumbnail custom_role_id"
).split()
MESSAGE_KEYS = (
    "id content inbox_id conversation_id message_type content_type status content_attributes "
    "created_at private source_id"
).split()


def test_chatwoot_rows_have_the_documented_keys(get: Get) -> None:
    for row in chatwoot_list(get, status="all"):
        assert list(row) == CONVERSATION_KEYS
        assert keys_of(row["meta"]) - {"assignee", "assignee_type", "team"} == {
            "sender", "channel", "hmac_verified"
        }  # fmt: skip
        assert keys_of(row["meta"]["sender"]) | {"last_activity_at"} == set(SENDER_KEYS)
        if row["meta"].get("assignee_type") == "User":
            assert list(row["meta"]["assignee"]) == AGENT_KEYS
        for message in row["messages"]:
            assert keys_of(message) - {"sender", "attachments"} == set(EMBEDDED_KEYS)


def test_chatwoot_times_are_seconds_floats_and_iso_in_one_row(
    get: Get, simulator: Simulator
) -> None:
    row = chatwoot_list(get, status="all")[0]
    conversation = simulator.world.conversations[row["id"]]
    assert row["last_activity_at"] == int(conversation.last_activity_at.timestamp())
    assert row["updated_at"] == conversation.updated_at.timestamp()
    assert row["messages"][0]["updated_at"].endswith("Z")
    empty = simulator.world.new_conversation(empty=True)
    assert get("chatwoot", f"{CONVERSATIONS}/{empty.id}").json()["waiting_since"] == 0


def test_chatwoot_lists_only_open_conversations_by_default(get: Get) -> None:
    assert {row["status"] for row in chatwoot_list(get)} == {"open"}
    statuses = {
        row["status"] for page in (1, 2, 3) for row in chatwoot_list(get, status="all", page=page)
    }
    assert statuses == {"open", "resolved", "pending", "snoozed"}


def test_chatwoot_answers_a_blank_or_wrong_status_with_nothing(get: Get) -> None:
    assert chatwoot_ids(get, status="") == []
    assert chatwoot_ids(get, status="opne") == []


def test_chatwoot_pages_end_with_an_empty_page(get: Get, simulator: Simulator) -> None:
    pages = [chatwoot_ids(get, status="all", sort_by="created_at_asc", page=n) for n in range(1, 5)]
    assert [len(page) for page in pages] == [25, 25, 10, 0]
    assert sum(pages, []) == list(simulator.world.conversations)
    assert chatwoot_ids(get, status="all", page="nonsense") == chatwoot_ids(get, status="all")


def test_chatwoot_page_size_is_the_servers_own(get: Get, simulator: Simulator) -> None:
    simulator.settings.chatwoot_page_size = 7
    assert len(chatwoot_ids(get, status="all", per_page=50)) == 7


def test_chatwoot_sorts_an_unknown_order_by_activity(get: Get) -> None:
    rows = chatwoot_list(get, status="all", sort_by="updated_at_desc")
    activity = [row["last_activity_at"] for row in rows]
    assert activity == sorted(activity, reverse=True)
    assert chatwoot_ids(get, status="all") == [row["id"] for row in rows]


def test_chatwoots_ties_may_come_in_another_order_each_time(simulator: Simulator) -> None:
    def orders(ties: Any) -> set[tuple[int, ...]]:
        simulator.settings.chatwoot_ties = ties
        with httpx.Client(
            base_url=simulator.base_url("chatwoot"), headers=HEADERS["chatwoot"]
        ) as c:
            query = {"status": "all", "sort_by": "created_at_desc"}
            answers = [c.get(CONVERSATIONS, params=query).json()["data"] for _ in range(4)]
            answers += [c.post(f"{CONVERSATIONS}/filter", json={"payload": []}).json()]
        return {tuple(row["id"] for row in answer["payload"][:24]) for answer in answers}

    simulator.world.advance(1)
    imported = simulator.world.bulk_import(24)
    moments = {moment for c in imported for moment in times_of(c).values()}
    assert moments == {simulator.world.now}
    assert len(orders("stable")) == 1
    shuffled = orders("shuffled")
    assert len(shuffled) == 5
    assert {frozenset(order) for order in shuffled} == {frozenset(c.id for c in imported)}


def test_chatwoot_counts_ignore_assignee_type(get: Get) -> None:
    answer = get("chatwoot", CONVERSATIONS, status="all", assignee_type="unassigned").json()["data"]
    meta = answer["meta"]
    assert meta["all_count"] == 60 == meta["assigned_count"] + meta["unassigned_count"]
    assert len(answer["payload"]) == meta["unassigned_count"]
    assert get("chatwoot", f"{CONVERSATIONS}/meta", status="all").json() == {"meta": meta}


def test_chatwoot_answers_updated_within_without_pages(get: Get, simulator: Simulator) -> None:
    world = simulator.world
    world.advance(1000)
    changed = {world.new_message(c).conversation_id for c in list(world.conversations)[:40]}
    assert set(chatwoot_ids(get, status="all", updated_within=900, page=9)) == changed


def test_an_older_chatwoot_ignores_updated_within(get: Get, simulator: Simulator) -> None:
    assert chatwoot_ids(get, status="all", updated_within=0) == []
    simulator.settings.chatwoot_updated_within = False
    second = chatwoot_ids(get, status="all", page=2)
    assert chatwoot_ids(get, status="all", updated_within=0, page=2) == second != []


def test_chatwoot_labels_are_joined_by_or(get: Get, simulator: Simulator) -> None:
    world = simulator.world
    ids = list(world.conversations)
    world.tag(ids[0], 40), world.tag(ids[1], 41)
    params = {"labels[]": ["refund", "vip"]}
    found = chatwoot_ids(get, status="all", updated_within=10**8, **params)
    assert {c.id for c in world.conversations.values() if {40, 41} & set(c.tags)} == set(found)
    assert get("chatwoot", CONVERSATIONS, team_id=999).status_code == 404


def test_chatwoot_threads_are_limited_in_time_order(get: Get, simulator: Simulator) -> None:
    world = simulator.world
    conversation = world.new_conversation(channel=4)
    for n in range(150):
        world.advance(1)
        world.new_message(conversation.id, f"line {n}")
    ids = [m.id for m in conversation.messages]

    def thread(**params: int) -> list[int]:
        path = f"{CONVERSATIONS}/{conversation.id}/messages"
        return [m["id"] for m in get("chatwoot", path, **params).json()["payload"]]

    assert thread() == ids[-20:]
    assert thread(before=ids[50]) == ids[30:50]
    assert thread(after=0) == ids[:100]
    assert thread(after=ids[99]) == ids[100:]
    assert thread(after=ids[5], before=ids[140]) == ids[5:140]
    assert thread(after=ids[-1]) == []


def test_an_early_message_with_a_late_id_is_jumped_over(get: Get, simulator: Simulator) -> None:
    world = simulator.world
    conversation = world.new_conversation(channel=10)
    for _ in range(120):
        world.advance(1)
        world.new_message(conversation.id)
    conversation.messages[-1].created_at = conversation.created_at
    answer = get("chatwoot", f"{CONVERSATIONS}/{conversation.id}/messages", after=0).json()
    ids = [m["id"] for m in answer["payload"]]
    assert len(ids) == 100
    assert max(ids) == conversation.messages[-1].id


def test_an_imported_history_has_new_ids_and_old_times(get: Get, simulator: Simulator) -> None:
    world = simulator.world
    told = next(c for c in world.served("pembalasan") if len(c.messages) > 3)
    old = [m.id for m in told.messages]
    world.advance(60)
    world.import_history(told.id, messages=150)
    path = f"{CONVERSATIONS}/{told.id}"
    row = get("chatwoot", path).json()
    assert row["last_activity_at"] == row["updated_at"] == world.now.timestamp()
    pages = [get("chatwoot", f"{path}/messages", after=0).json()["payload"]]
    while pages[-1]:
        newest = max(message["id"] for message in pages[-1])
        pages.append(get("chatwoot", f"{path}/messages", after=newest).json()["payload"])
    # whoever goes on after the newest id of a full page jumps over all that was there before
    assert [len(page) for page in pages] == [100, 51, 0]
    assert not {message["id"] for page in pages for message in page} & set(old)
    assert [m.created_at for m in told.messages] == sorted(m.created_at for m in told.messages)
    whole = get("chatwoot", f"{path}/messages", after=1, before=10**9).json()["payload"]
    assert [message["id"] for message in whole] == [m.id for m in told.messages]
    assert len(whole) == 150 + len(old) + 1
    assert row["messages"][0]["id"] == whole[-1]["id"] == max(message["id"] for message in whole)


def test_chatwoot_messages_have_the_documented_keys(get: Get, simulator: Simulator) -> None:
    for conversation in list(simulator.world.conversations)[:20]:
        answer = get("chatwoot", f"{CONVERSATIONS}/{conversation}/messages", after=0).json()
        assert keys_of(answer["meta"]) - {"assignee"} == {
            "labels", "additional_attributes", "contact", "agent_last_seen_at",
            "assignee_last_seen_at",
        }  # fmt: skip
        for message in answer["payload"]:
            assert keys_of(message) - {"sender", "attachments"} == set(MESSAGE_KEYS)


def test_a_deleted_message_keeps_its_id(get: Get, simulator: Simulator) -> None:
    message = simulator.world.delete_message()
    path = f"{CONVERSATIONS}/{message.conversation_id}/messages"
    answer = get("chatwoot", path, after=message.id, before=message.id + 1).json()["payload"]
    assert answer[0]["content"] == "This message was deleted"
    assert answer[0]["content_attributes"]["deleted"] is True


def post_filter(simulator: Simulator, body: Any, page: int = 1) -> httpx.Response:
    url = f"{simulator.base_url('chatwoot')}{CONVERSATIONS}/filter"
    return httpx.post(url, json=body, params={"page": page}, headers=HEADERS["chatwoot"])


def condition(key: str, operator: str, *values: Any, then: str | None = None) -> dict[str, Any]:
    named = {"attribute_key": key, "filter_operator": operator, "values": list(values)}
    return {**named, "query_operator": then}


def test_chatwoot_filter_finds_display_ids_of_every_status(simulator: Simulator) -> None:
    wanted = list(simulator.world.conversations)[:25]
    body = {"payload": [condition("display_id", "equal_to", *wanted, 99_999)]}
    answer = post_filter(simulator, body).json()
    assert keys_of(answer) == {"meta", "payload"}
    assert keys_of(answer["meta"]) == {"mine_count", "unassigned_count", "all_count"}
    assert {row["id"] for row in answer["payload"]} == set(wanted)


def test_chatwoot_filter_compares_utc_days_strictly(simulator: Simulator) -> None:
    world = simulator.world
    body = {"payload": [condition("created_at", "is_greater_than", "2026-05-01T23:00", then="AND"),
                        condition("created_at", "is_less_than", "2026-05-20")]}  # fmt: skip
    answer = post_filter(simulator, body).json()
    low, high = datetime(2026, 5, 2, tzinfo=UTC), datetime(2026, 5, 20, tzinfo=UTC)
    expected = {c.id for c in world.conversations.values() if low <= c.created_at < high}
    assert {row["id"] for row in answer["payload"]} == expected
    assert expected


def test_chatwoot_filter_refuses_what_it_cannot_read(simulator: Simulator) -> None:
    wrong_key = post_filter(simulator, {"payload": [condition("updated_at", "is_less_than", "x")]})
    assert wrong_key.status_code == 422
    assert "Invalid attribute key - [updated_at]" in wrong_key.json()["error"]
    epoch = post_filter(simulator, {"payload": [condition("created_at", "is_less_than", 17e8)]})
    assert epoch.status_code == 422
    assert post_filter(simulator, []).status_code == 500
    unfinished = condition("display_id", "equal_to", 1, then="AND")
    assert post_filter(simulator, {"payload": [unfinished]}).status_code == 500


def test_a_proxy_may_let_no_filter_through(get: Get, simulator: Simulator) -> None:
    simulator.settings.chatwoot_filter = False
    assert post_filter(simulator, {"payload": []}).status_code == 404
    assert get("chatwoot", CONVERSATIONS).status_code == 200


def test_one_orphan_breaks_its_whole_page(get: Get, simulator: Simulator) -> None:
    world = simulator.world
    orphan = list(world.conversations.values())[30]
    shared = [c.id for c in world.conversations.values() if c.contact_id == orphan.contact_id]
    world.delete_contact(orphan.contact_id, orphan=True)
    crash = (500, {"status": 500, "error": "Internal Server Error"})
    listed = get("chatwoot", CONVERSATIONS, status="all", sort_by="created_at_asc", page=2)
    shown = get("chatwoot", f"{CONVERSATIONS}/{orphan.id}")
    poisoned = post_filter(simulator, {"payload": [condition("display_id", "equal_to", *shared)]})
    thread = get("chatwoot", f"{CONVERSATIONS}/{orphan.id}/messages", after=0)
    for answer in (listed, shown, poisoned, thread):
        assert (answer.status_code, answer.json()) == crash
    healthy = {"payload": [condition("display_id", "not_equal_to", *shared)]}
    assert post_filter(simulator, healthy).status_code == 200


@pytest.mark.parametrize("spelling", ["api_access_token", "Api-Access-Token"])
def test_chatwoot_reads_both_spellings_of_its_header(get: Get, spelling: str) -> None:
    headers = {spelling: keys.CHATWOOT_ADMIN}
    assert get("chatwoot", "/api/v1/profile", headers=headers).json()["role"] == "administrator"


def test_chatwoot_refuses_in_its_own_words(get: Get) -> None:
    def refusal(path: str, token: str | None) -> tuple[int, Any]:
        headers = {"Api-Access-Token": token} if token else {}
        answer = get("chatwoot", path, headers=headers)
        return answer.status_code, answer.json()

    signed_out = {"errors": ["You need to sign in or sign up before continuing."]}
    assert refusal(CONVERSATIONS, None) == (401, signed_out)
    assert refusal(CONVERSATIONS, "wrong") == (401, {"error": "Invalid Access Token"})
    foreign = {"error": "You are not authorized to access this account"}
    assert refusal("/api/v1/accounts/2/agents", keys.CHATWOOT_ADMIN) == (401, foreign)
    missing = {"error": "Resource could not be found"}
    assert refusal("/api/v1/accounts/9/agents", keys.CHATWOOT_ADMIN) == (404, missing)
    assert refusal(f"{CONVERSATIONS}/1", keys.CHATWOOT_ADMIN) == (404, missing)
    denied = {"error": "You are not authorized to do this action"}
    assert refusal(f"{ACCOUNT}/csat_survey_responses", keys.CHATWOOT_AGENT) == (401, denied)
    unrouted = {"status": 404, "error": "Not Found"}
    assert refusal(f"{ACCOUNT}/nothing", keys.CHATWOOT_ADMIN) == (404, unrouted)


def test_an_agents_token_silently_sees_fewer_conversations(get: Get, simulator: Simulator) -> None:
    answer = get("chatwoot", CONVERSATIONS, {"api_access_token": keys.CHATWOOT_AGENT}, status="all")
    seen = {row["inbox_id"] for row in answer.json()["data"]["payload"]}
    assert seen == {4, 10}
    assert answer.json()["data"]["meta"]["all_count"] < 60


def test_only_administrators_are_shown_the_inboxes_secrets(get: Get) -> None:
    admin = get("chatwoot", f"{ACCOUNT}/inboxes")
    for secret in ("hmac_token", "imap_password", "provider_config", "auth_token"):
        assert secret in admin.text
    agent = get("chatwoot", f"{ACCOUNT}/inboxes", {"Api-Access-Token": keys.CHATWOOT_AGENT})
    assert keys.CANARY not in agent.text


def test_chatwoot_contacts_leave_out_anonymous_visitors(get: Get, simulator: Simulator) -> None:
    pages = [
        get("chatwoot", f"{ACCOUNT}/contacts", sort="created_at", page=n).json()
        for n in (1, 2, 3, 4)
    ]
    rows = [row for page in pages for row in page["payload"]]
    assert [len(page["payload"]) for page in pages][:2] == [15, 15]
    assert [row["id"] for row in rows] == [
        c.id for c in simulator.world.served_contacts("chatwoot")
    ]
    assert pages[0]["meta"]["count"] == len(rows) < len(simulator.world.contacts)
    assert pages[0]["meta"]["current_page"] == "1"
    assert get("chatwoot", f"{ACCOUNT}/contacts").json()["meta"]["current_page"] == 1
    assert rows[0]["contact_inboxes"][0]["source_id"]
    visitor = next(c for c in simulator.world.contacts.values() if not c.is_resolved)
    assert get("chatwoot", f"{ACCOUNT}/contacts/{visitor.id}").json()["payload"]["id"] == visitor.id


def test_csat_needs_both_ends_of_its_window(get: Get, simulator: Simulator) -> None:
    def ids(**params: Any) -> list[int]:
        return [
            row["id"]
            for row in get("chatwoot", f"{ACCOUNT}/csat_survey_responses", **params).json()
        ]

    answers = sorted(simulator.world.csat.values(), key=lambda r: r.created_at)
    middle = int(answers[len(answers) // 2].created_at.timestamp())
    assert ids(sort="created_at") == [r.id for r in answers]
    assert len(ids(since=middle)) == len(answers)
    late = ids(since=middle, until=middle + 10**8, sort="-created_at")
    assert late == [r.id for r in reversed(answers) if r.created_at.timestamp() >= middle]
    assert (
        get("chatwoot", f"{ACCOUNT}/csat_survey_responses", since="x", until="y").status_code == 500
    )


def test_the_small_lists_are_bare_or_wrapped_as_documented(get: Get) -> None:
    assert [row["id"] for row in get("chatwoot", f"{ACCOUNT}/teams").json()] == [5, 6, 8]
    assert len(get("chatwoot", f"{ACCOUNT}/agents").json()) == 6
    labels = get("chatwoot", f"{ACCOUNT}/labels").json()["payload"]
    assert list(labels[0]) == ["id", "title", "description", "color", "show_on_sidebar"]


def test_attachments_have_keys_of_their_type(get: Get, simulator: Simulator) -> None:
    world = simulator.world
    conversation = world.new_conversation()
    for file_type in ("image", "audio", "location"):
        world.new_message(conversation.id, attachment=file_type)
    answer = get("chatwoot", f"{CONVERSATIONS}/{conversation.id}/attachments").json()
    found = {row["file_type"]: row for row in answer["payload"]}
    assert answer["meta"] == {"total_count": 3}
    assert found["image"]["width"] == 640
    assert "transcribed_text" in found["audio"]
    assert "file_size" not in found["location"]


def test_chatwoots_throttle_is_plain_text_without_retry_after() -> None:
    with serve(World(conversations=1), chatwoot_requests_per_minute=3) as simulator:
        url = simulator.base_url("chatwoot") + CONVERSATIONS
        answers = [httpx.get(url, headers=HEADERS["chatwoot"]) for _ in range(8)]
    throttled = [answer for answer in answers if answer.status_code == 429]
    assert len(throttled) >= 2
    assert throttled[0].text == "Retry later\n"
    assert throttled[0].headers["content-type"].startswith("text/plain")
    assert "retry-after" not in throttled[0].headers


HILOS_KEYS = {
    "id", "contact", "status", "first_message", "assigned", "tags", "created_on", "source",
    "assigned_team", "channel",
}  # fmt: skip
HILOS_MESSAGE_KEYS = set(
    (
        "id to_number from_number body direction timestamp contact status queued_on accepted_on "
        "sent_on delivered_on read_on failed_on provider_id provider_error_code "
        "provider_error_message sent_by is_deleted content whatsapp_template content_type "
        "content_url msg_type failed_attempts source"
    ).split()
)


def test_hilos_rows_have_the_documented_keys(get: Get) -> None:
    rows = get("hilos", "/api/inbox/conversation").json()["results"]
    assert all(keys_of(row) == HILOS_KEYS for row in rows)
    messages = [row["first_message"] for row in rows if row["first_message"]]
    assert all(keys_of(message) == HILOS_MESSAGE_KEYS for message in messages)
    assert 0 < len(messages) < len(rows)
    assigned = next(row["assigned"][0] for row in rows if row["assigned"])
    assert list(assigned) == [
        "id", "first_name", "last_name", "email", "account", "profile_image", "date_joined",
    ]  # fmt: skip


def test_hilos_pages_end_with_no_next_and_then_404(get: Get, simulator: Simulator) -> None:
    path = "/api/inbox/conversation"
    first, last = (get("hilos", path, page_size=10, page=n).json() for n in (1, 2))
    assert (first["count"], first["previous"], last["next"]) == (18, None, None)
    assert first["next"] == f"{simulator.url}/hilos{path}?page_size=10&page=2"
    assert last["previous"] == f"{simulator.url}/hilos{path}?page_size=10"
    past = get("hilos", path, page_size=10, page=3)
    assert (past.status_code, past.json()) == (404, {"detail": "Invalid page."})
    ids = [row["id"] for row in first["results"] + last["results"]]
    served = sorted(simulator.world.served("hilos"), key=lambda c: c.created_at, reverse=True)
    assert ids == [c.uuid for c in served]


def test_hilos_clamps_a_large_page_and_forgives_a_wrong_one(get: Get, simulator: Simulator) -> None:
    simulator.settings.hilos_max_page_size = 5
    simulator.settings.hilos_page_size = 4
    path = "/api/inbox/conversation"
    assert len(get("hilos", path, page_size=1000).json()["results"]) == 5
    assert len(get("hilos", path, page_size="many").json()["results"]) == 4
    assert get("hilos", path, ordering="created_on", status="NEW").json()["count"] == 18


def test_hilos_times_carry_mexicos_offset_and_microseconds(get: Get, simulator: Simulator) -> None:
    row = get("hilos", "/api/inbox/conversation").json()["results"][0]
    conversation = next(c for c in simulator.world.served("hilos") if c.uuid == row["id"])
    assert row["created_on"].endswith("-06:00")
    assert datetime.fromisoformat(row["created_on"]) == conversation.created_at


def test_hilos_refuses_in_djangos_words(get: Get) -> None:
    path = "/api/inbox/conversation"
    bare = get("hilos", path, headers={"Authorization": keys.HILOS_KEY})
    assert bare.status_code == 401
    assert bare.json() == {"detail": "Authentication credentials were not provided."}
    wrong = get("hilos", path, headers={"Authorization": "Token wrong"})
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Invalid token."})
    assert wrong.headers["www-authenticate"] == "Token"
    assert get("hilos", path + "/").status_code == 404


def test_hilos_contacts_members_and_templates_answer(get: Get, simulator: Simulator) -> None:
    listed = get("hilos", "/api/contact").json()
    assert listed["count"] == len(simulator.world.served_contacts("hilos"))
    contact = listed["results"][0]
    detail = get("hilos", f"/api/contact/{contact['id']}").json()
    assert detail.items() >= contact.items()
    assert keys_of(detail) - keys_of(contact) == {
        "is_deleted", "notes", "default_assignees", "contact_import", "inbox_contacts",
        "default_channel", "default_conversation_url",
    }  # fmt: skip
    members = get("hilos", "/api/account-member").json()
    assert isinstance(members, list)
    assert {member["role"] for member in members} == {"ADMIN", "AGENT"}
    assert get("hilos", "/api/channels/whatsapp/template", status="rejected").json()["count"] == 1
    of_contact = get("hilos", "/api/inbox/conversation", contact=contact["id"]).json()
    assert {row["contact"] for row in of_contact["results"]} <= {contact["id"]}


def test_a_deleted_contact_leaves_hilos_conversations_their_reference(
    get: Get, simulator: Simulator
) -> None:
    contact = simulator.world.served_contacts("hilos")[0]
    simulator.world.delete_contact(contact.id, orphan=True)
    rows = get("hilos", "/api/inbox/conversation").json()["results"]
    assert contact.uuid in {row["contact"] for row in rows}
    assert get("hilos", f"/api/contact/{contact.uuid}").status_code == 404


def test_activecampaign_is_hilos_with_another_key_and_a_foreign_next(get: Get) -> None:
    path = f"{WHATSAPP}/inbox/conversation"
    answer = get("activecampaign", path, page_size=10).json()
    assert answer["next"].startswith("https://api.hilos.io/api/inbox/conversation?page_size=10")
    hilos = get("hilos", "/api/inbox/conversation", page_size=10).json()["results"]
    assert [row["id"] for row in answer["results"]] == [row["id"] for row in hilos]
    assert "FLOW_PAUSED" not in {row["status"] for row in answer["results"]}
    assert get("activecampaign", path, headers=HEADERS["hilos"]).status_code == 403
    assert get("activecampaign", f"{WHATSAPP}/contact").status_code == 404


def test_a_role_is_a_word_at_hilos_and_a_number_at_activecampaign(
    get: Get, simulator: Simulator
) -> None:
    conversation = simulator.world.new_conversation(channel=4, empty=True)
    simulator.world.new_message(conversation.id, kind="outgoing", agent=12)
    theirs = get("hilos", "/api/inbox/conversation").json()["results"][0]
    ours = get("activecampaign", f"{WHATSAPP}/inbox/conversation").json()["results"][0]
    assert theirs["first_message"]["sent_by"]["role"] == "AGENT"
    assert ours["first_message"]["sent_by"]["role"] == 3


@pytest.mark.parametrize(
    ("mode", "headers"),
    [
        ("authorization_token", {"Authorization": f"Token {keys.ACTIVECAMPAIGN_KEY}"}),
        ("token_header", {"Token": f"Token {keys.ACTIVECAMPAIGN_KEY}"}),
    ],
)
def test_activecampaign_accepts_only_the_way_it_is_set_to(
    get: Get, simulator: Simulator, mode: Any, headers: dict[str, str]
) -> None:
    path = f"{WHATSAPP}/inbox/conversation"
    assert get("activecampaign", path, headers=headers).status_code == 403
    simulator.settings.activecampaign_auth = mode
    assert get("activecampaign", path, headers=headers).status_code == 200


def test_activecampaign_says_when_to_come_back(get: Get, simulator: Simulator) -> None:
    simulator.settings.activecampaign_requests_per_second = 2
    path = f"{WHATSAPP}/inbox/conversation"
    answers = [get("activecampaign", path, page_size=1) for _ in range(8)]
    throttled = [answer for answer in answers if answer.status_code == 429]
    assert throttled
    assert throttled[0].headers["retry-after"] == "1"
    assert answers[0].headers["ratelimit-limit"] == "2"


def test_octopush_lists_bare_arrays_newest_first(get: Get, simulator: Simulator) -> None:
    rows = get("octopush", "/conversations/list").json()
    expected = ["conversation_id", "last_user_channel", "recipient_details", "agent_assigned_to",
                "from", "first_message_at", "last_message_at", "last_message", "purpose", "color",
                "number_of_messages"]  # fmt: skip
    assigned = [row for row in rows if "agent_assigned_to" in row]
    assert list(assigned[0]) == expected
    assert len(assigned) < len(rows) == 18
    times = [datetime.fromisoformat(row["last_message_at"]) for row in rows]
    assert times == sorted(times, reverse=True)
    assert {row["last_message_at"][-6:] for row in rows} == {"+01:00", "+02:00"}


def test_octopush_pages_end_with_an_empty_array(get: Get, simulator: Simulator) -> None:
    pages = [get("octopush", "/conversations/list", page=n, per_page=10).json() for n in (1, 2, 3)]
    assert [len(page) for page in pages] == [10, 8, 0]
    simulator.settings.octopush_max_per_page = 3
    assert len(get("octopush", "/conversations/list", per_page=10).json()) == 3


def test_octopush_messages_want_the_prefix_that_the_list_leaves_out(
    get: Get, simulator: Simulator
) -> None:
    row = get("octopush", "/conversations/list").json()[0]
    path = "/conversations/messages/list"
    messages = get("octopush", path, conversation_id=f"cid_{row['conversation_id']}").json()
    assert len(messages) == row["number_of_messages"]
    assert list(messages[0]) == [
        "message_id", "text", "direction", "delivery_status", "channel", "user_identifier",
        "user_identifiers", "agent_assigned_to",
    ]  # fmt: skip
    ignored = get("octopush", path, conversation_id=row["conversation_id"]).json()
    assert len(ignored) == 50
    assert len({message["user_identifier"] for message in ignored}) > 1


def test_octopush_wants_login_and_key(get: Get) -> None:
    headers = {"api-key": keys.OCTOPUSH_KEY}
    assert get("octopush", "/agents/list", headers=headers).status_code == 401
    agents = get("octopush", "/agents/list").json()
    assert "id" not in agents[0]
    assert {agent["role"] for agent in agents} == {"ROLE_OWNER", "ROLE_AGENT"}


PUBLIC_KEYS = ["id", "uuid", "inbox_id", "contact_last_seen_at", "status", "agent_last_seen_at",
               "messages", "contact"]  # fmt: skip


def public_path(world: World, conversation: Conversation) -> str:
    inbox = world.channels[10].identifier
    return f"/public/api/v1/inboxes/{inbox}/contacts/{conversation.source_id}/conversations"


def test_pembalasan_embeds_public_messages_without_a_token(get: Get, simulator: Simulator) -> None:
    world = simulator.world
    conversation = max(world.served("pembalasan"), key=lambda c: len(c.messages))
    path = public_path(world, conversation)
    rows = get("pembalasan", path, headers={}).json()
    row = next(row for row in rows if row["id"] == conversation.id)
    assert list(row) == PUBLIC_KEYS
    assert [m["id"] for m in row["messages"]] == [m.id for m in conversation.public_messages]
    assert len(row["messages"]) < len(conversation.messages)
    assert row["contact"]["updated_at"].endswith("Z")
    assert get("pembalasan", f"{path}/{conversation.id}", headers={}).json() == row
    first, *_, last = conversation.public_messages
    older = get("pembalasan", f"{path}/{conversation.id}/messages", before=last.id, after=first.id)
    assert [m["id"] for m in older.json()] == [m.id for m in conversation.public_messages][-21:-1]


def test_pembalasan_knows_no_other_inbox_or_contact(get: Get, simulator: Simulator) -> None:
    path = "/public/api/v1/inboxes/{}/contacts/nobody/conversations"
    for inbox in ("4", simulator.world.channels[10].identifier):
        answer = get("pembalasan", path.format(inbox), headers={})
        assert (answer.status_code, answer.json()) == (404, {"status": 404, "error": "Not Found"})


def test_a_verified_contact_is_shown_its_conversations_of_every_inbox(
    get: Get, simulator: Simulator
) -> None:
    world = simulator.world
    conversation = world.served("pembalasan")[0]
    contact = world.contacts[conversation.contact_id]
    elsewhere = world.new_conversation(channel=9, contact=contact.id)
    path = public_path(world, conversation)
    assert elsewhere.id not in {row["id"] for row in get("pembalasan", path, headers={}).json()}
    contact.addresses[0].verified = True
    assert elsewhere.id in {row["id"] for row in get("pembalasan", path, headers={}).json()}


def test_pembalasans_account_api_is_chatwoots(get: Get, simulator: Simulator) -> None:
    data = get("pembalasan", CONVERSATIONS, status="all").json()["data"]
    assert {row["id"] for row in data["payload"]} == {
        c.id for c in simulator.world.served("pembalasan")
    }
    contacts = get("pembalasan", f"{ACCOUNT}/contacts").json()["payload"]
    assert {i["inbox"]["id"] for c in contacts for i in c["contact_inboxes"]} == {10}


def test_the_date_header_is_the_worlds_clock(get: Get, simulator: Simulator) -> None:
    simulator.world.advance(90)
    answer = get("chatwoot", "/api")
    assert parsedate_to_datetime(answer.headers["date"]) == datetime(
        2026, 6, 1, 0, 1, 30, tzinfo=UTC
    )
    assert len(answer.headers.get_list("date")) == 1


def test_requests_are_logged(get: Get, simulator: Simulator) -> None:
    get("hilos", "/api/contact", page=2)
    logged = simulator.requests[-1]
    assert (logged.provider, logged.method, logged.status) == ("hilos", "GET", 404)
    assert (logged.path, logged.query) == ("/hilos/api/contact", "page=2")


def test_the_control_api_changes_the_world(simulator: Simulator) -> None:
    with httpx.Client(base_url=simulator.url + "/_simulator") as control:
        before = control.get("/world").json()
        changed = control.post("/change", json={"change": "new_conversation", "channel": 4}).json()
        assert changed["id"] in simulator.world.conversations
        assert (
            control.post("/clock", json={"advance_seconds": 60})
            .json()["now"]
            .endswith("00:01:00+00:00")
        )
        assert control.get("/world").json()["conversations"] == before["conversations"] + 1
        assert control.post("/change", json={"change": "explode"}).status_code == 422
        nobody = {"change": "assign", "conversation": 5}
        assert control.post("/change", json=nobody).json() == {"error": "no id 5"}
        wrong = {"change": "new_message", "kind": "inbound"}
        assert control.post("/change", json=wrong).status_code == 422
        assert "colour" in control.post("/change", json={"change": "tag", "colour": 1}).text
        assert control.post("/faults", json={"kind": "status", "status": 503}).json()["used"] == 0
        assert httpx.get(simulator.url + "/chatwoot/api").status_code == 503
        assert control.get("/faults").json()[0]["used"] == 1
        assert control.post("/faults", json={"kind": "gremlin"}).status_code == 422
        assert control.delete("/faults").status_code == 204
        assert control.get("/requests").json()[-1]["status"] == 503
        control.delete("/requests")
        assert control.get("/requests").json() == []


def test_a_fault_strikes_after_so_many_requests_and_so_many_times(
    get: Get, simulator: Simulator
) -> None:
    simulator.faults.add(
        Fault("status", path="/contact", status=429, retry_after="3", after=1, times=2)
    )
    statuses = [get("hilos", "/api/contact").status_code for _ in range(5)]
    assert statuses == [200, 429, 429, 200, 200]
    assert get("hilos", "/api/account-member").status_code == 200


def test_a_throttling_fault_may_say_when_to_come_back(get: Get, simulator: Simulator) -> None:
    simulator.faults.add(Fault("status", status=429, retry_after="3"))
    simulator.faults.add(Fault("status", status=429, after=1))
    assert get("octopush", "/agents/list").headers["retry-after"] == "3"
    assert "retry-after" not in get("octopush", "/agents/list").headers


def test_a_slow_answer_is_a_read_timeout(simulator: Simulator) -> None:
    simulator.faults.add(Fault("slow", seconds=30))
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(simulator.url + "/chatwoot/api", timeout=0.05)


def test_a_cut_connection_ends_inside_the_body(simulator: Simulator) -> None:
    simulator.faults.add(Fault("cut"))
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(simulator.url + "/chatwoot/api")


@pytest.mark.parametrize(
    ("kind", "content"), [("truncated", b'{"version"'), ("html", b"<!doctype"), ("empty", b"")]
)
def test_a_body_may_be_no_json(get: Get, simulator: Simulator, kind: Any, content: bytes) -> None:
    simulator.faults.add(Fault(kind))
    answer = get("chatwoot", "/api")
    assert answer.status_code == 200
    assert answer.content.startswith(content)
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_an_envelope_may_hold_no_rows(get: Get, simulator: Simulator) -> None:
    def answers() -> list[Any]:
        paths = (
            ("chatwoot", CONVERSATIONS),
            ("chatwoot", f"{ACCOUNT}/contacts"),
            ("hilos", "/api/inbox/conversation"),
            ("octopush", "/conversations/list"),
            ("chatwoot", "/api"),
        )
        return [get(provider, path).json() for provider, path in paths]

    conversations, contacts, hilos, octopush, version = answers()
    simulator.faults.add(Fault("no_rows", times=None))
    assert (
        conversations["data"]["payload"] and contacts["payload"] and hilos["results"] and octopush
    )
    conversations["data"]["payload"] = contacts["payload"] = hilos["results"] = []
    assert answers() == [conversations, contacts, hilos, [], version]


def test_a_repeated_page_ignores_the_parameter(get: Get, simulator: Simulator) -> None:
    simulator.faults.add(Fault("repeat_page", times=None))
    pages = [get("octopush", "/conversations/list", page=n, per_page=5).json() for n in (1, 2, 9)]
    assert pages[0] == pages[1] == pages[2]
    assert len(pages[0]) == 5


def test_a_clamped_page_size_is_never_mentioned(get: Get, simulator: Simulator) -> None:
    simulator.faults.add(Fault("clamp", size=3, times=None))
    assert len(get("hilos", "/api/inbox/conversation", page_size=50).json()["results"]) == 3
    assert len(get("octopush", "/conversations/list", per_page=2).json()) == 2
    assert len(get("octopush", "/conversations/list").json()) == 3


def test_records_may_have_odd_fields(get: Get, simulator: Simulator) -> None:
    simulator.faults.add(Fault("extra_field", field="sentiment_score", records="all"))
    assert {row["sentiment_score"] for row in chatwoot_list(get)} == {7}
    simulator.faults.add(Fault("wrong_type", field="status", records="some"))
    assert [row["status"] == 7 for row in chatwoot_list(get)][:4] == [True, False, False, True]
    simulator.faults.add(Fault("null_id"))
    assert get("octopush", "/conversations/list").json()[0]["conversation_id"] is None


def test_faults_of_a_chance_are_the_same_for_one_seed() -> None:
    def statuses() -> list[int]:
        with serve(World(conversations=1)) as simulator, httpx.Client() as client:
            simulator.faults.add(Fault("status", probability=0.5, times=None))
            return [client.get(simulator.url + "/chatwoot/api").status_code for _ in range(12)]

    assert statuses() == statuses()
    assert set(statuses()) == {200, 500}


def test_a_connection_is_kept_alive(simulator: Simulator) -> None:
    address = ("127.0.0.1", int(simulator.url.rsplit(":", 1)[1]))
    with socket.create_connection(address) as connection:
        for _ in range(3):
            connection.sendall(b"GET /chatwoot/api HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while b"data_services" not in received:
                received += connection.recv(65536)
            assert received.startswith(b"HTTP/1.1 200")


def test_the_server_stops_at_once_even_with_requests_under_way() -> None:
    with serve(World(conversations=1)) as simulator, httpx.Client() as client:
        client.get(simulator.url + "/chatwoot/api")
        simulator.faults.add(Fault("slow", seconds=30))
        with pytest.raises(httpx.ReadTimeout):
            client.get(simulator.url + "/chatwoot/api", timeout=0.05)
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 0.5
    with pytest.raises(httpx.ConnectError):
        httpx.get(simulator.url)


def test_static_pages_are_complete_and_in_order() -> None:
    app = StaticApp(130)
    pages = [
        json.loads(app.page(b"sort_by=created_at_asc&page=%d" % n))["data"] for n in range(1, 8)
    ]
    rows = [row for page in pages for row in page["payload"]]
    assert [row["id"] for row in rows] == list(range(1, 131))
    assert [len(page["payload"]) for page in pages] == [25, 25, 25, 25, 25, 5, 0]
    assert len({row["uuid"] for row in rows}) == 130
    assert len({row["meta"]["sender"]["id"] for row in rows}) > 110
    assert [row["last_activity_at"] for row in rows] == sorted(
        row["last_activity_at"] for row in rows
    )
    assigned = sum(row["meta"].get("assignee_type") == "User" for row in rows)
    assert pages[0]["meta"]["assigned_count"] == assigned
    newest = json.loads(app.page(b"status=all"))["data"]["payload"]
    assert newest == rows[:-26:-1]
    assert list(newest[0]) == CONVERSATION_KEYS


@pytest.mark.parametrize("rounds", [1, 3])
def test_static_threads_end_with_the_message_that_the_list_embeds(rounds: int) -> None:
    app = StaticApp(100, rounds=rounds)
    row = json.loads(app.page(b""))["data"]["payload"][0]
    thread = json.loads(app.thread(row["id"], b"after=0"))["payload"]
    assert thread[-1]["id"] == row["messages"][0]["id"]
    assert thread[-1]["created_at"] == row["last_activity_at"]
    assert len(thread) % rounds == 0
    for field in ("id", "created_at"):
        values = [message[field] for message in thread]
        assert values == sorted(set(values))
    assert json.loads(app.thread(row["id"], b"after=%d" % thread[-1]["id"]))["payload"] == []


def test_static_counts_its_requests() -> None:
    with static_server("--conversations", "5") as client:
        for _ in range(2):
            client.get("/chatwoot/api/v1/accounts/1/conversations")
        counted = client.base_url.join("/requests")
        assert [client.get(counted).text for _ in range(2)] == ["2", "2"]


def test_static_lists_what_changed_lately_without_pages() -> None:
    app = StaticApp(130)
    data = json.loads(app.page(b"status=all&updated_within=86400"))["data"]
    assert (data["payload"], data["meta"]["all_count"]) == ([], 130)
    rows = json.loads(app.page(b"status=all&updated_within=87000&page=9"))["data"]["payload"]
    assert len(rows) == 30
    assert min(row["updated_at"] for row in rows) > app.now - 87_000
    assert json.loads(app.page(b"updated_within=1000000"))["data"]["payload"][129]["id"] == 1


@contextmanager
def static_server(*options: str) -> Iterator[httpx.Client]:
    """A client of `python -m talkhouse.simulator --static`."""
    command = [sys.executable, "-m", "talkhouse.simulator", "--static", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with httpx.Client(base_url=f"{url}/chatwoot", headers=HEADERS["chatwoot"]) as client:
                yield client
        finally:
            process.terminate()


def test_the_module_runs_as_a_command() -> None:
    with static_server("--conversations", "50") as client:
        page = client.get(CONVERSATIONS, params={"page": 2}).json()["data"]
        assert client.get(f"{ACCOUNT}/agents").status_code == 200
        wanted = {"payload": [condition("display_id", "equal_to", *range(11, 99))]}
        path = f"{CONVERSATIONS}/filter"
        pages = [client.post(path, params={"page": n}, json=wanted).json() for n in (1, 2, 3)]
        other = {"payload": [condition("status", "equal_to", "open")]}
        assert client.post(path, json=other).status_code == 422
    assert len(page["payload"]) == 25
    assert page["meta"]["all_count"] == 50
    found = [row for filtered in pages for row in filtered["payload"]]
    assert [row["id"] for row in found] == list(range(50, 10, -1))
    assert [len(filtered["payload"]) for filtered in pages] == [25, 15, 0]
    assert page["payload"][0] == next(row for row in found if row["id"] == 25)
    assigned = sum(row["meta"].get("assignee_type") == "User" for row in found)
    counts = {"mine_count": 0, "unassigned_count": 40 - assigned, "all_count": 40}
    assert all(filtered["meta"] == counts for filtered in pages)


def test_late_answers_do_not_wait_for_each_other() -> None:
    with static_server("--latency", "0.5") as client, ThreadPoolExecutor(6) as threads:
        began = time.monotonic()
        answers = list(threads.map(client.get, [CONVERSATIONS, f"{ACCOUNT}/agents"] * 3))
        elapsed = time.monotonic() - began
    assert {answer.status_code for answer in answers} == {200}
    assert 0.5 <= elapsed < 2
