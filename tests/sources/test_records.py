"""Records become Arrow tables and dlt columns: each type of field, each form of time."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import msgspec
import pyarrow as pa
import pytest

from talkhouse.sources.rows.arrow import arrow_schema, arrow_table
from talkhouse.sources.rows.record import (
    ELSEWHERE,
    NO_JSON,
    ONLY_ID,
    Bool,
    Epoch,
    EpochOrNever,
    Float,
    Id,
    Instant,
    Int,
    Json,
    Label,
    Moment,
    MomentOrNever,
    Part,
    Record,
    Secret,
    Text,
    dlt_columns,
)
from talkhouse.sources.rows.storage_rules import Terms

INSTANT = pa.timestamp("us", tz="UTC")


class Owner(Part, kw_only=True):
    id: Annotated[Int, "The owner's id."] = None
    name: Annotated[Text, "The owner's name."] = None


class Maker(Part, kw_only=True):
    id: Annotated[Int, "The maker's id."] = None
    owner: Annotated[Owner | None, "The maker's owner."] = None


class Thing(Record, kw_only=True):
    """A thing."""

    table: ClassVar[str] = "things"

    id: Annotated[Id, "The thing's id."]
    name: Annotated[Text, "Its name."] = None
    size: Annotated[Int, "Its size."] = None
    weight: Annotated[Float, "Its weight."] = None
    is_new: Annotated[Bool, "Whether it is new."] = None
    role: Annotated[Label, "Its role."] = None
    begun: Annotated[Epoch, "When it began."] = None
    seen: Annotated[EpochOrNever, "When it was seen."] = None
    made: Annotated[Instant, "When it was made."] = None
    moved: Annotated[Moment, "When it moved."] = None
    slept: Annotated[MomentOrNever, "When it slept."] = None
    meta: Annotated[Json, "What else."] = NO_JSON
    maker: Annotated[Maker | None, "Who made it."] = None
    owner: Annotated[Owner | None, ONLY_ID] = None
    parts: Annotated[list[str], ELSEWHERE] = []
    token: Secret = NO_JSON
    from_: Annotated[Text, "Where it is from."] = msgspec.field(name="from", default=None)


decode = msgspec.json.Decoder(list[Thing]).decode


def row(json: str) -> dict[str, Any]:
    """The only row of the table that `[{"id": 1, <json>}]` makes, but for its nulls."""
    [made] = arrow_table(Thing, decode(f'[{{"id": 1, {json}}}]'), Terms("shop")).to_pylist()
    found: dict[str, Any] = {k: v for k, v in made.items() if v is not None}
    assert (found.pop("account"), found.pop("id")) == ("shop", 1)
    return found


def test_the_columns_are_the_fields_by_their_path() -> None:
    assert arrow_schema(Thing) == pa.schema(
        [
            pa.field("account", pa.string(), nullable=False),
            pa.field("id", pa.int64(), nullable=False),
            ("name", pa.string()),
            ("size", pa.int64()),
            ("weight", pa.float64()),
            ("is_new", pa.bool_()),
            ("role", pa.string()),
            ("begun", INSTANT),
            ("seen", INSTANT),
            ("made", INSTANT),
            ("moved", INSTANT),
            ("slept", INSTANT),
            ("meta", pa.string()),
            ("maker__id", pa.int64()),
            ("maker__owner__id", pa.int64()),
            ("maker__owner__name", pa.string()),
            ("owner__id", pa.int64()),
            ("from", pa.string()),
            ("_extra", pa.string()),
        ]
    )


def test_dlt_is_told_the_same_columns_with_what_they_mean() -> None:
    columns = dlt_columns(Thing)
    assert list(columns) == arrow_schema(Thing).names
    assert columns["id"] == {
        "name": "id",
        "data_type": "bigint",
        "nullable": False,
        "description": "The thing's id.",
    }
    assert columns["maker__owner__name"]["description"] == "The owner's name."
    types = {name: column["data_type"] for name, column in columns.items()}
    assert (types["made"], types["meta"], types["weight"]) == ("timestamp", "json", "double")
    assert {name for name, column in columns.items() if not column["nullable"]} == {"account", "id"}


def test_a_table_of_no_rows_has_every_column() -> None:
    table = arrow_table(Thing, [], Terms("shop"))
    assert (table.num_rows, table.schema) == (0, arrow_schema(Thing))


def test_a_row_of_nulls_has_every_column() -> None:
    assert row('"name": null, "maker": null, "meta": null') == {}


def test_values_keep_their_types() -> None:
    assert row('"name": "a", "size": 3, "weight": 1.5, "is_new": false, "from": "x"') == {
        "name": "a",
        "size": 3,
        "weight": 1.5,
        "is_new": False,
        "from": "x",
    }


def test_a_label_may_be_a_number() -> None:
    assert row('"role": 3') == {"role": "3"}


def test_a_part_fills_the_columns_under_its_name() -> None:
    assert row('"maker": {"id": 2, "owner": {"id": 3, "name": "o"}}, "owner": {"id": 4}') == {
        "maker__id": 2,
        "maker__owner__id": 3,
        "maker__owner__name": "o",
        "owner__id": 4,
    }


def test_of_two_rows_one_may_have_the_part() -> None:
    things = decode('[{"id": 1, "maker": {"owner": {"id": 3}}}, {"id": 2}]')
    table = arrow_table(Thing, things, Terms("shop"))
    assert table["maker__owner__id"].to_pylist() == [3, None]


def test_json_stays_as_the_provider_wrote_it() -> None:
    assert row('"meta": {"b": 1.0,  "a": [1e2, "é"]}') == {"meta": '{"b": 1.0,  "a": [1e2, "é"]}'}


def test_what_is_elsewhere_or_secret_has_no_column() -> None:
    assert row('"parts": ["a"], "token": {"deep": "s3cret"}') == {}


def test_epochs_are_seconds() -> None:
    assert row('"begun": 1780304461') == {"begun": datetime(2026, 6, 1, 9, 1, 1, tzinfo=UTC)}


def test_an_epoch_of_zero_is_a_time_or_never() -> None:
    zeros = '"begun": 0, "seen": 0, "moved": 0, "slept": 0'
    start = datetime(1970, 1, 1, tzinfo=UTC)
    assert row(zeros) == {"begun": start, "moved": start}


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-01T09:01:01.123456Z",
        "2026-06-01T11:01:01.123456+02:00",
        "2026-06-01T03:01:01.123456-06:00",
        "2026-06-01 09:01:01.123456+00:00",
    ],
)
@pytest.mark.parametrize("field", ["made", "moved", "slept"])
def test_iso_text_is_an_instant_in_utc_to_the_microsecond(field: str, text: str) -> None:
    instant = datetime(2026, 6, 1, 9, 1, 1, 123456, tzinfo=UTC)
    assert row(f'"{field}": "{text}"') == {field: instant}


@pytest.mark.parametrize("field", ["moved", "slept"])
def test_a_moment_may_be_fractional_seconds(field: str) -> None:
    instant = datetime(2026, 6, 1, 9, 1, 1, 123457, tzinfo=UTC)
    assert row(f'"{field}": 1780304461.123457') == {field: instant}


def test_moments_of_both_forms_may_stand_in_one_column() -> None:
    things = decode(
        '[{"id": 1, "moved": 1780304461.5}, {"id": 2, "moved": "2026-06-01T09:01:01.5Z"},'
        ' {"id": 3, "moved": null}, {"id": 4, "moved": 1780304461}]'
    )
    half = datetime(2026, 6, 1, 9, 1, 1, 500_000, tzinfo=UTC)
    moved = arrow_table(Thing, things, Terms("shop"))["moved"].to_pylist()
    assert moved == [half, half, None, half.replace(microsecond=0)]


@pytest.mark.parametrize(
    "json",
    [
        '"unknown": 1',
        '"name": 1',
        '"size": "3"',
        '"size": 1.5',
        '"size": 9223372036854775808',
        '"size": -9223372036854775809',
        '"is_new": 1',
        '"weight": "1.5"',
        '"begun": -1',
        '"begun": 1780304461000',
        '"begun": 1.5',
        '"begun": "2026-06-01T09:01:01Z"',
        '"made": "2026-06-01T09:01:01"',
        '"made": "2026-06-01"',
        '"made": "yesterday"',
        '"made": 1780304461',
        '"moved": "2026-06-01T09:01:01"',
        '"moved": 1780304461000',
        '"maker": []',
        '"maker": {"unknown": 1}',
        '"parts": [1]',
        '"parts": null',
    ],
)
def test_what_does_not_fit_is_refused(json: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(f'[{{"id": 1, {json}}}]')


@pytest.mark.parametrize("json", ["{}", '{"id": null}', '{"id": "1"}', '{"id": 1.0e30}'])
def test_a_row_without_its_key_is_refused(json: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(f"[{json}]")


def test_the_largest_integers_fit() -> None:
    assert row('"size": 9223372036854775807') == {"size": 2**63 - 1}
    assert row('"size": -9223372036854775808') == {"size": -(2**63)}


def test_the_last_moment_is_the_end_of_the_year_9999() -> None:
    assert row('"begun": 253402300799')["begun"].year == 9999


def test_what_no_column_takes_is_a_document() -> None:
    thing = Thing(id=1, _extra={"maker.unknown": {"a": [1]}})
    assert arrow_table(Thing, [thing], Terms("shop"))["_extra"].to_pylist() == [
        '{"maker.unknown":{"a":[1]}}'
    ]
