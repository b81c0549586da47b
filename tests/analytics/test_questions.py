"""The answers that docs/questions.md prints are those of both destinations; what docs/bi.md tells
to type works."""

import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest

from support.postgres_server import Server
from support.repository import ROOT
from talkhouse.pipelines.analytics.build import build
from talkhouse.pipelines.demo.demo import CONVERSATIONS, SEED
from talkhouse.pipelines.demo.simulate import simulated
from talkhouse.pipelines.orchestration.sync_all import sync_all
from talkhouse.pipelines.settings.connections import connection
from talkhouse.pipelines.settings.project import Project
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.pipelines.warehouse.postgres.database import PostgresDatabase
from talkhouse.simulator import World, serve

DOCS = ROOT / "docs"
BI = (DOCS / "bi.md").read_text("utf-8")
MOST_ROWS = 6
# what a block cannot do without, beside what it imports
NEEDS = {"df": "pandas", "pl": "polars"}


@dataclass(frozen=True)
class Question:
    """One heading of docs/questions.md, with its query and the table under it."""

    heading: str
    sql: str
    answer: list[list[str]]


def questions() -> list[Question]:
    page = (DOCS / "questions.md").read_text("utf-8")
    found = []
    for section in re.split(r"^## ", page, flags=re.M)[1:]:
        (sql,) = blocks(section, "sql")
        lines = re.findall(r"^\|(.*)\|$", section, re.M)
        found.append(
            Question(
                section.splitlines()[0],
                sql,
                [[cell.strip() for cell in line.split("|")] for line in lines],
            )
        )
    return found


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)


QUESTIONS = questions()
RECIPES = blocks(BI, "python")


def as_text(value: Any) -> str:
    """A value as the page writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat() if isinstance(value, date) else str(value)


def answer(destination: Destination, sql: str) -> list[list[str]]:
    """The names of the columns, then the rows."""
    with destination.open(read_only=True) as warehouse:
        rows = warehouse.rows(sql)
    assert rows, "an answer has a row"
    return [list(rows[0]), *([as_text(value) for value in row.values()] for row in rows)]


def fill(destination: Destination, folder: Path) -> None:
    """Syncs the demo's company and builds from it, as of its present."""
    world = World(SEED, CONVERSATIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with serve(world) as simulator:
            chosen = [connection(*named) for named in simulated(world, simulator.url).items()]
            outcomes = sync_all(chosen, destination=destination)
        assert [outcome.error for outcome in outcomes if not outcome.ok] == []
        built = build(destination, as_of=world.now.isoformat(), project=Project(folder))
    # dbt leaves its log open, of which Python would warn in whatever test comes later
    for handler in logging.getLogger("file_log").handlers:
        handler.close()
    assert (built.failures, built.warnings, built.skipped) == ([], [], [])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> DuckDbFile:
    folder = tmp_path_factory.mktemp("duckdb")
    file = DuckDbFile(folder / "talkhouse.duckdb")
    fill(file, folder)
    return file


@pytest.fixture(scope="module")
def database(
    postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresDatabase]:
    with postgres.database() as database:
        fill(database, tmp_path_factory.mktemp("postgres"))
        yield database


@pytest.fixture
def working_folder(file: DuckDbFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with the published copy in it."""
    shutil.copy(file.file, tmp_path / "published.duckdb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_are_twenty_questions() -> None:
    assert len({question.heading for question in QUESTIONS}) == len(QUESTIONS) == 20


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.heading)
def test_query_reads_no_raw_table(question: Question) -> None:
    read = set(re.findall(r"\b(?:from|join) (\w+)\.\w+", question.sql))
    assert read and read <= {"marts", "unified"}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.heading)
def test_answer_on_duckdb(question: Question, file: DuckDbFile) -> None:
    names, _ruler, *rows = question.answer
    assert [names, *rows] == answer(file, question.sql)


@pytest.mark.deep
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.heading)
def test_answer_on_postgres(question: Question, database: PostgresDatabase) -> None:
    names, _ruler, *rows = question.answer
    assert [names, *rows] == answer(database, question.sql)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.heading)
def test_answer_is_short(question: Question) -> None:
    assert len(question.answer) - 2 <= MOST_ROWS


@pytest.mark.parametrize("code", RECIPES, ids=lambda code: code.splitlines()[0])
def test_recipe_in_python(code: str, working_folder: Path) -> None:
    """Skipped where its library is not installed. None but DuckDB and pyarrow is of ours: with them
    comes numpy, which pyarrow would import into every process, and each would take more memory.
    """
    for library in re.findall(r"^import (\w+)", code, re.M):
        pytest.importorskip(library)
    for method, library in NEEDS.items():
        if f".{method}()" in code:
            pytest.importorskip(library)
    exec(compile(code, "bi.md", "exec"), {})


def test_recipe_of_the_cli_reads_a_table(working_folder: Path, file: DuckDbFile) -> None:
    (query,) = re.findall(r'^\$ duckdb -readonly published\.duckdb -c "(.*)"$', BI, re.M)
    assert answer(DuckDbFile(working_folder / "published.duckdb"), query)


@pytest.fixture
def analyst(database: PostgresDatabase) -> Iterator[str]:
    """The URL of the page, with the test server's host, for the role that the page makes."""
    (role,) = blocks(BI, "sql")
    (url,) = set(re.findall(r"postgresql://analyst[^\s`\"]+", BI))
    form = psycopg2.extensions.parse_dsn(url)
    known = database.credentials
    host = str((known.query or {}).get("host", known.host))
    for name, value in (("host", host), ("dbname", known.database or "")):
        url = url.replace(form[name], quote(value, safe=""))
    # roles are the whole server's, and tests may run in several processes
    own = f"analyst_{os.getpid()}"
    role, url = re.sub(r"\banalyst\b", own, role), url.replace("analyst:", f"{own}:")
    url = url.replace(f":{form['port']}/", f":{known.port}/")
    with database.open() as warehouse:
        try:
            for statement in role.split(";")[:-1]:
                warehouse.execute(statement)
            yield url
        finally:
            warehouse.execute(f"drop owned by {own}")
            warehouse.execute(f"drop role {own}")


@pytest.mark.parametrize("page", ["questions.md", "bi.md"])
def test_links_lead_somewhere(page: str) -> None:
    for name, heading in re.findall(
        r"\]\((?!http)([^)#]+)#?([^)]*)\)", (DOCS / page).read_text("utf-8")
    ):
        headings = re.findall(r"^#+ (.*)", (DOCS / name).read_text("utf-8"), re.M)
        known = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
        assert not heading or heading in known, f"{name} has no #{heading}"


def read_by(url: str, query: str) -> Any:
    connected = psycopg2.connect(url)
    try:
        cursor = connected.cursor()
        cursor.execute(query)
        return cursor.fetchall()
    finally:
        connected.close()


@pytest.mark.deep
def test_analyst_reads_the_marts_by_the_url(analyst: str) -> None:
    assert read_by(analyst, "select count(*) from marts.sync_health") == [(5,)]


@pytest.mark.deep
def test_analyst_reads_what_a_later_build_makes(analyst: str, database: PostgresDatabase) -> None:
    with database.open() as warehouse:
        warehouse.execute("create table marts.later as select 1 as one")
        try:
            assert read_by(analyst, "select one from marts.later") == [(1,)]
        finally:
            warehouse.execute("drop table marts.later")


@pytest.mark.deep
def test_analyst_writes_nothing(analyst: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        read_by(analyst, "delete from marts.conversation_report returning 1")
