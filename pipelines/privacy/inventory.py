"""Where personal data is stored, and what a change of the policy does to it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from rich.table import Table

from talkhouse.pipelines.audit.unfinished import PRIVACY, READ_AGAIN, unrenewed
from talkhouse.pipelines.console import print_json, results
from talkhouse.pipelines.privacy.rewrite_rows import can_rewrite, is_key, stored_records
from talkhouse.pipelines.syncing.storage_rules import effective, is_empty, stored_policy
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.rows.personal_data import Action, PersonalData, Privacy
from talkhouse.sources.rows.record import Record, table_columns


@dataclass(frozen=True)
class Place:
    """A stored column with personal data: what was done with it, and how many rows have a value."""

    table: str
    column: str
    kind: str
    action: str
    rows: int


@dataclass
class Report:
    """`policy` is what the settings say of each class, `stored` what was done in the stored rows.

    Of the classes that differ, `rewritten` are changed where they are stored; `read_again` cannot
    be, since what is stored does not tell what it was. `unrenewed` are tables that were rewritten,
    and what is built of them was not.
    """

    policy: dict[str, str]
    stored: dict[str, str]
    rewritten: list[str] = field(default_factory=list)
    read_again: list[str] = field(default_factory=list)
    unrenewed: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    @property
    def is_applied(self) -> bool:
        return self.policy == self.stored and not self.read_again and not self.unrenewed


def report(warehouse: Warehouse, privacy: Privacy) -> Report:
    """What the settings say, what is stored, and where."""
    new = effective(privacy)
    old = new if is_empty(warehouse) else stored_policy(warehouse)
    told = Report(_words(new), _words(old))
    for kind, action in new.items():
        if action is not old[kind]:
            can = can_rewrite(old[kind], action)
            (told.rewritten if can else told.read_again).append(kind.value)
    cut_off = {change.split()[0] for change in unrenewed(warehouse, READ_AGAIN)}
    told.read_again = sorted({*told.read_again, *cut_off})
    told.unrenewed = unrenewed(warehouse, PRIVACY)
    stored = Privacy(old, privacy.key)
    for dataset, record in stored_records(warehouse):
        told.places += _places(warehouse, dataset, record, stored)
    return told


def _places(
    warehouse: Warehouse, dataset: str, record: type[Record], stored: Privacy
) -> Iterator[Place]:
    personal = [column for column in table_columns(record) if column.personal]
    if not personal:
        return
    counts = ", ".join(f'count("{column.name}") as "{column.name}"' for column in personal)
    [rows] = warehouse.rows(f"select {counts} from {dataset}.{record.table}")
    for column in personal:
        action = stored.action(column.personal, is_key=is_key(record, column))
        kind = column.personal.value if column.personal else ""
        yield Place(f"{dataset}.{record.table}", column.name, kind, action.value, rows[column.name])


def _words(policy: dict[PersonalData, Action]) -> dict[str, str]:
    return {kind.value: action.value for kind, action in policy.items()}


def show_report(told: Report, as_json: bool) -> None:
    """Prints the policy, what a change of it would do, and every place."""
    if as_json:
        print_json(asdict(told) | {"is_applied": told.is_applied})
        return
    console = results()
    policy = Table("class", "settings", "stored", "talkhouse privacy --apply")
    for kind, action in told.policy.items():
        does = ""
        if kind in told.rewritten:
            does = "rewrites the stored rows"
        elif kind in told.read_again:
            does = "reads everything again: what is stored does not tell what it was"
        policy.add_row(kind, action, told.stored[kind], does)
    console.print(policy)
    if told.unrenewed:
        console.print("an earlier `talkhouse privacy --apply` was cut off: run it again")
    places = Table("table", "column", "class", "stored")
    places.add_column("rows", justify="right")
    for each in told.places:
        if each.rows:
            places.add_row(each.table, each.column, each.kind, each.action, f"{each.rows:,}")
    console.print(places)
