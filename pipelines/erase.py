"""Erases a person: from what was loaded, what is built of it, the copy that others read and the
working folder; keeps the person out of later syncs; and gives a receipt without the data.
"""

import hmac
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.connections import Connection
from pipelines.destination import Copy
from pipelines.events import RowsDeleted, tell
from pipelines.leftovers import clear_leftovers
from pipelines.migrations import migrate
from pipelines.person import Person, columns_by_kind, find, theirs
from pipelines.publish import published
from pipelines.renew import ERASE, note_renewed, note_unrenewed, unrenewed, write_anew
from pipelines.rewrite import stored_records
from pipelines.summary import print_json, results
from pipelines.sweep import sweep
from pipelines.terms import alone, key_hash, refuse_other_key
from pipelines.warehouse import BUILT, Destination, Warehouse, WarehouseError
from sources.privacy import HASHED, Privacy
from sources.settings import SettingsError
from sources.terms import CONTACT, CONVERSATION, Terms

NO_CONTACT = "there is no such contact: --contact is PROVIDER/CONNECTION/ID"
CUT_OFF = "it did not come to its end: the next `talkhouse erase` makes it up"
TOLD_BY = ("first_messages", "conversations", "contacts")


@dataclass
class Receipt:
    """What was erased: rows, and texts of others that named the person, by table. `kept_out` is how
    many keyed hashes keep the person out of later syncs. `made_up` are tables whose rows an earlier
    command deleted that did not come to its end, and gave no receipt. `failures` are what could not
    be done after that. `signature` is an HMAC of all else, with the secret `privacy.key`.
    """

    receipt_id: str
    erased_at: str
    destination: str
    asked_by: str
    connections: list[str]
    contacts: int
    conversations: int
    rows: dict[str, int] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    kept_out: int = 0
    made_up: list[str] = field(default_factory=list)
    published: str | None = None
    failures: list[str] = field(default_factory=list)
    talkhouse_version: str = field(default_factory=lambda: version("talkhouse"))
    signature: str = ""

    @property
    def file_name(self) -> str:
        """What its file is called."""
        return f"erased-{self.receipt_id}.json"

    def signed(self, privacy: Privacy) -> "Receipt":
        """The receipt with its signature."""
        document = json.dumps(asdict(self) | {"signature": ""}, sort_keys=True)
        self.signature = hmac.new(privacy.key, document.encode(), "sha256").hexdigest()
        return self


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


def make_folder(folder: Path) -> None:
    """Makes the folder of the receipts. Raises SettingsError if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        why = f"--receipts: {folder} cannot be made: {e.strerror}; nothing was erased"
        raise SettingsError(why) from None


def write_receipt(receipt: Receipt, folder: Path) -> Path:
    """Writes the receipt to a file of its own, in a folder that is there."""
    file = folder / receipt.file_name
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(receipt), indent=2) + "\n")
    return file


def show_receipt(receipt: Receipt, as_json: bool, *, done: bool) -> None:
    """Prints what was erased, or would be."""
    if as_json:
        print_json(asdict(receipt))
        return
    console = results()
    verb = "Erased" if done else "Would erase"
    lines = [
        f"{verb} {receipt.contacts:,} contacts and {receipt.conversations:,} conversations in "
        f"{receipt.destination}: {', '.join(receipt.connections) or 'nobody is known by that'}",
        *(f"  {table}: {rows:,} rows" for table, rows in receipt.rows.items()),
        *(f"  {table}: {rows:,} texts named the person" for table, rows in receipt.texts.items()),
    ]
    if done:
        lines.append(f"  kept out of later syncs by {receipt.kept_out:,} keyed hashes")
    if receipt.made_up:
        what = "made up" if done else "to be made up"
        lines.append(f"  what an earlier `talkhouse erase` began: {what}")
    if receipt.published:
        lines.append(f"  published anew: {receipt.published}")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
