"""The rules of the structure: who may import whom, how long a module is, and what is described."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path

import pytest

from support.repository import ROOT
from support.tables import tables_of
from talkhouse.sources.registry import PROVIDERS

LONGEST_MODULE_LINES = 300
TOPS = ("sources", "pipelines", "simulator")
"""The folders of code, whose modules are imported as `talkhouse.sources` and so on."""
A_PROVIDER = "a provider"
FLOORS = (
    ("pipelines.exit_codes", "pipelines.console", "simulator")
    + ("sources.settings", "sources.http", "sources.rows"),
    ("sources.scan",),
    ("sources.connection", "sources.provider"),
    (A_PROVIDER, "sources.dlt_source"),
    ("sources.registry",),
    ("sources.reader_processes",),
    ("pipelines.settings",),
    ("pipelines.warehouse",),
    ("pipelines.audit",),
    ("pipelines.telemetry",),
    ("pipelines.analytics", "pipelines.syncing"),
    ("pipelines.monitoring", "pipelines.privacy", "pipelines.verification"),
    ("pipelines.alerts", "pipelines.orchestration"),
    ("pipelines.demo",),
    ("pipelines.cli",),
    ("__main__",),
)
"""The wings, from the ground up. Each may import those of lower floors, and none beside it."""


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(source: str, package: str) -> Iterator[str]:
    """The full names of what a module of the package imports, wherever and however it does."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module, names, level):
                origin = resolve_name("." * (level or 0) + (module or ""), package)
                yield origin
                yield from (f"{origin}.{alias.name}" for alias in names)
            case ast.Call(
                ast.Name("import_module" | "__import__") | ast.Attribute(attr="import_module")
            ):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                names = [each.value for each in given if isinstance(each, ast.Constant)]
                yield from (resolve_name(name, package) for name in names if isinstance(name, str))


@dataclass(frozen=True)
class Rule:
    """Modules of a folder do not import any of these, but for those of some of its folders."""

    folder: str
    forbidden: tuple[str, ...]
    but_for: tuple[str, ...] = ()

    def modules(self) -> list[Path]:
        return [
            module
            for module in modules(self.folder)
            if module.relative_to(ROOT / self.folder).parts[0] not in self.but_for
        ]

    def broken_by(self, source: str, package: str) -> set[str]:
        """What the source of a module imports that it must not."""
        return {
            name
            for name in imported(source, package)
            for prefix in self.forbidden
            if name == prefix or name.startswith(f"{prefix}.")
        }


OF_PROVIDERS = tuple(f"talkhouse.sources.{name}" for name in PROVIDERS)
OF_TESTS = ("tests", "support")
RULES = {
    "sources know neither pipelines nor simulator": Rule(
        "sources", ("talkhouse.pipelines", "talkhouse.simulator", *OF_TESTS, "duckdb")
    ),
    "what providers share knows none of them": Rule("sources", OF_PROVIDERS, but_for=PROVIDERS),
    "pipelines name no provider": Rule("pipelines", (*OF_PROVIDERS, *OF_TESTS)),
    "the simulator knows nothing of the rest": Rule(
        "simulator", ("talkhouse.sources", "talkhouse.pipelines", "dlt", "duckdb", *OF_TESTS)
    ),
    # in a checkout it would be there, as another module with other classes
    **{
        f"{folder} import each module by its one name": Rule(folder, TOPS)
        for folder in (*TOPS, "talkhouse", "tests", "benchmarks")
    },
}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


@every_rule
def test_modules_import_only_what_they_may(rule: Rule) -> None:
    assert rule.modules()
    for module in rule.modules():
        package = ".".join(("talkhouse", *module.relative_to(ROOT).parent.parts))
        broken = rule.broken_by(module.read_text("utf-8"), package)
        assert not broken, f"{module.relative_to(ROOT)} imports {', '.join(sorted(broken))}"


@every_rule
@pytest.mark.parametrize(
    "planted",
    [
        "import {name}",
        "import {name}.inner as other",
        "from {name} import anything",
        "from {name}.inner import anything",
        "def late():\n    from {name}.inner import anything",
        "if TYPE_CHECKING:\n    import {name}",
        "from importlib import import_module\nimport_module('{name}')",
        "import importlib\nimportlib.import_module(name='{name}.inner')",
        "__import__('{name}')",
    ],
)
def test_an_import_that_is_not_allowed_is_found(rule: Rule, planted: str) -> None:
    for name in rule.forbidden:
        assert rule.broken_by(planted.format(name=name), f"talkhouse.{rule.folder}"), name


