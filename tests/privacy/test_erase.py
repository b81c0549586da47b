"""A person who is erased is nowhere any more, and does not come back; everybody else stays."""

import hmac
import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import duckdb
import pytest
from psycopg2 import DatabaseError

from support.account import SERVED, cut_off
from support.planted import found_in_dump, found_in_files, found_in_warehouse, plant
from support.shell import Shell
from talkhouse.pipelines.audit.unfinished import ERASE, unrenewed
from talkhouse.pipelines.demo.simulate import simulated
from talkhouse.pipelines.privacy.erase import Erasure, erase
from talkhouse.pipelines.privacy.find_person import asked_for
from talkhouse.pipelines.privacy.receipt import Receipt, write_receipt
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.pipelines.warehouse.postgres.database import PostgresDatabase
from talkhouse.simulator import Simulator, World, serve
from talkhouse.simulator.entities import Contact
from talkhouse.sources.registry import PROVIDERS
from talkhouse.sources.rows.personal_data import Privacy
from talkhouse.sources.settings import SettingsError

KEY = "a secret of more than sixteen characters"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with serve(plant(World(conversations=40)), **SERVED) as served:
        yield served


@pytest.fixture
def shell(tmp_path: Path, simulator: Simulator, destination: Destination) -> Shell:
    """A folder with a connection to each provider, and a key."""
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    shell.configure(**simulated(simulator.world, simulator.url))
    secrets = shell.folder / ".dlt/secrets.toml"
    shell.environment["PRIVACY__KEY"] = KEY
    if isinstance(destination, PostgresDatabase):
        uri = destination.credentials.to_native_representation()
        secrets.write_text(f'{secrets.read_text()}[destination.postgres]\ncredentials = "{uri}"\n')
        shell.environment["DESTINATION"] = "postgres"
    else:
        shell.environment["DESTINATION__DUCKDB"] = str(destination)
    return shell


def known_widely(world: World) -> Contact:
    """Whoever has the most conversations, with Hilos and with Octopush, too."""
    sms, whatsapp = world.carried("octopush"), world.carried("hilos")

    def places(contact: Contact) -> tuple[bool, int]:
        theirs = [c for c in world.conversations.values() if c.contact_id == contact.id]
        kinds = {c.channel_id in sms for c in theirs} | {c.channel_id in whatsapp for c in theirs}
        return bool(contact.phone and contact.email) and len(kinds) > 1, len(theirs)

    return max(world.contacts.values(), key=places)


def traces_of(world: World, contact: Contact) -> tuple[str, ...]:
    """Whatever tells of the person."""
    theirs = [c for c in world.conversations.values() if c.contact_id == contact.id]
    said = [f"canary {m.id}:" for c in theirs for m in c.messages if m.content]
    known = [contact.first_name, contact.last_name, contact.email, (contact.phone or "")[1:]]
    return tuple([each for each in known if each] + said)


def contents(destination: Destination) -> dict[str, dict[str, str]]:
    """Every row of the providers' tables by its key, and as text."""
    found: dict[str, dict[str, str]] = {}
    with destination.open(read_only=True) as warehouse:
        for dataset in ("chatwoot", "hilos", "activecampaign", "octopush", "pembalasan"):
            for table in warehouse.tables(dataset):
                rows = warehouse.rows(f"select * from {dataset}.{table}")
                found[f"{dataset}.{table}"] = {
                    str([v for k, v in row.items() if k != "_dlt_load_id"]): "" for row in rows
                }
    return found


def places(destination: Destination, tables: Iterable[str]) -> set[tuple[str, int]]:
    """What tells where tables are on the disk: it is another one once they are written anew."""
    if isinstance(destination, DuckDbFile):
        return {(table, destination.file.stat().st_ino) for table in tables}
    with destination.open(read_only=True) as warehouse:
        query = "select cast(pg_relation_filenode(%s) as bigint) as node"
        return {(table, warehouse.rows(query, [table])[0]["node"]) for table in tables}


def all_tables(destination: Destination) -> list[str]:
    with destination.open(read_only=True) as warehouse:
        return [
            f"{schema}.{table}"
            for schema in (*PROVIDERS, "unified", "marts")
            for table in warehouse.tables(schema)
        ]


