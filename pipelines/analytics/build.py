"""Builds the analysts' tables out of the raw ones, by the dbt project of `models/`, in-process."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from rich.console import Console

from talkhouse.pipelines.analytics.publish import Publication
from talkhouse.pipelines.analytics.unchanged_build import ingredients, note_built, unchanged_since
from talkhouse.pipelines.audit.notes import note_build, was_built_of
from talkhouse.pipelines.console import print_json, results
from talkhouse.pipelines.settings.extras import BUILD
from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.pipelines.telemetry.events import BuildEnded, tell
from talkhouse.pipelines.warehouse.interface import Destination, Warehouse, WarehouseError
from talkhouse.sources.settings import SettingsError

MODELS = Path(__file__).parents[2] / "models"


@dataclass
class Built:
    """What a build did: the tables and views that were made, the tests that passed, what a test
    warns of, and what failed with everything that was not made for its sake. Nothing at all, if
    there was nothing new `unchanged_since` a good build.
    """

    destination: str
    providers: list[str]
    seconds: float = 0.0
    models: list[str] = field(default_factory=list)
    tests_passed: int = 0
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unchanged_since: datetime | None = None

    @property
    def ok(self) -> bool:
        return not self.failures


def build(
    destination: Destination,
    *,
    full: bool = False,
    time_zone: str = "",
    as_of: str = "",
    project: Project = HERE,
) -> Built:
    """Builds everything for the providers whose datasets are there, unless nothing changed since
    the last good build.

    `full` rebuilds everything, as does any change of the models: a newer release, or other seeds.
    `time_zone` is whose days the marts count by, `models.time_zone` of the settings if it is empty.
    `as_of` (ISO 8601) takes the place of the time of the build.

    Raises SettingsError if dbt is not installed, nothing was ever loaded, or there is no such time
    zone; WarehouseError if the destination cannot be opened; AlreadySyncing if another process
    builds or, into a DuckDB file, syncs.
    """
    BUILD.require("a build")
    models = _models_hash()
    variables: dict[str, Any] = {"time_zone": time_zone_of(time_zone, project)}
    if as_of:
        variables["as_of"] = as_of
    if not destination.exists():
        raise SettingsError(f"{destination} has nothing to build from: run `talkhouse sync` first")
    with destination.open(read_only=True) as warehouse:
        variables |= _what_is_there(warehouse, destination)
        unchanged = None if full else unchanged_since(warehouse, models, variables)
    built = Built(str(destination), list(variables["staged"]), unchanged_since=unchanged)
    if not unchanged:
        _build(built, destination, models, variables, full, project.dbt_folder)
    _tell(built)
    return built


def _build(
    built: Built,
    destination: Destination,
    models: str,
    variables: dict[str, Any],
    full: bool,
    folder: Path,
) -> None:
    # here: it takes two seconds, which no other command should
    from dbt.cli.main import dbtRunner

    arguments = ["build", "--no-version-check", "--no-write-json", "--vars", json.dumps(variables)]
    arguments += ["--log-level", "none", "--log-level-file", "info", "--no-use-colors"]
    arguments += ["--project-dir", str(MODELS), "--profiles-dir", str(MODELS)]
    arguments += ["--target-path", str(folder.absolute() / "target")]
    arguments += ["--log-path", str(folder.absolute() / "logs")]
    arguments += ["--target", destination.dbt_target]
    with destination.building():
        with destination.open() as warehouse:
            if full or not was_built_of(warehouse, models):
                arguments.append("--full-refresh")
            # until it is known to be good: a build that is killed leaves tables half made
            built_at = note_build(warehouse, False, models)
            # before anything is read: what comes meanwhile is for the next build
            of = ingredients(warehouse, models, variables)
        environment = _environment(destination.dbt_environment())
        with environment, _log_closed(), destination.used_by_dbt():
            done = dbtRunner().invoke(arguments)
        if isinstance(done.exception, KeyboardInterrupt):
            raise KeyboardInterrupt
        results_of_nodes = getattr(done.result, "results", None)
        if results_of_nodes is None:
            with destination.open():
                pass  # says so, if it was that another process has it by now
            raise WarehouseError(_one_line(str(done.exception or "dbt failed; its log says why")))
        built.seconds = done.result.elapsed_time  # type: ignore[union-attr]
        for each in results_of_nodes:
            _note(built, each)
        if built.ok:
            with destination.open() as warehouse:
                note_built(warehouse, built_at, of)


def failed_build(destination: Destination, why: str) -> Built:
    """What a build came to that raised an error."""
    built = Built(str(destination), [], failures=[f"build: {_one_line(why)}"])
    _tell(built)
    return built


def _tell(built: Built) -> None:
    tell(
        BuildEnded(
            outcome="unchanged" if built.unchanged_since else "ok" if built.ok else "failed",
            models=len(built.models),
            tests_passed=built.tests_passed,
            warnings=len(built.warnings),
            # what dbt says of them may quote a row
            failures=[each.partition(":")[0] for each in built.failures],
            models_skipped=len(built.skipped),
            seconds=built.seconds,
        )
    )


def is_built(destination: Destination) -> bool:
    """Whether there is anything that a build made."""
    with destination.open(read_only=True) as warehouse:
        return bool(warehouse.tables("unified"))


def _what_is_there(warehouse: Warehouse, destination: Destination) -> dict[str, Any]:
    """The variables that tell dbt the staging models and the raw tables of each provider that has
    conversations.
    """
    staged = staging_models()
    there = {provider: warehouse.tables(provider) for provider in staged}
    tables = {provider: names for provider, names in there.items() if "conversations" in names}
    if not tables:
        raise SettingsError(f"{destination} has nothing to build from: run `talkhouse sync` first")
    return {"staged": {provider: staged[provider] for provider in tables}, "tables": tables}


def staging_models() -> dict[str, list[str]]:
    """What each provider has a staging model of, by the names of their files."""
    found: dict[str, list[str]] = {}
    for file in sorted((MODELS / "staging").glob("*/stg_*__*.sql")):
        found.setdefault(file.parent.name, []).append(file.stem.partition("__")[2])
    return found


def _models_hash() -> str:
    """What tells the dbt project, with its seeds, from any other."""
    found = hashlib.sha256()
    for file in sorted(MODELS.rglob("*.*")):
        name = file.relative_to(MODELS)
        if file.suffix in (".sql", ".yml", ".csv") and name.parts[0] != "target":
            found.update(name.as_posix().encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


def time_zone_of(named: str = "", project: Project = HERE) -> str:
    """The name of the time zone, or of the settings' one. Raises SettingsError if there is none."""
    name = named or str(project.setting("models.time_zone") or "UTC")
    if name not in available_timezones():
        raise SettingsError(f"models.time_zone: there is no time zone {name}; write Europe/Lisbon")
    return name


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """What `models/profiles.yml` asks for, while the context lasts."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _log_closed() -> Iterator[None]:
    """Closes dbt's log, which it leaves open."""
    try:
        yield
    finally:
        for handler in logging.getLogger("file_log").handlers:
            handler.close()


