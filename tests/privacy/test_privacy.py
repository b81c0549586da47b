"""What the policy hides is in no table, file or state, at any moment; and rows still join."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from support import oracle
from support.account import SERVED, Account, Open, cut_off
from support.planted import found_in_dump, found_in_files, found_in_warehouse, plant, watched
from support.shell import Shell, chatwoot
from talkhouse.pipelines.analytics.build import build
from talkhouse.pipelines.orchestration.apply_policy import apply_policy
from talkhouse.pipelines.privacy.inventory import report
from talkhouse.pipelines.privacy.rewrite_rows import rewrite
from talkhouse.pipelines.settings.project import Project
from talkhouse.pipelines.syncing.plans import plan_of
from talkhouse.pipelines.verification.verify import verify
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.simulator import Simulator, World, serve
from talkhouse.sources.registry import PROVIDERS, provider
from talkhouse.sources.rows.personal_data import (
    ATTACHMENT_URL,
    BODY,
    EMAIL,
    FREE_FORM,
    IDENTIFIER,
    KEPT,
    NAME,
    PHONE,
    Action,
    PersonalData,
    Privacy,
    masked,
    redacted,
    redacted_json,
)
from talkhouse.sources.rows.record import columns_of
from talkhouse.sources.scan.threads import Budget

UNCLASSED = Path(__file__).parent / "unclassed.txt"
KEY = b"a secret of more than sixteen characters"
HIDDEN = Privacy(
    {
        PHONE: Action.HASH,
        EMAIL: Action.HASH,
        NAME: Action.DROP,
        BODY: Action.DROP,
        IDENTIFIER: Action.HASH,
        ATTACHMENT_URL: Action.DROP,
        FREE_FORM: Action.DROP,
    },
    KEY,
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("call +351 912 345 678 today", "call [number] today"),
        ("call (55) 1234-5678.", "call [number]."),
        ("tel5512345678", "tel[number]"),
        ("wa.me/5215512345678", "wa.me/[number]"),
        ("١٢٣٤٥٦٧٨٩", "[number]"),
        ("912\u00a0345\u2011678", "[number]"),
        ("card 4111 1111 1111 1111, thanks", "card [number], thanks"),
        ("write to a.b+c@mail.example.com!", "write to [email]!"),
        ("?to=a%40mail.example", "?to=[email]"),
        ("<maría@correo.example>", "<[email]>"),
        ("pay ES91 2100 0418 4502 0005 1332 now", "pay [iban] now"),
        ("pay gb29nwbk60161331926819 now", "pay [iban] now"),
        ("from 2026-11-21 10:00 to 22/11/2026", "from 2026-11-21 10:00 to 22/11/2026"),
        ("2026-11-21 912345678", "2026-11-21 [number]"),
        ("order 12345, 3 items", "order 12345, 3 items"),
        ("", ""),
    ],
)
def test_numbers_and_addresses_are_redacted_in_texts(text: str, left: str) -> None:
    assert redacted(text) == left


def test_free_form_objects_are_redacted_in_names_texts_and_numbers() -> None:
    told = '{"+351912345678":["a@mail.example",1.5,true,null,{"tel":351912345678}],"n":12}'
    left = '{"[number]":["[email]",1.5,true,null,{"tel":"[number]"}],"n":12}'
    assert redacted_json(told) == left


@pytest.mark.parametrize(
    ("text", "left"), [("+351912345678", "***5678"), ("Maria", "***"), ("", "***")]
)
def test_a_mask_shows_the_last_four_of_what_is_longer_than_eight(text: str, left: str) -> None:
    assert masked(text) == left


def test_one_number_has_one_hash_however_it_is_written() -> None:
    hashes = {HIDDEN.hash("phone", text) for text in ("+351 912-345-678", "+351(912)345678")}
    assert len(hashes) == 1
    assert HIDDEN.hash("email", " A@Mail.example") == HIDDEN.hash("email", "a@mail.example")
    assert Privacy(HIDDEN.policy, KEY + b"!").hash("email", "a@x.y") != HIDDEN.hash(
        "email", "a@x.y"
    )


def test_a_policy_does_not_print_its_key() -> None:
    assert "secret" not in repr(HIDDEN)


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_record_is_named_that_a_list_or_thread_fills(account_of: Open, name: str) -> None:
    connection = account_of(name).connection
    client = connection.provider.connect(connection.settings)
    tables = [t for each in connection.provider.lists(connection.settings) for t in each.tables]
    if connection.provider.threads:
        tables += connection.provider.threads(client, connection.settings).tables
    client.close()
    assert set(connection.provider.records) == {table.record for table in tables}


@pytest.mark.parametrize("name", PROVIDERS)
def test_columns_with_telling_names_are_declared_as_personal(name: str) -> None:
    telling = ("phone", "email", "first_name", "last_name", "content_url", "data_url", "body")
    of_the_company = {"inboxes.phone_number", "inboxes.email"}
    undeclared = {
        f"{record.table}.{column.name}"
        for record in provider(name).records
        for column in columns_of(record)
        if column.personal is None and column.path[-1] in (*telling, "phone_number")
    }
    assert undeclared <= of_the_company


@pytest.fixture
def loaded_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of what was loaded are left where they are, to be searched."""
    # before all others dlt looks for settings of a pipeline of that name
    monkeypatch.setenv("SHOP__LOAD__DELETE_COMPLETED_JOBS", "false")


