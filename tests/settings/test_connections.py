"""Named connections: what `.dlt` and the environment say becomes settings, or a clear refusal."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from talkhouse.pipelines.settings.connections import connection, connections, usable_connections
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.sources.registry import PROVIDERS, provider
from talkhouse.sources.settings import SettingsError, described, duration, instant

Write = Callable[[str, str], None]

SHOP = """
[connections.shop]
provider = "chatwoot"
account_id = 3
"""
TOKEN = """
[connections.shop]
api_access_token = "s3cret"
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes `.dlt/config.toml` and `.dlt/secrets.toml` of a project that dlt then runs in."""
    context = Container()[PluggableRunContext]
    before = context.context.run_dir
    (tmp_path / ".dlt").mkdir()
    monkeypatch.chdir(tmp_path)

    def write(config: str, secrets: str = "") -> None:
        (tmp_path / ".dlt/config.toml").write_text(config)
        (tmp_path / ".dlt/secrets.toml").write_text(secrets)
        context.reload(str(tmp_path))

    yield write
    monkeypatch.undo()
    context.reload(before)


def one() -> Any:
    [found] = connections()
    return found.settings


def refused(name: str = "shop", **values: Any) -> str:
    with pytest.raises(SettingsError) as raised:
        connection(name, values)
    return str(raised.value)


CHATWOOT = {"provider": "chatwoot", "account_id": 3, "api_access_token": "s3cret"}


def test_a_connection_is_read_from_both_files(write: Write) -> None:
    write(SHOP, TOKEN)
    [shop] = connections()
    assert (shop.name, shop.provider.name) == ("shop", "chatwoot")
    assert (shop.settings.account_id, shop.settings.api_access_token) == (3, "s3cret")
    assert shop.settings.base_url == "https://app.chatwoot.com"


def test_connections_come_in_the_order_of_their_names_or_as_asked(write: Write) -> None:
    hilos = '[connections.{0}]\nprovider = "hilos"\napi_key = "k"\n'
    write(hilos.format("b") + hilos.format("a") + hilos.format("c"))
    assert [c.name for c in connections()] == ["a", "b", "c"]
    assert [c.name for c in connections(["c", "a"])] == ["c", "a"]


def test_a_name_that_is_not_there_is_refused_with_those_that_are(write: Write) -> None:
    write(SHOP, TOKEN)
    with pytest.raises(SettingsError, match=r"no connection shap in .*\(known: shop\)"):
        connections(["shap"])


def test_no_connection_at_all_says_how_to_add_one(write: Write) -> None:
    write("")
    with pytest.raises(SettingsError, match="talkhouse init"):
        connections()


def test_a_mistyped_connection_leaves_the_others_usable(write: Write) -> None:
    write(SHOP + '[connections.other]\nprovider = "hilos"\npagesize = 3\n', TOKEN)
    usable, wrong = usable_connections()
    assert [each.name for each in usable] == ["shop"]
    assert wrong == {
        "other": "[connections.other]: unknown setting pagesize; did you mean page_size?"
    }


def test_the_environment_goes_before_the_files(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(SHOP, TOKEN)
    monkeypatch.setenv("CONNECTIONS__SHOP__API_ACCESS_TOKEN", "from the environment")
    monkeypatch.setenv("CONNECTIONS__SHOP__ACCOUNT_ID", "9")
    monkeypatch.setenv("CONNECTIONS__SHOP__MESSAGES", "false")
    settings = one()
    assert settings.api_access_token == "from the environment"
    assert (settings.account_id, settings.messages) == (9, False)


def test_a_connection_may_be_in_the_environment_alone(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("")
    monkeypatch.setenv("CONNECTIONS__MY_APP__PROVIDER", "pembalasan")
    monkeypatch.setenv("CONNECTIONS__MY_APP__BASE_URL", "https://app.pembalasan.id")
    monkeypatch.setenv("CONNECTIONS__MY_APP__INBOX_IDENTIFIER", "inbox")
    monkeypatch.setenv("CONNECTIONS__MY_APP__CONTACT_IDENTIFIERS", '["a", "b"]')
    assert one().contact_identifiers == ["a", "b"]


@pytest.mark.parametrize("stray", ["API_KEY", "HILOS__API_KEY", "SOURCES__HILOS__API_KEY"])
def test_a_stray_key_in_the_environment_is_nobodys(
    write: Write, monkeypatch: pytest.MonkeyPatch, stray: str
) -> None:
    write('[connections.shop]\nprovider = "hilos"\n')
    monkeypatch.setenv(stray, "stray")
    monkeypatch.setenv("BASE_URL", "https://stray.example.com")
    with pytest.raises(SettingsError) as raised:
        connections()
    assert str(raised.value) == (
        "[connections.shop]: api_key is missing; set it in .dlt/secrets.toml"
    )


def test_a_stray_address_in_the_environment_is_nobodys(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(SHOP, TOKEN)
    monkeypatch.setenv("BASE_URL", "https://stray.example.com")
    monkeypatch.setenv("API_ACCESS_TOKEN", "stray")
    assert (one().base_url, one().api_access_token) == ("https://app.chatwoot.com", "s3cret")


def test_a_setting_of_another_name_is_refused_with_the_nearest() -> None:
    said = refused(**CHATWOOT, acount_id=4)
    assert said == "[connections.shop]: unknown setting acount_id; did you mean account_id?"


def test_a_setting_like_no_other_is_refused_with_all() -> None:
    assert "unknown setting zzz; known are provider, base_url," in refused(**CHATWOOT, zzz=1)


def test_what_is_missing_is_said_with_its_file() -> None:
    values = {k: v for k, v in CHATWOOT.items() if k != "account_id"}
    assert refused(**values) == (
        "[connections.shop]: account_id is missing; set it in .dlt/config.toml"
    )


def test_a_provider_that_there_is_not_is_refused() -> None:
    said = refused(provider="intercom")
    assert said == f"[connections.shop]: provider must be one of {', '.join(PROVIDERS)}"


@pytest.mark.parametrize("name", ["Shop", "1shop", "my-shop", "", "shop " * 20])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    assert "a name is a lower-case letter, then letters, digits and _" in refused(name, **CHATWOOT)


@pytest.mark.parametrize(
    "setting, value, said",
    [
        ("account_id", "three", "account_id"),
        ("lookback", "an hour", "'an hour' is not a duration such as 90s, 5m, 1h30m or 7d"),
        ("full_scan_every", "1", "'1' is not a duration"),
        ("start_date", "yesterday", "'yesterday' is not a date or time such as 2026-01-31"),
        ("requests_per_second", 0, "requests_per_second and in_flight must be positive"),
        ("in_flight", 0, "requests_per_second and in_flight must be positive"),
        ("messages", "perhaps", "messages"),
    ],
)
def test_a_value_that_cannot_be_one_is_refused(setting: str, value: Any, said: str) -> None:
    assert said in refused(**CHATWOOT | {setting: value})


@pytest.mark.parametrize(
    "values",
    [
        {"provider": "hilos"},
        {"provider": "activecampaign", "base_url": "https://x.example"},
        {"provider": "octopush", "api_login": "a@x.example"},
    ],
    ids=lambda values: values["provider"],
)
def test_pages_too_small_to_overlap_are_refused(values: dict[str, str]) -> None:
    values["api_key"] = "s3cret"
    assert "page_size must be at least 5, so that pages overlap" in refused(**values, page_size=4)
    assert connection("shop", {**values, "page_size": 5}).settings.page_size == 5


def test_a_secret_of_the_wrong_type_is_refused_without_its_value() -> None:
    said = refused(**CHATWOOT | {"api_access_token": ["s3cret"]})
    assert said == "[connections.shop]: api_access_token is of the wrong type"


def test_pembalasan_needs_contacts() -> None:
    values = {"provider": "pembalasan", "base_url": "https://x.example", "inbox_identifier": "i"}
    assert "the public API lists no contacts" in refused(**values, contact_identifiers=["a", ""])


def test_settings_never_show_their_secrets() -> None:
    shop = connection("shop", CHATWOOT)
    assert "s3cret" not in f"{shop!r} {shop.settings} {[shop.settings]!r}"


def test_every_setting_says_what_it_is_for() -> None:
    for name in PROVIDERS:
        assert all(described(provider(name).settings).values())


@pytest.mark.parametrize(
    "text, meant",
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_durations(text: str, meant: timedelta) -> None:
    assert duration(text) == meant


@pytest.mark.parametrize("text", ["", "h", "1", "1 h", "-1h", "1h x", "1.5h", "1y"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


@pytest.mark.parametrize(
    "text, meant",
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T09:00Z", datetime(2026, 1, 31, 9, tzinfo=UTC)),
        ("2026-01-31T09:00:00+02:00", datetime(2026, 1, 31, 7, tzinfo=UTC)),
        ("2026-01-31T09:00", datetime(2026, 1, 31, 9, tzinfo=UTC)),
    ],
)
def test_instants(text: str, meant: datetime) -> None:
    assert instant(text) == meant


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "P1D"])
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date or time"):
        instant(text)


def test_a_plan_is_the_settings_and_what_is_asked_once() -> None:
    shop = connection("shop", CHATWOOT | {"lookback": "2h", "start_date": "2026-01-01"})
    plan = plan_of(shop, full=True, since="2026-02-01")
    assert (plan.lookback, plan.full_scan_every) == (timedelta(hours=2), timedelta(days=1))
    assert plan.start_date == datetime(2026, 1, 1, tzinfo=UTC)
    assert (plan.full, plan.since, plan.until) == (True, datetime(2026, 2, 1, tzinfo=UTC), None)
    assert plan.is_window


@pytest.mark.parametrize("text", ["09:00", "lately", "2026-13-01", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date or time such as"):
        instant(text)


def test_a_date_is_its_midnight_and_a_time_is_utc() -> None:
    assert instant("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    assert instant("2026-01-31T09:00-06:00") == datetime(2026, 1, 31, 15, tzinfo=UTC)
