"""A provider's JSON as typed records, and their tables: one declaration gives the strict decoder,
the Arrow table and the columns that dlt declares.

A `Record` is a row of a table; a `Part` is an object inside it, whose fields become columns named
by their path (`meta__channel`), as dlt names nested fields. A field is annotated with its type and
its description. What a record does not declare is never dropped: see `lenient_decode.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_args, get_type_hints

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from talkhouse.sources.rows.personal_data import FREE_FORM, Flags, PersonalData

if TYPE_CHECKING:  # a process that only reads has no need of dlt, whose import takes its time
    from dlt.common.data_types import TDataType
    from dlt.common.schema.typing import TColumnSchema

Path = tuple[str, ...]

Whose = tuple[tuple[str, str], ...]
"""Whose a row is: paths to a `phone`, an `email`, the id of a `contact` or a `conversation`."""

UTC_MICROSECONDS = pa.timestamp("us", tz="UTC")


# begins the name of a field of ours in JSON, where none comes: no provider calls one so, and what
# one calls `_extra` is unknown, and not taken for ours
NEVER_SENT = "talkhouse "


class Part(msgspec.Struct, forbid_unknown_fields=True, gc=False, kw_only=True):
    """An object of a provider's JSON. An unknown field or a wrong type is refused.

    `gc=False` keeps Python's collector from walking every row of a page: rows hold no cycles.
    """


class Record(Part, kw_only=True):
    """A row of `table`, unique by `key` within an account."""

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]] = ("id",)
    # what is unknown may be a secret: where a provider's answer holds some, unknown is not kept
    keeps_unknown: ClassVar[bool] = True
    # whether a row that the provider has no more is marked so: it has the column `deleted_at`
    has_tombstones: ClassVar[bool] = False
    whose: ClassVar[Whose] = ()
    # of what a path names that is no column: how the columns tell it
    told_by_sql: ClassVar[dict[str, str]] = {}
    # the field that tells its age; and the table whose rows are retained as long, if not its own
    happened: ClassVar[str] = ""
    retained_as: ClassVar[str] = ""

    _extra: dict[str, Any] | None = msgspec.field(name=f"{NEVER_SENT}_extra", default=None)


@dataclass(frozen=True)
class ColumnType:
    """How a field becomes a column: its dlt type, its Arrow type, and the way there."""

    dlt: "TDataType"
    arrow: pa.DataType
    convert: Callable[[Sequence[Any]], Any] | None = None

    def array(self, values: Sequence[Any]) -> Any:
        return self.convert(values) if self.convert else pa.array(values, self.arrow)


@dataclass(frozen=True)
class Only:
    """Of the object in this field, only these fields are columns of its record's table."""

    fields: tuple[str, ...] = ()


ELSEWHERE = Only()  # another table's rows, made by the source from this field
SECRET = Only()  # decoded so that it is known, and dropped
ONLY_ID = Only(("id",))  # another table's row: its id is a column here, the rest is there


def _epoch(values: Sequence[int | None]) -> Any:
    return pc.multiply(pa.array(values, pa.int64()), 1_000_000).cast(UTC_MICROSECONDS)


def _epoch_or_never(values: Sequence[int | None]) -> Any:
    return _epoch([value or None for value in values])


def _moment(values: Sequence[datetime | float | None]) -> Any:
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {datetime}:
        return pa.array(values, UTC_MICROSECONDS)
    if datetime not in kinds:
        seconds = pc.multiply(pa.array(values, pa.float64()), 1_000_000)
        return pc.round(seconds).cast(pa.int64()).cast(UTC_MICROSECONDS)
    micros = [microseconds(value) for value in values]
    return pa.array(micros, pa.int64()).cast(UTC_MICROSECONDS)


def _moment_or_never(values: Sequence[datetime | float | None]) -> Any:
    return _moment([value or None for value in values])


def _label(values: Sequence[str | int | None]) -> Any:
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _json(values: Sequence[msgspec.Raw]) -> Any:
    texts = [None if value is NO_JSON else bytes(value) for value in values]
    array = pa.array(texts, pa.string())
    return pc.if_else(pc.is_in(array, NOTHING), None, array)


def encoded(values: Sequence[Any]) -> Any:
    """The values as JSON."""
    encode = msgspec.json.encode
    return pa.array([None if value is None else encode(value) for value in values], pa.string())


def microseconds(moment: datetime | float | None) -> int | None:
    """Microseconds since 1970 of an instant, or of epoch seconds."""
    if moment is None:
        return None
    seconds = moment.timestamp() if isinstance(moment, datetime) else moment
    return round(seconds * 1_000_000)


NO_JSON = msgspec.Raw(b"")
NOTHING = pa.array(["", "null"])

# changes by itself, or from one answer to the next: two reads of a row are not compared by it
VOLATILE = "volatile"

_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
# up to the year 9999, which milliseconds taken for seconds exceed
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
_FloatSeconds = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]
_Zoned = Annotated[datetime, msgspec.Meta(tz=True)]

