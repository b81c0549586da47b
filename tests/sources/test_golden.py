"""Every value of every documented answer is found again in the tables, with its type.

The walk over the JSON knows nothing of the records: what is a row of which table is said here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from talkhouse.sources import activecampaign, chatwoot, hilos, octopush, pembalasan
from talkhouse.sources.dlt_source.resources import source
from talkhouse.sources.dlt_source.run import Run
from talkhouse.sources.http.errors import NotFound
from talkhouse.sources.http.rate_limit import RateLimit
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.scan.progress import Plan
from talkhouse.sources.settings import settings_from

GOLDEN = Path(__file__).parent / "golden"

PROVIDERS = {
    "activecampaign": activecampaign.PROVIDER,
    "chatwoot": chatwoot.PROVIDER,
    "hilos": hilos.PROVIDER,
    "octopush": octopush.PROVIDER,
    "pembalasan": pembalasan.PROVIDER,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "activecampaign": {"api_key": "k"},
    "chatwoot": {"account_id": 4, "api_access_token": "t"},
    "hilos": {"api_key": "k"},
    "octopush": {"api_login": "l", "api_key": "k"},
    "pembalasan": {"inbox_identifier": "i", "contact_identifiers": ["c"]},
}

# decoded so that they are known, and dropped
SECRETS = {"access_token", "pubsub_token", "hmac_identifier"}
TIMES = {"timestamp", "waiting_since", "snoozed_until", "date_joined"}
ZERO_IS_NEVER = {
    "agent_last_seen_at",
    "assignee_last_seen_at",
    "contact_last_seen_at",
    "first_reply_created_at",
    "snoozed_until",
    "waiting_since",
}
ALWAYS_TEXT = {"role"}
ALWAYS_FLOAT = {"coordinates_lat", "coordinates_long"}
# every table has a column `account`: the connection's name
RENAMED = {"account": "account_id"}


@dataclass(frozen=True)
class Sample:
    """A documented answer: which objects of it are rows of which resource's table.

    `around` is what surrounds the rows. A scalar that is a row names its column after the resource.
    """

    file: str
    rows: Mapping[str, str]
    around: Sequence[str] = ()
    filler: Mapping[str, str] = field(default_factory=dict)
    threads: Sequence[Mapping[str, Any]] = ()

    @property
    def provider(self) -> str:
        return self.file.partition("/")[0]

    @property
    def body(self) -> bytes:
        return (GOLDEN / self.file).read_bytes()


HILOS_ROWS = {
    "results[]": "conversations",
    "results[].first_message": "first_messages",
    "results[].assigned[]": "conversation_assignees",
    "results[].tags[]": "conversation_tags",
}
CHATWOOT_ROWS = {
    "data.payload[]": "conversations",
    "data.payload[].labels[]": "conversation_labels.label",
    "data.payload[].messages[]": "last_messages",
    "data.payload[].last_non_activity_message": "last_messages",
    "data.payload[].meta.sender": "conversation_contacts",
}
PUBLIC_ROWS = {
    "[]": "conversations",
    "[].messages[]": "messages",
    "[].contact": "contacts",
}
PUBLIC_ATTACHMENTS = {"[].messages[].attachments[]": "attachments"}
SOME_TIME = "2026-06-15T08:31:12.902Z"

SAMPLES = [
    Sample("hilos/list_conversations.json", HILOS_ROWS, around=["count", "next", "previous"]),
    Sample(
        "activecampaign/list_conversations.json", HILOS_ROWS, around=["count", "next", "previous"]
    ),
    Sample("octopush/conversations_list.json", {"[]": "conversations"}),
    Sample(
        "pembalasan/list_all_contact_conversations.json",
        PUBLIC_ROWS | PUBLIC_ATTACHMENTS,
        filler={
            "[].messages[].sender.created_at": SOME_TIME,
            "[].contact.created_at": SOME_TIME,
            "[].contact.updated_at": SOME_TIME,
            "[].contact.last_activity_at": SOME_TIME,
        },
    ),
    Sample("pembalasan/public_conversations.json", PUBLIC_ROWS),
    Sample("chatwoot/conversations_list.json", CHATWOOT_ROWS, around=["data.meta"]),
    Sample("chatwoot/conversations.json", CHATWOOT_ROWS, around=["data.meta"]),
    Sample(
        "chatwoot/messages.json",
        {"payload[]": "messages", "payload[].attachments[]": "attachments"},
        around=["meta"],  # the conversation and its contact, which their list tells in full
        threads=[
            {
                "conversation_id": 1042,
                "last_activity_at": None,
                "last_message_id": 0,
                "newest_message_id": None,
                "reread_at": None,
                "failed_at": None,
            }
        ],
    ),
]


class Canned:
    """A client whose every list is one page: the body."""

    in_flight = 1
    rate_limit = RateLimit(1.0, 1)

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.asked = self.requests = 0

    def clock(self) -> datetime:
        return datetime(2026, 6, 1, tzinfo=UTC)

    def read(self, request: Any, decode: Any, attempts: int = 1) -> Any:
        self.asked += 1
        if self.asked > 1:
            raise NotFound(f"{request} answered 404")
        return decode(self.body)


def table(sample: Sample, body: bytes, resource: str) -> pa.Table:
    """What the sample's provider makes of the body for one table."""
    provider = PROVIDERS[sample.provider]
    values = {"provider": provider.name, "base_url": "https://api.example.com"}
    settings = settings_from(provider.settings, "golden", values | SETTINGS[provider.name])
    listed = [
        listing.name
        for listing in provider.lists(settings)
        if resource in {each.resource for each in listing.tables}
    ]
    # a sample is one page, whatever number of rows it says that its list has
    sampled = replace(
        provider,
        lists=lambda its: [replace(each, last_page=1, by_id=None) for each in provider.lists(its)],
    )
    run = Run(
        Terms("shop"),
        Canned(body),  # type: ignore[arg-type]
        Plan(),
        lists=listed or ["messages"],
        threads=sample.threads,
    )
    return pa.concat_tables(list(source(sampled, run, settings).resources[resource]))


