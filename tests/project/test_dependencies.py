"""What Talkhouse is built on may be used by whoever uses Talkhouse: docs/licenses.md says by which
licence, and it is what the packages themselves say.
"""

import re
from importlib.metadata import metadata

import pytest
from packaging.requirements import Requirement

from support.repository import ROOT

LOCKED = [
    Requirement(line.strip()) for line in (ROOT / "requirements.lock").read_text().splitlines()
]
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
