"""Writes the settings of connections, with every default and what it is for, as TOML."""

import json
import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from talkhouse.pipelines.settings.project import HERE
from talkhouse.sources.registry import PROVIDERS, provider
from talkhouse.sources.settings import Settings, SettingsError, described

HEAD = """\
# Talkhouse's settings. A line that begins with # has its default; those of a connection that have
# none are to be filled in. Secrets are in secrets.toml beside this file, or in the environment:
# CONNECTIONS__<NAME>__<SETTING>, both in capitals.

# dlt, which loads the data, sends no usage statistics
[runtime]
dlthub_telemetry = false

#[destination]
#duckdb = "talkhouse.duckdb"  # the file that everything is loaded into
#publish = ""  # a copy of it that BI tools read, made after every sync: "published.duckdb"

#[logs]
#file = ""  # a line of JSON for each event: "talkhouse.jsonl"; "-" is standard error

#[metrics]
#textfiles = ""  # a folder that node_exporter's textfile collector reads

#[models]
#time_zone = "UTC"  # whose days and hours the marts count by: "Europe/Lisbon"

# what becomes of personal data: keep, hash, mask or drop
#[privacy]
#phone = "keep"
#email = "keep"
#name = "keep"
#body = "keep"  # or redact
#identifier = "keep"
#attachment_url = "keep"
#free_form = "keep"  # keep, drop or redact; drop, if anything else is hidden

# how long rows are stored
#[retention]
#conversations = ""  # for ever; or 400d, after their last activity
#messages = ""
#contacts = ""
#csat_responses = ""

#[traces]
#endpoint = ""  # where an OpenTelemetry collector takes traces: "http://localhost:4318/v1/traces"

#[audit]
#keep = "90d"  # how long it is kept what each sync did
"""
SECRETS_HEAD = """\
# Secrets of Talkhouse's connections: never commit this file.
"""
EXAMPLE_HEAD = """\
# Copy what you need to secrets.toml, or let `talkhouse init PROVIDER` do it.

#[alerts]  # what begins to need somebody, and what is over
#webhook = ""  # told as Slack, Mattermost and most chats take it: {"text": ...}
#json_webhook = ""  # told as a program takes it: kind, connection, is_over, text, run_id, at

#[alerts.smtp]
#host = ""  # the mail server
#port = 587  # with security = "tls" 465
#security = "starttls"  # or tls, or none: without a user only
#user = ""
#password = ""
#from = ""
#to = []  # the recipients' addresses

#[metrics]
#push = ""  # the address of a Pushgateway

#[privacy]
#key = ""  # of hashes: the output of `openssl rand -hex 32`

#[traces]
#headers = ""  # what the collector wants in headers: "name=value,name=value"
"""


def add_connections(providers: Iterable[str]) -> list[str]:
    """Adds a connection for each to the files in `.dlt`, and says what to do next."""
    chosen = list(providers)
    for name in chosen:
        if name not in PROVIDERS:
            raise SettingsError(f"there is no provider {name}; there are {', '.join(PROVIDERS)}")
    config, secrets = HERE.settings_folder / "config.toml", HERE.settings_folder / "secrets.toml"
    taken = _connections_in(config) | _connections_in(secrets)
    said = []
    for kind in chosen:
        name = _free(kind, taken)
        taken.add(name)
        settings: type[Settings] = provider(kind).settings
        _append(config, HEAD, config_section(name, kind, settings))
        _append(secrets, SECRETS_HEAD, secrets_section(name, settings))
        secrets.chmod(0o600)
        wanted = [*required(settings), *(f"{secret} (a secret)" for secret in settings.secrets)]
        said.append(f"added connection {name}; fill in {', '.join(wanted)}")
    said.append(f"in {config} and {secrets}, which is not to be committed")
    said.append("next: talkhouse check")
    return said


def config_section(name: str, kind: str, settings: type[Settings]) -> str:
    """The connection as it stands in config.toml."""
    lines = [f"[connections.{name}]", f'provider = "{kind}"']
    notes = described(settings)
    for field in msgspec.structs.fields(settings):
        if field.name == "provider" or field.name in settings.secrets:
            continue
        if field.required:
            lines.append(f'{field.name} = ""  # to fill in: {notes[field.name]}')
        else:
            lines.append(f"#{field.name} = {_toml(field.default)}  # {notes[field.name]}")
    return "\n".join(lines) + "\n"


def secrets_section(name: str, settings: type[Settings]) -> str:
    """The connection as it stands in secrets.toml."""
    notes = described(settings)
    types = {field.name: field.type for field in msgspec.structs.fields(settings)}
    lines = [f"[connections.{name}]"]
    for secret in settings.secrets:
        empty = "[]" if "list" in str(types[secret]) else '""'
        lines.append(f"{secret} = {empty}  # {notes[secret]}")
    return "\n".join(lines) + "\n"


def required(settings: type[Settings]) -> list[str]:
    """The settings that are neither secret nor have a default."""
    fields = msgspec.structs.fields(settings)
    known = ("provider", *settings.secrets)
    return [field.name for field in fields if field.required and field.name not in known]


def _toml(value: Any) -> str:
    return json.dumps(value)  # texts, numbers and booleans are written alike


def _connections_in(file: Path) -> set[str]:
    if not file.exists():
        return set()
    try:
        return set(tomllib.loads(file.read_text("utf-8")).get("connections", {}))
    except tomllib.TOMLDecodeError as e:
        raise SettingsError(f"{file} is not TOML: {e}") from None


def _free(kind: str, taken: set[str]) -> str:
    number = 1
    name = kind
    while name in taken:
        number += 1
        name = f"{kind}_{number}"
    return name


def _append(file: Path, head: str, section: str) -> None:
    file.parent.mkdir(exist_ok=True)
    before = file.read_text("utf-8") if file.exists() else head
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    with open(descriptor, "w", encoding="utf-8") as out:
        out.write(before.rstrip("\n") + "\n\n" + section)


def whole_config() -> str:
    """`.dlt/config.toml` as the repository has it: every provider's settings, as comments."""
    sections = (config_section(name, name, provider(name).settings) for name in PROVIDERS)
    return HEAD + "".join("\n" + _commented(section) for section in sections)


def whole_secrets() -> str:
    """`.dlt/example.secrets.toml`: every secret by name."""
    sections = (secrets_section(name, provider(name).settings) for name in PROVIDERS)
    return EXAMPLE_HEAD + "".join("\n" + _commented(section) for section in sections)


def _commented(section: str) -> str:
    lines = section.splitlines()
    return "".join(f"{line if line.startswith('#') else '#' + line}\n" for line in lines)
