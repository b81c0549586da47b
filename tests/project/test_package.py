"""What is installed: the wheel holds all that it needs, and the image is made of what is there."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest

from support.repository import ROOT
from talkhouse.pipelines.orchestration.schedule_files import CRONJOB

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


FOLDERS = ("models", "pipelines", "simulator", "sources")
MODULES = ("__init__.py", "__main__.py", "py.typed")
BUILD = "import sys, hatchling.build as it; getattr(it, sys.argv[1])(sys.argv[2])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by way of the sdist, as whoever publishes it makes it, and whoever has the sdist."""
    made, unpacked, builder = (tmp_path_factory.mktemp(name) for name in ("made", "in", "with"))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(builder)]
    run([*install, "hatchling>=1.27"], ROOT)
    environment = os.environ | {"PYTHONPATH": str(builder)}
    run([sys.executable, "-c", BUILD, "build_sdist", str(made)], ROOT, environment)
    [sdist] = made.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        packed.extractall(unpacked, filter="data")
    [folder] = unpacked.iterdir()
    run([sys.executable, "-c", BUILD, "build_wheel", str(made)], folder, environment)
    [found] = made.glob("*.whl")
    return found


def run(command: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked: what it needs is in our own environment."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def test_the_wheel_has_one_package_and_nothing_that_a_build_left(installed: Path) -> None:
    assert {each.name.partition("-")[0] for each in installed.iterdir()} == {"talkhouse"}
    here = {
        f"talkhouse/{file.relative_to(ROOT)}"
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and not {"target", "logs", "__pycache__"} & set(file.parts)
    }
    there = {
        str(file.relative_to(installed))
        for file in (installed / "talkhouse").rglob("*")
        if file.is_file()
    }
    assert there == here | {f"talkhouse/{name}" for name in MODULES}


@pytest.fixture(scope="module")
def metadata(installed: Path) -> Message:
    [file] = installed.glob("talkhouse-*.dist-info/METADATA")
    return HeaderParser().parsestr(file.read_text("utf-8"))


def test_the_wheel_says_for_whom_it_is(metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    classifiers = metadata.get_all("Classifier", [])
    prefix = "Programming Language :: Python :: 3."
    minors = [each.removeprefix(prefix) for each in classifiers if each.startswith(prefix)]
    assert metadata["Requires-Python"] == f"<3.{int(minors[-1]) + 1},>=3.{minors[0]}"
    assert "Typing :: Typed" in classifiers


def test_the_tools_for_tests_are_no_extra(metadata: Message) -> None:
    assert metadata.get_all("Provides-Extra") == ["build", "postgres"]


def test_the_repository_has_the_same_package_by_links() -> None:
    links = {
        link.name: os.readlink(link) for link in (ROOT / "talkhouse").iterdir() if link.is_symlink()
    }
    assert links == {name: f"../{name}" for name in FOLDERS}


def test_the_installed_package_finds_its_models(installed: Path, tmp_path: Path) -> None:
    found = run(
        [
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from talkhouse.pipelines.analytics.build import MODELS\n"
            "print(MODELS, (MODELS / 'dbt_project.yml').is_file())",
            str(installed),
        ],
        tmp_path,
    )
    assert found.split() == [str(installed / "talkhouse/models"), "True"]


def test_folders_of_a_user_that_are_named_as_ours_are_left_alone(
    installed: Path, tmp_path: Path
) -> None:
    for name in (*FOLDERS, "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('it is not ours')")
    environment = os.environ | {"PYTHONPATH": str(installed)}
    say_help = run([sys.executable, "-m", "talkhouse", "sync", "--help"], tmp_path, environment)
    assert "Usage: talkhouse sync" in say_help
    (tmp_path / "sources/__init__.py").write_text("OURS = True")
    both = "import talkhouse.sources, sources; print(sources.OURS, talkhouse.sources.__file__)"
    assert run([sys.executable, "-c", both], tmp_path, environment).split() == [
        "True",
        str(installed / "talkhouse/sources/__init__.py"),
    ]


def test_the_image_is_made_of_what_is_there() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M)
    for names in copied:
        for name in names.split():
            assert (ROOT / name).exists(), name
    assert {*FOLDERS, "talkhouse"} <= {name for names in copied for name in names.split()}


def test_the_image_has_no_tools_for_tests() -> None:
    assert re.findall(r"-r /src/(\S+)", DOCKERFILE) == ["requirements.lock"]


def test_the_image_runs_as_the_user_of_the_cron_job() -> None:
    [user] = re.findall(r"^USER (\d+)$", DOCKERFILE, re.M)
    assert f"runAsUser: {user}" in CRONJOB
    assert "mountPath: /data" in CRONJOB
    assert "WORKDIR /data" in DOCKERFILE
