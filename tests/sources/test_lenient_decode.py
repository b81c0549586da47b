"""Records that are not as declared: nothing of them is lost, whatever was changed in them."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talkhouse.simulator import World
from talkhouse.simulator.activecampaign import ActiveCampaignJson
from talkhouse.simulator.chatwoot_account import AccountLists
from talkhouse.simulator.chatwoot_json import ChatwootJson
from talkhouse.simulator.hilos_json import HilosJson
from talkhouse.simulator.octopush import OctopushApi
from talkhouse.simulator.pembalasan import PembalasanApi
from talkhouse.simulator.settings import Settings
from talkhouse.sources.activecampaign.records import Template as ActiveCampaignTemplate
from talkhouse.sources.chatwoot.records.account import Agent, CsatResponse, Inbox
from talkhouse.sources.chatwoot.records.contacts import Contact as ChatwootContact
from talkhouse.sources.chatwoot.records.conversations import Conversation as ChatwootConversation
from talkhouse.sources.chatwoot.records.conversations import (
    ConversationLabel,
    labels_of,
    last_messages_of,
)
from talkhouse.sources.chatwoot.records.messages import Message as ChatwootMessage
from talkhouse.sources.hilos.records.account import Contact as HilosContact
from talkhouse.sources.hilos.records.account import Template, User
from talkhouse.sources.hilos.records.conversations import Conversation as HilosConversation
from talkhouse.sources.octopush.records import Conversation as OctopushConversation
from talkhouse.sources.octopush.records import Message as OctopushMessage
from talkhouse.sources.pembalasan.records import Conversation as PembalasanConversation
from talkhouse.sources.rows.lenient_decode import Findings
from talkhouse.sources.rows.page import Page, PageDecoder
from talkhouse.sources.rows.record import ELSEWHERE, Id, Int, Part, Record
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.rows.table import Table

WORLD = World(conversations=40)


def samples() -> list[tuple[type[Record], dict[str, Any]]]:
    """A row of each kind, the fullest that the World has."""
    threads = list(WORLD.conversations.values())
    viewer = WORLD.agents[11]
    chatwoot, lists = ChatwootJson(WORLD, viewer), AccountLists(WORLD, "chatwoot")
    hilos, activecampaign = HilosJson(WORLD), ActiveCampaignJson(WORLD)
    octopush, pembalasan = OctopushApi(WORLD, Settings()), PembalasanApi(WORLD, Settings())
    sms = WORLD.served("octopush")
    messages = [(m, c) for c in threads for m in c.messages]
    template = next(iter(WORLD.templates.values()))
    kinds: list[tuple[type[Record], list[dict[str, Any]]]] = [
        (ChatwootConversation, [chatwoot.conversation(c) for c in threads]),
        (ChatwootMessage, [chatwoot.thread_message(m, c) for m, c in messages]),
        (
            ChatwootContact,
            [lists.contact_row(c, chatwoot, inboxes=True) for c in WORLD.contacts.values()],
        ),
        (CsatResponse, [lists.csat_row(r, chatwoot) for r in WORLD.csat.values()]),
        (HilosConversation, [hilos.conversation(c) for c in WORLD.served("hilos")]),
        (HilosConversation, [activecampaign.conversation(c) for c in WORLD.served("hilos")]),
        (HilosContact, [hilos.contact(c) for c in WORLD.contacts.values()]),
        (User, [hilos.member(a) for a in WORLD.agents.values()]),
        (Template, [hilos.template(template)]),
        (ActiveCampaignTemplate, [activecampaign.template(template)]),
        (OctopushConversation, [octopush.conversation(c) for c in sms]),
        (OctopushMessage, [octopush.message(m, c) for c in sms for m in c.public_messages]),
        (
            PembalasanConversation,
            [pembalasan.document(c, WORLD.contacts[c.contact_id]) for c in threads],
        ),
    ]
    return [(record, max(rows, key=lambda row: len(json.dumps(row)))) for record, rows in kinds]


SAMPLES = samples()
ids = [f"{record.__module__.split('.')[1]}-{record.__name__}" for record, _ in SAMPLES]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(["2026-06-01T09:00:00Z", "2026-06-01", "", "0", "id"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
names = st.sampled_from(["mood", "id", "name", "a.b", "meta.channel", "_extra", "account", ""])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something may be changed: every key and every item, at any depth."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, child in inner:
        yield (*path, name)
        if isinstance(child, dict | list):
            yield from places(child, (*path, name))


@st.composite
def mutated(draw: st.DrawFn, row: dict[str, Any]) -> dict[str, Any]:
    """The row with one to three fields dropped, added or of another type, anywhere in it."""
    row = json.loads(json.dumps(row))
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(row))
        if not found:
            break
        *path, name = draw(st.sampled_from(found))
        holder = row
        for step in path:
            holder = holder[step]
        match draw(st.sampled_from(["drop", "add", "retype"])):
            case "drop":
                del holder[name]
            case "add" if isinstance(holder, dict):
                holder[draw(names)] = draw(values)
            case _:
                holder[name] = draw(values)
    return row


def leaves(value: Any) -> Iterator[Any]:
    """Every value in a document, times as seconds; an empty object or array is one itself."""
    if isinstance(value, dict | list) and value:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    elif isinstance(value, str):
        yield _seconds(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
    elif value not in (None, [], {}):
        yield value


def _seconds(text: str) -> Any:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment.timestamp() if moment.tzinfo else text


def held(value: Any) -> Iterator[Any]:
    """Every value that a record holds, in its fields, its parts and what no column takes."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from held(getattr(value, name))
    elif isinstance(value, list):
        for inner in value:
            yield from held(inner)
    elif isinstance(value, msgspec.Raw):
        yield from leaves(json.loads(bytes(value) or b"null"))
    elif isinstance(value, datetime):
        yield value.timestamp()
    else:
        yield from leaves(value)


