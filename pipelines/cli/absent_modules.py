"""Python remembers the modules that it found, and looks for the others each time. DuckDB tries to
import pandas for each parameter of a statement, which was a fifth of a small sync.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from types import ModuleType


class AbsentModule(MetaPathFinder):
    """Says at once that a module is not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if name == self._name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def remember_if_absent(name: str) -> None:
    """For a process of our own: a module that is not installed now is never looked for again."""
    known = any(isinstance(finder, AbsentModule) for finder in sys.meta_path)
    if not known and find_spec(name) is None:
        sys.meta_path.insert(0, AbsentModule(name))
