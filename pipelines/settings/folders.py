"""The folders that Talkhouse works in, below the one that it is run in."""

from pathlib import Path

SETTINGS_FOLDER = Path(".dlt")
# of dlt, and of the chunks that are read
PIPELINES_FOLDER = SETTINGS_FOLDER / "pipelines"
# of dbt
WORKING_FOLDER = SETTINGS_FOLDER / "dbt"
