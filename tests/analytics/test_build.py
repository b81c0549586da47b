"""`talkhouse build`: what is built for whom, what fails loudly, what only warns."""

import json
import re
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from dbt.adapters.cache import RelationsCache

from support.account import HOUR, SERVED, Open
from support.postgres_server import Server
from support.repository import ROOT
from support.shell import Shell, chatwoot, octopush
from talkhouse.pipelines.analytics.build import MODELS, build, staging_models
from talkhouse.pipelines.analytics.dbt_sources import sources
from talkhouse.pipelines.audit.notes import (
    last_build_failed,
    note_build,
    note_good_build,
    was_built_of,
)
from talkhouse.pipelines.orchestration.sync_all import sync_all
from talkhouse.pipelines.settings.connections import connection
from talkhouse.pipelines.settings.project import Project
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import AlreadySyncing, Destination
from talkhouse.pipelines.warehouse.migrations import migrate
from talkhouse.simulator import Simulator, World, serve
from talkhouse.sources.registry import PROVIDERS
from talkhouse.sources.settings import SettingsError


def change(shell: Shell, statement: str) -> None:
    with duckdb.connect(shell.folder / "talkhouse.duckdb") as connection:
        connection.execute(statement)


def described() -> dict[str, dict[str, str]]:
    """What the YAML files say of each model's columns; a model's own description under ''."""
    models: dict[str, dict[str, str]] = {}
    for file in [*MODELS.rglob("*.yml")]:
        for model in yaml.safe_load(file.read_text("utf-8")).get("models", []):
            if isinstance(model, dict):
                columns = {each["name"]: each["description"] for each in model.get("columns", [])}
                models[model["name"]] = {"": model["description"], **columns}
    return models


def test_nothing_is_built_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="run `talkhouse sync` first"):
        build(DuckDbFile(tmp_path / "talkhouse.duckdb"))


