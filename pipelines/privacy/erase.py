"""Erases a person: from what was loaded, what is built of it, the copy that others read and the
working folder; keeps the person out of later syncs; and gives a receipt without the data.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from talkhouse.pipelines.analytics.publish import published
from talkhouse.pipelines.audit.exclusive import alone
from talkhouse.pipelines.audit.unfinished import ERASE, note_renewed, note_unrenewed, unrenewed
from talkhouse.pipelines.privacy.deletions import Deletion, count_rows, delete_rows
from talkhouse.pipelines.privacy.find_person import Person, columns_by_kind, find, theirs
from talkhouse.pipelines.privacy.leftovers import clear_leftovers
from talkhouse.pipelines.privacy.rebuild import write_anew
from talkhouse.pipelines.privacy.receipt import Receipt
from talkhouse.pipelines.privacy.rewrite_rows import stored_records
from talkhouse.pipelines.privacy.scrub_texts import TextChange, scrub, text_changes
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


@dataclass(frozen=True)
class Erasure:
    """Whom to erase, where. `asked_by` is `phone`, `email` or `contact`; `keep` is given the
    receipt once the rows are gone, and again at the end.
    """

    destination: Destination
    privacy: Privacy
    chosen: Sequence[Connection]
    copy: Copy | None
    person: Person
    asked_by: str
    keep: Callable[[Receipt], object]


@dataclass(frozen=True)
class Found:
    """What is stored of the person. `tokens` keep the person out of later syncs."""

    deletions: list[Deletion]
    tokens: frozenset[str]
    terms: Terms
    made_up: list[str]


def preview(wanted: Erasure) -> Receipt:
    """What would go; nothing is erased. Raises as `erase` does."""
    _refuse(wanted)
    with wanted.destination.open(read_only=True) as warehouse:
        found = _found(warehouse, wanted)
        rows = count_rows(warehouse, found.deletions)
        changes = text_changes(warehouse, wanted.person, found.terms)
        return _receipt(wanted, found, rows, changes)


def erase(wanted: Erasure) -> Receipt:
    """Erases the person. What could not be done once the rows were gone is in the receipt's
    `failures`.

    Raises SettingsError if nobody can be kept out for want of a key, or the person is not one;
    AlreadySyncing if a sync or a build is under way. All rows go, or none.
    """
    _refuse(wanted)
    destination, privacy, copy = wanted.destination, wanted.privacy, wanted.copy
    with destination.open() as warehouse, alone(warehouse, wanted.chosen):
        migrate(warehouse)
        found = _found(warehouse, wanted)
        with warehouse.transaction():
            rows = delete_rows(warehouse, found.deletions)
            changes = text_changes(warehouse, wanted.person, found.terms)
            receipt = _receipt(wanted, found, rows, changes)
            scrub(warehouse, changes)
            if receipt.kept_out:
                _keep_out(warehouse, privacy, found.tokens)
            note_unrenewed(warehouse, ERASE, {*receipt.rows, *receipt.texts})
        tell(RowsDeleted(rows=receipt.rows))
        # what comes may fail, and the rows are gone
        wanted.keep(replace(receipt, failures=[CUT_OFF]).signed(privacy))
        began = datetime.now(UTC)
        try:
            clear_leftovers(warehouse, wanted.chosen)
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
    wanted.keep(receipt.signed(privacy))
    return receipt


def _refuse(wanted: Erasure) -> None:
    if not wanted.privacy.key:
        raise SettingsError(
            "privacy.key is missing, by whose hashes the person is kept out of later syncs: write "
            "the output of `openssl rand -hex 32` to .dlt/secrets.toml, and keep a copy"
        )
    if not wanted.destination.exists():
        raise SettingsError(f"{wanted.destination} is not there: there is nobody in it")


def _found(warehouse: Warehouse, wanted: Erasure) -> Found:
    privacy, person = wanted.privacy, wanted.person
    refuse_other_key(warehouse, privacy)
    made_up = unrenewed(warehouse, ERASE)
    find(warehouse, privacy, person)
    tokens = _tokens(privacy, person)
    # stored texts are searched by the same hashes as texts that later syncs bring
    terms = Terms("", privacy=privacy, erased=tokens)
    return Found(list(_deletions(warehouse, privacy, person)), tokens, terms, made_up)


def _receipt(
    wanted: Erasure, found: Found, rows: Mapping[str, int], changes: Sequence[TextChange]
) -> Receipt:
    """Raises SettingsError if a contact was named, and there is none."""
    person, tokens = wanted.person, found.tokens
    if wanted.asked_by == "contact" and not rows:
        if not found.made_up:
            raise SettingsError(NO_CONTACT)
        tokens = frozenset()
    texts = Counter(each.table for each in changes if not each.is_rejected)
    rejected = Counter(each.table for each in changes if each.is_rejected)
    now = datetime.now(UTC)
    return Receipt(
        f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        now.isoformat(),
        str(wanted.destination),
        wanted.asked_by,
        sorted({"/".join(each[:2]) for each in person.contacts | person.conversations}),
        len(person.contacts),
        len(person.conversations),
        dict(Counter(rows) + rejected),
        dict(texts),
        len(tokens),
        found.made_up,
    )


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


def _deletions(warehouse: Warehouse, privacy: Privacy, person: Person) -> Iterator[Deletion]:
    """The person's rows of every table; what tells of others, last."""
    for schema in BUILT:
        yield from _deletions_of_built(warehouse, schema, person)
    stored = {(dataset, record.table): record for dataset, record in stored_records(warehouse)}
    for dataset, table in stored:
        if table == "attachments":
            condition, values = theirs(privacy, dataset, stored[dataset, "messages"], person)
            messages = f"select account, id from {dataset}.messages where {condition}"
            condition = f"(account, message_id) in ({messages})"
            yield Deletion(f"{dataset}.{table}", condition, values)
    for dataset, table in sorted(stored, key=lambda each: each[1] in TOLD_BY):
        if columns_by_kind(stored[dataset, table]):
            condition, values = theirs(privacy, dataset, stored[dataset, table], person)
            yield Deletion(f"{dataset}.{table}", condition, values)


def _deletions_of_built(warehouse: Warehouse, schema: str, person: Person) -> Iterator[Deletion]:
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
            yield Deletion(f"{schema}.{table}", " or ".join(conditions), values)
