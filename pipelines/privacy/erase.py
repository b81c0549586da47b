"""Erases a person: from what was loaded, what is built of it, the copy that others read and the
working folder; keeps the person out of later syncs; and gives a receipt without the data.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from talkhouse.pipelines.analytics.publish import published
from talkhouse.pipelines.audit.exclusive import alone
from talkhouse.pipelines.audit.unfinished import ERASE, note_renewed, note_unrenewed, unrenewed
from talkhouse.pipelines.privacy.find_person import Person, columns_by_kind, find, theirs
from talkhouse.pipelines.privacy.leftovers import clear_leftovers
from talkhouse.pipelines.privacy.rebuild import write_anew
from talkhouse.pipelines.privacy.receipt import Receipt
from talkhouse.pipelines.privacy.rewrite_rows import stored_records
from talkhouse.pipelines.privacy.scrub_texts import sweep
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.syncing.storage_rules import key_hash, refuse_other_key
from talkhouse.pipelines.telemetry.events import RowsDeleted, tell
from talkhouse.pipelines.warehouse.destination import Copy
from talkhouse.pipelines.warehouse.interface import BUILT, Destination, Warehouse, WarehouseError
from talkhouse.pipelines.warehouse.migrations import migrate
from talkhouse.sources.rows.personal_data import HASHED, Privacy
from talkhouse.sources.rows.storage_rules import CONTACT, CONVERSATION, Terms
from talkhouse.sources.settings import SettingsError

NO_CONTACT = "there is no such contact: --contact is PROVIDER/CONNECTION/ID"
CUT_OFF = "it did not come to its end: the next `talkhouse erase` makes it up"
TOLD_BY = ("first_messages", "conversations", "contacts")


def erase(
    destination: Destination,
    privacy: Privacy,
    chosen: Sequence[Connection],
    copy: Copy | None,
    person: Person,
    asked_by: str,
    keep: Callable[["Receipt"], object],
    *,
    do: bool,
) -> Receipt:
    """Erases the person, or without `do` says what would go. `keep` is given the receipt once the
    rows are gone, and again at the end. What could not be done after that is in its `failures`.

    Raises SettingsError if nobody can be kept out for want of a key, or the person is not one;
    AlreadySyncing if a sync or a build is under way. All rows go, or none.
    """
    if not privacy.key:
        raise SettingsError(
            "privacy.key is missing, by whose hashes the person is kept out of later syncs: write "
            "the output of `openssl rand -hex 32` to .dlt/secrets.toml, and keep a copy"
        )
    if not destination.exists():
        raise SettingsError(f"{destination} is not there: there is nobody in it")
    now = datetime.now(UTC)
    with ExitStack() as opened:
        warehouse = opened.enter_context(destination.open(read_only=not do))
        refuse_other_key(warehouse, privacy)
        if do:
            opened.enter_context(alone(warehouse, chosen))
            migrate(warehouse)
        made_up = unrenewed(warehouse, ERASE)
        find(warehouse, privacy, person)
        tokens = _tokens(privacy, person)
        # of those, what is stored of this person is told by the same words as what comes
        terms = Terms("", privacy=privacy, erased=tokens)
        with warehouse.transaction():
            rows = _rows(warehouse, privacy, person, do=do)
            if asked_by == "contact" and not rows:
                if not made_up:
                    raise SettingsError(NO_CONTACT)
                tokens = frozenset()
            texts, rejected = sweep(warehouse, person, terms, do=do)
            rows |= {name: rows.get(name, 0) + n for name, n in rejected.items()}
            if do:
                _keep_out(warehouse, privacy, tokens)
                note_unrenewed(warehouse, ERASE, {*rows, *texts})
        receipt = Receipt(
            f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
            now.isoformat(),
            str(destination),
            asked_by,
            sorted({"/".join(each[:2]) for each in person.contacts | person.conversations}),
            len(person.contacts),
            len(person.conversations),
            rows,
            texts,
            len(tokens),
            made_up,
        )
        if not do:
            return receipt
        tell(RowsDeleted(rows=rows))
        # what comes may fail, and the rows are gone
        keep(replace(receipt, failures=[CUT_OFF]).signed(privacy))
        began = datetime.now(UTC)
        try:
            clear_leftovers(warehouse, chosen)
            write_anew(warehouse, ERASE)
        except (WarehouseError, warehouse.errors, OSError) as e:
            # a database's own message may quote a row
            why = str(e) if isinstance(e, WarehouseError) else type(e).__name__
            receipt.failures.append(f"what was deleted may still be on the disk: {why}")
    if copy and copy.target.exists():
        publication = published(copy)
        receipt.published = str(copy.target)
        if not publication.ok:
            receipt.failures.append(f"{publication}: the person is still in it")
    if not receipt.failures:
        # if another process has the file by now, the next erase writes it anew once more
        with suppress(WarehouseError), destination.open() as warehouse:
            note_renewed(warehouse, ERASE, began)
    keep(receipt.signed(privacy))
    return receipt


def _tokens(privacy: Privacy, person: Person) -> frozenset[str]:
    """The hashes by which later syncs know the person."""
    ids = {
        Terms(account, where, privacy).erasure(kind, an_id)
        for kind, known in ((CONTACT, person.contacts), (CONVERSATION, person.conversations))
        for where, account, an_id in known
    }
    # one that is stored as a hash is that very hash
    numbers = {each if HASHED in each else privacy.hash("phone", each) for each in person.phones}
    addresses = {each if HASHED in each else privacy.hash("email", each) for each in person.emails}
    return frozenset(ids | numbers | addresses)


def _keep_out(warehouse: Warehouse, privacy: Privacy, tokens: frozenset[str]) -> None:
    for token in sorted(tokens):
        warehouse.execute("delete from audit.erased where token = %s", [token])
        warehouse.execute(
            "insert into audit.erased (token, key_hash, erased_at) values (%s, %s, %s)",
            [token, key_hash(privacy), datetime.now(UTC)],
        )


def _rows(warehouse: Warehouse, privacy: Privacy, person: Person, *, do: bool) -> dict[str, int]:
    """The rows of the person by table; deleted, if that is to be done."""
    rows: dict[str, int] = {}
    for table, condition, values in _places(warehouse, privacy, person):
        if do:
            n = warehouse.execute(f"delete from {table} where {condition}", values)
        else:
            query = f"select count(*) as n from {table} where {condition}"
            n = int(warehouse.rows(query, values)[0]["n"])
        if n:
            rows[table] = n
    return rows


def _places(
    warehouse: Warehouse, privacy: Privacy, person: Person
) -> Iterator[tuple[str, str, list[Any]]]:
    """Every table with the condition that a row is the person's; what tells of others, last."""
    for schema in BUILT:
        yield from _built_places(warehouse, schema, person)
    stored = {(dataset, record.table): record for dataset, record in stored_records(warehouse)}
    for dataset, table in stored:
        if table == "attachments":
            condition, values = theirs(privacy, dataset, stored[dataset, "messages"], person)
            messages = f"select account, id from {dataset}.messages where {condition}"
            yield f"{dataset}.{table}", f"(account, message_id) in ({messages})", values
    for dataset, table in sorted(stored, key=lambda each: each[1] in TOLD_BY):
        if columns_by_kind(stored[dataset, table]):
            yield f"{dataset}.{table}", *theirs(privacy, dataset, stored[dataset, table], person)


def _built_places(
    warehouse: Warehouse, schema: str, person: Person
) -> Iterator[tuple[str, str, list[Any]]]:
    query = (
        "select table_name as name from information_schema.tables "
        "where table_schema = %s and table_type = 'BASE TABLE'"
    )
    for table in [row["name"] for row in warehouse.rows(query, [schema])]:
        names = {row["column_name"] for row in warehouse.columns(schema, table)}
        conditions, values = ["false"], list[Any]()
        for column, ids in (
            ("contact_id", person.contacts),
            ("conversation_id", person.conversations),
        ):
            if ids and {"provider", "account", column} <= names:
                key = f"provider || '/' || account || '/' || cast({column} as text)"
                conditions.append(f"{key} in ({', '.join(['%s'] * len(ids))})")
                values += sorted("/".join(each) for each in ids)
        if values:
            yield f"{schema}.{table}", " or ".join(conditions), values
