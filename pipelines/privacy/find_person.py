"""Who a person is in the warehouse: the contacts, the numbers and addresses, the conversations.

Which columns tell whose a row is, the records say (`whose`). The same person is, by the rules of
models/DECISIONS.md, whoever has the same number; and whoever has the same address, unless that
belongs to several numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from talkhouse.pipelines.privacy.rewrite_rows import stored_records
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.registry import PROVIDERS
from talkhouse.sources.rows.personal_data import (
    EMAIL,
    HASHED,
    PHONE,
    Action,
    PersonalData,
    Privacy,
    digits_of,
    normal,
)
from talkhouse.sources.rows.record import Record, table_columns
from talkhouse.sources.rows.storage_rules import CONTACT, CONVERSATION
from talkhouse.sources.settings import SettingsError

Ids = set[tuple[str, str, str]]
"""Provider, account and id."""

# a conversation found there is the person's as a whole; of other tables it is the row alone
OF_CONVERSATIONS = ("conversations", "first_messages")
FEWEST_DIGITS, MOST_DIGITS = 8, 15


@dataclass
class Person:
    """`phones` and `emails` are as they are compared: digits and lower case, or hashes where those
    are stored. `shared` are addresses that several numbers have; who else has them is not meant.
    """

    phones: set[str] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)
    contacts: Ids = field(default_factory=set)
    conversations: Ids = field(default_factory=set)

    @property
    def size(self) -> int:
        """How much is known of it."""
        known = (self.phones, self.emails, self.contacts, self.conversations)
        return sum(len(each) for each in known)


def asked_for(privacy: Privacy, *, phone: str = "", email: str = "", contact: str = "") -> Person:
    """The person whom one of them names. Raises SettingsError for none or several of them, for what
    is none, and for what is stored so that it tells nobody.
    """
    if sum(map(bool, (phone, email, contact))) != 1:
        raise SettingsError("say whom: by one of --phone, --email and --contact")
    if contact:
        provider, account, contact_id = (contact.split("/", 2) + ["", ""])[:3]
        if not contact_id or provider not in PROVIDERS:
            raise SettingsError("--contact is PROVIDER/CONNECTION/ID, such as chatwoot/shop/17")
        return Person(contacts={(provider, account, contact_id)})
    kind, value = (PHONE, phone) if phone else (EMAIL, email)
    if not is_told(privacy, kind):
        raise SettingsError(
            f"[privacy] hides {kind.value}s, so by one nobody is found: use --contact"
        )
    is_whole = phone.startswith(("+", "00")) and len(digits_of(phone)) >= FEWEST_DIGITS
    if phone and not is_whole:
        raise SettingsError("--phone is a number with its country, such as +351912345678")
    if email and "@" not in email:
        raise SettingsError("--email is no address")
    known = {compared(privacy, kind, value)}
    return Person(phones=known) if phone else Person(emails=known)


def is_told(privacy: Privacy, kind: PersonalData) -> bool:
    """Whether stored values of a kind tell one person from another."""
    return privacy.action(kind) in (Action.KEEP, Action.HASH)


def compared(privacy: Privacy, kind: PersonalData, value: str) -> str:
    """A number or address as it is compared: digits and lower case, or their hash."""
    if privacy.action(kind) is Action.HASH:
        return value.removeprefix("+") if HASHED in value else privacy.hash(kind.value, value)
    return normal(kind.value, value)


def find(warehouse: Warehouse, privacy: Privacy, person: Person) -> None:
    """Adds what is known of the person: contacts and conversations with all providers.

    Raises SettingsError if several numbers have the address that was asked for.
    """
    for email in person.emails:
        if _is_shared(warehouse, privacy, email):
            raise SettingsError(
                "several numbers have that address, so it is not one person's: use --phone or "
                "--contact"
            )
    before = -1
    while person.size != before:
        before = person.size
        for dataset, record in stored_records(warehouse):
            if record.table == "contacts" or record.table in OF_CONVERSATIONS:
                _find_in(warehouse, privacy, dataset, record, person)


def _find_in(
    warehouse: Warehouse, privacy: Privacy, dataset: str, record: type[Record], person: Person
) -> None:
    names = columns_by_kind(record)
    told = [(kind, name) for kind, columns in names.items() for name in columns]
    columns = ", ".join(f"{name} as told_{n}" for n, (_, name) in enumerate(told))
    condition, values = theirs(privacy, dataset, record, person)
    query = f"select account, {columns} from {dataset}.{record.table} where {condition}"
    # a customer whose id is the number is known by it
    by_number = set(names.get(CONTACT, [])) & set(names.get("phone", []))
    for row in warehouse.rows(query, values):
        for n, (kind, name) in enumerate(told):
            value = row[f"told_{n}"]
            if value is None:
                continue
            if kind in (CONTACT, CONVERSATION):
                ids = person.contacts if kind == CONTACT else person.conversations
                ids.add((dataset, row["account"], str(value)))
            is_followed = record.table == "contacts" or name in by_number
            if kind == "phone" and is_followed and is_told(privacy, PHONE):
                # without its country it may be anybody's
                if value.startswith("+") and (HASHED in value or _is_number(value)):
                    person.phones.add(compared(privacy, PHONE, value))
            if kind == "email" and is_followed and is_told(privacy, EMAIL) and value:
                email = compared(privacy, EMAIL, value)
                is_shared = email not in person.emails and _is_shared(warehouse, privacy, email)
                (person.shared if is_shared else person.emails).add(email)


def _is_number(value: str) -> bool:
    return FEWEST_DIGITS <= len(digits_of(value)) <= MOST_DIGITS


def _is_shared(warehouse: Warehouse, privacy: Privacy, email: str) -> bool:
    phones: set[str] = set()
    for dataset, record in stored_records(warehouse):
        names = columns_by_kind(record)
        if record.table == "contacts" and "phone" in names and "email" in names:
            condition, values = theirs(privacy, dataset, record, Person(emails={email}))
            query = f"select {names['phone'][0]} as phone from {dataset}.contacts where {condition}"
            phones |= {
                compared(privacy, PHONE, row["phone"])
                for row in warehouse.rows(query, values)
                if row["phone"]
            }
    return len(phones) > 1


def columns_by_kind(record: type[Record]) -> dict[str, list[str]]:
    """The stored columns that tell whose a row is, as SQL, by what they tell."""
    there = {column.name for column in table_columns(record)}
    names: dict[str, list[str]] = {}
    for kind, path in record.whose:
        name = path.replace(".", "__")
        if name in there:
            names.setdefault(kind, []).append(f'"{name}"')
        elif name in record.told_by_sql:
            names.setdefault(kind, []).append(f"({record.told_by_sql[name]})")
    return names


def theirs(
    privacy: Privacy, dataset: str, record: type[Record], person: Person
) -> tuple[str, list[Any]]:
    """The condition, with its parameters, that a stored row is the person's."""
    conditions, values = ["false"], list[Any]()

    def one_of(column: str, wanted: Iterable[str]) -> None:
        wanted = sorted(wanted)
        if wanted:
            conditions.append(f"{column} in ({', '.join(['%s'] * len(wanted))})")
            values.extend(wanted)

    for kind, names in columns_by_kind(record).items():
        for name in names:
            if kind in (CONTACT, CONVERSATION):
                ids = person.contacts if kind == CONTACT else person.conversations
                here = {f"{account}/{an_id}" for where, account, an_id in ids if where == dataset}
                one_of(f"account || '/' || cast({name} as text)", here)
            elif kind == "phone":
                is_hashed = privacy.action(PHONE) is Action.HASH
                digits = f"regexp_replace(regexp_replace({name}, '[^0-9]', '', 'g'), '^00', '')"
                one_of(f"ltrim({name}, '+')" if is_hashed else digits, person.phones)
            else:
                one_of(f"lower(trim({name}))", person.emails)
    return " or ".join(conditions), values