Id = Annotated[_Int64, ColumnType("bigint", pa.int64())]
TextId = Annotated[str, ColumnType("text", pa.string())]
INT = ColumnType("bigint", pa.int64())
Int = Annotated[_Int64 | None, INT]
Text = Annotated[str | None, ColumnType("text", pa.string())]
Bool = Annotated[bool | None, ColumnType("bool", pa.bool_())]
Float = Annotated[float | None, ColumnType("double", pa.float64())]
# text that some editions of an API write as a number
Label = Annotated[str | int | None, ColumnType("text", pa.string(), _label)]
# whole epoch seconds; in the second form 0 stands for "never" (Ruby's `nil.to_i`)
Epoch = Annotated[_Seconds | None, ColumnType("timestamp", UTC_MICROSECONDS, _epoch)]
EpochOrNever = Annotated[
    _Seconds | None, ColumnType("timestamp", UTC_MICROSECONDS, _epoch_or_never)
]
# ISO 8601 with its zone
Instant = Annotated[_Zoned | None, ColumnType("timestamp", UTC_MICROSECONDS, _moment)]
# ISO text in one endpoint, version or document, and epoch seconds in another
Moment = Annotated[
    _Zoned | _FloatSeconds | None, ColumnType("timestamp", UTC_MICROSECONDS, _moment)
]
MomentOrNever = Annotated[
    _Zoned | _FloatSeconds | None, ColumnType("timestamp", UTC_MICROSECONDS, _moment_or_never)
]
# free-form: kept as the provider wrote it
Json = Annotated[msgspec.Raw, ColumnType("json", pa.string(), _json)]
Secret = Annotated[msgspec.Raw, SECRET]


@dataclass(frozen=True)
class Column:
    """A leaf of a record: where it stands, by the attributes that lead to it, and what it becomes.

    A column is named for its attribute, which is the provider's name but for Python's own words
    (`from_`) and for the column that every table has (`account`). `personal` is the kind of
    personal data that it holds, if any; `flags` are what may be kept of it in any case.
    """

    path: Path
    type: ColumnType
    description: str
    is_volatile: bool = False
    personal: PersonalData | None = None
    flags: Flags | None = None

    @property
    def name(self) -> str:
        return "__".join(name.removesuffix("_") for name in self.path)


_ACCOUNT = Column(("account",), ColumnType("text", pa.string()), "Name of the connection.")
_DELETED = Column(
    ("deleted_at",),
    ColumnType("timestamp", UTC_MICROSECONDS),
    "Time at which the row was found missing at the provider; null while it is there.",
)
_EXTRA = Column(
    ("_extra",),
    ColumnType("json", pa.string(), encoded),
    "Unknown fields, and values of another type than declared, by path.",
    personal=FREE_FORM,
)


@cache
def columns_of(record: type[Record]) -> tuple[Column, ...]:
    """The record's own columns, in the order of their declaration."""
    return tuple(_leaves(record, ()))


def _leaves(part: type[Part], path: Path) -> Iterable[Column]:
    hints = get_type_hints(part, include_extras=True)
    for field in msgspec.structs.fields(part):
        if field.name == "_extra":
            continue
        hint = hints[field.name]
        notes = getattr(hint, "__metadata__", ())
        here = (*path, field.name)
        texts = [note for note in notes if isinstance(note, str) and note != VOLATILE]
        description = texts[0] if texts else ""
        kind = next((note for note in notes if isinstance(note, ColumnType)), None)
        only = next((note.fields for note in notes if isinstance(note, Only)), None)
        if kind is not None:
            personal = next((note for note in notes if isinstance(note, PersonalData)), None)
            flags = next((note for note in notes if isinstance(note, Flags)), None)
            yield Column(here, kind, description, VOLATILE in notes, personal, flags)
        elif only is None:
            yield from _leaves(part_in(hint), here)
        elif only:
            yield from (leaf for leaf in _leaves(part_in(hint), here) if leaf.path[-1] in only)


def table_columns(record: type[Record]) -> tuple[Column, ...]:
    """The columns of the record's table."""
    tombstone = (_DELETED,) if record.has_tombstones else ()
    return (_ACCOUNT, *columns_of(record), *tombstone, _EXTRA)


def description_of(record: type[Record]) -> str:
    """The description of the record's table."""
    return " ".join((record.__doc__ or "").split())


def part_in(hint: Any) -> type[Part]:
    """The Part that an annotation such as `Annotated[Meta | None, ...]` or `list[Meta]` holds."""
    if isinstance(hint, type) and issubclass(hint, Part):
        return hint
    for inner in get_args(hint):
        if (found := part_in(inner)) is not Part:
            return found
    return Part


@cache
def dlt_columns(record: type[Record]) -> "dict[str, TColumnSchema]":
    """The columns as dlt declares them, each with its description."""
    return {
        column.name: {
            "name": column.name,
            "data_type": column.type.dlt,
            "nullable": column.name not in ("account", *record.key),
            "description": column.description,
        }
        for column in table_columns(record)
    }