@pytest.mark.twin
def test_a_person_is_erased_from_everything_and_stays_away(
    shell: Shell, simulator: Simulator, destination: Destination
) -> None:
    world = simulator.world
    contact = known_widely(world)
    sought = traces_of(world, contact)
    other = next(
        m
        for c in world.conversations.values()
        for m in c.messages
        if c.contact_id != contact.id and m.content and c.channel_id in world.carried("chatwoot")
    )
    other.content = f"call {str(contact.phone)[:4]} {str(contact.phone)[4:]}, or {contact.email}!"
    is_file = isinstance(destination, DuckDbFile)
    if is_file:
        shell.environment["DESTINATION__PUBLISH"] = str(shell.folder / "published.duckdb")
    shell("sync")
    shell("build")
    before = contents(destination)
    with destination.open(read_only=True) as warehouse:
        assert {"chatwoot", "unified"} <= {
            name.split('"')[1] for name in found_in_warehouse(warehouse, sought)
        }
    assert bool(found_in_dump(destination, sought)) is not is_file
    phone = str(contact.phone)
    said = shell("erase", "--phone", phone)
    assert "Would erase" in said.stdout
    assert said.stderr == "nothing was erased: --yes does it\n"
    assert contents(destination) == before

    stood = places(destination, all_tables(destination))
    receipt = json.loads(shell("erase", "--phone", phone, "--yes", "--json").stdout)
    changed = {*receipt["rows"], *receipt["texts"]}
    assert "chatwoot.messages" in receipt["texts"]
    assert {name for name in changed if name.split(".")[0] in PROVIDERS} <= {n for n, _ in stood}
    assert stood & places(destination, changed) == set()
    with destination.open(read_only=True) as warehouse:
        assert found_in_warehouse(warehouse, sought) == set()
    assert found_in_dump(destination, sought) == set()
    assert found_in_files(shell.folder.parent, sought) == set()
    after = contents(destination)
    lost = {name: len(rows) - len(after[name]) for name, rows in before.items()}
    raw = {name: rows for name, rows in receipt["rows"].items() if name in before}
    assert {name: rows for name, rows in lost.items() if rows} == raw
    with destination.open(read_only=True) as warehouse:
        query = "select content from chatwoot.messages where id = %s"
        assert warehouse.rows(query, [other.id]) == [{"content": "call [erased], or [erased]!"}]

    world.advance(3_600)
    channel = next(a.channel_id for a in contact.addresses)
    theirs = world.new_conversation(channel, contact.id)
    world.advance(3_600)
    shell("sync", "--full")
    shell("build")
    with destination.open(read_only=True) as warehouse:
        sought += traces_of(world, contact)
        assert found_in_warehouse(warehouse, sought) == set()
        found = warehouse.rows("select id from chatwoot.conversations where id = %s", [theirs.id])
        assert found == []
    assert found_in_dump(destination, sought) == set()
    assert found_in_files(shell.folder.parent, sought) == set()
    shell("verify")