def test_a_rule_is_of_every_module_that_it_says() -> None:
    of = {name: {module.parent.name for module in rule.modules()} for name, rule in RULES.items()}
    assert {"sources", "http", "rows", "scan", "dlt_source", "chatwoot"} <= of[
        "sources know neither pipelines nor simulator"
    ]
    assert of["what providers share knows none of them"] == {
        *("sources", "http", "rows", "scan", "dlt_source")
    }
    assert {"pipelines", "warehouse", "postgres", "cli"} <= of["pipelines name no provider"]


@pytest.mark.parametrize(
    "planted",
    [
        "from talkhouse.sources import chatwoot",
        "from . import chatwoot",
        "from .chatwoot import records",
        "from .chatwoot.records import Conversation",
        "import_module('.chatwoot', __package__)",
    ],
)
def test_a_provider_that_is_imported_from_beside_it_is_found(planted: str) -> None:
    assert RULES["what providers share knows none of them"].broken_by(planted, "talkhouse.sources")


def test_names_that_only_begin_alike_are_allowed() -> None:
    rule = Rule("pipelines", ("talkhouse.sources.chatwoot",))
    assert not rule.broken_by(
        "import talkhouse.sources.chatwoots\nfrom talkhouse.sources import provider",
        "talkhouse.pipelines",
    )


def second_names(source: str) -> set[str]:
    """Texts that name a module by the name of its folder, as the target of a patch might."""
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (found := re.fullmatch(r"(\w+)\.(\w+)[\w.]*", node.value))
        and found[1] in TOPS
        and list((ROOT / found[1]).glob(f"{found[2]}*"))
    }


@pytest.mark.parametrize("folder", [*TOPS, "talkhouse", "tests", "benchmarks"])
def test_no_text_names_a_module_by_another_name(folder: str) -> None:
    for module in modules(folder):
        # the names of floors leave out what all begin with
        if module != Path(__file__):
            assert not second_names(module.read_text("utf-8")), module


@pytest.mark.parametrize("top", TOPS)
def test_a_text_that_names_a_module_by_another_name_is_found(top: str) -> None:
    [module, *_] = [each.stem for each in (ROOT / top).glob("*.py") if each.stem != "__init__"]
    name = f"{top}.{module}"
    assert second_names(f"patch('{name}.go')") == {f"{name}.go"}
    assert second_names(f"patch('talkhouse.{name}.go')") == set()


Graph = dict[str, set[str]]


def tree() -> dict[str, str]:
    """The source of every module, by its name without `talkhouse.`."""
    files = [file for top in TOPS for file in modules(top)]
    found = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in files}
    found["__main__"] = ROOT / "talkhouse/__main__.py"
    return {name.removesuffix(".__init__"): file.read_text("utf-8") for name, file in found.items()}


def graph_of(tree: Mapping[str, str]) -> Graph:
    """Which modules of the tree each module imports."""
    graph: Graph = {}
    for module, source in tree.items():
        is_folder = any(name.startswith(f"{module}.") for name in tree)
        package = f"talkhouse.{module if is_folder else module.rpartition('.')[0]}".rstrip(".")
        names = {name.removeprefix("talkhouse.") for name in imported(source, package)}
        # of `from talkhouse.sources import settings` both are named, and the module is meant
        meant = {
            name
            for name in names & tree.keys()
            if not any(other.startswith(f"{name}.") for other in names & tree.keys())
        }
        graph[module] = meant - {module}
    return graph


def circle_in(graph: Graph) -> list[str]:
    """Modules that import one another in a circle; empty if there is none."""
    left = {module: set(its) for module, its in graph.items()}
    while free := {module for module, its in left.items() if not its & left.keys()}:
        left = {module: its for module, its in left.items() if module not in free}
    way = sorted(left)[:1]
    while way and way.count(way[-1]) == 1:
        way.append(min(left[way[-1]] & left.keys()))
    return way[way.index(way[-1]) :] if way else []


def wing_of(module: str, floors: Sequence[Sequence[str]]) -> str | None:
    """The wing of a module, by the longest name that fits; None of the folders above all wings."""
    if any(module == of or module.startswith(f"{of}.") for of in PROVIDER_FOLDERS):
        return A_PROVIDER
    wings = [wing for floor in floors for wing in floor]
    fitting = [wing for wing in wings if module == wing or module.startswith(f"{wing}.")]
    return max(fitting, key=len, default=None)