def decoded(record: type[Record], row: Any) -> Page[Any]:
    return PageDecoder(record)(json.dumps([row]).encode())


@pytest.mark.parametrize("record, row", SAMPLES, ids=ids)
def test_a_row_as_declared_is_held_whole(record: type[Record], row: dict[str, Any]) -> None:
    page = decoded(record, row)
    assert not page.findings.drift and not page.findings.rejects
    assert not Counter(leaves(row)) - Counter(held(page.rows))


@pytest.mark.parametrize("record, row", SAMPLES, ids=ids)
def test_no_value_of_a_row_that_is_not_as_declared_is_lost(
    record: type[Record], row: dict[str, Any]
) -> None:
    @settings(
        max_examples=60, deadline=None, database=None, derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(mutated(row))
    def none_is_lost(changed: dict[str, Any]) -> None:
        page = decoded(record, changed)
        whole = [each for each in page.findings.rejects if each.table_name == record.table]
        assert len(page.rows) + len(whole) == 1
        kept = [*page.rows, *(reject.row for reject in page.findings.rejects)]
        assert not Counter(leaves(changed)) - Counter(held(kept))

    none_is_lost()


def conversation(**changed: Any) -> Page[Any]:
    row: dict[str, Any] = {"conversation_id": "c1", "number_of_messages": 2, "from": "12345"}
    return decoded(OctopushConversation, row | changed)


def test_the_fields_that_fit_fill_their_columns() -> None:
    [row] = conversation(color="red").rows
    assert (row.conversation_id, row.number_of_messages, row.from_) == ("c1", 2, "12345")
    assert (row.color, row._extra) == (None, {"color": "red"})


def test_what_is_unknown_hides_nothing_that_comes_after_it() -> None:
    [row] = decoded(OctopushConversation, {"mood": "good", "conversation_id": "c1"}).rows
    assert (row.conversation_id, row._extra) == ("c1", {"mood": "good"})


@pytest.mark.parametrize("sent", [{"a": 1}, None, 7])
def test_a_field_of_the_name_of_a_column_of_ours_is_as_unknown_as_another(sent: Any) -> None:
    page = conversation(_extra=sent)
    assert page.rows[0]._extra == {"_extra": sent}
    assert page.findings.drift == {("conversations", "_extra", "unknown field"): 1}
    tag = {"id": 41, "name": "vip", "_is_empty": True}
    [found] = decoded(HilosConversation, {"id": "c1", "tags": [tag]}).rows
    assert (found.tags[0]._is_empty, found.tags[0]._extra) == (None, {"_is_empty": True})


def test_a_field_inside_a_part_is_kept_by_its_path() -> None:
    [row] = conversation(recipient_details={"name": "Ana", "phone_number": 351, "vip": True}).rows
    assert row.recipient_details.name == "Ana"
    assert row._extra == {"recipient_details.phone_number": 351, "recipient_details.vip": True}


def test_a_name_with_a_dot_is_not_taken_for_a_path() -> None:
    [row] = conversation(recipient_details={"vip": True}, **{"recipient_details.vip": 7}).rows
    assert row._extra == {"recipient_details.vip": True, '"recipient_details.vip"': 7}


def test_a_part_that_is_none_is_kept_whole() -> None:
    [row] = conversation(recipient_details="Ana").rows
    assert (row.recipient_details, row._extra) == (None, {"recipient_details": "Ana"})


def test_drift_is_counted_by_field_and_problem() -> None:
    rows = [{"conversation_id": f"c{n}", "color": "red", "mood": n} for n in range(3)]
    rows += [{"conversation_id": "c3", "color": None}, {"conversation_id": "c4", "color": {}}]
    findings = PageDecoder(OctopushConversation)(json.dumps(rows).encode()).findings
    assert findings.drift == {
        ("conversations", "color", "found text"): 3,
        ("conversations", "mood", "unknown field"): 3,
        ("conversations", "color", "found object"): 1,
    }


@pytest.mark.parametrize(
    "row, reason",
    [
        ({"color": 1}, "no usable conversation_id"),
        ({"conversation_id": None}, "no usable conversation_id"),
        ({"conversation_id": {"a": 1}}, "no usable conversation_id"),
        (None, "expected an object, found null"),
        ([1], "expected an object, found array"),
        ("c1", "expected an object, found text"),
        (7, "expected an object, found number"),
        (True, "expected an object, found true or false"),
    ],
)
def test_a_row_that_cannot_be_keyed_is_rejected_as_it_came(row: Any, reason: str) -> None:
    page = decoded(OctopushConversation, row)
    [reject] = page.findings.rejects
    assert page.rows == []
    assert (reject.table_name, reject.reason) == ("conversations", reason)
    assert json.loads(bytes(reject.row)) == row


def test_a_rejected_row_does_not_take_the_others_with_it() -> None:
    page = PageDecoder(OctopushConversation)(b'[{"color": 1}, {"conversation_id": "c1"}, 1e999]')
    assert [row.conversation_id for row in page.rows] == ["c1"]
    reasons = [reject.reason for reject in page.findings.rejects]
    assert reasons == ["no usable conversation_id", "a number in it is out of range"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (rb"cut \ud83d", "cut \ufffd"),
        (rb"\ud83d\ude00 and \uDC00", "\U0001f600 and \ufffd"),
        (rb"\\ud83d is text, \ud83d is not", "\\ud83d is text, \ufffd is not"),
    ],
)
def test_half_a_character_costs_that_half(sent: bytes, kept: str) -> None:
    page = PageDecoder(OctopushConversation)(
        b'[{"conversation_id": "c1", "last_message": "' + sent + b'"}]'
    )
    assert [row.last_message for row in page.rows] == [kept]
    assert page.findings.drift == {("conversations", "(any text)", "found half a character"): 1}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(rb"a\u0000b", "a\ufffdb"), (rb"\\u0000 is text", "\\u0000 is text")],
)
def test_the_character_0_costs_itself(sent: bytes, kept: str) -> None:
    page = PageDecoder(OctopushConversation)(
        b'[{"conversation_id": "c1", "last_message": "' + sent + b'"}]'
    )
    assert [row.last_message for row in page.rows] == [kept]
    told = ("conversations", "(any text)", "found a character 0")
    assert page.findings.drift == ({told: 1} if "\ufffd" in kept else {})


