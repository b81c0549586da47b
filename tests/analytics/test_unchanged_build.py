"""A build does nothing where nothing changed, and only there: a wrong one is a wrong number."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support.account import DAY, HOUR, SERVED, Account, Row, cut_off
from support.shell import Shell, octopush
from talkhouse.pipelines.analytics import build as building
from talkhouse.pipelines.analytics import unchanged_build
from talkhouse.pipelines.analytics.build import MODELS, Built, build
from talkhouse.pipelines.audit.notes import note_build
from talkhouse.pipelines.audit.row_changes import change, changing, marks, note_change
from talkhouse.pipelines.audit.unfinished import note_unrenewed
from talkhouse.pipelines.privacy.erase import Erasure, erase
from talkhouse.pipelines.privacy.find_person import asked_for
from talkhouse.pipelines.privacy.retain import retain
from talkhouse.pipelines.privacy.rewrite_rows import rewrite
from talkhouse.pipelines.settings.project import Project
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination, Warehouse
from talkhouse.pipelines.warehouse.migrations import migrate
from talkhouse.simulator import Simulator, World, serve
from talkhouse.sources.rows.personal_data import NAME, Action, Privacy

KEY = Privacy(key=b"a secret of more than sixteen characters")
READ = ("chatwoot", "octopush")
PIPELINES = Path(building.__file__).parent.parent


@dataclass
class Shop:
    """Two providers' accounts of a World that is served, and what is built of them."""

    simulator: Simulator
    destination: Destination
    folder: Path

    @property
    def world(self) -> World:
        return self.simulator.world

    def account(self, provider: str, warehouse: Warehouse) -> Account:
        return Account(
            self.simulator, provider, warehouse, self.folder / "pipelines", provider, privacy=KEY
        )

    def sync(self, *providers: str, **how: Any) -> None:
        with self.destination.open() as warehouse:
            for provider in providers or READ:
                self.account(provider, warehouse).synced(**how)

    def build(self, **how: Any) -> Built:
        built = build(self.destination, project=Project(self.folder), **how)
        assert built.failures == []
        return built

    def execute(self, statement: str) -> None:
        with self.destination.open() as warehouse:
            warehouse.execute(statement)

    def rows(self, query: str) -> list[Row]:
        with self.destination.open(read_only=True) as warehouse:
            return warehouse.rows(query)

    def marts(self) -> dict[str, list[str]]:
        """Every row of every mart that builds fill."""
        names = [file.stem for file in (MODELS / "marts").glob("*.sql")]
        return {
            name: sorted(str(row) for row in self.rows(f"select * from marts.{name}"))
            for name in names
        }


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.deep)])
def shop(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with ExitStack() as stack:
        destination: Destination = DuckDbFile(folder / "talkhouse.duckdb")
        if request.param == "postgres":
            destination = stack.enter_context(request.getfixturevalue("postgres").database())
        simulator = stack.enter_context(serve(World(7, 24), **SERVED))
        shop = Shop(simulator, destination, folder)
        shop.sync()
        shop.build()
        yield shop


@pytest.fixture
def built(shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shop:
    """What was just built; the next build only says whether there is anything to do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(building, "_build", lambda *of: None)
    shop.build(full=True)
    models = building._models_hash()
    with shop.destination.open() as warehouse:
        there = building._what_is_there(warehouse, shop.destination)
        variables = {"time_zone": "UTC", **there}
        built_at = note_build(warehouse, False, models)
        of = unchanged_build.ingredients(warehouse, models, variables)
        unchanged_build.note_built(warehouse, built_at, of)
    assert shop.build().unchanged_since
    return shop


def at(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unchanged_build, "_moment", lambda variables: moment)


def test_a_build_of_what_is_there_does_nothing_unless_it_is_full(built: Shop) -> None:
    first = built.build()
    assert first.unchanged_since
    assert first.providers == [*READ]
    assert built.build().unchanged_since == first.unchanged_since
    assert not built.build(full=True).unchanged_since


def erased(shop: Shop) -> None:
    [contact] = shop.rows("select min(id) as id from chatwoot.contacts")
    person = asked_for(KEY, contact=f"chatwoot/chatwoot/{contact['id']}")
    erase(Erasure(shop.destination, KEY, [], None, person, "contact", lambda receipt: None))


def retained(shop: Shop) -> None:
    [found] = shop.rows("select min(created_at) as at from chatwoot.csat_responses")
    window = datetime.now(UTC) - found["at"] - timedelta(seconds=1)
    retain(shop.destination, {"csat_responses": window}, [], None)


def rewritten(shop: Shop) -> None:
    with shop.destination.open() as warehouse:
        rewrite(warehouse, Privacy({NAME: Action.MASK}, KEY.key), [])
        rewrite(warehouse, KEY, [])


def synced(shop: Shop) -> None:
    """As many rows as there were."""
    shop.world.rename_contact()
    shop.sync("chatwoot", full=True, only=["contacts"])


def marked(shop: Shop) -> None:
    """Where the loads themselves, which came before, are not what is noticed."""
    shop.world.remove_agent()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            "talkhouse.pipelines.syncing.load_package.changing", lambda *of: nullcontext()
        )
        for _ in range(2):
            shop.sync("chatwoot", full=True, only=["agents"])
    deleted = "select count(*) as n from chatwoot.agents where deleted_at is not null"
    assert shop.rows(deleted) != [{"n": 0}]


def failed(shop: Shop) -> None:
    with shop.destination.open() as warehouse:
        note_build(warehouse, False, building._models_hash())


CHANGED: dict[str, Callable[[Shop], None]] = {
    "a sync brought rows": synced,
    "rows were marked deleted": marked,
    "a person was erased": erased,
    "old rows were deleted": retained,
    "rows came under another policy": rewritten,
    "a build failed since, or was killed": failed,
    "rows were added by hand": lambda shop: shop.execute(
        "insert into chatwoot.labels (account, id, _dlt_load_id) values ('chatwoot', 4711, '1')"
    ),
    "rows were deleted by hand": lambda shop: shop.execute("delete from chatwoot.labels"),
    "a raw table is there that was not": lambda shop: shop.execute(
        "create table octopush.later as select 1 as one"
    ),
    "another provider is there": lambda shop: shop.sync("hilos"),
    "a mart is gone": lambda shop: shop.execute("alter table marts.csat_daily rename to gone"),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_what_changed_is_built(kind: str, built: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "talkhouse.pipelines.privacy.rebuild.build", lambda *of, **how: Built("", [])
    )
    CHANGED[kind](built)
    assert not built.build().unchanged_since
    if kind == "a mart is gone":
        built.execute("alter table marts.gone rename to csat_daily")


def test_what_is_asked_for_otherwise_is_built(built: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not built.build(time_zone="Europe/Lisbon").unchanged_since
    assert not built.build(as_of="2026-01-01T00:00:00Z").unchanged_since
    with monkeypatch.context() as patched:
        patched.setattr(unchanged_build, "version", lambda name: "another")
        assert not built.build().unchanged_since
    assert built.build().unchanged_since


def test_other_models_and_seeds_are_built(
    built: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(MODELS, tmp_path / "models")
    monkeypatch.setattr(building, "MODELS", tmp_path / "models")
    assert built.build().unchanged_since
    with open(tmp_path / "models/seeds/holidays.csv", "a", encoding="utf-8") as seed:
        seed.write("office,2027-01-06\n")
    assert not built.build().unchanged_since


def test_what_is_told_of_the_moment_is_built_when_that_is_over(
    built: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    tonight = now.replace(hour=23, minute=59, second=59)
    built.execute("update audit.builds set good_until = null")
    at(tonight, monkeypatch)
    assert built.build().unchanged_since
    at(tonight + timedelta(seconds=2), monkeypatch)
    assert not built.build().unchanged_since
    # a window that closes is a row that says otherwise
    built.execute(f"update audit.builds set good_until = '{tonight.isoformat()}'")
    at(tonight - timedelta(seconds=1), monkeypatch)
    assert built.build().unchanged_since
    at(tonight, monkeypatch)
    assert not built.build().unchanged_since


def test_a_clock_that_was_put_back_tells_nothing(built: Shop) -> None:
    built.execute("update audit.builds set built_at = built_at + interval '1 hour'")
    assert not built.build().unchanged_since


def test_a_build_is_good_until_the_next_window_closes(built: Shop) -> None:
    built.execute("create table marts.kept as select * from marts.whatsapp_windows")
    try:
        built.execute("update marts.whatsapp_windows set is_open = false")
        with built.destination.open() as warehouse:
            built_at = note_build(warehouse, False, "these")
            unchanged_build.note_built(warehouse, built_at, {"as": "it was"})
        noted = "select good_until from audit.builds where built_of is not null"
        assert built.rows(noted) == [{"good_until": None}]
        soonest = "(select min(open_until_at) from marts.whatsapp_windows)"
        built.execute(
            f"update marts.whatsapp_windows set is_open = true where open_until_at > {soonest}"
        )
        with built.destination.open() as warehouse:
            unchanged_build.note_built(
                warehouse, note_build(warehouse, False, "these"), {"as": "it was"}
            )
        [wanted] = built.rows(
            "select min(open_until_at) as at from marts.whatsapp_windows "
            f"where open_until_at > {soonest}"
        )
        assert built.rows(noted) == [{"good_until": wanted["at"]}]
    finally:
        built.execute("delete from marts.whatsapp_windows")
        built.execute("insert into marts.whatsapp_windows select * from marts.kept")
        built.execute("drop table marts.kept")


def test_syncs_that_bring_nothing_are_told_without_a_build(built: Shop) -> None:
    fault = built.simulator.faults
    with built.destination.open() as warehouse:
        account = built.account("octopush", warehouse)
        account.fault("status", status=401)
        assert account.sync().error
        fault.clear()
    assert built.build().unchanged_since
    [row] = built.rows("select * from marts.sync_health where provider = 'octopush'")
    assert row["last_outcome"] == "failed"
    assert row["runs_not_ok_in_7_days"] > 0


def test_rows_that_may_still_be_coming_are_no_state_to_build_of(built: Shop) -> None:
    """As of a load that was killed, or one that another process is at."""
    with built.destination.open() as warehouse:
        before = marks(warehouse)
        with pytest.raises(KeyboardInterrupt), changing(warehouse, "octopush"):
            cut_off()
        assert marks(warehouse) is None
        assert unchanged_build.ingredients(warehouse, "these", {}) is None
    assert not built.build().unchanged_since
    with built.destination.open() as warehouse:
        # a build that saw some of them is not taken for one that saw all
        unchanged_build.note_built(
            warehouse, note_build(warehouse, False, building._models_hash()), None
        )
        with changing(warehouse, "octopush"):
            pass
        after = marks(warehouse)
    assert before is not None and after is not None and before != after
    assert not built.build().unchanged_since


@pytest.mark.both_destinations
def test_a_change_is_marked_with_the_rows_or_not_at_all(destination: Destination) -> None:
    with destination.open() as warehouse:
        migrate(warehouse)
        assert marks(warehouse) == []
        warehouse.execute("create table audit.raw (n bigint)")
        warehouse.execute("insert into audit.raw (n) values (1)")
        assert change(warehouse, "shop", "update audit.raw set n = 2 where n = %s", [5]) == 0
        assert marks(warehouse) == []
        assert change(warehouse, "shop", "update audit.raw set n = 2 where n = %s", [1]) == 1
        marked = marks(warehouse)
        assert marked and [name for name, _ in marked] == ["shop"]
        change(warehouse, "shop", "update audit.raw set n = 3")
        again = marks(warehouse)
        assert again and again != marked
        note_change(warehouse, "other")
        note_unrenewed(warehouse, "erase", ["chatwoot.messages"])
        assert [name for name, _ in marks(warehouse) or []] == ["erase", "other", "shop"]


def test_a_mark_that_cannot_be_written_takes_the_change_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DuckDbFile(tmp_path / "talkhouse.duckdb").open() as warehouse:
        migrate(warehouse)
        warehouse.execute("create table audit.raw (n bigint)")
        warehouse.execute("insert into audit.raw (n) values (1)")
        monkeypatch.setattr("talkhouse.pipelines.audit.row_changes.note_change", cut_off)
        with pytest.raises(KeyboardInterrupt):
            change(warehouse, "shop", "delete from audit.raw")
        assert warehouse.rows("select n from audit.raw") == [{"n": 1}]


# erasures and the like mark what they change by `note_unrenewed`; the rest are no rows of providers
ELSEWHERE = {"deletions.py", "rewrite_rows.py", "scrub_texts.py"}
NO_RAW_ROWS = ("{scratch}", "{name}", "is_checked = true", "_dlt_", "{dataset}.{table}")


def test_whoever_changes_raw_rows_marks_it() -> None:
    found = set()
    for module in PIPELINES.rglob("*.py"):
        text = module.read_text("utf-8")
        for written in re.finditer(
            r'f"(?:update|delete from|truncate table|insert into) \{.*', text
        ):
            is_marked = re.search(r"\bchange\(\s*warehouse,[^()]*$", text[: written.start()])
            if module.name not in ELSEWHERE and not is_marked:
                found.add(written[0])
    assert found
    assert {each for each in found if not any(what in each for what in NO_RAW_ROWS)} == set()


@pytest.mark.deep
def test_the_command_says_so_and_dbt_by_hand_is_noticed(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell.environment = {
        "METRICS__TEXTFILES": str(shell.folder),
        "LOGS__FILE": str(shell.folder / "talkhouse.jsonl"),
    }
    shell("sync")
    first = json.loads(shell("build", "--json").stdout)
    assert first["models"]
    assert first["unchanged_since"] is None
    counted = "select count(*) from audit.builds"
    assert shell.rows(counted) == [(1,)]
    metrics = shell.folder / "talkhouse_build.prom"
    before = metrics.read_text()
    said = shell("build").stdout
    assert re.fullmatch(
        r"Nothing to build in talkhouse.duckdb: nothing changed since the build of [\d: -]+ UTC\n",
        said,
    )
    again = json.loads(shell("build", "--json").stdout)
    assert (again["ok"], again["models"], again["failures"]) == (True, [], [])
    assert again["unchanged_since"]
    assert shell.rows(counted) == [(1,)]
    after = metrics.read_text()
    assert value(after, "models") == value(before, "models") == len(first["models"])
    assert value(after, "last_run_timestamp_seconds") > value(before, "last_run_timestamp_seconds")
    lines = (shell.folder / "talkhouse.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [each["outcome"] for each in events if each["event"] == "build_ended"] == [
        "ok",
        "unchanged",
        "unchanged",
    ]
    loaded = (
        "import sys\n"
        "from pathlib import Path\n"
        "from talkhouse.pipelines.analytics.build import build\n"
        "from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile\n"
        "assert build(DuckDbFile(Path('talkhouse.duckdb'))).unchanged_since\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'dbt'])"
    )
    assert shell.program("python", "-c", loaded).stdout == "[]\n"
    # what dbt makes by hand has other settings, or only some of the tables
    shell.program(
        "dbt",
        "run",
        "--project-dir",
        str(MODELS),
        "--profiles-dir",
        str(MODELS),
        "--select",
        "busy_hours",
        "--target-path",
        str(shell.folder / "target"),
        "--log-path",
        str(shell.folder / "logs"),
    )
    assert "Built" in shell("build").stdout


def value(metrics: str, name: str) -> float:
    found = re.search(rf"^talkhouse_build_{name} (.+)$", metrics, re.M)
    assert found
    return float(found[1])


def steps(shop: Shop, random: Random) -> dict[str, Callable[[], object]]:
    world = shop.world
    return {
        "nothing": lambda: None,
        "sync": lambda: shop.sync(random.choice(READ)),
        "message": lambda: (
            world.new_message(random.choice(world.served("chatwoot")).id),
            shop.sync(),
        ),
        "delete": lambda: (world.delete_conversation(), shop.sync(full=True), shop.sync(full=True)),
        "erase": lambda: erased(shop),
        "by hand": lambda: shop.execute(
            "delete from octopush.agents where email = (select max(email) from octopush.agents)"
        ),
    }


@pytest.mark.deep
def test_marts_are_always_those_of_a_full_build(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a build did nothing, whatever came before, a full one changes nothing."""
    monkeypatch.chdir(tmp_path)
    random, as_of = Random(12), datetime.now(UTC)
    skipped = 0
    # who closed a thread is found by the name in its activity, and an earlier test masked the names
    shop.sync(full=True)
    shop.build(as_of=as_of.isoformat(), full=True)
    for _ in range(5):
        for name in random.sample([*steps(shop, random), "nothing", "a day"], k=1):
            shop.world.advance(HOUR)
            as_of += timedelta(seconds=DAY if name == "a day" else 0)
            steps(shop, random).get(name, lambda: None)()
        if shop.build(as_of=as_of.isoformat()).unchanged_since:
            skipped += 1
            before = shop.marts()
            shop.build(as_of=as_of.isoformat(), full=True)
            assert shop.marts() == before
    assert skipped
