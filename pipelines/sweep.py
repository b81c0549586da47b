"""Looks for a person's numbers and addresses in every text that is stored, and takes them out."""

import re
from collections.abc import Iterator

from pipelines.warehouse import AUDIT, BUILT, Warehouse
from sources import PROVIDERS

TEXTS = ("character varying", "text", "varchar", "json", "jsonb")
ERASED = "erased"
OURS = (AUDIT, *BUILT, *PROVIDERS, *(f"{name}_staging" for name in PROVIDERS))
BETWEEN_DIGITS = r"[ ().\/-]{0,3}"


def sweep(warehouse: Warehouse, phones: set[str], emails: set[str]) -> dict[str, int]:
    """Writes "erased" for every address, and for every number however it is written (0 in a JSON
    document), in all tables of all schemas; how many values were changed, by table.
    """
    changed: dict[str, int] = {}
    for table, column, kind in _columns(warehouse):
        for pattern, instead in _patterns(phones, emails):
            is_json = kind in ("json", "jsonb")
            text = f'cast("{column}" as text)'
            new = f"regexp_replace({text}, %s, %s, 'gi')"
            rows = warehouse.execute(
                f'update {table} set "{column}" = {f"cast({new} as {kind})" if is_json else new} '
                f"where {_matches(text)}",
                [pattern, instead if is_json else ERASED, pattern],
            )
            if rows:
                changed[table] = changed.get(table, 0) + rows
    return changed


def left(warehouse: Warehouse, phones: set[str], emails: set[str]) -> list[str]:
    """The columns in which one of them still is."""
    found = []
    for table, column, _ in _columns(warehouse):
        for pattern, _ in _patterns(phones, emails):
            text = f'cast("{column}" as text)'
            query = f"select 1 from {table} where {_matches(text)} limit 1"
            if warehouse.rows(query, [pattern]):
                found.append(f"{table}.{column}")
    return found


def _matches(text: str) -> str:
    return f"regexp_replace({text}, %s, '', 'gi') <> {text}"


def _patterns(phones: set[str], emails: set[str]) -> Iterator[tuple[str, str]]:
    """Each pattern, and what takes its place in a JSON document, where a number may stand bare."""
    for phone in sorted(phones):
        # one that is stored as a hash is that text and no other
        digits = r"[+]?" + BETWEEN_DIGITS.join(phone)
        yield (digits, "0") if phone.isdigit() else (phone.replace("+", "[+]"), ERASED)
    for email in sorted(emails):
        yield re.sub(r"([^a-z0-9@])", r"\\\1", email).replace("@", "(@|%40)"), ERASED


def _columns(warehouse: Warehouse) -> Iterator[tuple[str, str, str]]:
    """Every column of every table that may hold text, with its type."""
    for row in warehouse.rows(
        "select t.table_schema, t.table_name, c.column_name, lower(c.data_type) as data_type "
        "from information_schema.tables t join information_schema.columns c "
        "on c.table_schema = t.table_schema and c.table_name = t.table_name "
        "where t.table_type = 'BASE TABLE' and not starts_with(t.table_name, '_dlt') "
        "order by 1, 2, 3"
    ):
        # a database may have schemas of others
        if row["data_type"] in TEXTS and row["table_schema"] in OURS:
            name = f'{row["table_schema"]}."{row["table_name"]}"'
            yield name, row["column_name"], row["data_type"]
