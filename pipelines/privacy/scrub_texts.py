"""Takes a person's numbers and addresses out of every text that is stored, as later syncs take them
out of what comes (sources/rows/storage_rules.py).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from talkhouse.pipelines.privacy.find_person import FEWEST_DIGITS, Person
from talkhouse.pipelines.privacy.rewrite_rows import stored_records
from talkhouse.pipelines.warehouse.interface import AUDIT, BUILT, Warehouse
from talkhouse.sources.registry import PROVIDERS
from talkhouse.sources.rows.personal_data import HASHED, in_json
from talkhouse.sources.rows.storage_rules import Terms

JSON = ("json", "jsonb")
TEXTS = ("character varying", "text", "varchar", *JSON)
OURS = (AUDIT, *BUILT, *PROVIDERS, *(f"{name}_staging" for name in PROVIDERS))
KEYS = ("account", "provider", "token", "key_hash")


@dataclass(frozen=True)
class TextChange:
    """A text of a column that names the person, and the same without. A rejected row that has it is
    deleted instead.
    """

    table: str
    column: str
    kind: str
    old: str
    new: str

    @property
    def is_rejected(self) -> bool:
        return self.table.endswith(".rejects")


def text_changes(warehouse: Warehouse, person: Person, terms: Terms) -> list[TextChange]:
    """The texts that name the person, in all tables of ours."""
    found = []
    for table, column, kind in _columns(warehouse):
        for text in _candidates(warehouse, table, column, person):
            is_json = kind in JSON
            new = in_json(text, terms.without_erased) if is_json else terms.without_erased(text)
            if new != text:
                found.append(TextChange(table, column, kind, text, new))
    return found


def scrub(warehouse: Warehouse, changes: Iterable[TextChange]) -> None:
    """Changes the texts, and deletes the rejected rows."""
    for each in changes:
        same = f'cast("{each.column}" as text) = %s'
        if each.is_rejected:
            warehouse.execute(f"delete from {each.table} where {same}", [each.old])
        else:
            written = f"cast(%s as {each.kind})" if each.kind in JSON else "%s"
            warehouse.execute(
                f'update {each.table} set "{each.column}" = {written} where {same}',
                [each.new, each.old],
            )


def _candidates(warehouse: Warehouse, table: str, column: str, person: Person) -> list[str]:
    """The texts that may name the person: a wider net than what is looked for in them."""
    text = f'cast("{column}" as text)'
    digits = f"regexp_replace({text}, '[^0-9]', '', 'g')"
    conditions, values = ["false"], list[str]()
    for phone in person.phones:
        # of one that is known by its hash, any number may be it
        conditions.append(f"position(%s in {digits}) > 0")
        values.append("" if HASHED in phone else phone)
        if HASHED in phone:
            conditions[-1] += f" and length({digits}) >= {FEWEST_DIGITS}"
    for email in person.emails:
        # in an address of the web, its @ is written otherwise
        known = "@" if HASHED in email else email
        for written in (known, known.replace("@", "%40")):
            conditions.append(f"position(%s in lower({text})) > 0")
            values.append(written)
    query = f"select distinct {text} as text from {table} where {' or '.join(conditions)}"
    return [row["text"] for row in warehouse.rows(query, values)]


def _columns(warehouse: Warehouse) -> Iterator[tuple[str, str, str]]:
    """Every column of ours that may hold a text of somebody, with its type: no key of a table."""
    keys = {
        (dataset, record.table, name)
        for dataset, record in stored_records(warehouse)
        for name in record.key
    }
    for row in warehouse.rows(
        "select t.table_schema, t.table_name, c.column_name, lower(c.data_type) as data_type "
        "from information_schema.tables t join information_schema.columns c "
        "on c.table_schema = t.table_schema and c.table_name = t.table_name "
        "where t.table_type = 'BASE TABLE' and not starts_with(t.table_name, '_dlt') "
        "order by 1, 2, 3"
    ):
        schema, table, column = row["table_schema"], row["table_name"], row["column_name"]
        is_text = row["data_type"] in TEXTS and not column.startswith("_dlt")
        is_key = (schema, table, column) in keys or column in KEYS or column.endswith("_id")
        # a database may have schemas of others
        if schema in OURS and is_text and not is_key:
            yield f"{schema}.{table}", column, row["data_type"]
