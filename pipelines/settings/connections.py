"""Named connections: a provider, its credentials and settings, as `.dlt` and the environment have
them.

    .dlt/config.toml    [connections.shop]  provider = "chatwoot", account_id = 3
    .dlt/secrets.toml   [connections.shop]  api_access_token = "..."
    environment         CONNECTIONS__SHOP__API_ACCESS_TOKEN

All are found where dlt finds them (configuration.py), so a vault that dlt knows serves as well.
Only full names count: a stray API_KEY in the environment is nobody's.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from talkhouse.pipelines.settings.personal_data import configured_privacy, configured_retention
from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.sources.provider import Provider
from talkhouse.sources.registry import PROVIDERS, provider
from talkhouse.sources.rows.personal_data import KEPT, Privacy
from talkhouse.sources.settings import Settings, SettingsError, settings_from

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
ENVIRONMENT = re.compile(r"CONNECTIONS__([A-Z][A-Z0-9_]*?)__([A-Z0-9_]+)")


@dataclass(frozen=True)
class Connection:
    """A provider's account that is synced under a name: the `account` of its rows. `privacy` and
    `retention`, how long the rows of a table are stored, are the same for all.
    """

    name: str
    provider: Provider
    settings: Settings
    privacy: Privacy = KEPT
    retention: Mapping[str, timedelta] = field(default_factory=dict)


def connections(names: Iterable[str] = (), project: Project = HERE) -> list[Connection]:
    """The configured connections, or those named. Raises SettingsError, for all that is wrong."""
    usable, wrong = usable_connections(names, project)
    if wrong:
        raise SettingsError("; ".join(wrong.values()))
    return usable


def usable_connections(
    names: Iterable[str] = (), project: Project = HERE
) -> tuple[list[Connection], dict[str, str]]:
    """Those of the connections whose settings are right, and of the others what is wrong.

    Raises SettingsError if a name is unknown, or no connection is usable.
    """
    configured = _configured(project)
    privacy, retention = configured_privacy(project), configured_retention(project)
    usable: list[Connection] = []
    wrong: dict[str, str] = {}
    for name in _chosen(names, configured):
        try:
            values = _with_secrets(name, configured[name], project)
            usable.append(connection(name, values, privacy, retention))
        except SettingsError as e:
            wrong[name] = str(e)
    if wrong and not usable:
        raise SettingsError("; ".join(wrong.values()))
    return usable, wrong


def provider_of(name: str, project: Project = HERE) -> str:
    """The provider that the connection's settings name, whatever else is wrong with them; empty if
    they name none.
    """
    kind = _configured(project).get(name, {}).get("provider")
    return kind if kind in PROVIDERS else ""


def _chosen(names: Iterable[str], configured: dict[str, Any]) -> list[str]:
    chosen = list(names) or sorted(configured)
    for name in chosen:
        if name not in configured:
            known = ", ".join(sorted(configured)) or "none"
            raise SettingsError(
                f"there is no connection {name} in .dlt/config.toml (known: {known})"
            )
    if not chosen:
        raise SettingsError(
            "no connection is configured; add one with `talkhouse init PROVIDER`, or see "
            "`talkhouse demo`"
        )
    return chosen


def connection(
    name: str,
    values: Mapping[str, Any],
    privacy: Privacy = KEPT,
    retention: Mapping[str, timedelta] = MappingProxyType({}),
) -> Connection:
    """The connection that these values describe. Raises SettingsError."""
    where = f"[connections.{name}]"
    if not NAME.fullmatch(name):
        raise SettingsError(f"{where}: a name is a lower-case letter, then letters, digits and _")
    kind = values.get("provider")
    if kind not in PROVIDERS:
        raise SettingsError(f"{where}: provider must be one of {', '.join(PROVIDERS)}")
    its = provider(kind)
    # `talkhouse init` leaves what is to be filled in empty
    values = {setting: value for setting, value in values.items() if value not in ("", [])}
    # TOML has dates of its own
    values = {s: v.isoformat() if isinstance(v, date) else v for s, v in values.items()}
    settings = settings_from(its.settings, where, values)
    return Connection(name, its, settings, privacy, retention)


def _with_secrets(name: str, values: Mapping[str, Any], project: Project) -> Mapping[str, Any]:
    """The values, with the secrets that are in places of their own, such as a vault."""
    kind = values.get("provider")
    secrets = provider(kind).settings.secrets if kind in PROVIDERS else ()
    found = {
        each: project.secret(f"connections.{name}.{each}")
        for each in secrets
        if values.get(each) in (None, "", [])
    }
    return {**values, **{each: value for each, value in found.items() if value}}


def _list_or_text(text: str) -> Any:
    try:
        return json.loads(text) if text.startswith("[") else text
    except ValueError:
        return text  # a secret may begin so, too


def _configured(project: Project) -> dict[str, dict[str, Any]]:
    """Every connection's values: the environment before secrets.toml before config.toml."""
    found: dict[str, dict[str, Any]] = {}
    for named in reversed(list(project.sections("connections"))):
        for name, values in named.items() if isinstance(named, Mapping) else ():
            if isinstance(values, dict):
                found.setdefault(name, {}).update(values)
    for variable, text in project.environment.items():
        if match := ENVIRONMENT.fullmatch(variable):
            name, setting = (part.lower() for part in match.groups())
            # lists are written as JSON in the environment, as dlt has it
            found.setdefault(name, {})[setting] = _list_or_text(text)
    return found