@pytest.mark.deep
def test_what_is_connected_is_built_and_no_more(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    built = json.loads(shell("build", "--json").stdout)
    assert (built["ok"], built["providers"]) == (True, ["octopush"])
    assert built["failures"] == built["skipped"] == []
    staged = shell.rows(
        "select table_name from information_schema.tables where table_schema = 'staging'"
    )
    assert {name.split("__")[0] for (name,) in staged} == {"stg_octopush"}
    counted = "select (select count(*) from {}), (select count(*) from {})"
    [(ours, raw)] = shell.rows(counted.format("unified.messages", "octopush.messages"))
    assert ours == raw > 0
    # another provider is there with the next build, and needs nothing but its connection
    shell.configure(hotline=octopush(simulator), shop=chatwoot(simulator, messages=False))
    shell("sync", "shop")
    again = json.loads(shell("build", "--json").stdout)
    assert (again["ok"], again["providers"]) == (True, ["chatwoot", "octopush"])
    # without threads there is no table of messages, and what they would tell is null
    [(replies, threads)] = shell.rows(
        "select count(agent_messages), count(distinct thread) from marts.conversation_report"
        " where provider = 'chatwoot' and thread = 'none'"
    )
    assert (replies, threads) == (0, 1)


@pytest.mark.deep
def test_a_key_that_is_not_unique_fails_loudly_and_publishes_nothing(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(hotline=octopush(simulator))
    shell.environment = {"DESTINATION__PUBLISH": "published.duckdb"}
    shell("sync")
    shell("build")
    report = "select * from marts.conversation_report order by conversation_id"
    before, copied = shell.rows(report), shell.rows(report, "published.duckdb")
    assert before == copied
    change(shell, "insert into octopush.agents select * from octopush.agents")
    change(shell, "update octopush.conversations set recipient_details__name = 'Nobody'")
    failed = shell("build", exit_code=1).stdout
    assert "failed: test unique_key_agents_provider__account__agent_id" in failed
    assert "not built for that: " in failed
    # what stands on the broken table is as it was, here and in the copy
    assert shell.rows(report) == before
    assert shell.rows(report, "published.duckdb") == before
    # nor does a sync publish what the build left
    assert "the last build failed" in shell("sync", exit_code=1).stdout
    assert shell.rows(report, "published.duckdb") == before


@pytest.mark.deep
def test_views_can_be_read_in_the_copy(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell.environment = {"DESTINATION__PUBLISH": "published.duckdb"}
    shell("sync")
    shell("build")
    count = "select count(*) from staging.stg_octopush__agents"
    assert shell.rows(count, "published.duckdb") == shell.rows(count) == [(6,)]


@pytest.mark.both_destinations
def test_other_models_than_those_that_built_are_told(destination: Destination) -> None:
    with destination.open() as warehouse:
        migrate(warehouse)
        assert not was_built_of(warehouse, "these")
        note_build(warehouse, True, "these")
        assert was_built_of(warehouse, "these")
        note_build(warehouse, False, "these")
        assert was_built_of(warehouse, "these")
        assert not was_built_of(warehouse, "those")
        # what was left half made is no longer theirs
        note_build(warehouse, False, "those")
        assert not was_built_of(warehouse, "these")
        assert not was_built_of(warehouse, "those")
        note_build(warehouse, True, "those")
        assert was_built_of(warehouse, "those")


@pytest.mark.deep
@pytest.mark.both_destinations
def test_threads_of_a_build_see_every_table(
    account_of: Open, destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dbt fills its cache of a schema's tables one by one, while others look into it."""
    add = RelationsCache.add

    def slowly(cache: RelationsCache, relation: Any) -> None:
        add(cache, relation)
        # the other threads are to come in between
        time.sleep(0.05)

    account = account_of("chatwoot")
    account.synced()
    account.warehouse.close()
    monkeypatch.setattr(RelationsCache, "add", slowly)
    built = build(destination, project=Project(tmp_path))
    assert (built.failures, built.warnings) == ([], [])
    with destination.open(read_only=True) as warehouse:
        for name in ("channels", "agents", "contacts", "messages", "teams"):
            raw = {"channels": "inboxes"}.get(name, name)
            query = f"select (select count(*) from unified.{name}) as built, "
            query += f"(select count(*) from chatwoot.{raw}) as loaded"
            [row] = warehouse.rows(query)
            assert row["built"] == row["loaded"] > 0, name


def test_a_time_zone_that_is_none_is_refused(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    shell.environment = {"MODELS__TIME_ZONE": "Nowhere/Land"}
    assert "there is no time zone Nowhere/Land" in shell("build", exit_code=2).stderr
    simulator.requests.clear()
    assert "there is no time zone Nowhere/Land" in (
        shell("sync", "--build", "1h", exit_code=2).stderr
    )
    assert not simulator.requests


def test_a_build_that_another_process_keeps_from_its_file_is_told(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    with duckdb.connect(shell.folder / "talkhouse.duckdb"):
        assert "is open in another process" in shell("build", exit_code=75).stderr


def test_one_build_at_a_time_in_a_postgres(postgres: Server, tmp_path: Path) -> None:
    with postgres.database() as database, serve(World(conversations=8), **SERVED) as simulator:
        [outcome] = sync_all([connection("hotline", octopush(simulator))], destination=database)
        assert outcome.ok
        with database.building(), pytest.raises(AlreadySyncing, match="another process builds"):
            build(database, project=Project(tmp_path))
        assert build(database, project=Project(tmp_path)).failures == []


@pytest.mark.deep
def test_a_moment_near_1970_costs_no_other_day(shell: Shell, simulator: Simulator) -> None:
    shell.configure(shop=chatwoot(simulator, messages=False))
    shell("sync")
    change(
        shell,
        "update chatwoot.conversations set last_activity_at = 'epoch', created_at = 'epoch'"
        " where id = (select min(id) from chatwoot.conversations)",
    )
    shell("build")
    [(days, last)] = shell.rows(
        "select count(*), max(date_day) >= current_date from unified.calendar"
    )
    assert (days, last) == (20_000, True)


@pytest.mark.deep
def test_closings_in_another_language_tell_nothing(shell: Shell, simulator: Simulator) -> None:
    shell.configure(shop=chatwoot(simulator))
    shell("sync")
    told = "select count(final_resolved_at) > 0, count(reopens) > 0 from marts.conversation_report"
    shell("build")
    assert shell.rows(told) == [(True, True)]
    change(
        shell,
        "update chatwoot.messages set content = replace(content, 'was marked resolved by',"
        " 'fue marcada como resuelta por')",
    )
    assert "warning: closings_are_understood" in shell("build", "--full").stdout
    assert shell.rows(told) == [(False, False)]


@pytest.mark.deep
def test_a_word_that_no_vocabulary_knows_is_a_warning(shell: Shell, simulator: Simulator) -> None:
    shell.configure(shop=chatwoot(simulator, messages=False))
    shell("sync")
    change(shell, "update chatwoot.conversations set status = 'parked' where status = 'open'")
    assert "warning: is_understood_conversations_status" in shell("build").stdout
    found = shell.rows(
        "select distinct status, provider_status from marts.conversation_report"
        " where provider_status = 'parked'"
    )
    assert found == [(None, "parked")]


@pytest.mark.deep
def test_a_sync_builds_when_the_last_good_build_is_old(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    assert "--build: 'often' is not a" in shell("sync", "--build", "often", exit_code=2).stderr
    file = shell.folder / "talkhouse.duckdb"
    config = shell.folder / ".dlt/config.toml"
    config.write_text('[destination]\npublish = "published.duckdb"\n' + config.read_text())

    def builds() -> int:
        [(n,)] = shell.rows("select count(*) from audit.builds")
        return int(n)

    first = shell("sync", "--build", "1h", "--json")
    assert re.search(
        r"^Built \d+ tables and views in talkhouse.duckdb for octopush", first.stderr, re.M
    )
    assert [each["connection"] for each in json.loads(first.stdout)] == ["hotline"]
    # what is published is what was built
    [(there,)] = shell.rows("select count(*) from marts.conversation_report", "published.duckdb")
    assert there == len(simulator.world.served("octopush"))
    assert "Built" not in shell("sync", "--build", "1h").stdout
    assert builds() == 1
    with duckdb.connect(file) as connection:
        connection.execute("update audit.builds set built_at = built_at - interval 55 minutes")
    assert "\nNothing to build in " in shell("sync", "--build", "1h").stdout
    assert builds() == 1
    simulator.world.advance(HOUR)
    simulator.world.new_message(simulator.world.served("octopush")[0].id)
    assert "\nBuilt " in shell("sync", "--build", "1h").stdout
    assert builds() == 2
    with duckdb.connect(file) as connection:
        connection.execute("update audit.builds set outcome = 'failed'")
    shell("sync", "--build", "1h")
    assert builds() == 3


def test_a_sync_that_cannot_build_shows_what_it_loaded_and_notes_the_failure(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(hotline=octopush(simulator))
    file = shell.folder / "the shop's" / "talkhouse.duckdb"
    file.parent.mkdir()
    shell.environment = {
        "DESTINATION__DUCKDB": str(file),
        "DESTINATION__PUBLISH": "published.duckdb",
    }
    told = shell("sync", "--build", "1h", exit_code=1).stdout
    assert re.search(r"^│ hotline +│ .*│ ok +│$", told, re.M)
    assert "not published to published.duckdb: the last build failed" in told
    assert told.splitlines()[-2:] == [
        f"Nothing was built in {file}",
        f"  failed: build: {file}: dbt cannot open a file or folder with a ' in its name",
    ]
    assert shell.rows("select outcome from audit.builds", str(file)) == [("failed",)]
    assert not (shell.folder / "published.duckdb").exists()


@pytest.mark.both_destinations
def test_a_build_is_a_failed_one_until_it_is_good(destination: Destination) -> None:
    with destination.open() as warehouse:
        migrate(warehouse)
        good = note_build(warehouse, False, "these")
        note_good_build(warehouse, good)
        note_build(warehouse, False, "those")
        assert warehouse.rows("select outcome, models from audit.builds order by built_at") == [
            {"outcome": "ok", "models": "these"},
            {"outcome": "failed", "models": "those"},
        ]
        assert last_build_failed(warehouse)


def test_a_build_that_is_under_way_has_not_failed(postgres: Server) -> None:
    with postgres.database() as database, database.open() as warehouse:
        migrate(warehouse)
        note_build(warehouse, True, "these")
        with database.building():
            note_build(warehouse, False, "these")
            assert not last_build_failed(warehouse)
        assert last_build_failed(warehouse)


@pytest.mark.deep
def test_no_one_is_told_what_was_built(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    shell("build")
    assert not [file for file in shell.home.rglob("*") if file.is_file() and "dlt" not in str(file)]
    project = yaml.safe_load((MODELS / "dbt_project.yml").read_text("utf-8"))
    assert project["flags"] == {"send_anonymous_usage_stats": False}


def test_every_table_and_column_is_described_in_the_database(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    shell("build")
    told: dict[str, dict[str, str]] = {}
    for table, comment in shell.rows(
        "select table_name, comment from duckdb_tables() where schema_name in ('unified', 'marts')"
    ):
        told[table] = {"": comment}
    for table, column, comment in shell.rows(
        "select table_name, column_name, comment from duckdb_columns() where schema_name in"
        " ('unified', 'marts') and table_name in (select table_name from duckdb_tables())"
    ):
        told[table][column] = comment
    known = described()
    assert told.keys() >= {"conversations", "messages", "response_times"}
    assert {table: known[table] for table in told} == told
    assert all(text for columns in told.values() for text in columns.values())


def test_every_model_and_column_is_described() -> None:
    files = {
        file.stem
        for folder in ("staging", "unified", "marts")
        for file in (MODELS / folder).rglob("*.sql")
    }
    known = described()
    assert set(known) == files
    assert [(m, c) for m, columns in known.items() for c, text in columns.items() if not text] == []


def test_dbt_without_variables_has_every_staging_model() -> None:
    project = yaml.safe_load((MODELS / "dbt_project.yml").read_text("utf-8"))
    assert project["vars"]["staged"] == staging_models()
    assert staging_models().keys() == {*PROVIDERS}


def test_the_sources_are_what_the_records_say() -> None:
    assert (MODELS / "staging" / "sources.yml").read_text("utf-8") == sources()


@pytest.mark.parametrize("mart", sorted(file.stem for file in (MODELS / "marts").glob("*.sql")))
def test_mart_is_in_the_readme(mart: str) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"\n| `{mart}` | " in readme


def test_a_definition_stands_behind_every_reference() -> None:
    decisions = (MODELS / "DECISIONS.md").read_text("utf-8")
    texts = [
        file.read_text("utf-8") for file in MODELS.rglob("*.*") if file.suffix in (".sql", ".yml")
    ]
    named = {name for text in texts for name in re.findall(r'DECISIONS\.md, "([^"]+)"', text)}
    assert named
    assert {name for name in named if f"\n## {name}\n" not in decisions} == set()
