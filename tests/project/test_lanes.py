"""How the tests themselves are run: `--minutes`, and that processes run what the tests import."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.forks import PACKAGES
from support.repository import ROOT
from support.shell import Shell

TESTS = ROOT / "tests"
MANY = """
def test_it_is_given(capsys):
    with capsys.disabled():
        print("<{number}>")
"""


def run(folder: Path, *options: str) -> str:
    for number in range(40):
        (folder / f"test_{number}.py").write_text(MANY.replace("{number}", str(number)))
    plugins = [
        "-p",
        "support.lanes",
        "-p",
        "support.progress",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options],
        cwd=folder,
        env={"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_seed_is_an_order(tmp_path: Path) -> None:
    orders = [
        re.findall("<([0-9]+)>", run(tmp_path, "--minutes", "5", *seed))
        for seed in ([], ["--seed", "3"], ["--seed", "3"])
    ]
    assert [len(set(order)) for order in orders] == [40, 40, 40]
    assert orders[0] != orders[1] == orders[2]


def test_what_no_time_is_left_for_is_counted(tmp_path: Path) -> None:
    said = run(tmp_path, "--minutes", "0")
    assert "<" not in said
    assert "40 tests were left out, as no time was left for them" in said
    assert "100%  40 of 40 tests" in said


def test_a_program_runs_what_the_tests_import(shell: Shell) -> None:
    ask = [sys.executable, "-c", "import talkhouse.pipelines; print(talkhouse.pipelines.__file__)"]
    done = subprocess.run(**shell.command("talkhouse") | {"args": ask})
    assert done.stdout == f"{PACKAGES}/talkhouse/pipelines/__init__.py\n"


@pytest.mark.parametrize("is_forked", [True, False])
def test_what_a_command_says_is_the_same_in_a_fork(shell: Shell, is_forked: bool) -> None:
    shell.is_forked = is_forked
    told = shell("sync", exit_code=2)
    assert told.stderr.startswith("talkhouse: no connection is configured; add one with ")
    assert told.stdout == ""
    assert not list(shell.home.iterdir())