@pytest.mark.twin
@pytest.mark.usefixtures("loaded_files")
@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_hidden_is_nowhere_at_no_moment(
    account_of: Open,
    destination: Destination,
    tmp_path: Path,
    name: str,
) -> None:
    account = account_of(name, plant(World(conversations=40)))
    account.privacy = HIDDEN
    seen: set[str] = set()
    watched(account.simulator, lambda: seen.update(found_in_files(tmp_path)))
    account.synced()
    account.later()
    account.converse()
    plant(account.world)
    account.synced(full=True)
    assert seen == set()
    assert found_in_warehouse(account.warehouse) == set()
    assert found_in_dump(destination) == set()
    assert found_in_files(tmp_path) == set()


@pytest.mark.usefixtures("loaded_files")
def test_the_search_finds_what_is_not_hidden(account_of: Open, tmp_path: Path) -> None:
    account = account_of("chatwoot", plant(World(conversations=40)))
    seen: set[str] = set()
    watched(account.simulator, lambda: seen.update(found_in_files(tmp_path)))
    account.synced()
    assert "contacts" in {re.split("[.-]", name)[0] for name in seen}
    assert "completed_jobs" in {file.parent.name for file in tmp_path.rglob("*")}
    assert '"chatwoot"."messages"' in found_in_warehouse(account.warehouse)


@pytest.mark.twin
@pytest.mark.parametrize("name", PROVIDERS)
def test_all_else_is_stored_as_it_would_be(account_of: Open, name: str) -> None:
    account = account_of(name)
    account.privacy = HIDDEN
    account.synced()
    for record in account.connection.provider.records:
        shown = {
            column.name
            for column in columns_of(record)
            if HIDDEN.action(column.personal) is Action.KEEP
        }
        expected = account.expected()[record.table]
        names = [each for each in expected[0] if each in shown] if expected else []
        key = [each for each in oracle.KEYS[name][record.table] if each in names]
        stored = account.rows(record.table, names) if names else []
        wanted = [{each: row[each] for each in names} for row in expected]
        for rows in (stored, wanted):
            rows.sort(key=lambda row: [str(row[each]) for each in key])
        assert stored == wanted, record.table


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_second_sync_changes_nothing_and_verify_finds_no_difference(
    account_of: Open, name: str
) -> None:
    account = account_of(name)
    account.privacy = HIDDEN
    account.synced()
    before = account.contents()
    outcome = account.synced(full=True)
    assert {p.changed for p in outcome.report.lists.values()} == {0}
    assert account.contents() == before
    assert verify(account.connection, account.warehouse, plan_of(account.connection), Budget()).ok


