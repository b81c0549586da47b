"""Another program uses Talkhouse: with a folder and settings of its choice, and nothing else in its
process is changed.
"""

import gc
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from support.receiving import receiving
from support.repository import ROOT
from support.shell import octopush
from talkhouse.pipelines import api
from talkhouse.pipelines.orchestration.sync_all import SyncOptions
from talkhouse.pipelines.settings.project import Project
from talkhouse.simulator import Simulator
from talkhouse.sources.settings import SettingsError

IMPORTED = """
import gc, json, logging, os, sys
def process():
    ours = [finder for finder in sys.meta_path if "talkhouse" in type(finder).__module__]
    collector = [gc.get_threshold(), gc.get_freeze_count()]
    logs = [logging.root.level, len(logging.root.handlers)]
    return [dict(os.environ), ours, collector, logs, os.umask(0o022)]
os.umask(0o022)
before = process()
from talkhouse.pipelines import api
after = process()
print(json.dumps([before == after, sorted({"dlt", "duckdb", "dbt", "pyarrow"} & set(sys.modules))]))
"""


def test_importing_it_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [True, []]


def test_a_folder_and_settings_are_passed_in(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    for folder in (work, elsewhere):
        folder.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("DESTINATION__DUCKDB", str(tmp_path / "of_the_environment.duckdb"))
    settings = {
        "connections": {"shop": octopush(simulator)},
        "destination": {"duckdb": "shop.duckdb", "publish": "published.duckdb"},
    }
    project = Project(work, settings)
    settings_of_dlt = Container()[PluggableRunContext].providers.providers
    before = [*os.environ.items()], gc.get_threshold(), [*settings_of_dlt], os.umask(0o022)

    assert [each.name for each in api.connections(project)] == ["shop"]
    with pytest.raises(SettingsError, match="there is no connection other"):
        api.sync(project, names=["other"])
    [outcome] = api.sync(project, SyncOptions(only=["conversations"]), names=["shop"])
    assert (outcome.connection, outcome.error) == ("shop", "")
    [outcome] = api.sync(project)
    assert outcome.ok and outcome.rows["messages"]
    assert [verdict.ok for verdict in api.verify(project)] == [True]
    assert api.status(project).ok
    assert api.build(project).failures == []
    assert api.publish(project).error == ""

    assert [*elsewhere.iterdir()] == [] and not (tmp_path / "of_the_environment.duckdb").exists()
    assert {each.name for each in work.iterdir()} == {".dlt", "shop.duckdb", "published.duckdb"}
    files = [each for each in work.rglob("*") if each.is_file()]
    assert {stat.S_IMODE(each.stat().st_mode) & 0o077 for each in files} == {0}
    after = [*os.environ.items()], gc.get_threshold(), [*settings_of_dlt], os.umask(before[3])
    assert after == (*before[:3], 0o022)


def test_the_example_of_the_documents_works(simulator: Simulator, tmp_path: Path) -> None:
    page = (ROOT / "docs/library.md").read_text("utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    [shop] = re.findall(r'"shop": (\{.*?\n            \})', code, re.DOTALL)
    code = code.replace(shop, repr(octopush(simulator))).replace("/srv/talkhouse", str(tmp_path))
    made: dict[str, Any] = {}
    exec(code, made)
    [outcome] = made["outcomes"]
    assert outcome.ok and outcome.rows["conversations"]
    assert (tmp_path / "shop.duckdb").exists()
    described = set(re.findall(r"`api\.(\w+)\(", page))
    assert described == {"connections", "sync", "verify", "status", "build", "publish"}
    assert all(callable(getattr(api, name)) for name in described)


TRACKED = """
import json, sys
from pathlib import Path
folder, settings, before = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
exec(before)
from talkhouse.pipelines import api
from talkhouse.pipelines.settings.project import Project
[outcome] = api.sync(Project(folder, settings))
assert outcome.ok and outcome.rows
"""
HOSTS = {
    "one that has not used dlt": "",
    "one that has used it": "import dlt; dlt.pipeline('theirs', pipelines_dir=str(folder / 'its'))",
}


@pytest.mark.parametrize("before", HOSTS.values(), ids=HOSTS)
def test_dlt_tells_nobody_of_what_a_sync_does(
    before: str, simulator: Simulator, tmp_path: Path
) -> None:
    settings = {"connections": {"shop": octopush(simulator)}}
    with receiving() as receiver:
        told_to = {"RUNTIME__DLTHUB_TELEMETRY_ENDPOINT": f"http://{receiver.host}/track"}
        command = [sys.executable, "-c", TRACKED, str(tmp_path), json.dumps(settings), before]
        subprocess.run(command, cwd=tmp_path, env=os.environ | told_to, check=True)
    assert [sent.path for sent in receiver.sent] == []


@pytest.mark.parametrize(
    "settings",
    [
        {"privcy": {"phone": "hash"}},
        {"privacy": "hash"},
        {"retention": "5d"},
        {"privacy": MappingProxyType({"fone": "hash"})},
    ],
)
def test_settings_that_would_hide_nothing_are_refused(
    settings: dict[str, Any], simulator: Simulator, tmp_path: Path
) -> None:
    shop = {"connections": {"shop": octopush(simulator)}}
    with pytest.raises(SettingsError):
        api.connections(Project(tmp_path, shop | settings))


def test_a_pipeline_of_the_program_stays_the_active_one(
    simulator: Simulator, tmp_path: Path
) -> None:
    theirs = dlt.pipeline("theirs", pipelines_dir=str(tmp_path / "theirs"))
    [outcome] = api.sync(Project(tmp_path, {"connections": {"shop": octopush(simulator)}}))
    assert outcome.ok and dlt.pipeline() is theirs
