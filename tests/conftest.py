"""The fixtures that tests of several wings take, and how a run of the tests is set up."""

# ruff: noqa: E402

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any

import hypothesis
import pytest
import stamina

# before they are imported: what their assertions compared is shown
pytest.register_assert_rewrite("support")

from support.account import SERVED, Account, Open
from support.forks import stop_server
from support.postgres_server import Server, server
from support.shell import Shell
from support.templates import Templates
from talkhouse.pipelines.cli.quick_process import be_quick
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile, DuckDbWarehouse
from talkhouse.pipelines.warehouse.interface import Destination, Warehouse
from talkhouse.pipelines.warehouse.migrations import migrate
from talkhouse.simulator import Simulator, World, serve
from talkhouse.sources.http import rate_limit

pytest_plugins = ["support.lanes", "support.progress"]

# how fast a machine is says nothing of what is right
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def forks() -> Iterator[None]:
    yield
    stop_server()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with server() as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def as_in_the_command_line() -> None:
    be_quick()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, since tests also wait, and four at most: each has its own
    servers and Postgres.
    """
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test that is marked `both_destinations` or `twin` on each."""
    of = metafunc.definition.get_closest_marker
    if "destination" not in metafunc.fixturenames or not (of("both_destinations") or of("twin")):
        return
    marks = () if of("both_destinations") else pytest.mark.deep
    destinations = ["duckdb", pytest.param("postgres", marks=marks)]
    metafunc.parametrize("destination", destinations, indirect=True)


@pytest.fixture
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Destination]:
    """An empty one: a DuckDB file, or where a test asks for both, a Postgres database, too."""
    if getattr(request, "param", "duckdb") == "duckdb":
        yield DuckDbFile(tmp_path / "talkhouse.duckdb")
        return
    with request.getfixturevalue("postgres").database() as database:
        yield database


@pytest.fixture
def warehouse(destination: Destination) -> Iterator[Warehouse]:
    with destination.open() as warehouse:
        yield warehouse


@pytest.fixture
def in_memory() -> Iterator[Warehouse]:
    """A warehouse without a file, and nothing in it but the tables of the audit."""
    with DuckDbWarehouse(":memory:") as warehouse:
        migrate(warehouse)
        yield warehouse


@pytest.fixture
def account_of(warehouse: Warehouse, tmp_path: Path) -> Iterator[Open]:
    """`account_of("hilos", world)`: a World served, and a connection to it named `shop`."""
    with ExitStack() as stack:

        def open(
            provider: str,
            world: World | None = None,
            *,
            name: str = "shop",
            settings: dict[str, Any] | None = None,
            only: Sequence[str] = (),
            **served: Any,
        ) -> Account:
            world = world or World(conversations=24)
            simulator = stack.enter_context(serve(world, **SERVED | served))
            folder = tmp_path / "pipelines"
            return Account(simulator, provider, warehouse, folder, name, settings or {}, only)

        yield open


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    folder = tmp_path_factory.getbasetemp()
    # the processes of a run have a folder each in one of the run's
    return Templates(
        (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "templates"
    )


@pytest.fixture
def filled(
    request: pytest.FixtureRequest, templates: Templates, destination: Destination
) -> Callable[[str], Account]:
    """`filled("hilos")`: what `account_of` opens, once it is synced."""

    def make(provider: str, folder: Path) -> None:
        file = DuckDbFile(folder / "talkhouse.duckdb")
        with serve(World(conversations=24), **SERVED) as simulator, file.open() as warehouse:
            Account(simulator, provider, warehouse, folder / "pipelines", "shop").synced()
        rmtree(folder / "pipelines")

    def open(provider: str) -> Account:
        if isinstance(destination, DuckDbFile):
            assert not destination.file.exists(), "it is filled before it is opened"
            templates.copy(f"synced-{provider}", destination.file.parent, partial(make, provider))
        account: Account = request.getfixturevalue("account_of")(provider)
        if not isinstance(destination, DuckDbFile):
            account.synced()
        return account

    return open


@pytest.fixture
def beside(account_of: Open) -> Callable[..., Account]:
    """Another account of the same simulator and warehouse."""

    def open(account: Account, provider: str, name: str) -> Account:
        return Account(account.simulator, provider, account.warehouse, account.folder, name)

    return open


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A small World, served in small pages."""
    with serve(World(conversations=24), **SERVED) as served:
        yield served


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An empty folder to type commands in."""
    return Shell(tmp_path / "shop", tmp_path / "home")


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Retries do not wait, and every test has rate limits of its own, though ports come again."""
    rate_limit._rate_limits.clear()
    with stamina.set_testing(True, attempts=3):
        yield
