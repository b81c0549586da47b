"""What makes a process quick that is the command line's own."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from types import ModuleType


def be_quick() -> None:
    """Sets what concerns the whole process, which another program's must not have."""
    # Arrow's own allocator keeps ten megabytes for later that a quiet sync never needs
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # what imports make stays for good: the collector would walk it again and again
    gc.set_threshold(20_000, 20, 20)
    remember_if_absent("pandas")


class AbsentModule(MetaPathFinder):
    """Says at once that a module is not installed: Python remembers the modules that it found, and
    looks for the others each time.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if name == self._name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def remember_if_absent(name: str) -> None:
    """A module that is not installed now is never looked for again. DuckDB tries to import pandas
    for each parameter of a statement, which was a fifth of a small sync.
    """
    known = any(isinstance(finder, AbsentModule) for finder in sys.meta_path)
    if not known and find_spec(name) is None:
        sys.meta_path.insert(0, AbsentModule(name))