def not_downward(graph: Graph, floors: Sequence[Sequence[str]]) -> list[str]:
    """The imports that do not go to a lower floor, or stay in their wing."""
    floor_of = {wing: number for number, floor in enumerate(floors) for wing in floor}
    found = []
    for module, its in sorted(graph.items()):
        wing = wing_of(module, floors)
        for other in sorted(its):
            to = wing_of(other, floors)
            if wing is None or to is None:
                found.append(f"{module} imports {other}, and one of them is on no floor")
            elif wing != to and floor_of[wing] <= floor_of[to]:
                found.append(f"{module} imports {other}")
    return found


PROVIDER_FOLDERS = [f"sources.{name}" for name in PROVIDERS]
ABOVE_ALL_WINGS = {"sources", "pipelines"}


def test_no_modules_import_one_another_in_a_circle() -> None:
    assert circle_in(graph_of(tree())) == []


def test_no_import_goes_to_a_higher_floor_or_to_a_wing_beside() -> None:
    graph = graph_of(tree())
    assert sum(map(len, graph.values())) > 800
    assert not_downward(graph, FLOORS) == []


def test_every_module_is_on_a_floor_and_every_floor_has_modules() -> None:
    wings = {name: wing_of(name, FLOORS) for name in tree()}
    assert {name for name, wing in wings.items() if wing is None} == ABOVE_ALL_WINGS
    assert set(wings.values()) - {None} == {wing for floor in FLOORS for wing in floor}


INVENTED = {
    "pipelines": "",
    "pipelines.settings": "",
    "pipelines.settings.check": "from talkhouse.pipelines import console",
    "pipelines.console": "import json",
    "pipelines.cli": "",
    "pipelines.cli.app": "from talkhouse.pipelines.settings.check import check",
    "pipelines.cli.commands": "from .app import app",
}
THEIR_FLOORS = (("pipelines.console",), ("pipelines.settings",), ("pipelines.cli",))


def test_the_imports_of_a_tree_are_found() -> None:
    graph = graph_of(INVENTED)
    assert {module: its for module, its in graph.items() if its} == {
        "pipelines.settings.check": {"pipelines.console"},
        "pipelines.cli.app": {"pipelines.settings.check"},
        "pipelines.cli.commands": {"pipelines.cli.app"},
    }
    assert circle_in(graph) == []
    assert not_downward(graph, THEIR_FLOORS) == []


@pytest.mark.parametrize(
    "module, planted, found",
    [
        (
            "pipelines.cli.app",
            "from talkhouse.pipelines.cli.commands import go",
            ["pipelines.cli.app", "pipelines.cli.commands", "pipelines.cli.app"],
        ),
        (
            "pipelines.settings.check",
            "def late():\n    from talkhouse.pipelines.cli import commands",
            [
                "pipelines.cli.app",
                "pipelines.settings.check",
                "pipelines.cli.commands",
                "pipelines.cli.app",
            ],
        ),
        (
            "pipelines.console",
            "if TYPE_CHECKING:\n    import talkhouse.pipelines.settings.check",
            ["pipelines.settings.check", "pipelines.console", "pipelines.settings.check"],
        ),
    ],
)
def test_a_circle_is_found(module: str, planted: str, found: list[str]) -> None:
    broken = INVENTED | {module: f"{INVENTED[module]}\n{planted}"}
    assert circle_in(graph_of(broken)) == found


@pytest.mark.parametrize(
    "module, planted",
    [
        ("pipelines.console", "import talkhouse.pipelines.settings.check"),
        ("pipelines.console", "from talkhouse.pipelines.cli import commands"),
        ("pipelines.settings.check", "def late():\n    from ..cli import app"),
        ("pipelines.settings.check", "import_module('talkhouse.pipelines.cli.app')"),
    ],
)
def test_an_import_of_a_higher_floor_is_found(module: str, planted: str) -> None:
    [found] = not_downward(graph_of(INVENTED | {module: planted}), THEIR_FLOORS)
    assert found.startswith(f"{module} imports pipelines.")


def test_an_import_of_a_wing_beside_is_found() -> None:
    beside = (("pipelines.console",), ("pipelines.settings", "pipelines.cli"))
    found = not_downward(graph_of(INVENTED), beside)
    assert found == ["pipelines.cli.app imports pipelines.settings.check"]


def test_an_import_of_what_is_on_no_floor_is_found() -> None:
    found = not_downward(graph_of(INVENTED), THEIR_FLOORS[1:])
    assert found == [
        "pipelines.settings.check imports pipelines.console, and one of them is on no floor"
    ]


