"""Where commands print: results on standard output, progress on standard error."""

import json
import sys
from typing import Any

from rich.console import Console

WIDTH_IN_FILES = 140


def results() -> Console:
    """Standard output; where it is no terminal, wide enough for a table."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH_IN_FILES)


def progress() -> Console:
    """Standard error, for what a program that reads the results is not to read."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Prints it as JSON and nothing else."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
