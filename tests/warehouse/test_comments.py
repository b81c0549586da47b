"""Every raw table and column, and the audit's, has its description as a comment in the database."""

from collections.abc import Callable

import pytest

from support.account import HOUR, Account
from support.comments import commented
from talkhouse.pipelines.warehouse import comments
from talkhouse.pipelines.warehouse.comments import comment
from talkhouse.pipelines.warehouse.interface import AUDIT, Warehouse
from talkhouse.pipelines.warehouse.migrations import migrate
from talkhouse.sources.registry import PROVIDERS

Filled = Callable[[str], Account]


@pytest.mark.both_destinations
@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_table_and_column_has_its_description(filled: Filled, provider: str) -> None:
    warehouse = filled(provider).warehouse
    raw = commented(warehouse, provider)
    assert {("conversations", ""), ("drift", "field"), ("_dlt_loads", "load_id")} <= raw
    assert {("scans", "mode"), ("drift", ""), ("rejects", "provider")} <= commented(
        warehouse, AUDIT
    )


@pytest.mark.both_destinations
def test_what_appears_later_is_commented_with_its_rows(filled: Filled) -> None:
    account = filled("pembalasan")
    warehouse = account.warehouse
    for name in ("table pembalasan.contacts", "column pembalasan.contacts.email"):
        warehouse.execute(f"comment on {name} is null")
    warehouse.execute("comment on column pembalasan.contacts.id is 'What an older release said.'")
    account.converse()
    account.later()
    account.synced()
    commented(warehouse, "pembalasan")


def test_a_sync_in_which_nothing_is_new_looks_at_no_comment(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = filled("pembalasan")
    account.later(HOUR)
    account.synced()

    def refused(*of: object) -> None:
        raise AssertionError("comments are looked at")

    monkeypatch.setattr(type(account.warehouse), "comments", refused)
    account.later(HOUR)
    account.synced()


@pytest.mark.both_destinations
def test_a_description_may_hold_any_character(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(warehouse)
    text = """It's a "quoted" \\ 100 % ? {0}; drop table audit.runs -- 'twice'"""
    monkeypatch.setattr(comments, "described", lambda _: {("runs", "outcome"): text})
    comment(warehouse, AUDIT)
    found = {(each["table_name"], each["column_name"]): each for each in warehouse.comments(AUDIT)}
    assert found["runs", "outcome"]["comment"] == text
