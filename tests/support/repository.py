"""Where the repository is, whose files tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
