"""Who a person is in the warehouse: the contacts, the numbers and addresses, the conversations.

Which columns tell whose a row is, the records say (`whose`). The same person is, by the rules of
models/DECISIONS.md, whoever has the same number; and whoever has the same address, unless that
belongs to several numbers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pipelines.rewrite import stored_records
from pipelines.warehouse import Warehouse
from sources.privacy import HASHED, Action, PersonalData, Privacy, normal
from sources.records import Record, table_columns
from sources.settings import SettingsError
from sources.terms import CONTACT, CONVERSATION

Ids = set[tuple[str, str, str]]
"""Provider, account and id."""

# a conversation found there is the person's as a whole; of other tables it is the row alone
OF_CONVERSATIONS = ("conversations", "first_messages")
FEWEST_DIGITS = 7


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
        if not contact_id:
            raise SettingsError("--contact is PROVIDER/CONNECTION/ID, such as chatwoot/shop/17")
        return Person(contacts={(provider, account, contact_id)})
    kind = PersonalData.PHONE if phone else PersonalData.EMAIL
    action = privacy.action(kind)
    if action in (Action.MASK, Action.DROP):
        raise SettingsError(f"[privacy] hides the {kind.value}, so it tells nobody: use --contact")
    if phone:
        digits = re.sub(r"\D", "", phone)
        if len(digits) < FEWEST_DIGITS:
            raise SettingsError("--phone is a number with its country, such as +351912345678")
        if action is Action.KEEP:
            return Person(phones={digits})
        return Person(
            phones={f"+{privacy.hash('phone', '+' + digits)}", privacy.hash("phone", digits)}
        )
    if "@" not in email:
        raise SettingsError("--email is no address")
    return Person(emails={compared(privacy, PersonalData.EMAIL, email)})


def compared(privacy: Privacy, kind: PersonalData, value: str) -> str:
    """A number or address as it is compared."""
    if privacy.action(kind) is Action.HASH:
        return value if HASHED in value else privacy.hash(kind.value, value)
    return re.sub(r"\D", "", value) if kind is PersonalData.PHONE else normal("email", value)


def find(warehouse: Warehouse, privacy: Privacy, person: Person) -> None:
    """Adds what is known of the person: contacts and conversations with all providers."""
    asked, before = set(person.emails), -1
    while person.size != before:
        before = person.size
        for dataset, record in stored_records(warehouse):
            if record.table == "contacts" or record.table in OF_CONVERSATIONS:
                _find_in(warehouse, privacy, dataset, record, person, asked)


def _find_in(
    warehouse: Warehouse,
    privacy: Privacy,
    dataset: str,
    record: type[Record],
    person: Person,
    asked: set[str],
) -> None:
    names = columns_by_kind(record)
    told = [name for kind in names.values() for name in kind]
    condition, values = theirs(privacy, dataset, record, person)
    columns = ", ".join(f'"{name}"' for name in ("account", *told))
    query = f"select {columns} from {dataset}.{record.table} where {condition}"
    for row in warehouse.rows(query, values):
        for kind, ids in ((CONTACT, person.contacts), (CONVERSATION, person.conversations)):
            of_kind = [row[name] for name in names.get(kind, []) if row[name] is not None]
            ids |= {(dataset, row["account"], str(value)) for value in of_kind}
        if record.table != "contacts":
            continue
        if privacy.action(PersonalData.PHONE) in (Action.KEEP, Action.HASH):
            phones = [row[name] for name in names.get("phone", []) if row[name]]
            person.phones |= {compared(privacy, PersonalData.PHONE, each) for each in phones}
        if privacy.action(PersonalData.EMAIL) in (Action.KEEP, Action.HASH):
            emails = [row[name] for name in names.get("email", []) if row[name]]
            for email in {compared(privacy, PersonalData.EMAIL, each) for each in emails}:
                is_shared = email not in asked and _is_shared(warehouse, privacy, email)
                (person.shared if is_shared else person.emails).add(email)


def _is_shared(warehouse: Warehouse, privacy: Privacy, email: str) -> bool:
    phones: set[str] = set()
    for dataset, record in stored_records(warehouse):
        names = columns_by_kind(record)
        if record.table == "contacts" and "phone" in names and "email" in names:
            condition, values = theirs(privacy, dataset, record, Person(emails={email}))
            query = (
                f'select "{names["phone"][0]}" as phone from {dataset}.contacts where {condition}'
            )
            phones |= {
                compared(privacy, PersonalData.PHONE, row["phone"])
                for row in warehouse.rows(query, values)
                if row["phone"]
            }
    return len(phones) > 1


def columns_by_kind(record: type[Record]) -> dict[str, list[str]]:
    """The stored columns that tell whose a row is, by what they hold of a person."""
    there = {column.name for column in table_columns(record)}
    names: dict[str, list[str]] = {}
    for kind, path in record.whose:
        if (name := path.replace(".", "__")) in there:
            names.setdefault(kind, []).append(name)
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
                one_of(f"account || '/' || cast(\"{name}\" as text)", here)
                continue
            is_kept = privacy.action(PersonalData(kind)) is Action.KEEP
            if kind == "phone":
                digits = f"regexp_replace(\"{name}\", '[^0-9]', '', 'g')"
                one_of(digits if is_kept else f'"{name}"', person.phones)
            if kind == "email":
                one_of(f'lower(trim("{name}"))' if is_kept else f'"{name}"', person.emails)
    return " or ".join(conditions), values
