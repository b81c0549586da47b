"""Installations with fewer libraries than ours: `pip install talkhouse`, with some extras."""

import os
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.forks import PACKAGES

HOOK = """\
import sys
from importlib.machinery import PathFinder

class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        missing = name.partition(".")[0] in {missing}
        return None if missing else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
"""


def installed(name: str, extras: Iterable[str] = ()) -> set[str]:
    """What pip installs of a distribution with these extras: itself, and all that it requires."""
    found: set[str] = set()
    wanted = {(canonicalize_name(name), extra) for extra in ("", *extras)}
    done: set[tuple[str, str]] = set()
    while wanted:
        name, extra = each = wanted.pop()
        done.add(each)
        found.add(name)
        for text in requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                its_name = canonicalize_name(needed.name)
                wanted |= {(its_name, its_extra) for its_extra in ("", *needed.extras)} - done
    return found


def without_the_rest(folder: Path, *extras: str) -> dict[str, str]:
    """The environment of a process that finds only what Talkhouse with these extras installs. The
    folder takes what Python runs as it starts.
    """
    # it is imported by then, where coverage is measured
    there = installed("talkhouse", extras) | {"coverage"}
    missing = {
        module
        for module, names in packages_distributions().items()
        if not there & {canonicalize_name(name) for name in names}
    }
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HOOK.format(missing=missing))
    return {"PYTHONPATH": f"{folder}{os.pathsep}{PACKAGES}"}