@pytest.mark.twin
def test_what_was_cut_off_is_made_up(
    shell: Shell,
    simulator: Simulator,
    destination: Destination,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contact = known_widely(simulator.world)
    shell("sync")
    policy = Privacy(key=KEY.encode())
    monkeypatch.chdir(shell.folder)

    def erased(person_id: int) -> Receipt:
        person = asked_for(policy, contact=f"chatwoot/demo_chatwoot/{person_id}")
        keep = partial(write_receipt, folder=shell.folder)
        return erase(Erasure(destination, policy, [], None, person, "contact", keep))

    with monkeypatch.context() as patched:
        patched.setattr("talkhouse.pipelines.privacy.erase.write_anew", cut_off)
        with pytest.raises(KeyboardInterrupt):
            erased(contact.id)
    [file] = shell.folder.glob("erased-*.json")
    left = json.loads(file.read_text())
    assert left["failures"] == [
        "it did not come to its end: the next `talkhouse erase` makes it up"
    ]
    assert left["rows"]["chatwoot.messages"] > 0
    said = "`talkhouse erase` was cut off: run it again"
    assert said in shell("status", exit_code=1).stdout
    with destination.open(read_only=True) as warehouse:
        assert "chatwoot.messages" in unrenewed(warehouse, ERASE)
    before = places(destination, ["chatwoot.messages"])
    receipt = erased(contact.id)
    assert (receipt.rows, "chatwoot.messages" in receipt.made_up) == ({}, True)
    assert places(destination, ["chatwoot.messages"]) != before
    assert said not in shell("status").stdout
    with pytest.raises(SettingsError, match="there is no such contact"):
        erased(contact.id)
    with destination.open(read_only=True) as warehouse:
        assert unrenewed(warehouse, ERASE) == []


@pytest.mark.twin
def test_what_cannot_be_written_anew_is_in_the_receipt(
    shell: Shell,
    simulator: Simulator,
    destination: Destination,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*of: object) -> None:
        raise DatabaseError("disk") if is_postgres else duckdb.IOException("disk")

    is_postgres = isinstance(destination, PostgresDatabase)
    contact = known_widely(simulator.world)
    shell("sync")
    monkeypatch.chdir(shell.folder)
    monkeypatch.setattr("talkhouse.pipelines.privacy.erase.write_anew", full)
    policy, kept = Privacy(key=KEY.encode()), list[Receipt]()
    person = asked_for(policy, phone=str(contact.phone))
    erase(Erasure(destination, policy, [], None, person, "phone", kept.append))
    kind = "DatabaseError" if is_postgres else "IOException"
    assert [each.failures for each in kept] == [
        ["it did not come to its end: the next `talkhouse erase` makes it up"],
        [f"what was deleted may still be on the disk: {kind}"],
    ]
    assert kept[0].rows == kept[1].rows != {}


@pytest.mark.twin
@pytest.mark.parametrize(
    "command", ["erase --phone +351912345678 --yes", "retain", "privacy --apply"]
)
def test_what_a_load_left_that_was_killed_goes_too(
    shell: Shell, destination: Destination, command: str
) -> None:
    shell("sync", "demo_hilos")
    with destination.open() as warehouse:
        warehouse.execute("create schema if not exists hilos_staging")
        warehouse.execute("create table hilos_staging.contacts as select * from hilos.contacts")
    working = shell.folder / ".dlt/pipelines/demo_hilos"
    assert working.is_dir()
    chunks = working.with_name("demo_hilos.chunks")
    chunks.mkdir()
    (chunks / "contacts.parquet").write_text("+351912345678")
    shell(*command.split())
    with destination.open(read_only=True) as warehouse:
        assert warehouse.rows("select * from hilos_staging.contacts") == []
    assert not working.exists() and not chunks.exists()
    shell("sync", "demo_hilos", "--full")
    shell("verify", "demo_hilos")


def test_without_a_folder_for_the_receipt_nothing_is_erased(
    shell: Shell, simulator: Simulator, destination: Destination
) -> None:
    shell("sync", "demo_hilos")
    before = contents(destination)
    phone = str(known_widely(simulator.world).phone)
    arguments = ("erase", "--phone", phone, "--yes", "--receipts", ".dlt/config.toml")
    assert shell(*arguments, exit_code=2).stderr == (
        "talkhouse: --receipts: .dlt/config.toml cannot be made: File exists; nothing was erased\n"
    )
    assert contents(destination) == before


def test_the_receipt_says_what_went_and_not_what_it_was(shell: Shell, simulator: Simulator) -> None:
    contact = known_widely(simulator.world)
    shell("sync")
    shell("erase", "--email", str(contact.email), "--yes")
    [file] = (shell.folder / "receipts").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    receipt = json.loads(file.read_text())
    assert receipt["asked_by"] == "email"
    assert receipt["contacts"] >= 1
    assert receipt["rows"]["chatwoot.messages"] > 0
    assert found_in_files(file.parent, traces_of(simulator.world, contact)) == set()
    signature = receipt.pop("signature")
    document = json.dumps({**receipt, "signature": ""}, sort_keys=True).encode()
    assert hmac.new(KEY.encode(), document, "sha256").hexdigest() == signature


def test_who_is_stored_hashed_is_found_by_number_all_the_same(
    shell: Shell, simulator: Simulator, destination: Destination
) -> None:
    for kind in ("PHONE", "EMAIL"):
        shell.environment[f"PRIVACY__{kind}"] = "hash"
    shell.environment["PRIVACY__FREE_FORM"] = "keep"
    contact = known_widely(simulator.world)
    names = (contact.first_name, contact.last_name, str(contact.phone), str(contact.email))
    others = next(
        m
        for c in simulator.world.conversations.values()
        for m in c.messages
        if c.contact_id != contact.id and m.content
    )
    others.content = f"call {contact.phone} or {contact.email}"
    shell("sync")
    shell("erase", "--phone", str(contact.phone), "--yes")
    simulator.world.advance(3_600)
    shell("sync", "--full")
    with destination.open(read_only=True) as warehouse:
        assert found_in_warehouse(warehouse, names) == set()


def test_whoever_shares_an_address_is_not_taken_for_the_same(
    shell: Shell, simulator: Simulator, destination: Destination
) -> None:
    one, other = [c for c in simulator.world.contacts.values() if c.phone and c.email][:2]
    other.email = one.email
    shell("sync")
    shell("erase", "--phone", str(one.phone), "--yes")
    with destination.open(read_only=True) as warehouse:
        left = {row["name"] for row in warehouse.rows("select name from chatwoot.contacts")}
    assert other.name in left
    assert one.name not in left


@pytest.mark.parametrize(
    ("arguments", "policy", "said"),
    [
        ((), {}, "say whom: by one of --phone, --email and --contact"),
        (
            ("--phone", "+351912345678", "--email", "a@b.example"),
            {},
            "say whom: by one of --phone, --email and --contact",
        ),
        (("--phone", "12"), {}, "--phone is a number with its country, such as +351912345678"),
        (
            ("--phone", "0610737504"),
            {},
            "--phone is a number with its country, such as +351912345678",
        ),
        (("--email", "somebody"), {}, "--email is no address"),
        (
            ("--contact", "17"),
            {},
            "--contact is PROVIDER/CONNECTION/ID, such as chatwoot/shop/17",
        ),
        (
            ("--phone", "+351912345678"),
            {"PRIVACY__PHONE": "mask"},
            "[privacy] hides phones, so by one nobody is found: use --contact",
        ),
        (
            ("--phone", "+351912345678"),
            {"PRIVACY__KEY": ""},
            "privacy.key is missing, by whose hashes the person is kept out of later syncs: write "
            "the output of `openssl rand -hex 32` to .dlt/secrets.toml, and keep a copy",
        ),
    ],
)
def test_what_names_nobody_is_refused(
    shell: Shell, arguments: tuple[str, ...], policy: dict[str, str], said: str
) -> None:
    shell.environment |= policy
    done = shell("erase", *arguments, exit_code=2)
    assert done.stderr == f"talkhouse: {said}\n"


def test_without_the_key_nobody_comes_back(shell: Shell, simulator: Simulator) -> None:
    contact = known_widely(simulator.world)
    shell("sync")
    shell("erase", "--phone", str(contact.phone), "--yes")
    shell.environment["PRIVACY__KEY"] = ""
    said = "privacy.key is not the one that the stored rows were hashed with: put that one back"
    assert shell("sync", exit_code=2).stderr == f"talkhouse: {said}\n"


def test_a_contact_of_a_number_that_is_none_is_not_everybody(
    shell: Shell, simulator: Simulator, destination: Destination
) -> None:
    first, second, *_ = [c for c in simulator.world.contacts.values() if c.phone]
    phone = str(first.phone)
    for contact in simulator.world.contacts.values():
        if contact not in (first, second):
            contact.phone, contact.email = "unknown", None
    second.email = None
    shell("sync")
    said = json.loads(shell("erase", "--phone", phone, "--json").stdout)
    assert said["contacts"] == len(said["connections"])
    assert shell("erase", "--contact", "chatwoot/nowhere/17", "--yes", exit_code=2).stderr == (
        "talkhouse: there is no such contact: --contact is PROVIDER/CONNECTION/ID\n"
    )


def test_an_address_with_letters_of_its_own_is_erased_and_no_longer_one(
    shell: Shell, simulator: Simulator, destination: Destination
) -> None:
    world = simulator.world
    contact = known_widely(world)
    contact.email = "josé@mail.example"
    texts = [m for c in world.conversations.values() for m in c.messages if m.content]
    theirs = {c.id for c in world.conversations.values() if c.contact_id == contact.id}
    one = next(m for m in texts if m.conversation_id not in theirs)
    one.content = "not majosé@mail.example nor josé@mail.example.org, but José@mail.example."
    shell("sync")
    shell("erase", "--email", "josé@mail.example", "--yes")
    with destination.open(read_only=True) as warehouse:
        left = warehouse.rows("select content from chatwoot.messages where id = %s", [one.id])
    assert left == [{"content": "not majosé@mail.example nor josé@mail.example.org, but [erased]."}]


def test_an_address_in_a_link_is_erased_where_it_is_stored_and_where_it_comes(
    shell: Shell, simulator: Simulator, destination: Destination
) -> None:
    world = simulator.world
    contact = known_widely(world)
    contact.email = "ann.b+c@mail.example"
    link = "https://shop.example/?to=Ann.B+c%40Mail.example&from=joann.b+c%40mail.example"
    stored, comes, *_ = (
        message
        for conversation in world.conversations.values()
        if conversation.contact_id != contact.id
        and conversation.channel_id in world.carried("chatwoot")
        for message in conversation.messages
        if message.content
    )
    stored.content = link
    shell("sync", "demo_chatwoot")
    receipt = json.loads(shell("erase", "--email", contact.email, "--yes", "--json").stdout)
    # whatever table it is in: of its conversation it may be the last one, too
    assert receipt["texts"]["chatwoot.messages"] == 1
    comes.content = link
    world.advance(3_600)
    shell("sync", "demo_chatwoot", "--full")
    with destination.open(read_only=True) as warehouse:
        query = "select content from chatwoot.messages where id in (%s, %s)"
        left = [row["content"] for row in warehouse.rows(query, [stored.id, comes.id])]
    assert left == ["https://shop.example/?to=[erased]&from=joann.b+c%40mail.example"] * 2