@pytest.mark.parametrize(
    ("sent", "kept", "told"),
    [
        (b"a\xffb", "a\ufffdb", "bytes that are no UTF-8"),
        (rb"cut \ud83d", "cut \ufffd", "half a character"),
        (rb"a\u0000b", "a\ufffdb", "a character 0"),
    ],
)
def test_what_is_no_text_is_mended_inside_kept_json_too(sent: bytes, kept: str, told: str) -> None:
    page = PageDecoder(HilosContact)(b'[{"id": "c1", "meta": {"note": "' + sent + b'"}}]')
    assert [msgspec.json.decode(row.meta) for row in page.rows] == [{"note": kept}]
    assert page.findings.drift == {("contacts", "(any text)", f"found {told}"): 1}


LONG = b"9" * 200_000


@pytest.mark.parametrize("sent", [b"1e999999", b"-2.5E-12345", LONG, b"0." + LONG])
def test_a_number_that_no_database_takes_is_kept_as_text(sent: bytes) -> None:
    page = PageDecoder(HilosContact)(
        b'[{"id": "c1", "meta": {"n": ' + sent + b', "text": ": 1e999999", "m": 1e300}}]'
    )
    assert [msgspec.json.decode(row.meta) for row in page.rows] == [
        {"n": sent.decode(), "text": ": 1e999999", "m": 1e300}
    ]
    told = ("contacts", "(any number)", "found one beyond all bounds, kept as text")
    assert page.findings.drift == {told: 1}


