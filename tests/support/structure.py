"""The structure of the code: which modules import which, of which wings, on which floors."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import resolve_name
from pathlib import Path

from support.repository import ROOT
from talkhouse.sources.registry import PROVIDERS

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
    ("pipelines.api", "pipelines.demo"),
    ("pipelines.cli",),
    ("__main__",),
)
"""The wings, from the ground up. Each may import those of lower floors, and none beside it."""
PROVIDER_FOLDERS = [f"sources.{name}" for name in PROVIDERS]
Graph = dict[str, set[str]]


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


def wing_of(module: str, floors: Sequence[Sequence[str]]) -> str | None:
    """The wing of a module, by the longest name that fits; None of the folders above all wings."""
    if any(module == of or module.startswith(f"{of}.") for of in PROVIDER_FOLDERS):
        return A_PROVIDER
    wings = [wing for floor in floors for wing in floor]
    fitting = [wing for wing in wings if module == wing or module.startswith(f"{wing}.")]
    return max(fitting, key=len, default=None)