@pytest.mark.parametrize("folder", ["sources", "pipelines", "simulator", "benchmarks"])
def test_no_module_is_long(folder: str) -> None:
    long = {
        str(module.relative_to(ROOT)): lines
        for module in modules(folder)
        if (lines := len(module.read_text("utf-8").splitlines())) > LONGEST_MODULE_LINES
    }
    assert not long


@pytest.mark.parametrize("folder", ["sources", "pipelines", "simulator"])
def test_every_module_says_what_it_holds(folder: str) -> None:
    for module in modules(folder):
        tree = ast.parse(module.read_text("utf-8"))
        assert ast.get_docstring(tree) or not tree.body, module.relative_to(ROOT)


WINGS = sorted(
    folder.parent
    for top in ("sources", "pipelines")
    for folder in (ROOT / top).rglob("__init__.py")
    if folder.relative_to(ROOT / top).parts[0] not in PROVIDERS
)


@pytest.mark.parametrize("folder", WINGS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_folder_says_what_is_in_it_and_hands_nothing_on(folder: Path) -> None:
    said = ast.parse((folder / "__init__.py").read_text("utf-8"))
    doc = ast.get_docstring(said)
    assert doc
    assert len(said.body) == 1
    there = {module.name for module in folder.glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"\w+\.py", doc)) == there
    folders = {each.parent.name for each in folder.glob("*/__init__.py")} - set(PROVIDERS)
    assert set(re.findall(r"(\w+)/", doc)) == folders


def test_the_map_of_the_contributor_names_every_folder() -> None:
    plan = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("## Where things are")[2]
    named = set(re.findall(r"^ +(?:-> )?(\w+)/", plan.partition("\n```\n\n")[0], re.M))
    there = {folder.name for folder in WINGS if folder.name != "postgres"}
    assert named == there | {"models"}


@pytest.mark.parametrize("top", [*TOPS, "talkhouse"])
def test_every_folder_with_modules_says_what_is_in_it(top: str) -> None:
    for folder in {module.parent for module in modules(top)}:
        said = ast.parse((folder / "__init__.py").read_text("utf-8"))
        assert ast.get_docstring(said), folder.relative_to(ROOT)


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_table_has_a_key_and_every_column_a_description(name: str) -> None:
    for table, schema in tables_of(name).items():
        assert schema.get("description"), f"{name}.{table}"
        columns = schema["columns"]
        key = [column for column, hints in columns.items() if hints.get("primary_key")]
        assert "account" in key, f"{name}.{table}"
        assert len(key) > 1, f"{name}.{table}"
        for column, hints in columns.items():
            assert hints.get("description"), f"{name}.{table}.{column}"
            assert hints.get("data_type"), f"{name}.{table}.{column}"


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_has_its_readme(name: str) -> None:
    readme = (ROOT / "sources" / name / "README.md").read_text("utf-8")
    for heading in ("## Credentials", "## Paging", "## Limits", "## What is incremental"):
        assert heading in readme


BROAD = {"Exception", "BaseException", "SourceError", "WarehouseError", "Error"}


def takes_any_error(source: str) -> list[int]:
    """The lines at which a test takes any error of a broad kind for the one that it expects."""
    return [
        node.context_expr.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.withitem)
        and isinstance(call := node.context_expr, ast.Call)
        and ast.unparse(call.func) == "pytest.raises"
        and {ast.unparse(each).rpartition(".")[2] for each in _kinds(call)} & BROAD
        # it is looked at afterwards, or here
        and node.optional_vars is None
        and not any(keyword.arg == "match" for keyword in call.keywords)
    ]


def _kinds(call: ast.Call) -> list[ast.expr]:
    [first, *_] = call.args
    return first.elts if isinstance(first, ast.Tuple) else [first]


@pytest.mark.parametrize("module", modules("tests"), ids=lambda module: module.name)
def test_no_test_takes_any_error_for_the_one_it_expects(module: Path) -> None:
    assert takes_any_error(module.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "planted, lines",
    [
        ("with pytest.raises(Exception):\n    go()", [1]),
        ("with pytest.raises((KeyError, duckdb.Error)):\n    go()", [1]),
        ("with open('a'), pytest.raises(errors.SourceError):\n    go()", [1]),
        ("with pytest.raises(SourceError, match='gone'):\n    go()", []),
        ("with pytest.raises(Exception) as raised:\n    go()\nassert raised", []),
        ("with pytest.raises(KeyError):\n    go()", []),
    ],
)
def test_an_error_that_is_taken_for_any_is_found(planted: str, lines: list[int]) -> None:
    assert takes_any_error(planted) == lines
