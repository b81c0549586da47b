"""Of whom and of what no row is stored, and what is taken out of the texts of others."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, ClassVar

import msgspec
import pyarrow as pa
import pytest

from talkhouse.sources.rows.lenient_decode import Findings, Reject
from talkhouse.sources.rows.personal_data import BODY, EMAIL, PHONE, Privacy
from talkhouse.sources.rows.record import Epoch, Id, Json, Part, Record, Text, Whose, table_columns
from talkhouse.sources.rows.storage_rules import CONTACT, CONVERSATION, Terms

KEY = Privacy(key=b"a secret of more than sixteen characters")
OLDEST = datetime(2026, 5, 1, tzinfo=UTC)


class Reply(Part, kw_only=True):
    """Where to answer."""

    email: Annotated[Text, EMAIL, "To whom."] = None


class Letter(Record, kw_only=True):
    """A row of somebody, with an age."""

    table: ClassVar[str] = "letters"
    whose: ClassVar[Whose] = (
        ("phone", "phone"),
        ("email", "email"),
        ("contact", "contact"),
        ("conversation", "id"),
        ("email", "reply.email"),
    )
    happened: ClassVar[str] = "at"

    id: Annotated[Id, "Its number."]
    contact: Annotated[Id | None, "Who wrote it."] = None
    phone: Annotated[Text, PHONE, "From where."] = None
    email: Annotated[Text, EMAIL, "From where."] = None
    at: Annotated[Epoch, "When."] = None
    text: Annotated[Text, BODY, "What it says."] = None
    form: Annotated[Json, BODY, "What was filled in."] = msgspec.Raw(b"")
    reply: Reply | None = None


class Note(Letter, kw_only=True):
    """One that is kept as long as letters are."""

    table: ClassVar[str] = "notes"
    retained_as: ClassVar[str] = "letters"


class Bundle(Record, kw_only=True):
    """A row that holds others."""

    table: ClassVar[str] = "bundles"
    id: Annotated[Id, "Its number."]
    messages: list[Letter] = []


def without(*, phone: str = "", email: str = "", contact: int = 0, conversation: int = 0) -> Terms:
    """Terms under which somebody is kept out."""
    own = Terms("shop", "acme", KEY)
    told = {"phone": phone, "email": email, CONTACT: contact, CONVERSATION: conversation}
    tokens = {own.erasure(kind, value) for kind, value in told.items() if value}
    return Terms("shop", "acme", KEY, frozenset(tokens))


@pytest.mark.parametrize(
    "text, left",
    [
        ("write to ann@mail.example", "write to [erased]"),
        ("write to Ann@Mail.EXAMPLE!", "write to [erased]!"),
        (
            "https://shop.example/?to=ann%40mail.example&n=1",
            "https://shop.example/?to=[erased]&n=1",
        ),
        ("mailto:ANN%40mail.example", "mailto:[erased]"),
        ("joann@mail.example, ann@mail.example.org", "joann@mail.example, ann@mail.example.org"),
        ("joann%40mail.example", "joann%40mail.example"),
        ("bob@mail.example and ann@mail.example", "bob@mail.example and [erased]"),
        ("nobody", "nobody"),
    ],
)
def test_an_address_is_taken_out_however_it_is_written(text: str, left: str) -> None:
    assert without(email="ann@mail.example").without_erased(text) == left


@pytest.mark.parametrize(
    "text, left",
    [
        ("call +351 912 345 678", "call [erased]"),
        ("call 00351912345678 now", "call [erased] now"),
        ("(351) 912-345-678", "[erased]"),
        ("١ +351 912 345 678", "١ [erased]"),
        ("+351 912 345 679", "+351 912 345 679"),
        # two that stand beside each other are found as one
        ("+351 912 345 678 351 912 345 678", "[erased] [erased]"),
        ("12 +351912345678 34", "12 [erased] 34"),
        ("+34 600 111 222 +351 912 345 678 99", "+34 600 111 222 [erased] 99"),
        ("on 2026-11-21", "on 2026-11-21"),
        ("pay ES91 2100 0418 4502 0005 1332", "pay ES91 2100 0418 4502 0005 1332"),
    ],
)
def test_a_number_is_taken_out_however_it_is_written(text: str, left: str) -> None:
    assert without(phone="+351912345678").without_erased(text) == left


def kept(terms: Terms, *rows: Letter) -> list[int]:
    return [row.id for row in terms.wanted(rows)]


@pytest.mark.parametrize(
    "terms",
    [
        without(phone="+351912345678"),
        without(email="ann@mail.example"),
        without(contact=7),
        without(conversation=1),
    ],
)
def test_rows_of_who_was_erased_are_not_stored(terms: Terms) -> None:
    theirs = Letter(id=1, contact=7, phone="+351 912345678", email="Ann@mail.example")
    others = Letter(id=2, contact=8, phone="+351 912345679", email="bob@mail.example")
    nobodys = Letter(id=3)
    assert kept(terms, theirs, others, nobodys) == [2, 3]
    assert [row.id for row in terms.of_others([theirs, others])] == [2]
    assert kept(Terms("shop", "acme", KEY), theirs) == [1]


def test_whose_a_row_is_may_be_told_further_inside() -> None:
    terms = without(email="ann@mail.example")
    theirs, others = (
        Letter(id=n, reply=Reply(email=f"{who}@mail.example"))
        for n, who in enumerate(("ann", "bob"))
    )
    assert kept(terms, theirs, others) == [1]


def test_an_id_is_one_of_its_connection() -> None:
    tokens = without(contact=7).erased
    letter = Letter(id=1, contact=7)
    assert kept(Terms("shop", "acme", KEY, tokens), letter) == []
    assert kept(Terms("other", "acme", KEY, tokens), letter) == [1]
    assert kept(Terms("shop", "umbrella", KEY, tokens), letter) == [1]


def reject(row: bytes) -> Reject:
    findings = Findings()
    findings.rejected(Letter, row, "no usable id")
    return findings.rejects[0]


def test_a_rejected_row_that_names_who_was_erased_is_not_stored() -> None:
    terms = without(email="ann@mail.example")
    theirs, others = reject(b'{"from": "ann@mail.example"}'), reject(b'{"from": "bob@b.example"}')
    broken = reject(b'{"from": "\xff ann%40mail.example"}')
    assert terms.wanted([theirs, others, broken]) == [others]


@pytest.mark.parametrize("kind", [Letter, Note])
def test_what_is_too_old_is_not_stored(kind: type[Letter]) -> None:
    terms = Terms("shop", oldest={"letters": OLDEST})
    edge = int(OLDEST.timestamp())
    rows = [kind(id=1, at=edge - 1), kind(id=2, at=edge), kind(id=3, at=edge + 1), kind(id=4)]
    assert kept(terms, *rows) == [2, 3, 4]
    # but what belongs to it is somebody's all the same
    assert terms.of_others(rows) == rows
    assert kept(Terms("shop", oldest={"notes": OLDEST}), Letter(id=1, at=1)) == [1]


def test_what_a_row_holds_goes_by_itself() -> None:
    def bundle() -> Bundle:
        return Bundle(id=1, messages=[Letter(id=1, at=1), Letter(id=2, contact=7), Letter(id=3)])

    def left(terms: Terms) -> list[int]:
        rows: Sequence[Bundle] = terms.wanted([bundle()])
        return [letter.id for letter in rows[0].messages]

    assert left(Terms("shop", "acme", KEY)) == [1, 2, 3]
    assert left(Terms("shop", "acme", KEY, oldest={"letters": OLDEST})) == [2, 3]
    assert left(without(contact=7)) == [1, 3]


def unnamed(terms: Terms, name: str, *texts: str | None, is_key: bool = False) -> list[str | None]:
    [column] = [column for column in table_columns(Letter) if column.name == name]
    values: list[str | None] = terms.unnamed(column, pa.array(texts), is_key=is_key).to_pylist()
    return values


def test_columns_of_persons_are_searched_and_no_others() -> None:
    terms, address = without(email="ann@mail.example"), "ann@mail.example"
    assert unnamed(terms, "text", address, None, "b") == ["[erased]", None, "b"]
    assert unnamed(terms, "form", f'{{"a": ["{address}", 1]}}') == ['{"a":["[erased]",1]}']
    assert unnamed(terms, "form", '{"a":  1}') == ['{"a":  1}']
    assert unnamed(terms, "text", address, is_key=True) == [address]
    assert unnamed(terms, "account", address) == [address]
    assert unnamed(Terms("shop", "acme", KEY), "text", address) == [address]
    [at] = [column for column in table_columns(Letter) if column.name == "at"]
    numbers = pa.array([1, 2])
    assert terms.unnamed(at, numbers, is_key=False) is numbers
