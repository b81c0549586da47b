"""The rules of the layers: who may import whom, how long a module is, and what is described."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tables import tables_of

from sources import PROVIDERS

ROOT = Path(__file__).parent.parent
LONGEST_MODULE_LINES = 300


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(module: Path) -> Iterator[str]:
    """The full names of the modules that it imports, wherever in it."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def violations(folder: str, *forbidden: str) -> list[str]:
    return [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in modules(folder)
        for name in imported(module)
        for prefix in forbidden
        if name == prefix or name.startswith(f"{prefix}.")
    ]


def test_sources_know_neither_pipelines_nor_simulator() -> None:
    assert not violations("sources", "pipelines", "simulator", "tests", "duckdb")


def test_pipelines_name_no_provider() -> None:
    assert not violations("pipelines", *(f"sources.{name}" for name in PROVIDERS), "tests")


def test_simulator_knows_nothing_of_the_rest() -> None:
    assert not violations("simulator", "sources", "pipelines", "dlt", "duckdb", "tests")


def test_modules_of_one_provider_import_no_later_layer_of_sources() -> None:
    shared = [module for module in modules("sources") if module.parent == ROOT / "sources"]
    for module in shared:
        assert not {f"sources.{name}" for name in PROVIDERS} & set(imported(module)), module.name


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
