"""Nothing personal and nothing secret is in a log, a metric or a trace, whatever happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.receiving import Receiver, receiving
from support.shell import Shell
from talkhouse.pipelines.demo.simulate import simulated
from talkhouse.simulator import Fault, Simulator
from talkhouse.simulator import credentials as keys

OUTPUTS = ("talkhouse.jsonl*", "node/*.prom", ".dlt/pipelines/*/trace.pickle")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def shell(tmp_path: Path, simulator: Simulator, receiver: Receiver) -> Shell:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    connections = simulated(simulator.world, simulator.url)
    shell.configure(**{name.removeprefix("demo_"): each for name, each in connections.items()})
    (shell.folder / "node").mkdir()
    login = f"talkhouse:{keys.CANARY}password@"
    shell.environment = {
        "LOGS__FILE": "talkhouse.jsonl",
        "METRICS__TEXTFILES": "node",
        "METRICS__PUSH": f"http://{login}{receiver.host}",
        "TRACES__ENDPOINT": f"http://{receiver.host}/v1/traces",
        "TRACES__HEADERS": f"x-key={keys.CANARY}key",
        "DESTINATION__PUBLISH": "published.duckdb",
    }
    return shell


def private(simulator: Simulator) -> set[bytes]:
    """Whatever the world knows of people, and whatever opens a door."""
    world = simulator.world
    found: set[object] = {keys.CANARY, keys.CHATWOOT_ADMIN, keys.HILOS_KEY, keys.ACTIVECAMPAIGN_KEY}
    found |= {keys.OCTOPUSH_LOGIN, keys.OCTOPUSH_KEY}
    for person in [*world.contacts.values(), *world.agents.values()]:
        found |= {person.email, person.first_name, person.last_name}
    for contact in world.contacts.values():
        found |= {contact.phone, (contact.phone or "").removeprefix("+"), contact.identifier}
        found |= {address.source_id for address in contact.addresses}
    found |= {message.content for message in world.messages.values()}
    return {str(each).encode() for each in found if each}


def outputs(shell: Shell, receiver: Receiver) -> dict[str, bytes]:
    """All that a command has left for machines to read, by where that is."""
    files = [file for pattern in OUTPUTS for file in shell.folder.glob(pattern)]
    found = {str(file.relative_to(shell.folder)): file.read_bytes() for file in files}
    return found | {f"{number} {each.path}": each.body for number, each in enumerate(receiver.sent)}


@pytest.mark.deep
def test_nothing_personal_and_nothing_secret_is_told(
    shell: Shell, simulator: Simulator, receiver: Receiver
) -> None:
    said = shell("sync").stderr + shell("build").stderr
    simulator.world.new_conversation()
    # a row that is not as declared, pages and threads that are not given, refusals
    for fault in (
        Fault("wrong_type", path="/labels", times=1, field="title", value="+351910000999"),
        Fault("status", path="/contacts", status=500, times=1),
        Fault("status", path="/messages", status=404, times=None),
        Fault("status", path="/agents", status=403, times=None),
        Fault("status", path="/teams", status=400, times=None),
    ):
        simulator.faults.add(fault)
    said += shell("sync", "--full", exit_code=1).stderr
    simulator.faults.clear()
    simulator.faults.add(Fault("status", status=401, times=None))
    said += shell("sync", exit_code=1).stderr
    told = outputs(shell, receiver) | {"standard error": said.encode()}
    assert {Path(name).suffix for name in told} >= {".jsonl", ".prom", ".pickle"}
    assert sum(name.endswith("/v1/traces") for name in told) == 4
    # three syncs of five connections, a build, and three publications: the last sync loads nothing
    assert sum("/metrics/job/talkhouse/" in name for name in told) == 3 * 5 + 1 + 3
    secret = private(simulator) | {b"+351910000999"}
    leaked = {name: [each for each in secret if each in body] for name, body in told.items()}
    assert {name: each for name, each in leaked.items() if each} == {}


def test_what_is_looked_for_is_there_to_be_found(shell: Shell, simulator: Simulator) -> None:
    shell("sync")
    stored = str(
        shell.rows(
            "select first_name, last_name, phone, email from hilos.contacts union all "
            "select text, null, null, null from octopush.messages union all "
            "select name, null, null, email from chatwoot.agents"
        )
    ).encode()
    stored += (shell.folder / ".dlt/secrets.toml").read_bytes()
    found = {each for each in private(simulator) if each in stored}
    assert len(found) > 50
