"""The settings, where dlt looks for them: the environment first, then `.dlt/secrets.toml`, then
`.dlt/config.toml`, each with what dlt's own folder in the home directory adds to it.

dlt itself takes longer to import than a sync in which nothing is new, so it is asked only where it
has more places to look in: a vault, Airflow's variables, a notebook's secrets or a workspace.
"""

import os
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from talkhouse.sources.settings import SettingsError

# where Docker and Kubernetes mount secrets
MOUNTED_SECRETS = Path("/run/secrets")
FILES = ("secrets.toml", "config.toml")
# which dlt asks for secrets where it runs in them
MORE_PLACES = ("streamlit", "google.colab")


class Place(Protocol):
    """Somewhere that settings come from."""

    def value(self, name: str, *, is_secret: bool) -> Any:
        """The value of a dotted name; None if there is none."""


def first(among: Sequence[Place], name: str, *, is_secret: bool) -> Any:
    """The value of the first place that has one; None if none has."""
    for place in among:
        value = place.value(name, is_secret=is_secret)
        if value is not None:
            return value
    return None


def places(folder: Path, *, secret_ones: bool = False) -> list[Place]:
    """Where a folder's settings come from, the first first; or those of them that may hold secrets.

    The places that only dlt knows are those of the working folder.
    """
    if _is_for_dlt(folder):
        import dlt

        accessor = dlt.secrets if secret_ones else dlt.config
        return [_OfDlt(provider) for provider in accessor.config_providers]
    found: list[Place] = [Environment(), _document(folder, "secrets.toml")]
    return found if secret_ones else [*found, _document(folder, "config.toml")]


class Environment:
    """Variables such as `AUDIT__KEEP`, and mounted secrets."""

    def value(self, name: str, *, is_secret: bool) -> str | None:
        variable = name.replace(".", "__").upper()
        if is_secret and (mounted := _mounted(variable.lower().replace("_", "-"))) is not None:
            return mounted
        return os.environ.get(variable)


class Document:
    """A file of TOML."""

    def __init__(self, tables: Mapping[str, Any]) -> None:
        self._tables = tables

    def value(self, name: str, *, is_secret: bool) -> Any:
        found: Any = self._tables
        for key in name.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


class _OfDlt:
    def __init__(self, provider: Any) -> None:
        self._provider = provider

    def value(self, name: str, *, is_secret: bool) -> Any:
        from dlt.common.typing import AnyType, TSecretValue

        *sections, key = name.split(".")
        hint = TSecretValue if is_secret else AnyType
        return self._provider.get_value(key, hint, None, *sections)[0]


def _mounted(name: str) -> str | None:
    file = MOUNTED_SECRETS / name
    try:
        return (file / name if file.is_dir() else file).read_text("utf-8")
    except OSError:
        return None


def _document(folder: Path, file: str) -> Document:
    # what the folder says goes before what the home directory says
    settings = _settings_folder(folder)
    return Document(_merged(_tables(_home_folder() / file), _tables(settings / file)))


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> Mapping[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        known = merged.get(key)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            value = _merged(known, value)
        merged[key] = value
    return merged


def _tables(file: Path) -> Mapping[str, Any]:
    try:
        about = file.stat()
    except OSError:
        return {}
    return _parsed(file.absolute(), about.st_mtime_ns, about.st_size, about.st_ino)


@lru_cache(maxsize=8)
def _parsed(file: Path, changed_at: int, size: int, number: int) -> Mapping[str, Any]:
    """A file's tables: read again when the file is another."""
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise SettingsError(f"{file} is not TOML: {e}") from None
    except OSError as e:
        raise SettingsError(f"{file} cannot be read: {e.strerror}") from None


def _settings_folder(folder: Path) -> Path:
    named = os.environ.get("DLT_PROJECT_DIR", "") if folder == Path() else ""
    return Path(named or folder, _folder_name())


def _folder_name() -> str:
    return os.environ.get("DLT_CONFIG_FOLDER", ".dlt")


def _home_folder() -> Path:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/dlt")
    # where there is none, it stays a ~
    home = Path(os.path.expanduser("~"))
    if not os.access(home, os.W_OK):
        return Path(tempfile.gettempdir(), "dlt")
    if "XDG_DATA_HOME" in os.environ and not (home / _folder_name()).is_dir():
        return Path(os.environ["XDG_DATA_HOME"], "dlt")
    return home / _folder_name()


def _is_for_dlt(folder: Path) -> bool:
    """Whether dlt knows more places than those here."""
    return (
        any(name.startswith("PROVIDERS__") for name in os.environ)
        or (_settings_folder(folder) / ".workspace").exists()
        or any(_document(folder, file).value("providers", is_secret=False) for file in FILES)
        or any(name in sys.modules for name in MORE_PLACES)
        or _has_airflow()
    )


@cache
def _has_airflow() -> bool:
    return find_spec("airflow") is not None
