"""Each metric of the marts beside a count of the World itself, by models/DECISIONS.md."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support.account import HOUR, MINUTE, SERVED, Account, Row
from support.metrics_oracle import Hours, Talk, Truth
from talkhouse.pipelines.analytics import build as building
from talkhouse.pipelines.settings.project import Project
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.simulator import Simulator, World, serve
from talkhouse.simulator.changes import CHANGES
from talkhouse.sources.registry import PROVIDERS

KEYS: dict[str, tuple[str, ...]] = {
    "conversation_report": ("conversation_id",),
    "response_times": ("conversation_id", "turn"),
    "daily_volume": ("date_day", "channel_id"),
    "backlog_daily": ("date_day", "channel_id"),
    "agent_daily": ("date_day", "agent_id"),
    "tag_daily": ("date_day", "tag_name"),
    "channel_daily": ("date_day", "channel_id"),
    "delivery_funnel": ("date_day", "channel_id", "sender_kind", "template_id", "error_code"),
    "whatsapp_windows": ("conversation_id",),
    "csat_daily": ("date_day", "channel_id", "agent_id"),
    "busy_hours": ("weekday", "hour", "channel_id"),
}
"""What makes a row of each mart unique within a provider's account."""
ALL = {"conversation_report", "daily_volume", "channel_daily", "delivery_funnel"}
HELD: dict[str, set[str]] = {
    "chatwoot": set(KEYS),
    "hilos": ALL | {"backlog_daily", "tag_daily"},
    "activecampaign": ALL | {"backlog_daily", "tag_daily"},
    "octopush": ALL,
    "pembalasan": ALL | {"response_times", "backlog_daily", "agent_daily", "busy_hours"},
}
"""The marts in which a provider has rows; of what the others tell its data knows nothing."""

SILENT = {"remove_agent"}
"""Threads are not read again when an agent goes: what it wrote stays signed."""
# most changes are no words: what is written is to be as frequent
DRAWN = [c for c in CHANGES if c not in SILENT] + ["new_conversation", "new_message"] * 8
DRAWN += ["set_status", "assign"] * 6

EUROPE_AND_AMERICA = datetime(2026, 4, 20, 15, 30, tzinfo=UTC)
"""Ninety days before it hold the beginning of summer time of both."""


@dataclass
class House:
    """A World that is served, and what is built of it."""

    simulator: Simulator
    destination: Destination
    folder: Path

    @property
    def world(self) -> World:
        return self.simulator.world

    def sync(self, *providers: str, full: bool = False) -> None:
        with self.destination.open() as warehouse:
            for provider in providers:
                folder = self.folder / "pipelines"
                account = Account(self.simulator, provider, warehouse, folder, provider)
                account.synced(full=full)

    def sync_whole(self, *providers: str) -> None:
        """After two full scans the warehouse is the World, as test_histories.py shows."""
        for _ in range(2):
            self.sync(*providers, full=True)
            self.world.advance(MINUTE)

    def build(self, **how: Any) -> None:
        how.setdefault("as_of", self.world.now.isoformat())
        how.setdefault("time_zone", "UTC")
        built = building.build(self.destination, project=Project(self.folder), **how)
        assert built.failures == []

    def rows(self, query: str) -> list[Row]:
        with self.destination.open(read_only=True) as warehouse:
            return [plain(row) for row in warehouse.rows(query)]

    def mart(self, name: str, provider: str = "") -> list[Row]:
        where = f" where provider = '{provider}'" if provider else ""
        return self.rows(f"select * from marts.{name}{where}")


def plain(row: Row) -> Row:
    """The row with numbers that are the same from both databases, whatever their type."""
    return {
        name: round(float(value), 6) if isinstance(value, float | Decimal) else value
        for name, value in row.items()
    }