def tables(sample: Sample, body: bytes) -> dict[str, pa.Table]:
    resources = {resource.partition(".")[0] for resource in sample.rows.values()}
    return {resource: table(sample, body, resource) for resource in resources}


def filled(sample: Sample, value: Any, at: str = "") -> Any:
    """The answer with real values where its document has filler."""
    if isinstance(value, dict):
        return {k: filled(sample, v, f"{at}.{k}".lstrip(".")) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(sample, item, f"{at}[]") for item in value]
    return sample.filler.get(at, value)


def objects(sample: Sample, value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is a row, with its place."""
    if at in sample.rows and value is not None:
        yield at, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from objects(sample, inner, f"{at}.{name}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from objects(sample, item, f"{at}[]")


def outside(sample: Sample, value: Any, at: str = "") -> Iterator[str]:
    """The places of all values that are in no row."""
    if at in sample.rows or any(at == a or at.startswith(f"{a}.") for a in sample.around):
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from outside(sample, inner, f"{at}.{name}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from outside(sample, item, f"{at}[]")
    else:
        yield at


def cells(
    sample: Sample, row: Any, columns: Sequence[str], at: str, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """The row's values, each with the name of the column that should hold it."""
    if path and at in sample.rows:
        return  # another table's row
    column = "__".join(RENAMED.get(name, name) for name in path)
    if isinstance(row, dict) and column not in columns:
        for name, inner in row.items():
            if name not in SECRETS:
                yield from cells(sample, inner, columns, f"{at}.{name}", (*path, name))
    elif isinstance(row, list) and f"{at}[]" in sample.rows:
        return
    else:
        yield column, row


def held(column: str, value: Any) -> tuple[pa.DataType | None, Any]:
    """The type and the value that a JSON value has in its column; None for a type not known."""
    name = column.rpartition("__")[2]
    if name.endswith(("_at", "_on")) or name in TIMES:
        return pa.timestamp("us", tz="UTC"), instant(None if is_never(name, value) else value)
    if value is None:
        return None, None
    if isinstance(value, dict | list):
        return pa.string(), value
    if name in ALWAYS_TEXT:
        return pa.string(), str(value)
    if name in ALWAYS_FLOAT:
        return pa.float64(), float(value)
    kinds: dict[type, pa.DataType] = {
        bool: pa.bool_(),
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
    }
    return kinds[type(value)], value


def is_never(name: str, value: Any) -> bool:
    return name in ZERO_IS_NEVER and value == 0


def instant(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        return datetime.fromisoformat(value).astimezone(UTC)
    return datetime.fromtimestamp(value, UTC)


def same(cell: Any, value: Any) -> bool:
    return bool(json.loads(cell) == value if isinstance(value, dict | list) else cell == value)


each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)


@each_sample
def test_every_value_is_in_its_column(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("talkhouse.sources.rows.page.salvage", refuse)
    answer = filled(sample, json.loads(sample.body))
    made = tables(sample, json.dumps(answer).encode())
    found = list(objects(sample, answer))
    assert {at for at, _ in found} == set(sample.rows)
    for at, value in found:
        name, _, column = sample.rows[at].partition(".")
        columns = made[name].schema.names
        wanted = [(column, value)] if column else list(cells(sample, value, columns, at))
        assert wanted
        assert [c for c, _ in wanted if c not in columns] == []
        for c, v in wanted:
            kind, _ = held(c, v)
            assert kind in (None, made[name].schema.field(c).type), c
        assert any(
            all(same(row[c], held(c, v)[1]) for c, v in wanted) for row in made[name].to_pylist()
        ), f"no row of {name} holds {wanted}"


@each_sample
def test_nothing_is_outside_of_the_rows(sample: Sample) -> None:
    assert list(outside(sample, json.loads(sample.body))) == []


@each_sample
def test_a_row_for_each_object_and_nothing_left_over(sample: Sample) -> None:
    answer = filled(sample, json.loads(sample.body))
    for name, made in tables(sample, json.dumps(answer).encode()).items():
        rows = [row for row in made.to_pylist() if not row.get("_is_empty")]
        places = [at for at, resource in sample.rows.items() if resource.partition(".")[0] == name]
        values = [json.dumps(v) for at, v in objects(sample, answer) if at in places]
        assert len(rows) == len(set(values))
        assert [row["_extra"] for row in rows if row["_extra"] is not None] == []


@each_sample
def test_secrets_are_in_no_table(sample: Sample) -> None:
    answer = filled(sample, with_secrets(json.loads(sample.body)))
    for made in tables(sample, json.dumps(answer).encode()).values():
        assert not SECRETS & {name.rpartition("__")[2] for name in made.schema.names}
        assert "canary" not in str(made.to_pylist())


def test_filler_is_kept_though_it_is_no_time() -> None:
    """The document's own text, unchanged: what is no time goes to `_extra`, by its path."""
    sample = next(sample for sample in SAMPLES if sample.filler)
    made = tables(sample, sample.body)
    assert [json.loads(row["_extra"]) for row in made["contacts"].to_pylist()] == [
        {"last_activity_at": "string", "created_at": "string", "updated_at": "string"}
    ]
    assert [json.loads(row["_extra"]) for row in made["messages"].to_pylist()] == [
        {"sender.created_at": "string"}
    ]


def with_secrets(value: Any) -> Any:
    """The answer with a telling word for every secret."""
    if isinstance(value, dict):
        return {k: "canary" if k in SECRETS else with_secrets(v) for k, v in value.items()}
    return [with_secrets(item) for item in value] if isinstance(value, list) else value


def refuse(*args: object) -> None:
    raise AssertionError("the strict decoder refused a documented answer")
