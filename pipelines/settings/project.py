"""The folder that Talkhouse works in, with its settings."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkhouse.pipelines.settings.configuration import Document, Place, first, places
from talkhouse.sources.settings import refuse_unknown

SECTIONS = ("connections", "destination", "privacy", "retention", "audit", "models") + (
    "alerts",
    "logs",
    "traces",
    "metrics",
)


def _plain(value: Any) -> Any:
    """Mappings of any kind as dictionaries."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value


@dataclass(frozen=True)
class Project:
    """A folder, and the settings that hold in it: those of its `.dlt` and of the environment; or,
    in the place of both, `settings`: tables in tables, as TOML has them.

    Relative paths in the settings start at the folder, and so do the working folders of dlt and
    dbt.
    """

    folder: Path = Path()
    settings: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Raises SettingsError if there is a section that is none."""
        if self.settings is not None:
            refuse_unknown("the settings", self.settings, SECTIONS)
            object.__setattr__(self, "settings", _plain(self.settings))

    def setting(self, name: str) -> Any:
        """The value of a dotted name, such as `audit.keep`; None if it is not set.

        Raises SettingsError if a file is not TOML.
        """
        return first(self._places(), name, is_secret=False)

    def secret(self, name: str) -> Any:
        """The same of a secret, which `.dlt/config.toml` cannot have."""
        return first(self._places(secret_ones=True), name, is_secret=True)

    def sections(self, name: str) -> Iterator[Any]:
        """What every place has of that name, in order; the environment has no tables."""
        for place in self._places():
            value = place.value(name, is_secret=False)
            if value is not None:
                yield value

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that may be settings."""
        return os.environ if self.settings is None else {}

    def path(self, name: str | Path) -> Path:
        """The file of that name, from the folder on if it is relative."""
        return self.folder / name

    @property
    def settings_folder(self) -> Path:
        """The folder of the settings."""
        return self.folder / ".dlt"

    @property
    def pipelines_folder(self) -> Path:
        """The working folder of dlt, and of the chunks that are read."""
        return self.settings_folder / "pipelines"

    @property
    def dbt_folder(self) -> Path:
        return self.settings_folder / "dbt"

    def _places(self, *, secret_ones: bool = False) -> list[Place]:
        if self.settings is not None:
            return [Document(self.settings)]
        return places(self.folder, secret_ones=secret_ones)


HERE = Project()
"""The folder that the process works in."""