def people(file: Path) -> set[frozenset[tuple[str, str]]]:
    """Who is one person in the analysts' tables: the contacts of each."""
    built = build(DuckDbFile(file), project=Project(file.parent))
    assert built.ok
    grouped: dict[str, set[tuple[str, str]]] = {}
    with DuckDbFile(file).open(read_only=True) as warehouse:
        for row in warehouse.rows("select provider, contact_id, person_id from unified.contacts"):
            grouped.setdefault(row["person_id"], set()).add((row["provider"], row["contact_id"]))
    return {frozenset(contacts) for contacts in grouped.values()}


@pytest.mark.deep
def test_hashed_numbers_and_addresses_tell_the_same_people(tmp_path: Path) -> None:
    world, found = World(conversations=40), []
    with serve(world, **SERVED) as simulator:
        for privacy in (KEPT, Privacy({PHONE: Action.HASH, EMAIL: Action.HASH}, KEY)):
            file = tmp_path / f"talkhouse{len(found)}.duckdb"
            with DuckDbFile(file).open() as warehouse:
                for name in ("chatwoot", "hilos"):
                    folder = tmp_path / "pipelines"
                    account = Account(simulator, name, warehouse, folder, name, privacy=privacy)
                    account.synced()
            found.append(people(file))
    assert found[0] == found[1]
    assert any(len({provider for provider, _ in person}) == 2 for person in found[0])


def hide(shell: Shell, key: str = KEY.decode(), **policy: str) -> None:
    """Writes the policy under the connections of the folder's settings."""
    config, secrets = shell.folder / ".dlt/config.toml", shell.folder / ".dlt/secrets.toml"
    lines = "".join(f'{kind} = "{action}"\n' for kind, action in policy.items())
    config.write_text(config.read_text().partition("[privacy]")[0] + f"[privacy]\n{lines}")
    secret = f'[privacy]\nkey = "{key}"\n' if key else ""
    secrets.write_text(secrets.read_text().partition("[privacy]")[0] + secret)


@pytest.mark.parametrize(
    ("policy", "key", "said"),
    [
        (
            {"phones": "hash"},
            KEY.decode(),
            "talkhouse: [privacy]: unknown setting phones; did you mean phone?",
        ),
        (
            {"phone": "encrypt"},
            KEY.decode(),
            "talkhouse: privacy.phone is 'encrypt', and must be keep, hash, mask, drop",
        ),
        (
            {"free_form": "hash"},
            KEY.decode(),
            "talkhouse: privacy.free_form is 'hash', and must be keep, drop, redact",
        ),
        (
            {"phone": "hash"},
            "",
            "talkhouse: what [privacy] hides needs privacy.key, a secret: write the output of "
            "`openssl rand -hex 32` to .dlt/secrets.toml, and keep a copy",
        ),
        (
            {"phone": "hash"},
            "short",
            "talkhouse: privacy.key has fewer than 16 characters: write the output of "
            "`openssl rand -hex 32` to .dlt/secrets.toml, and keep a copy",
        ),
    ],
)
def test_a_policy_that_is_wrong_is_refused_before_anything_is_read(
    shell: Shell, simulator: Simulator, policy: dict[str, str], key: str, said: str
) -> None:
    shell.configure(shop=chatwoot(simulator))
    hide(shell, key, **policy)
    assert shell("sync", exit_code=2).stderr == said + "\n"
    assert not simulator.requests


