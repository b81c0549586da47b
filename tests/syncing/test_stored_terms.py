"""On which terms rows are stored, by what an empty warehouse in memory was told of them."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.account import SETTINGS
from talkhouse.pipelines.settings.connections import connection
from talkhouse.pipelines.syncing.storage_rules import (
    aged,
    erased_tokens,
    note_policy,
    refuse_other_key,
    stored_policy,
    terms_of,
)
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.chatwoot.records.messages import LastMessage
from talkhouse.sources.octopush.records import Agent, Conversation
from talkhouse.sources.rows.personal_data import EMAIL, PHONE, Action, PersonalData, Privacy
from talkhouse.sources.settings import SettingsError

DAY = timedelta(days=1)
KEY = b"a secret of more than sixteen characters"
HASHING = Privacy({PHONE: Action.HASH}, KEY)
OTHER_KEY = replace(HASHING, key=KEY + b"2")
KEPT = dict.fromkeys(PersonalData, Action.KEEP)
ANOTHER = "privacy.key is not the one that the stored rows were hashed with: put that one back"


@pytest.fixture
def warehouse(in_memory: Warehouse) -> Warehouse:
    return in_memory


def terms(warehouse: Warehouse, privacy: Privacy, **retention: timedelta) -> Any:
    values = {"provider": "octopush", "base_url": "http://127.0.0.1:1", **SETTINGS["octopush"]}
    return terms_of(connection("shop", values, privacy, retention), warehouse)


def load(warehouse: Warehouse) -> None:
    """Something is stored, so that a policy is no longer free to choose."""
    warehouse.execute("create schema hilos")
    warehouse.execute("create table hilos.contacts (id text)")


def erase(warehouse: Warehouse, privacy: Privacy, token: str) -> None:
    """Keeps somebody out by a hash, as `talkhouse erase` does."""
    key = privacy.hash("key", "")
    statement = "insert into audit.erased (token, key_hash, erased_at) values (%s, %s, %s)"
    warehouse.execute(statement, [token, key, datetime.now(UTC)])


def test_the_terms_are_those_of_the_connection_and_of_who_was_erased(warehouse: Warehouse) -> None:
    erase(warehouse, HASHING, "a token")
    erase(warehouse, HASHING, "another")
    found = terms(warehouse, HASHING, messages=2 * DAY)
    assert (found.account, found.provider, found.privacy) == ("shop", "octopush", HASHING)
    assert found.erased == {"a token", "another"}
    assert found.oldest.keys() == {"messages"}
    assert abs(datetime.now(UTC) - 2 * DAY - found.oldest["messages"]) < timedelta(minutes=1)


def test_what_is_stored_under_another_policy_is_not_added_to(warehouse: Warehouse) -> None:
    changed = Privacy({PHONE: Action.MASK, EMAIL: Action.HASH}, KEY)
    # of an empty warehouse there is nothing to be changed first
    assert terms(warehouse, changed).privacy == changed
    load(warehouse)
    note_policy(warehouse, HASHING)
    assert stored_policy(warehouse) == KEPT | {PHONE: Action.HASH}
    assert terms(warehouse, HASHING).privacy == HASHING
    with pytest.raises(SettingsError) as raised:
        terms(warehouse, changed)
    assert str(raised.value) == (
        "the rows that are stored are under another privacy policy (phone is mask and was hash, "
        "email is hash and was keep): `talkhouse privacy` says what the change does, "
        "`talkhouse privacy --apply` does it"
    )
    note_policy(warehouse, changed)
    assert terms(warehouse, changed).privacy == changed


def test_what_was_stored_before_there_were_policies_is_kept_as_it_came(
    warehouse: Warehouse,
) -> None:
    load(warehouse)
    assert stored_policy(warehouse) == KEPT
    for table in ("privacy", "erased"):
        warehouse.execute(f"drop table audit.{table}")
    assert stored_policy(warehouse) == KEPT
    assert erased_tokens(warehouse) == frozenset()
    assert terms(warehouse, Privacy()).erased == frozenset()
    # where nothing is noted, the tables are made with the first note
    refuse_other_key(warehouse, HASHING)


def test_hashes_of_another_key_are_not_mixed_with_those_of_this(warehouse: Warehouse) -> None:
    note_policy(warehouse, HASHING)
    refuse_other_key(warehouse, HASHING)
    for other in (OTHER_KEY, replace(HASHING, key=b"")):
        with pytest.raises(SettingsError) as raised:
            refuse_other_key(warehouse, other)
        assert str(raised.value) == ANOTHER
    # a policy that hides nothing makes no hashes
    refuse_other_key(warehouse, Privacy(key=OTHER_KEY.key))


def test_who_was_erased_with_another_key_would_come_back(warehouse: Warehouse) -> None:
    erase(warehouse, HASHING, "a token")
    refuse_other_key(warehouse, Privacy(key=KEY))
    for other in (OTHER_KEY, Privacy(key=OTHER_KEY.key), Privacy()):
        with pytest.raises(SettingsError) as raised:
            terms(warehouse, other)
        assert str(raised.value) == ANOTHER


def test_a_key_that_nothing_was_hashed_with_may_be_changed(warehouse: Warehouse) -> None:
    note_policy(warehouse, Privacy(key=KEY))
    refuse_other_key(warehouse, OTHER_KEY)


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's clock is not UTC."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_east")
def test_a_policy_is_noted_in_place_of_the_one_before(warehouse: Warehouse) -> None:
    for policy in (HASHING, Privacy({EMAIL: Action.DROP})):
        before = datetime.now(UTC)
        note_policy(warehouse, policy)
        rows = warehouse.rows("select * from audit.privacy")
        assert {row["kind"]: row["action"] for row in rows} == {
            kind.value: policy.action(kind).value for kind in PersonalData
        }
        expected = policy.hash("key", "") if policy.key else None
        assert {row["key_hash"] for row in rows} == {expected}
        assert all(before <= row["applied_at"] <= datetime.now(UTC) for row in rows)


def test_what_tells_that_a_stored_row_is_too_old() -> None:
    before = datetime(2026, 5, 1, tzinfo=UTC)
    oldest = {"conversations": before, "agents": before, "messages": before}
    assert aged(Conversation, oldest) == ('"last_message_at" < %s', [before])
    # a last message is kept for as long as messages are
    assert aged(LastMessage, oldest) == ('"created_at" < %s', [before])
    # of an agent nothing tells its time, and a table that has no window keeps all
    assert aged(Agent, oldest) == aged(Conversation, {}) == ("false", [])