@pytest.mark.parametrize("sent", [b"1e308", b"-0.5E-300", b"9" * 900, b'"' + LONG + b'"'])
def test_a_number_within_bounds_stays_one(sent: bytes) -> None:
    page = PageDecoder(HilosContact)(b'[{"id": "c1", "meta": {"n": ' + sent + b"}}]")
    assert [bytes(row.meta) for row in page.rows] == [b'{"n": ' + sent + b"}"]
    assert page.findings.drift == {}


def test_what_both_copies_of_a_message_hold_beyond_their_type_is_kept() -> None:
    one = {"id": 5, "from_the_list": 1}
    row = {"id": 1, "messages": [one], "last_non_activity_message": {"id": 5, "alone": 2}}
    [message] = last_messages_of(decoded(ChatwootConversation, row).rows[0])
    assert message._extra == {"from_the_list": 1, "alone": 2}


def test_the_same_row_is_rejected_once_under_the_same_hash() -> None:
    hashes = [decoded(OctopushConversation, {"color": 1}).findings.rejects[0].row_hash] * 2
    assert hashes[0] == decoded(OctopushConversation, {"color": 1}).findings.rejects[0].row_hash
    assert hashes[0] != decoded(OctopushConversation, {"color": 2}).findings.rejects[0].row_hash


@pytest.mark.parametrize("record", [Inbox, Agent])
def test_what_may_hold_a_secret_keeps_nothing_unknown(record: type[Record]) -> None:
    [row] = decoded(record, {"id": 1, "new_password": "s3cret", "name": {"k": "s3cret"}}).rows
    assert row._extra is None
    [row] = decoded(record, {"id": 1, "_extra": {"new_password": "s3cret"}}).rows
    assert row._extra is None
    page = decoded(record, {"id": None, "new_password": "s3cret"})
    assert bytes(page.findings.rejects[0].row) == b""
    assert "s3cret" not in str(page.findings.drift)


def test_an_unknown_field_of_a_row_within_a_row_is_the_inner_rows() -> None:
    inner = {"id": 41, "name": "vip", "color": "red"}
    row = {"id": "c1", "contact": "k", "tags": [inner], "assigned": [], "mood": "good"}
    [found] = decoded(HilosConversation, row).rows
    assert found._extra == {"mood": "good"}
    assert found.tags[0]._extra == {"color": "red"}


def test_a_row_within_a_row_that_cannot_be_keyed_costs_its_siblings_nothing() -> None:
    tags = [{"id": 41, "name": "vip"}, {"name": "nameless"}, 7]
    page = decoded(HilosConversation, {"id": "c1", "tags": tags})
    assert [(tag.id, tag.name) for tag in page.rows[0].tags] == [(41, "vip")]
    rejected = [(each.table_name, bytes(each.row), each.reason) for each in page.findings.rejects]
    assert rejected == [
        ("conversation_tags", b'{"name":"nameless"}', "no usable id"),
        ("conversation_tags", b"7", "expected an object, found number"),
    ]


