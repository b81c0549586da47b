"""What becomes of personal data before anything of it is stored.

A record declares once which of its columns hold which kind of it; a policy says what is done with
each kind. It is applied where records become Arrow tables: what it hides is in no file, no state
and no table.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import msgspec
import pyarrow as pa


class PersonalData(Enum):
    """A kind of personal data, as a column holds it."""

    PHONE = "phone"
    EMAIL = "email"
    NAME = "name"
    # what was written or said, and where somebody is
    BODY = "body"
    # of a person, outside of the provider: at the channel, in the company's own systems
    IDENTIFIER = "identifier"
    ATTACHMENT_URL = "attachment_url"
    # objects that may hold any of these: attributes set by the company, and what no column takes
    FREE_FORM = "free_form"


class Action(Enum):
    """What is done with a kind."""

    KEEP = "keep"
    HASH = "hash"
    MASK = "mask"
    DROP = "drop"
    REDACT = "redact"


PHONE, EMAIL, NAME = PersonalData.PHONE, PersonalData.EMAIL, PersonalData.NAME
BODY, IDENTIFIER = PersonalData.BODY, PersonalData.IDENTIFIER
ATTACHMENT_URL, FREE_FORM = PersonalData.ATTACHMENT_URL, PersonalData.FREE_FORM

ACTIONS: Mapping[PersonalData, tuple[Action, ...]] = {
    **{
        kind: (Action.KEEP, Action.HASH, Action.MASK, Action.DROP)
        for kind in (PHONE, EMAIL, NAME, IDENTIFIER, ATTACHMENT_URL)
    },
    BODY: (Action.KEEP, Action.HASH, Action.MASK, Action.DROP, Action.REDACT),
    FREE_FORM: (Action.KEEP, Action.DROP, Action.REDACT),
}
"""What may be done with each kind."""

HASHED = "hmac:"
MASKED = "***"
SHOWN = 4


@dataclass(frozen=True)
class Flags:
    """Fields of a free-form object whose truth values tell nothing of anybody: they are kept."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Privacy:
    """The policy, and the secret that hashes are made with. What is not named is kept."""

    policy: Mapping[PersonalData, Action] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)

    def action(self, kind: PersonalData | None, *, is_key: bool = False) -> Action:
        """What is done with a column. One of a table's key must still tell its rows apart."""
        action = Action.KEEP if kind is None else self.policy.get(kind, Action.KEEP)
        if is_key and action is not Action.KEEP:
            return Action.REDACT if kind is FREE_FORM else Action.HASH
        return action

    def hidden(
        self,
        kind: PersonalData | None,
        values: Any,
        flags: Flags | None = None,
        *,
        is_key: bool = False,
        is_json: bool = False,
    ) -> Any:
        """The values of a column as they may be stored: an Arrow array of the same type."""
        action = self.action(kind, is_key=is_key)
        if kind is None or action is Action.KEEP:
            return values
        if not pa.types.is_string(values.type):
            return pa.nulls(len(values), values.type)  # a place on a map has no half measures
        if action is Action.DROP and flags is None:
            return pa.nulls(len(values), values.type)
        return changed(values, self._changer(kind, action, flags, is_json))

    def hash(self, kind: str, value: str) -> str:
        """A keyed hash: the same for the same value of a kind, at every provider, in every run."""
        message = f"{kind}:{normal(kind, value)}".encode()
        return HASHED + hmac.new(self.key, message, hashlib.sha256).hexdigest()[:32]

    def _changer(
        self, kind: PersonalData, action: Action, flags: Flags | None, is_json: bool
    ) -> Callable[[str], str | None]:
        if action is Action.HASH:
            return lambda text: self._hashed(kind, text)
        if action is Action.MASK:
            return masked
        if action is Action.REDACT:
            return redacted_json if is_json else redacted
        return lambda text: flags_of(text, flags or Flags(()))

    def _hashed(self, kind: PersonalData, text: str) -> str:
        if not text:
            return text
        # who reads a number by its + still can
        is_international = kind is PHONE and text.strip().startswith(("+", "00"))
        return "+" * is_international + self.hash(kind.value, text)


KEPT = Privacy()


def changed(values: Any, change: Callable[[str], str | None]) -> Any:
    """An array of texts, each changed; what is there often is changed once."""
    once = values.dictionary_encode()
    return pa.array(map(change, once.dictionary.to_pylist()), values.type).take(once.indices)


def normal(kind: str, value: str) -> str:
    """The one form of a value that is written in several."""
    if kind == "phone":
        return digits_of(value)
    return value.strip().lower() if kind == "email" else value


def digits_of(number: str) -> str:
    """A number's digits, without what says that it is international."""
    digits = "".join(str(int(each)) for each in number if each.isdecimal())
    return digits.removeprefix("00")


def masked(text: str) -> str:
    """The last characters; nothing of a text so short that they would tell it."""
    return MASKED + (text[-SHOWN:] if len(text) > 2 * SHOWN else "")


# a date is no number to call, though it has as many digits
FOUND = re.compile(
    r"""
    (?P<email> (?<![^\s@<>()\[\]{}"',;:=?&/|]) [^\s@<>()\[\]{}"',;:=?&/|]{1,100}? (?:@|%40)
      [^\s@<>()\[\]{}"',;:=?&/|]{1,200} \. \w{2,24} )
  | (?P<iban> (?<![A-Za-z0-9]) (?: [A-Z]{2}\d{2} (?:[ ][A-Z0-9]{4}){2,7} (?:[ ][A-Z0-9]{1,4})?
      | [A-Za-z]{2}\d{2} (?=[A-Za-z]{0,30}\d) [A-Za-z0-9]{11,30} ) (?![A-Za-z0-9]) )
  | (?P<date> (?<!\d) (?: (?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])
      | (?:0?[1-9]|[12]\d|3[01])([./-])(?:0?[1-9]|1[0-2])\4(?:19|20)\d\d ) (?![\d-]) )
  | (?P<number> (?<!\d) [+(]{0,2} \d (?:[\s.\-()/\u2010-\u2015]{0,3}\d){6,} (?!\d) )
    """,
    re.VERBOSE,
)


def redacted(text: str) -> str:
    """The text without e-mail addresses, IBANs, and numbers of seven digits or more, such as those
    of phones and cards. What is found is named in its place: `[email]`.
    """
    return FOUND.sub(
        lambda found: found[0] if found.lastgroup == "date" else f"[{found.lastgroup}]", text
    )


def redacted_json(text: str) -> str:
    """The same for the texts, numbers and names in a JSON document."""
    return in_json(text, redacted)


def in_json(text: str, change: Callable[[str], str]) -> str:
    """A JSON document with its texts, numbers and names changed; one that is not stays as it is."""
    value = msgspec.json.decode(text)
    new = _changed_in(value, change)
    return text if new == value else msgspec.json.encode(new).decode()


def _changed_in(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(name): _changed_in(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_changed_in(inner, change) for inner in value]
    if isinstance(value, str):
        return change(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return new if (new := change(str(value))) != str(value) else value
    return value


def flags_of(text: str, flags: Flags) -> str | None:
    """The flags that a JSON object has; None if it has none."""
    value = msgspec.json.decode(text)
    known = value if isinstance(value, dict) else {}
    kept = {name: known[name] for name in flags.names if isinstance(known.get(name), bool)}
    return msgspec.json.encode(kept).decode() if kept else None
