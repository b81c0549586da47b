"""The rules of the layers: who may import whom, how long a module is, and what is described."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path

import pytest

from support.repository import ROOT
from support.tables import tables_of
from talkhouse.sources.registry import PROVIDERS

LONGEST_MODULE_LINES = 300


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
    """Modules of a folder do not import any of these; `is_deep` if those of its folders neither."""

    folder: str
    forbidden: tuple[str, ...]
    is_deep: bool = True

    def modules(self) -> list[Path]:
        return [
            module
            for module in modules(self.folder)
            if self.is_deep or module.parent == ROOT / self.folder
        ]

    def broken_by(self, source: str, package: str) -> set[str]:
        """What the source of a module imports that it must not."""
        return {
            name
            for name in imported(source, package)
            for prefix in self.forbidden
            if name == prefix or name.startswith(f"{prefix}.")
        }


OF_PROVIDERS = tuple(f"sources.{name}" for name in PROVIDERS)
RULES = {
    "sources know neither pipelines nor simulator": Rule(
        "sources", ("pipelines", "simulator", "tests", "duckdb")
    ),
    "what providers share knows none of them": Rule("sources", OF_PROVIDERS, is_deep=False),
    "pipelines name no provider": Rule("pipelines", (*OF_PROVIDERS, "tests")),
    "the simulator knows nothing of the rest": Rule(
        "simulator", ("sources", "pipelines", "dlt", "duckdb", "tests")
    ),
}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


@every_rule
def test_modules_import_only_what_they_may(rule: Rule) -> None:
    assert rule.modules()
    for module in rule.modules():
        package = ".".join(module.relative_to(ROOT).parent.parts)
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
        assert rule.broken_by(planted.format(name=name), rule.folder), name


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
    assert RULES["what providers share knows none of them"].broken_by(planted, "sources")


def test_names_that_only_begin_alike_are_allowed() -> None:
    rule = Rule("pipelines", ("talkhouse.sources.chatwoot",))
    assert not rule.broken_by("import sources.chatwoots\nfrom sources import provider", "pipelines")


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


@pytest.mark.parametrize("folder", ["sources", "pipelines"])
def test_the_map_names_every_module(folder: str) -> None:
    plan = (ROOT / folder / "__init__.py").read_text("utf-8")
    named = set(re.findall(r"\w+\.py", plan))
    there = {module.name for module in (ROOT / folder).glob("*.py")} - {"__init__.py"}
    assert named == there


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
