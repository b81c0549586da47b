"""Settings are found where dlt finds them, without dlt."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talkhouse.pipelines.settings import configuration
from talkhouse.pipelines.settings.project import HERE
from talkhouse.sources.settings import SettingsError

names = st.sampled_from(["audit", "audit.keep", "audit.keep.more", "logs.file", "keep"])
values = st.integers() | st.booleans() | st.text("ab c", max_size=4)
documents = st.dictionaries(names, values, max_size=4)
variables = st.dictionaries(names, st.text("ab c", max_size=4), max_size=3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder, and a home directory with a folder of dlt's."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / "home/.dlt").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    yield tmp_path
    monkeypatch.undo()
    _forget_settings()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=documents, secrets=documents, home=documents, environment=variables)
def test_a_setting_is_what_dlt_finds(
    folder: Path,
    config: dict[str, Any],
    secrets: dict[str, Any],
    home: dict[str, Any],
    environment: dict[str, str],
) -> None:
    (folder / ".dlt/config.toml").write_text(_toml(config))
    (folder / ".dlt/secrets.toml").write_text(_toml(secrets))
    (folder / "home/.dlt/config.toml").write_text(_toml(home))
    named = {name.replace(".", "__").upper(): value for name, value in environment.items()}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in named.items():
            patched.setenv(name, value)
        _forget_settings()
        for name in ("audit", "audit.keep", "audit.keep.more", "logs.file", "keep", "nothing"):
            assert HERE.setting(name) == dlt.config.get(name), name
            assert HERE.secret(name) == dlt.secrets.get(name), name


def test_every_place_has_its_own_section(folder: Path) -> None:
    (folder / ".dlt/config.toml").write_text("[retention]\nmessages = '400d'\n")
    (folder / ".dlt/secrets.toml").write_text("[retention]\ncontacts = '90d'\n")
    assert list(HERE.sections("retention")) == [{"contacts": "90d"}, {"messages": "400d"}]


def test_a_file_that_changed_is_read_again(folder: Path) -> None:
    file = folder / ".dlt/config.toml"
    for keep in ("30d", "400d"):
        file.write_text(f"[audit]\nkeep = '{keep}'\n")
        assert HERE.setting("audit.keep") == keep
    file.unlink()
    assert HERE.setting("audit.keep") is None


@pytest.mark.parametrize("text", ["[audit\n", "audit = 'ol\xe9'\n"])
def test_a_file_that_is_not_toml_is_named(folder: Path, text: str) -> None:
    (folder / ".dlt/config.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"/\.dlt/config\.toml is not TOML: ") as error:
        HERE.setting("audit.keep")
    assert "\n" not in str(error.value)


def test_the_folder_may_have_another_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, keep in ((".dlt", "30d"), ("conf", "7d")):
        (folder / "home" / name).mkdir(exist_ok=True)
        (folder / "home" / name / "config.toml").write_text(f"[audit]\nkeep = '{keep}'\n")
    assert HERE.setting("audit.keep") == "30d"
    monkeypatch.setenv("DLT_CONFIG_FOLDER", "conf")
    assert HERE.setting("audit.keep") == "7d"


def test_nobody_needs_a_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert HERE.setting("audit.keep") is None


def test_a_mounted_secret_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "MOUNTED_SECRETS", folder)
    monkeypatch.setenv("CONNECTIONS__SHOP__API_KEY", "of the environment")
    assert HERE.secret("connections.shop.api_key") == "of the environment"
    (folder / "connections--shop--api-key").write_text("of Docker")
    assert HERE.secret("connections.shop.api_key") == "of Docker"
    (folder / "privacy--key").mkdir()
    (folder / "privacy--key/privacy--key").write_text("of Kubernetes")
    assert HERE.secret("privacy.key") == "of Kubernetes"


@pytest.mark.parametrize(
    "vault",
    [
        "PROVIDERS__ENABLE_AWS_SECRETS=true",
        ".dlt/config.toml=[providers]\nenable_aws_secrets = true\n",
        ".dlt/.workspace=",
    ],
)
def test_a_vault_is_left_to_dlt(folder: Path, vault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Vault:
        def get_value(self, key: str, hint: Any, pipeline: Any, *sections: str) -> tuple[Any, str]:
            return f"{'.'.join([*sections, key])} of the vault", key

    monkeypatch.setattr(type(dlt.secrets), "config_providers", [Vault()])
    assert HERE.secret("privacy.key") is None
    where, _, what = vault.partition("=")
    if where.startswith("."):
        (folder / where).write_text(what)
    else:
        monkeypatch.setenv(where, what)
    assert HERE.secret("privacy.key") == "privacy.key of the vault"


@pytest.mark.parametrize(
    "command",
    [
        "talkhouse.pipelines.cli.sync_command",
        "talkhouse.pipelines.monitoring.overview",
        "talkhouse.pipelines.audit.past_runs",
    ],
)
def test_no_command_imports_dlt_before_it_loads(command: str) -> None:
    heavy = "{'dlt', 'sqlglot', 'dbt', 'opentelemetry.sdk', 'prometheus_client'}"
    code = f"import sys, {command}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def _toml(document: dict[str, Any]) -> str:
    """Without what TOML has no place for: a key of a value."""
    lines = []
    for name, value in document.items():
        if not any(other.startswith(f"{name}.") for other in document):
            lines.append(f"{name} = {str(value).lower() if isinstance(value, bool) else value!r}")
    return "\n".join(lines) + "\n"


def _forget_settings() -> None:
    """dlt reads its files once in a process."""
    Container()[PluggableRunContext].reload_providers()
