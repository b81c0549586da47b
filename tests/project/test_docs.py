"""The documents name what there is: every command, option, setting, provider and table."""

import re
import tomllib

import pytest
import typer
from typer.main import get_command

from support.repository import ROOT
from support.tables import tables_of
from talkhouse.pipelines.cli.commands import app
from talkhouse.pipelines.settings.scaffold import whole_config, whole_secrets
from talkhouse.sources.registry import PROVIDERS, provider
from talkhouse.sources.settings import described

README = (ROOT / "README.md").read_text("utf-8")
CONFIG = (ROOT / ".dlt/config.toml").read_text("utf-8")
SECRETS = (ROOT / ".dlt/example.secrets.toml").read_text("utf-8")


def section(heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found, f"README.md has no section {heading}"
    return found[1]


def commands() -> dict[str, set[str]]:
    """Every command, with its options."""
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in group.commands.items()
    }


@pytest.mark.parametrize("name", commands())
def test_command_is_in_the_readme(name: str) -> None:
    assert f"$ talkhouse {name}" in section("Commands")


def test_every_option_of_sync_is_in_the_readme() -> None:
    for option in commands()["sync"] - {"names"}:
        assert option in section("Commands")


def test_the_commands_of_the_readme_exist() -> None:
    for name, rest in re.findall(r"^\$ talkhouse (\w+)([^#\n]*)", README, re.M):
        assert name in commands()
        for option in re.findall(r"--[\w-]+", rest):
            assert option in commands()[name] | {"--help"}, f"talkhouse {name} has no {option}"


def test_make_targets_of_the_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    documents = README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for target in set(re.findall(r"`make (\w+)", documents)) | set(
        re.findall(r"^\$ make (\w+)", documents, re.M)
    ):
        assert re.search(rf"^{target}:", makefile, re.M), target


@pytest.mark.parametrize("name", PROVIDERS)
def test_provider_is_in_the_readme(name: str) -> None:
    assert f"sources/{name}/README.md" in section("Providers")


@pytest.mark.parametrize("name", PROVIDERS)
def test_settings_are_in_the_readme(name: str) -> None:
    for setting in described(provider(name).settings):
        assert re.search(rf"^\| `{setting}` \| (all|.*{name})", section("Settings"), re.M), setting


@pytest.mark.parametrize("name", PROVIDERS)
def test_tables_are_in_the_readmes(name: str) -> None:
    own = (ROOT / "sources" / name / "README.md").read_text("utf-8")
    for table in tables_of(name):
        assert re.search(rf"^\| `{table}` \| (all|.*{name})", section("Tables"), re.M), table
        if table not in ("drift", "rejects"):
            assert f"`{table}`" in own, f"sources/{name}/README.md lacks {table}"


def test_the_readme_names_no_table_that_is_not() -> None:
    for table, of in re.findall(r"^\| `(\w+)` \| (.*?) \|", section("Tables"), re.M):
        for name in PROVIDERS if of == "all" else of.split(", "):
            assert table in tables_of(name)


def test_config_has_every_setting_with_its_default() -> None:
    # `talkhouse init` appends to it
    assert CONFIG.startswith(whole_config())


def test_example_has_every_secret() -> None:
    assert whole_secrets() == SECRETS


def test_the_files_of_dlt_are_toml_once_uncommented() -> None:
    for text in (whole_config(), whole_secrets()):
        tomllib.loads(text)
        uncommented = tomllib.loads(re.sub(r"^#(?=\S)", "", text, flags=re.M))
        assert set(uncommented["connections"]) == set(PROVIDERS)


def test_no_secret_has_a_place_in_config() -> None:
    for name in PROVIDERS:
        for secret in provider(name).settings.secrets:
            assert not re.search(rf"^#?{secret} =", CONFIG, re.M)
            assert re.search(rf"^#{secret} =", SECRETS, re.M)


@pytest.mark.parametrize("name", ["SECURITY.md", "docs/failures.md", "docs/licenses.md"])
def test_the_tests_that_a_promise_names_are_there(name: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", (ROOT / name).read_text("utf-8"))
    assert named
    for each in named:
        assert (ROOT / each).exists(), each