def differences(found: Sequence[Row], wanted: Sequence[Row], key: Sequence[str]) -> dict[Any, Any]:
    """By key, the names whose values differ, with the stored and the expected one."""
    stored = {tuple(row[name] for name in key): row for row in found}
    expected = {tuple(row[name] for name in key): plain(row) for row in wanted}
    assert len(stored) == len(found), "the key is not unique"
    assert len(expected) == len(wanted), "the key is not unique in the oracle"
    unlike: dict[Any, Any] = {}
    for each in stored.keys() | expected.keys():
        if each not in stored or each not in expected:
            unlike[each] = (stored.get(each), expected.get(each))
            continue
        one, other = stored[each], expected[each]
        names = one.keys() | other.keys()
        if wrong := {
            n: (one.get(n), other.get(n, "?")) for n in names if one.get(n) != other.get(n)
        }:
            unlike[each] = wrong
    return unlike


def compared(house: House, truth: Truth, mart: str, provider: str) -> dict[Any, Any]:
    wanted = [row for row in truth.rows(mart) if row["provider"] == provider]
    found = house.mart(mart, provider)
    if mart == "conversation_report":
        for row in (*found, *wanted):
            del row["person_id"]  # compared by who shares one
    return differences(found, wanted, KEYS[mart])


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.deep)])
def whole(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[House]:
    """One World at every provider, built once."""
    folder = tmp_path_factory.mktemp("whole")
    with ExitStack() as stack:
        destination: Destination = DuckDbFile(folder / "talkhouse.duckdb")
        if request.param == "postgres":
            server = request.getfixturevalue("postgres")
            destination = stack.enter_context(server.database())
        house = House(stack.enter_context(serve(World(7, 60), **SERVED)), destination, folder)
        house.sync(*PROVIDERS)
        house.build()
        yield house


@pytest.fixture
def housed(tmp_path: Path) -> Iterator[Callable[[World], House]]:
    with ExitStack() as stack:

        def open(world: World) -> House:
            simulator = stack.enter_context(serve(world, **SERVED))
            return House(simulator, DuckDbFile(tmp_path / "talkhouse.duckdb"), tmp_path)

        yield open


Housed = Callable[[World], House]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("mart", KEYS)
def test_a_mart_holds_what_the_world_tells(mart: str, provider: str, whole: House) -> None:
    truth = Truth(whole.world)
    assert bool(whole.mart(mart, provider)) == (mart in HELD[provider])
    assert compared(whole, truth, mart, provider) == {}


def test_persons_are_shared_as_contacts_share_numbers_and_addresses(whole: House) -> None:
    def grouped(rows: Sequence[Row]) -> set[frozenset[tuple[str, str]]]:
        people: dict[str, set[tuple[str, str]]] = {}
        for row in rows:
            where = (row["provider"], row["conversation_id"])
            people.setdefault(row["person_id"], set()).add(where)
        return {frozenset(found) for found in people.values()}

    expected = Truth(whole.world).rows("conversation_report")
    assert grouped(whole.mart("conversation_report")) == grouped(expected)


def test_ours_and_chatwoots_first_response_differ_only_as_told(whole: House) -> None:
    theirs = {
        row["conversation_id"]: row["provider_first_reply_at"]
        for row in whole.rows("select * from unified.conversations where provider = 'chatwoot'")
    }
    met = set()
    report = {row["conversation_id"]: row for row in whole.mart("conversation_report", "chatwoot")}
    for talk in Truth(whole.world, ["chatwoot"]).talks:
        row = report[talk.head["conversation_id"]]
        ours, other = row["first_response_at"], theirs[row["conversation_id"]]
        case = which_wrote_first(talk)
        met.add(case)
        if case == "customer":
            from_creation = (other - row["started_at"]).total_seconds() if other else None
            assert row["first_response_from_creation_seconds"] == from_creation
            assert ours == other
        elif ours is None:
            assert other is not None
        else:
            assert ours > other
    assert met == {"customer", "agent"}


def which_wrote_first(talk: Talk) -> str:
    """The customer, too, where no person wrote at all."""
    wrote = [m.kind for m in talk.said if m.kind in ("customer", "agent")]
    return wrote[0] if wrote else "customer"


def test_chatwoot_counts_closings_in_a_row_that_are_one_here(whole: House) -> None:
    ours = sum(row["closed"] for row in whole.mart("backlog_daily", "chatwoot"))
    theirs, again = 0, 0
    for talk in Truth(whole.world, ["chatwoot"]).talks:
        closings = [m for m in talk.said if m.event == "resolved"]
        theirs += len(closings)
        again += len(closings) - len(talk.closings)
    assert ours == theirs - again > 0


def change(house: House, dice: Random, changes: int) -> None:
    for _ in range(changes):
        house.world.advance(dice.choice([1, 1, 1, MINUTE, HOUR]))
        with suppress(LookupError):
            getattr(house.world, dice.choice(DRAWN))()
    house.world.advance(10 * MINUTE)


@pytest.mark.deep
@pytest.mark.parametrize("seed", [0, 1])
def test_whatever_happens_the_marts_tell_the_world(seed: int, housed: Housed) -> None:
    """Random histories, built again and again upon what was built before."""
    dice = Random(seed)
    house = housed(World(seed, 16))
    marts = ("conversation_report", "response_times", "backlog_daily", "agent_daily")
    for number in range(3):
        change(house, dice, changes=number * 60)
        house.sync_whole("chatwoot")
        house.build()
        truth = Truth(house.world, ["chatwoot"])
        unlike = {mart: compared(house, truth, mart, "chatwoot") for mart in marts}
        assert {mart: how for mart, how in unlike.items() if how} == {}, f"build {number}"


@pytest.mark.deep
def test_an_incremental_build_equals_a_full_one(housed: Housed) -> None:
    providers = ("chatwoot", "octopush", "pembalasan")
    house = housed(World(11, 32))
    house.sync(*providers)
    house.build()
    change(house, Random(11), changes=150)
    house.sync_whole(*providers)
    # what only builds saw is dated by them, not by the World's clock
    as_of = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    def contents() -> dict[str, list[Row]]:
        return {m: sorted(house.mart(m), key=lambda row: str(row.items())) for m in KEYS}

    house.build(as_of=as_of)
    upon = contents()
    house.build(as_of=as_of, full=True)
    anew = contents()
    unlike = {m: [r for r in upon[m] + anew[m] if (r in upon[m]) != (r in anew[m])] for m in KEYS}
    assert {mart: rows for mart, rows in unlike.items() if rows} == {}


@pytest.mark.deep
def test_what_was_deleted_counts_in_no_mart(housed: Housed) -> None:
    house = housed(World(7, 24))
    house.sync("chatwoot")
    house.build()
    answered = [t for t in Truth(house.world, ["chatwoot"]).talks if t.closings and t.turns]
    house.world.delete_conversation(answered[0].conversation.id)
    house.world.advance(HOUR)
    house.sync_whole("chatwoot")
    house.build()
    truth = Truth(house.world, ["chatwoot"])
    unlike = {mart: compared(house, truth, mart, "chatwoot") for mart in KEYS}
    assert {mart: how for mart, how in unlike.items() if how} == {}


def with_hours(monkeypatch: pytest.MonkeyPatch, folder: Path, hours: Hours) -> None:
    """Builds from a copy of the models whose one schedule, `office`, is this."""
    models = folder / "models"
    shutil.copytree(building.MODELS, models, ignore=shutil.ignore_patterns("target", "logs"))
    openings = [(day, *times) for day, found in hours.week.items() for times in found]
    seeds = {
        "schedules": ["schedule,weekday,opens,closes"]
        + [f"office,{d},{o},{c}" for d, o, c in openings],
        "schedule_zones": ["schedule,time_zone", f"office,{hours.zone}"],
        "holidays": ["schedule,holiday"] + [f"office,{day}" for day in sorted(hours.holidays)],
    }
    for name, lines in seeds.items():
        (models / "seeds" / f"{name}.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(building, "MODELS", models)


LONG_NIGHTS = {
    1: [("08:30", "12:00"), ("13:00", "17:45")],
    3: [("00:00", "24:00")],
    5: [("20:00", "26:00")],
    6: [("22:00", "25:30")],
    7: [("00:00", "06:00"), ("22:15", "23:30")],
}
"""Nights that go on after midnight, one of them into an opening; and those of summer time."""


@pytest.mark.parametrize(
    "zone", ["Europe/Lisbon", pytest.param("America/New_York", marks=pytest.mark.deep)]
)
def test_days_and_business_hours_are_those_of_their_time_zone(
    zone: str, housed: Housed, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(5, 40, now=EUROPE_AND_AMERICA)
    # the messages of the hours around the change, at both ends of the day
    for moment in (datetime(2026, 3, 8, 3, tzinfo=UTC), datetime(2026, 3, 28, 22, tzinfo=UTC)):
        around(world, moment)
    hours = Hours(zone, LONG_NIGHTS, frozenset({date(2026, 3, 11), date(2026, 4, 3)}))
    house = housed(world)
    house.sync("chatwoot")
    with_hours(monkeypatch, house.folder, hours)
    house.build(time_zone=zone)
    truth = Truth(world, ["chatwoot"], zone=zone, hours=hours)
    unlike = {mart: compared(house, truth, mart, "chatwoot") for mart in KEYS}
    assert {mart: how for mart, how in unlike.items() if how} == {}
    check_clock(house, hours)


def around(world: World, moment: datetime) -> None:
    """Conversations of a dozen hours from a moment on, with a message every half hour."""
    now = world.now
    for first in range(3):
        world.now = moment + timedelta(minutes=7 * first)
        thread = world.new_conversation(4)
        for step in range(24):
            world.now += timedelta(minutes=31)
            world.new_message(thread.id, kind="outgoing" if step % (first + 2) == 0 else "incoming")
    world.now = now


def check_clock(house: House, hours: Hours) -> None:
    """The table has neither holes nor overlaps, and its openings are those of the schedule."""
    clock = house.rows("select * from unified.business_clock order by begins_at")
    for piece, following in zip(clock, clock[1:], strict=False):
        assert piece["ends_at"] == following["begins_at"]
    before = 0.0
    for piece in clock:
        length = (piece["ends_at"] - piece["begins_at"]).total_seconds()
        is_open = hours.seconds(piece["begins_at"], piece["ends_at"])
        assert is_open == (length if piece["is_open"] else 0), piece
        assert piece["open_seconds_before"] == before, piece
        assert piece["utc_day"] == piece["begins_at"].astimezone(UTC).date()
        before += is_open
    assert before > 0


def test_a_night_in_america_has_business_hours_up_to_the_build(
    housed: Housed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply on UTC's Sunday, which is still Saturday there."""
    world = World(3, 8, now=datetime(2026, 3, 15, 0, 30, tzinfo=UTC))
    thread = world.new_conversation(4)
    world.advance(HOUR)
    world.new_message(thread.id, kind="outgoing")
    world.advance(MINUTE)
    hours = Hours("America/New_York")
    house = housed(world)
    house.sync("chatwoot")
    with_hours(monkeypatch, house.folder, hours)
    house.build(time_zone="America/New_York")
    truth = Truth(world, ["chatwoot"], zone="America/New_York", hours=hours)
    assert compared(house, truth, "response_times", "chatwoot") == {}


def test_an_answer_before_its_assignment_in_one_second_is_no_answer_to_it(housed: Housed) -> None:
    world = World(3, 8)
    thread = world.new_conversation(4)
    world.advance(MINUTE)
    world.new_message(thread.id, kind="outgoing", agent=11)
    world.assign(thread.id, 12)
    house = housed(world)
    house.sync("chatwoot")
    house.build()
    assert compared(house, Truth(world, ["chatwoot"]), "conversation_report", "chatwoot") == {}


def test_the_oracle_tells_business_seconds_that_were_counted_by_hand() -> None:
    lisbon = Hours("Europe/Lisbon", {7: [("00:00", "06:00")], 6: [("22:00", "26:00")]})
    saturday, monday = (datetime(2026, 3, day, tzinfo=UTC) for day in (28, 30))
    # 22 to 24 on Saturday; then 6 hours by the clock of which one is skipped
    assert lisbon.seconds(saturday, monday) == (2 + 5) * HOUR


def test_the_oracle_tells_turns_that_were_counted_by_hand() -> None:
    world = World(3, 8)
    thread = world.new_conversation(4)
    for kind in ("incoming", "template", "outgoing", "outgoing", "incoming"):
        world.advance(MINUTE)
        world.new_message(thread.id, kind=kind)  # type: ignore[arg-type]
    [talk] = [t for t in Truth(world, ["chatwoot"]).talks if t.conversation is thread]
    assert [turn.seconds for turn in talk.turns] == [180.0, None]
