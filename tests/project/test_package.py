"""What is installed: the wheel holds all that it needs, and the image is made of what is there."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.repository import ROOT
from talkhouse.pipelines.orchestration.schedule_files import CRONJOB

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    done = subprocess.run([*build, str(folder), str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [made] = folder.glob("*.whl")
    return made


def test_the_wheel_has_the_models_and_nothing_that_a_build_left(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    here = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "models").rglob("*")
        if file.is_file() and not {"target", "logs"} & set(file.parts)
    }
    assert {name for name in names if name.startswith("models/")} == here
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", ".dlt/"))]


def test_the_installed_package_finds_its_models(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from talkhouse.pipelines.analytics.build import MODELS\n"
            "print(MODELS, (MODELS / 'dbt_project.yml').is_file())",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert found.stdout.split() == [str(tmp_path / "models"), "True"], found.stderr


def test_the_image_is_made_of_what_is_there() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M)
    for names in copied:
        for name in names.split():
            assert (ROOT / name).exists(), name
    packages = {"sources", "pipelines", "simulator", "models"}
    assert packages <= {name for names in copied for name in names.split()}


def test_the_image_runs_as_the_user_of_the_cron_job() -> None:
    [user] = re.findall(r"^USER (\d+)$", DOCKERFILE, re.M)
    assert f"runAsUser: {user}" in CRONJOB
    assert "mountPath: /data" in CRONJOB
    assert "WORKDIR /data" in DOCKERFILE
