"""`talkhouse schedule`: files that run a sync every so often, and are what their readers take."""

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from support.shell import BIN, Shell
from talkhouse.pipelines.orchestration.schedule_files import Cadence
from talkhouse.sources.settings import SettingsError


@pytest.mark.parametrize(
    ("every", "cron", "seconds"),
    [
        ("1m", "*/1 * * * *", 60),
        ("5m", "*/5 * * * *", 300),
        ("1h", "17 */1 * * *", 3_600),
        ("6h", "17 */6 * * *", 21_600),
        ("1d", "17 3 * * *", 86_400),
    ],
)
def test_a_cadence_is_what_cron_says(every: str, cron: str, seconds: int) -> None:
    assert (Cadence.of(every).cron, Cadence.of(every).seconds) == (cron, seconds)


def test_what_comes_seldom_is_stale_late() -> None:
    assert [Cadence.of(every).stale_after for every in ("5m", "1h", "1d")] == ["1 h", "3 h", "3 d"]


@pytest.mark.parametrize("every", ["7m", "90m", "30s", "5h", "2d", "soon"])
def test_what_cron_cannot_say_is_refused(every: str) -> None:
    with pytest.raises(SettingsError, match="--every"):
        Cadence.of(every)


def test_the_files_say_where_they_go(shell: Shell) -> None:
    told = shell("schedule", "--every", "15m", "--to", "deploy", "--user", "sync").stdout
    assert re.findall(r"^deploy/(\S+): ", told, re.M) == [
        "talkhouse.cron",
        "talkhouse.service",
        "talkhouse.timer",
        "talkhouse-cronjob.yaml",
        "talkhouse-status.service",
        "talkhouse-status.timer",
        "talkhouse-status-cronjob.yaml",
    ]
    assert "Copy to /etc/cron.d/talkhouse" in told
    cron = (shell.folder / "deploy/talkhouse.cron").read_text("utf-8").splitlines()
    command = f"sync cd {shell.folder} && {BIN / 'talkhouse'}"
    assert [line for line in cron if not line.startswith("#")] == [
        f"*/15 * * * * {command} sync --build 1h",
        f"7,37 * * * * {command} status --alert > /dev/null",
    ]
    assert told.splitlines()[-1] == (
        "a connection will be stale after 1 h without a good sync, but where its stale_after says "
        "otherwise"
    )
    job = yaml.safe_load((shell.folder / "deploy/talkhouse-cronjob.yaml").read_text("utf-8"))
    spec = job["spec"]
    assert (job["kind"], spec["schedule"], spec["concurrencyPolicy"]) == (
        "CronJob",
        "*/15 * * * *",
        "Forbid",
    )


def test_the_units_say_what_runs_and_how_often(shell: Shell) -> None:
    shell("schedule", "--every", "1h", "--user", "sync")
    units = ConfigParser(interpolation=None)
    units.optionxform = str  # type: ignore[assignment]
    units.read(shell.folder / "schedule" / f"talkhouse.{kind}" for kind in ("service", "timer"))
    service, timer = units["Service"], units["Timer"]
    assert service["ExecStart"] == f"{BIN / 'talkhouse'} sync --build 1h"
    assert service["WorkingDirectory"] == service["ReadWritePaths"] == str(shell.folder)
    assert (service["User"], service["SuccessExitStatus"]) == ("sync", "75")
    assert (timer["OnUnitActiveSec"], timer["RandomizedDelaySec"]) == ("3600s", "60s")


# what the files say is the test's above; systemd's own verifier is where systemd is
def test_systemd_takes_the_units(shell: Shell) -> None:
    if not (analyze := shutil.which("systemd-analyze")):
        pytest.skip("systemd is not on this machine")
    shell("schedule", "--every", "1h", "--user", "root")
    units = [
        str(shell.folder / "schedule" / f"{name}.{kind}")
        for name in ("talkhouse", "talkhouse-status")
        for kind in ("service", "timer")
    ]
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True)
    about = [line for line in done.stderr.splitlines() if "talkhouse" in line]
    assert about == []


@pytest.mark.parametrize("name", ["two words", "50%", "o'clock", "$HOME"])
def test_a_folder_that_cron_would_take_otherwise_is_refused(tmp_path: Path, name: str) -> None:
    shell = Shell(tmp_path / name, tmp_path / "home")
    told = shell("schedule", exit_code=2).stderr
    assert f"{name}: cron and systemd do not take a folder with a space, a quote, or " in told
    assert not (shell.folder / "schedule").exists()


def test_the_folder_is_quoted_for_cron(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "r&d", tmp_path / "home")
    shell("schedule")
    cron = (shell.folder / "schedule/talkhouse.cron").read_text("utf-8")
    assert f"cd '{shell.folder}' && " in cron


def test_a_file_that_was_changed_is_left_alone(shell: Shell) -> None:
    shell("schedule")
    shell("schedule")
    (shell.folder / "schedule/talkhouse.timer").write_text("mine")
    assert "move it away first" in shell("schedule", exit_code=2).stderr
    assert (shell.folder / "schedule/talkhouse.timer").read_text() == "mine"


def test_the_state_is_looked_at_by_a_job_of_its_own(shell: Shell) -> None:
    shell("schedule", "--build", "never")
    units = ConfigParser(interpolation=None)
    units.optionxform = str  # type: ignore[assignment]
    units.read(
        shell.folder / "schedule" / f"talkhouse-status.{kind}" for kind in ("service", "timer")
    )
    assert units["Service"]["ExecStart"] == f"{BIN / 'talkhouse'} status --alert"
    assert units["Service"]["SuccessExitStatus"] == "1 75"
    assert units["Timer"]["OnUnitActiveSec"] == "1800s"
    called = {}
    for name in ("talkhouse", "talkhouse-status"):
        file = shell.folder / "schedule" / f"{name}-cronjob.yaml"
        job = yaml.safe_load(file.read_text("utf-8"))
        [container] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        called[job["metadata"]["name"]] = container["args"]
    assert called == {"talkhouse": ["sync"], "talkhouse-status": ["status", "--alert"]}


def test_what_is_no_duration_is_refused(shell: Shell) -> None:
    told = shell("schedule", "--build", "nightly", exit_code=2).stderr
    assert "--build: 'nightly' is not a duration such as 90s, 5m, 1h30m or 7d; or never" in told


def test_where_something_is_too_old_some_day_it_is_deleted_every_day(shell: Shell) -> None:
    shell.environment["RETENTION__MESSAGES"] = "400d"
    shell("schedule")
    folder = shell.folder / "schedule"
    cron = (folder / "talkhouse.cron").read_text("utf-8").splitlines()
    command = f"talkhouse cd {shell.folder} && {BIN / 'talkhouse'} retain"
    assert cron[-1] == f"23 4 * * * {command}"
    job = yaml.safe_load((folder / "talkhouse-retain-cronjob.yaml").read_text("utf-8"))
    [container] = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert (container["args"], job["spec"]["schedule"]) == (["retain"], "23 4 * * *")
    timer = (folder / "talkhouse-retain.timer").read_text("utf-8")
    assert "OnUnitActiveSec=86400s" in timer