def test_a_policy_in_the_environment_is_looked_at_as_closely(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(shop=chatwoot(simulator))
    shell.environment["PRIVACY__PHONES"] = "drop"
    said = "the environment's PRIVACY__: unknown setting phones; did you mean phone?"
    assert shell("sync", exit_code=2).stderr == f"talkhouse: {said}\n"
    shell.environment = {"PRIVACY__PHONE": "drop", "PRIVACY__IDENTIFIER": "keep"}
    shell("sync")
    assert shell.rows("select count(phone_number) from chatwoot.contacts") == [(0,)]


def test_what_is_stored_and_what_comes_are_never_under_two_policies(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(shop=chatwoot(simulator))
    shell("sync")
    before = shell.rows("select count(*) from audit.runs")
    hide(shell, body="redact")
    for command in ("sync", "verify"):
        assert shell(command, exit_code=2).stderr == (
            "talkhouse: the rows that are stored are under another privacy policy (body is redact "
            "and was keep, free_form is drop and was keep): `talkhouse privacy` says what the "
            "change does, `talkhouse privacy --apply` does it\n"
        )
    assert shell.rows("select count(*) from audit.runs") == before


def test_another_key_is_refused(shell: Shell, simulator: Simulator) -> None:
    shell.configure(shop=chatwoot(simulator))
    hide(shell, phone="hash")
    shell("sync")
    hide(shell, key="another secret of many characters", phone="hash")
    said = "privacy.key is not the one that the stored rows were hashed with: put that one back"
    assert shell("sync", exit_code=2).stderr == f"talkhouse: {said}\n"


def personal_data(shell: Shell) -> dict[str, str]:
    """A value of each kind, as it is stored."""
    [row] = shell.rows(
        "select phone_number, email, name, identifier, additional_attributes "
        "from chatwoot.contacts where phone_number is not null and email is not null "
        "order by id limit 1"
    )
    return dict(zip(("phone", "email", "name", "identifier", "free_form"), row, strict=True))


def test_a_change_of_the_policy_is_said_before_it_is_done(
    shell: Shell, simulator: Simulator
) -> None:
    shell.configure(shop=chatwoot(simulator))
    hide(shell, phone="hash", free_form="keep")
    shell("sync")
    hide(shell, phone="mask", email="drop", free_form="keep")
    before = personal_data(shell)
    told = json.loads(shell("privacy", "--json").stdout)
    assert (told["rewritten"], told["read_again"]) == (["email"], ["phone"])
    assert not told["is_applied"]
    assert {each["action"] for each in told["places"] if each["kind"] == "phone"} == {"hash"}
    assert personal_data(shell) == before
    said = shell("privacy").stdout
    assert "rewrites the stored rows" in said
    assert "reads everything again" in said


@pytest.mark.deep
def test_a_change_is_applied_to_what_is_stored_built_and_published(
    shell: Shell, simulator: Simulator
) -> None:
    plant(simulator.world)
    shell.configure(shop=chatwoot(simulator))
    config = shell.folder / ".dlt/config.toml"
    config.write_text(f'[destination]\npublish = "published.duckdb"\n{config.read_text()}')
    shell("sync")
    shell("build")
    assert found_in_files(shell.folder, ("canary",))
    hide(shell, **{kind.value: action.value for kind, action in HIDDEN.policy.items()})
    shell("privacy", "--apply")
    assert json.loads(shell("privacy", "--json").stdout)["is_applied"]
    for file in ("talkhouse.duckdb", "published.duckdb"):
        with DuckDbFile(shell.folder / file).open(read_only=True) as warehouse:
            assert found_in_warehouse(warehouse) == set()
    assert found_in_files(shell.folder) == set()
    shell("sync", "--full")
    shell("verify")


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.twin
def test_a_rewritten_warehouse_is_as_one_that_was_hidden_from_the_start(
    account_of: Open, beside: Callable[..., Account], name: str
) -> None:
    account = account_of(name)
    account.synced()
    rewrite(account.warehouse, HIDDEN, [account.connection])
    rewritten = account.contents()
    account.privacy = HIDDEN
    outcome = account.synced(full=True)
    assert {p.changed for p in outcome.report.lists.values()} == {0}
    assert account.contents() == rewritten
    rewrite(account.warehouse, HIDDEN, [account.connection])
    assert account.contents() == rewritten


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_cannot_be_rewritten_is_read_again(account_of: Open, name: str) -> None:
    account = account_of(name)
    account.privacy = HIDDEN
    account.synced()
    told = report(account.warehouse, KEPT)
    assert told.rewritten == []
    assert set(told.read_again) == {kind.value for kind in PersonalData}
    rewrite(account.warehouse, KEPT, [account.connection])
    account.privacy = KEPT
    account.later()
    account.synced(full=True)
    assert account.differences() == {}


@pytest.mark.twin
def test_what_was_cut_off_before_it_was_read_again_is_read_by_the_next(
    account_of: Open, destination: Destination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    account = account_of("octopush")
    account.privacy = HIDDEN
    account.synced()
    account.warehouse.close()
    account.privacy = KEPT
    with monkeypatch.context() as patched:
        patched.setattr("talkhouse.pipelines.orchestration.apply_policy.sync_all", cut_off)
        with pytest.raises(KeyboardInterrupt):
            apply_policy(destination, KEPT, [account.connection], None)
    with destination.open(read_only=True) as warehouse:
        told = report(warehouse, KEPT)
    assert set(told.read_again) == {kind.value for kind in PersonalData}
    assert not told.is_applied
    account.later()
    assert apply_policy(destination, KEPT, [account.connection], None).failures == []
    with destination.open() as warehouse:
        assert report(warehouse, KEPT).is_applied
        account.warehouse = warehouse
        assert account.differences() == {}


@pytest.mark.twin
def test_a_change_that_was_cut_off_is_made_up_or_read_again_if_it_is_given_up(
    account_of: Open, destination: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = account_of("octopush")
    account.synced()
    with monkeypatch.context() as patched:
        patched.setattr("talkhouse.pipelines.privacy.rewrite_rows.note_policy", cut_off)
        with pytest.raises(KeyboardInterrupt):
            rewrite(account.warehouse, HIDDEN, [account.connection])
    hidden = {kind.value for kind, action in HIDDEN.policy.items() if action is not Action.KEEP}
    given_up = report(account.warehouse, KEPT)
    assert (set(given_up.read_again), given_up.is_applied) == (hidden, False)
    rewrite(account.warehouse, HIDDEN, [account.connection])
    assert report(account.warehouse, HIDDEN).read_again == []


@pytest.mark.parametrize("free_form", [Action.DROP, Action.REDACT])
@pytest.mark.twin
def test_what_drifts_and_what_is_rejected_is_hidden_too(
    account_of: Open, free_form: Action
) -> None:
    account = account_of("pembalasan", plant(World(conversations=40)))
    policy = {**HIDDEN.policy, FREE_FORM: free_form}
    account.privacy = Privacy(policy, KEY)
    account.fault("extra_field", field="+888777000001", value="canary +888777000002")
    account.sync()
    [drift] = account.rows("drift", ["field", "problem"])
    assert drift == {"field": "[number]", "problem": "unknown field"}
    account.simulator.faults.clear()
    account.fault("null_id")
    account.sync(full=True)
    assert len(account.rows("rejects", ["row"])) > 0
    assert found_in_warehouse(account.warehouse, ("888777",)) == set()


def test_a_text_that_looks_hidden_is_hidden_all_the_same(account_of: Open) -> None:
    account = account_of("chatwoot")
    text = "***URGENT*** call +888777000111"
    message = next(m for m in account.world.messages.values() if m.content)
    message.content = text
    account.synced()
    policy = Privacy({BODY: Action.REDACT})
    rewrite(account.warehouse, policy, [account.connection])
    assert found_in_warehouse(account.warehouse, ("888777000111",)) == set()


def test_every_text_and_document_is_classed_or_known_to_be_nobodys() -> None:
    """What is of no class is named in the file, so that a new column is thought of."""
    unclassed = {
        f"{name}.{record.table}.{column.name}"
        for name in PROVIDERS
        for record in provider(name).records
        for column in columns_of(record)
        if column.personal is None and column.type.dlt in ("text", "json")
    }
    assert unclassed == set(UNCLASSED.read_text("utf-8").split())