def test_where_a_field_is_not_as_declared_its_rows_are_not_taken_to_be_gone() -> None:
    labels = Table(ConversationLabel, labels_of, "labels")
    [unknown] = decoded(ChatwootConversation, {"id": 1, "labels": "vip"}).rows
    [none] = decoded(ChatwootConversation, {"id": 2, "labels": []}).rows
    assert labels.arrow([unknown, none], Terms("shop")).column("conversation_id").to_pylist() == [2]


def test_a_null_list_is_kept_as_what_it_is() -> None:
    [row] = decoded(HilosConversation, {"id": "c1", "tags": None}).rows
    assert (row.tags, row._extra) == ([], {"tags": None})


def test_a_body_that_is_no_list_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        PageDecoder(OctopushConversation)(b'{"message": "Unauthorized."}')


class Line(Part, kw_only=True):
    """A part that comes in lists."""

    n: Annotated[Int, "How many."] = None


class Order(Record, kw_only=True):
    """A record with such a list."""

    table: ClassVar[str] = "orders"
    id: Annotated[Id, "Its number."]
    lines: Annotated[list[Line], ELSEWHERE] = []


def test_what_is_unknown_in_a_list_of_parts_is_kept_with_the_record() -> None:
    page = decoded(Order, {"id": 1, "lines": [{"n": 1, "new": 2}, {"n": "x"}]})
    [order] = page.rows
    assert [line.n for line in order.lines] == [1, None]
    assert order._extra == {"lines.new": 2, "lines.n": "x"}
    told = [
        (row.table_name, row.field, row.problem, row.rows) for row in page.findings.drift_rows()
    ]
    assert told == [
        ("orders", "lines.new", "unknown field", 1),
        ("orders", "lines.n", "found text", 1),
    ]


def test_a_list_that_has_more_than_parts_is_kept_as_it_came() -> None:
    [order] = decoded(Order, {"id": 1, "lines": [{"n": 1}, 7]}).rows
    assert (order.lines, order._extra) == ([], {"lines": [{"n": 1}, 7]})


class Entry(Record, kw_only=True):
    """A record that two numbers identify."""

    table: ClassVar[str] = "entries"
    order_id: Annotated[Id, "The order's."]
    number: Annotated[Id, "Its place in that."]


def test_of_what_identifies_a_row_all_that_lacks_is_told() -> None:
    [reject] = decoded(Entry, {"number": "one"}).findings.rejects
    assert reject.reason == "no usable order_id, number"


def test_a_number_that_no_column_can_hold_is_kept_beside_it() -> None:
    [order] = decoded(Order, {"id": 1, "lines": [{"n": 2**63}], "new": 1}).rows
    assert (order.lines, order._extra) == ([Line()], {"lines.n": 2**63, "new": 1})


def test_findings_of_batches_add_up() -> None:
    whole, more = Findings(), Findings()
    whole.drifted("orders", "n", "found text")
    whole.rejected(Order, b"[]", "expected an object, found array")
    for _ in range(2):
        more.drifted("orders", "n", "found text")
    more.drifted("orders", "m", "unknown field")
    more.rejected(Order, b"{}", "no usable id")
    before = [*whole.rejects, *more.rejects]
    whole.add(more)
    assert whole.drift == {("orders", "n", "found text"): 3, ("orders", "m", "unknown field"): 1}
    assert whole.rejects == before


def test_a_row_that_cannot_be_given_is_told_by_its_name() -> None:
    findings = Findings()
    findings.unreadable(Order, "row 3", "it answered 500")
    [reject] = findings.rejects
    assert (reject.table_name, bytes(reject.row)) == ("orders", b"")
    assert reject.reason == "orders row 3 cannot be read: it answered 500"
    assert reject.row_hash == hashlib.sha256(b"orders row 3").hexdigest()