def _note(built: Built, each: Any) -> None:
    name, kind, status = each.node.name, str(each.node.resource_type), str(each.status)
    if status in ("error", "fail", "runtime error"):
        built.failures.append(f"{kind} {name}: {_one_line(each.message or status)}")
    elif status == "warn":
        built.warnings.append(f"{name}: {_one_line(each.message or '')}")
    elif status == "skipped":
        built.skipped.append(name)
    elif kind == "test":
        built.tests_passed += 1
    elif kind not in ("exposure", "operation"):
        built.models.append(name)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def show_built(built: Built, publication: Publication | None, as_json: bool) -> None:
    """Prints what was built, what is wrong, and what was published if that was wanted."""
    if as_json:
        published = publication and {"ok": publication.ok, **asdict(publication)}
        print_json({"ok": built.ok, **asdict(built), "publication": published})
        return
    console = results()
    print_built(built, console)
    if publication:
        console.print(str(publication), markup=False, soft_wrap=True)


def print_built(built: Built, console: Console) -> None:
    """Prints what was built, and what is wrong."""
    made = (
        f"Built {len(built.models)} tables and views in {built.destination} for "
        f"{', '.join(built.providers)}, {built.tests_passed} tests passed, {built.seconds:.1f} s"
    )
    if not built.providers:
        made = f"Nothing was built in {built.destination}"
    if built.unchanged_since:
        made = (
            f"Nothing to build in {built.destination}: nothing changed since the build of "
            f"{built.unchanged_since:%Y-%m-%d %H:%M:%S} UTC"
        )
    console.print(made, markup=False, soft_wrap=True)
    for title, lines in (("warning", built.warnings), ("failed", built.failures)):
        for line in lines:
            console.print(f"  {title}: {line}", markup=False, soft_wrap=True)
    if built.skipped:
        console.print(
            f"  not built for that: {', '.join(built.skipped)}; they are as they were",
            markup=False,
            soft_wrap=True,
        )
