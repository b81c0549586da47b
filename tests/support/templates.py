"""Warehouses that tests begin with: each is made once in a run of the tests, and then copied.

One stands for the steps that lead to it, which other tests take themselves.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from fasteners import InterProcessLock


class Templates:
    """The templates of a run, in a folder that its processes share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def copy(self, name: str, to: Path, make: Callable[[Path], object]) -> None:
        """Copies the folder of this name, which `make` fills if it is not there, into another."""
        made = self._folder / name
        with InterProcessLock(self._folder / f"{name}.lock"):
            if not made.exists():
                making = self._folder / f"{name}.making"
                shutil.rmtree(making, ignore_errors=True)
                making.mkdir()
                make(making)
                making.rename(made)
        shutil.copytree(made, to, dirs_exist_ok=True)
