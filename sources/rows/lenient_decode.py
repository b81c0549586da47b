"""Records that the strict decoder refuses, decoded so that nothing is lost and no column forks.

The fields that fit fill their columns. What is unknown or does not fit is kept in the row's
`_extra`, by its path, and counted as drift. A record that cannot be keyed is kept whole in
`rejects`.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, TypeVar, get_type_hints

import msgspec

from talkhouse.sources.rows.personal_data import FREE_FORM
from talkhouse.sources.rows.record import Id, Json, Part, Record, TextId, part_in

R = TypeVar("R", bound=Record)


class Drift(Record, kw_only=True):
    """A field that a provider sends otherwise than it is declared, with how many rows had it."""

    table: ClassVar[str] = "drift"
    key: ClassVar[tuple[str, ...]] = ("table_name", "field", "problem")

    table_name: Annotated[TextId, "Table whose rows have the field."]
    field: Annotated[TextId, FREE_FORM, "Path of the field in the provider's JSON."]
    problem: Annotated[
        TextId, "Problem: `unknown field`, or the type that was found instead of the declared one."
    ]
    rows: Annotated[Id, "Number of rows with the problem in the last load package that saw it."]


class Reject(Record, kw_only=True):
    """A row that could not be loaded: nothing identifies it, or the provider cannot give it."""

    table: ClassVar[str] = "rejects"
    key: ClassVar[tuple[str, ...]] = ("table_name", "row_hash")

    table_name: Annotated[TextId, "Table that the row was meant for."]
    row_hash: Annotated[TextId, "SHA-256 of the row as the provider sent it, or of its name."]
    reason: Annotated[TextId, "Reason why the row could not be loaded."]
    row: Annotated[
        Json, FREE_FORM, "The row as the provider sent it; null where it may hold secrets."
    ]


@dataclass
class Findings:
    """What was not as declared, in the rows of one batch."""

    drift: dict[tuple[str, str, str], int] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)

    def drifted(self, table: str, path: str, problem: str) -> None:
        self.drift[table, path, problem] = self.drift.get((table, path, problem), 0) + 1

    def rejected(self, record: type[Record], row: bytes, reason: str) -> None:
        self.rejects.append(
            Reject(
                table_name=record.table,
                row_hash=hashlib.sha256(row).hexdigest(),
                reason=reason,
                row=msgspec.Raw(row if record.keeps_unknown else b""),
            )
        )

    def unreadable(self, record: type[Record], which: int | str, reason: str) -> None:
        """A row that the provider cannot give; `which` is its id, or its place in the list."""
        name = f"{record.table} {which}"
        self.rejects.append(
            Reject(
                table_name=record.table,
                row_hash=hashlib.sha256(name.encode()).hexdigest(),
                reason=f"{name} cannot be read: {reason}",
                row=msgspec.Raw(b""),
            )
        )

    def add(self, other: "Findings") -> None:
        for key, rows in other.drift.items():
            self.drift[key] = self.drift.get(key, 0) + rows
        self.rejects += other.rejects

    def drift_rows(self) -> list[Drift]:
        return [
            Drift(table_name=table, field=path, problem=problem, rows=rows)
            for (table, path, problem), rows in self.drift.items()
        ]


class Unkeyed(Exception):
    """A record without what identifies it."""


def salvage(record: type[R], raw: msgspec.Raw, findings: Findings) -> R | None:
    """The record as far as it fits its type; None if it went to the rejects."""
    try:
        row = _decoded(raw)
        if not isinstance(row, dict):
            raise Unkeyed(f"expected an object, found {_kind(row)}")
        return _fit_record(record, row, findings)
    except Unkeyed as e:
        findings.rejected(record, bytes(raw), str(e))
        return None


def _decoded(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError:
        raise Unkeyed("a number in it is out of range") from None


def _fit_record(record: type[R], row: dict[str, Any], findings: Findings) -> R:
    """The record with the fields that fit; what does not is its own, wherever the row is."""
    extra: dict[str, Any] = {}
    fitted = _fit(record, row, "", extra, record, findings)
    fitted._extra = extra or None
    return fitted


P = TypeVar("P", bound=Part)


def _fit(
    part: type[P],
    row: dict[str, Any],
    path: str,
    extra: dict[str, Any],
    owner: type[Record],
    findings: Findings,
) -> P:
    """The part with the fields that fit. `extra` is the owner's: the record whose row this is."""
    hints = get_type_hints(part, include_extras=True)
    declared = {f.encode_name: f for f in msgspec.structs.fields(part)}
    fitting: dict[str, Any] = {}
    for name, value in row.items():
        here = f'{path}"{name}"' if "." in name else f"{path}{name}"
        known = declared.get(name)
        if known is None:
            findings.drifted(owner.table, here, "unknown field")
            if owner.keeps_unknown:
                extra[here] = value
            continue
        try:
            fitting[known.name] = _strict(value, hints[known.name])
        except msgspec.ValidationError:
            inner = part_in(hints[known.name])
            try:
                fitting[known.name] = _fit_inside(inner, value, f"{here}.", extra, owner, findings)
            except Unkeyed:
                findings.drifted(owner.table, here, f"found {_kind(value)}")
                if owner.keeps_unknown:
                    extra[here] = value
    try:
        return part(**fitting)
    except TypeError:
        missing = [f.name for f in declared.values() if f.required and f.name not in fitting]
        raise Unkeyed(f"no usable {', '.join(missing)}") from None


def _fit_inside(
    inner: type[Part],
    value: Any,
    path: str,
    extra: dict[str, Any],
    owner: type[Record],
    findings: Findings,
) -> Any:
    if issubclass(inner, Record):
        if isinstance(value, dict):
            return _fit_record(inner, value, findings)
        if isinstance(value, list):
            kept = [_fit_row(inner, row, findings) for row in value]
            return [row for row in kept if row is not None]
    elif inner is not Part:
        if isinstance(value, dict):
            return _fit(inner, value, path, extra, owner, findings)
        if isinstance(value, list) and all(isinstance(v, dict) for v in value):
            return [_fit(inner, v, path, extra, owner, findings) for v in value]
    raise Unkeyed


def _fit_row(record: type[R], row: Any, findings: Findings) -> R | None:
    """One of the rows inside a row: that it cannot be keyed costs the others nothing."""
    try:
        if not isinstance(row, dict):
            raise Unkeyed(f"expected an object, found {_kind(row)}")
        return _fit_record(record, row, findings)
    except Unkeyed as e:
        findings.rejected(record, msgspec.json.encode(row), str(e))
        return None


def _strict(value: Any, hint: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value), type=hint)


def _kind(value: Any) -> str:
    """The JSON type of a value: what may be said of it without telling it."""
    names = {type(None): "null", bool: "true or false", str: "text", dict: "object", list: "array"}
    return names.get(type(value), "number")
