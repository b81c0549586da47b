"""POST /conversations/filter: conditions joined with SQL's own precedence, dates by UTC day.

`app/services/conversations/filter_service.rb`, `app/services/filter_service.rb` and
`lib/filters/filter_keys.yml` of https://github.com/chatwoot/chatwoot at v4.15.1.
"""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import Any

from talkhouse.simulator.entities import Conversation
from talkhouse.simulator.world import World

EQUAL = ("equal_to", "not_equal_to")
PRESENT = (*EQUAL, "is_present", "is_not_present")
CONTAINS = (*EQUAL, "contains", "does_not_contain")
DATES = ("is_greater_than", "is_less_than", "days_before")
OPERATORS = {
    "status": EQUAL,
    "assignee_id": PRESENT,
    "inbox_id": PRESENT,
    "team_id": PRESENT,
    "contact_id": EQUAL,
    "priority": EQUAL,
    "display_id": CONTAINS,
    "campaign_id": PRESENT,
    "labels": PRESENT,
    "browser_language": EQUAL,
    "conversation_language": EQUAL,
    "country_code": EQUAL,
    "referer": CONTAINS,
    "created_at": DATES,
    "last_activity_at": DATES,
    "mail_subject": CONTAINS,
}


class InvalidFilterError(Exception):
    """Carries the message of a 422."""


class CrashError(Exception):
    """What Chatwoot answers with a 500."""


def filtered(world: World, found: list[Conversation], body: Any) -> list[Conversation]:
    """The conversations that a filter keeps, newest activity first."""
    conditions = body.get("payload") if isinstance(body, dict) else None
    if not isinstance(conditions, list):
        raise CrashError
    for place, condition in enumerate(conditions):
        _validate(condition, is_last=place == len(conditions) - 1)
    kept = [c for c in found if _keeps(world, c, conditions)]
    return sorted(kept, key=lambda c: c.last_activity_at, reverse=True)


def _validate(condition: dict[str, Any], is_last: bool) -> None:
    key, operator = condition.get("attribute_key"), condition.get("filter_operator")
    if key not in OPERATORS:
        keys = ",".join(OPERATORS)
        raise InvalidFilterError(
            f"Invalid attribute key - [{key}]. The key should be one of [{keys}] "
            "or a custom attribute defined in the account."
        )
    if operator not in OPERATORS[key]:
        allowed = ",".join(OPERATORS[key])
        raise InvalidFilterError(
            f"Invalid operator. The allowed operators for {key} are [{allowed}]."
        )
    joint = condition.get("query_operator")
    if joint is not None and str(joint).upper() not in ("AND", "OR"):
        raise InvalidFilterError('Query operator must be either "AND" or "OR".')
    # the operator is pasted into the SQL, so a last one leaves the sentence unfinished
    if is_last and joint is not None:
        raise CrashError
    if not is_last and joint is None:
        raise CrashError
    if operator in ("contains", "does_not_contain") and key == "display_id":
        raise CrashError
    if key in ("created_at", "last_activity_at"):
        _as_date(key, condition)


def _as_date(key: str, condition: dict[str, Any]) -> date:
    try:
        value = _values(condition)[0]
        if condition["filter_operator"] == "days_before":
            return date.min + timedelta(days=int(value))
        return date.fromisoformat(str(value)[:10])
    except (ValueError, IndexError, OverflowError) as error:
        message = f"Invalid value. The values provided for {key} are invalid"
        raise InvalidFilterError(message) from error


def _keeps(world: World, c: Conversation, conditions: list[dict[str, Any]]) -> bool:
    """OR between groups of conditions joined by AND, as SQL reads them."""
    groups: list[list[bool]] = [[]]
    for condition in conditions:
        groups[-1].append(_holds(world, c, condition))
        if str(condition.get("query_operator")).upper() == "OR":
            groups.append([])
    return any(all(group) for group in groups)


def _holds(world: World, c: Conversation, condition: dict[str, Any]) -> bool:
    key, operator = condition["attribute_key"], condition["filter_operator"]
    if key in ("created_at", "last_activity_at"):
        day = getattr(c, key).astimezone(UTC).date()
        limit = _as_date(key, condition)
        if operator == "days_before":
            return bool(day < world.now.date() - (limit - date.min))
        return bool(day > limit if operator == "is_greater_than" else day < limit)
    wanted = {str(value) for value in _values(condition)}
    actual = _actual(world, c, key)
    if key == "status" and "all" in wanted:
        return True
    match operator:
        case "equal_to":
            return bool(actual & wanted)
        case "not_equal_to":
            return not actual & wanted
        case "is_present":
            return bool(actual)
        case "is_not_present":
            return not actual
        case "contains":
            return any(word in text for word in wanted for text in actual)
    return not any(word in text for word in wanted for text in actual)


def _actual(world: World, c: Conversation, key: str) -> set[str]:
    """The conversation's own values of an attribute."""
    if key == "labels":
        return {world.tags[tag].name for tag in c.tags}
    contact = world.contacts.get(c.contact_id)
    values = {
        "status": c.status,
        "assignee_id": c.assignee_id,
        "inbox_id": c.channel_id,
        "team_id": c.team_id,
        "contact_id": c.contact_id,
        "priority": c.priority,
        "display_id": c.id,
        "browser_language": c.browser.get("browser_language"),
        "country_code": contact.country_code if contact else None,
        "referer": c.browser.get("referer"),
    }
    value = values.get(key)
    return set() if value is None else {str(value)}


def _values(condition: dict[str, Any]) -> list[Any]:
    values = condition.get("values")
    return values if isinstance(values, list) else [values]
