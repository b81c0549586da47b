"""The terms on which a connection's rows are stored, as the warehouse and the settings have them.

audit.privacy    the policy that all stored rows are under
audit.erased     keyed hashes of who is kept out
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.warehouse.interface import AUDIT, Warehouse
from talkhouse.pipelines.warehouse.migrations import migrate
from talkhouse.sources.registry import PROVIDERS
from talkhouse.sources.rows.personal_data import Action, PersonalData, Privacy
from talkhouse.sources.rows.record import Record
from talkhouse.sources.rows.storage_rules import Terms
from talkhouse.sources.settings import SettingsError


def terms_of(connection: Connection, warehouse: Warehouse) -> Terms:
    """The terms on which the connection's rows are stored now.

    Raises SettingsError if those that are stored are under another policy, or another key.
    """
    privacy = connection.privacy
    stored = effective(privacy) if is_empty(warehouse) else stored_policy(warehouse)
    if stored != effective(privacy):
        changed = ", ".join(
            f"{kind.value} is {action.value} and was {stored[kind].value}"
            for kind, action in effective(privacy).items()
            if stored[kind] is not action
        )
        raise SettingsError(
            f"the rows that are stored are under another privacy policy ({changed}): "
            "`talkhouse privacy` says what the change does, `talkhouse privacy --apply` does it"
        )
    refuse_other_key(warehouse, privacy)
    return Terms(
        connection.name,
        connection.provider.name,
        privacy,
        erased_tokens(warehouse),
        oldest_of(connection),
    )


def oldest_of(connection: Connection) -> dict[str, datetime]:
    """The time before which no row of a table is stored, by the table."""
    now = datetime.now(UTC)
    return {table: now - window for table, window in connection.retention.items()}


def aged(record: type[Record], oldest: Mapping[str, datetime]) -> tuple[str, list[datetime]]:
    """The condition, with its parameter, that a stored row is too old."""
    before = retained_from(record, oldest)
    return ("false", []) if before is None else (f'"{record.happened}" < %s', [before])


def retained_from(record: type[Record], oldest: Mapping[str, datetime]) -> datetime | None:
    """From when on the record's rows are stored; None if all are."""
    return oldest.get(record.retained_as or record.table) if record.happened else None


def effective(privacy: Privacy) -> dict[PersonalData, Action]:
    """What is done with every kind."""
    return {kind: privacy.action(kind) for kind in PersonalData}


def stored_policy(warehouse: Warehouse) -> dict[PersonalData, Action]:
    """What was done with every kind in the rows that are stored."""
    kept = dict.fromkeys(PersonalData, Action.KEEP)
    if not warehouse.has_table(AUDIT, "privacy"):
        return kept
    rows = warehouse.rows("select kind, action from audit.privacy")
    return kept | {PersonalData(row["kind"]): Action(row["action"]) for row in rows}


def refuse_other_key(warehouse: Warehouse, privacy: Privacy) -> None:
    """Raises SettingsError if hashes in the warehouse were made with another key: nothing new would
    join, and who was erased would come back.
    """
    there = set(warehouse.tables(AUDIT))
    queries = []
    if "privacy" in there and set(effective(privacy).values()) != {Action.KEEP}:
        queries.append("select distinct key_hash from audit.privacy where action <> 'keep'")
    if "erased" in there:
        queries.append("select distinct key_hash from audit.erased")
    hashes = {row["key_hash"] for query in queries for row in warehouse.rows(query)}
    if hashes - {None, key_hash(privacy)}:
        raise SettingsError(
            "privacy.key is not the one that the stored rows were hashed with: put that one back"
        )


def erased_tokens(warehouse: Warehouse) -> frozenset[str]:
    """The keyed hashes of who is kept out."""
    if not warehouse.has_table(AUDIT, "erased"):
        return frozenset()
    return frozenset(row["token"] for row in warehouse.rows("select token from audit.erased"))


def key_hash(privacy: Privacy) -> str | None:
    """What tells one key from another."""
    return privacy.hash("key", "") if privacy.key else None


def note_policy(warehouse: Warehouse, privacy: Privacy) -> None:
    """Notes the policy that all stored rows are under."""
    migrate(warehouse)
    warehouse.execute("delete from audit.privacy")
    for kind, action in effective(privacy).items():
        warehouse.execute(
            "insert into audit.privacy (kind, action, key_hash, applied_at) "
            "values (%s, %s, %s, %s)",
            [kind.value, action.value, key_hash(privacy), datetime.now(UTC)],
        )


def is_empty(warehouse: Warehouse) -> bool:
    """Whether no row was ever loaded."""
    return not any(warehouse.tables(dataset) for dataset in PROVIDERS)
