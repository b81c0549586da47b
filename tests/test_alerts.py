"""Alerts: delivered to a real receiver, once for each change, and never a reason to fail."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from conftest import SERVED
from shell import Shell, octopush

from simulator import Fault, Simulator, World, serve


class Receiver(HTTPServer):
    """A webhook on this machine; answers with `statuses` first, then 200."""

    def __init__(self) -> None:
        self.received: list[dict[str, str]] = []
        self.statuses: list[int] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook/a-secret-path"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.received.append(json.loads(body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *said: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = Thread(target=receiver.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with serve(World(conversations=24), **SERVED) as served:
        yield served


@pytest.fixture
def shell(tmp_path: Path, receiver: Receiver, simulator: Simulator) -> Shell:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    shell.configure(hotline=octopush(simulator, messages=False))
    shell.environment = {"ALERTS__WEBHOOK": receiver.url}
    return shell


def test_each_change_is_told_once(shell: Shell, receiver: Receiver, simulator: Simulator) -> None:
    shell("sync")
    assert receiver.received == []
    simulator.faults.add(Fault("status", status=401, times=None))
    for _ in range(2):
        shell("sync", exit_code=1)
    [failure] = receiver.received
    assert list(failure) == ["text"]
    assert failure["text"].startswith("Talkhouse: hotline fails since this sync: octopush: ")
    # what to do about it is told, too
    assert "set api_login and api_key" in failure["text"]
    simulator.faults.clear()
    for _ in range(2):
        shell("sync")
    assert [each["text"].partition(", ")[0] for each in receiver.received[1:]] == [
        "Talkhouse: hotline is well again"
    ]


def test_a_receiver_that_stumbles_is_asked_again(
    shell: Shell, receiver: Receiver, simulator: Simulator
) -> None:
    simulator.faults.add(Fault("status", status=401, times=None))
    receiver.statuses = [500]
    shell("sync", exit_code=1)
    assert len(receiver.received) == 1


def test_a_receiver_that_is_gone_is_told_and_changes_nothing(
    shell: Shell, receiver: Receiver, simulator: Simulator
) -> None:
    simulator.faults.add(Fault("status", status=401, times=None))
    receiver.statuses = [404] * 3
    told = shell("sync", exit_code=1).stderr
    assert "the alert was not delivered: the webhook answered 404" in told
    assert "a-secret-path" not in told
    simulator.faults.clear()
    receiver.statuses = [404] * 3
    shell("sync")


def test_what_is_no_address_is_refused(shell: Shell) -> None:
    shell.environment = {"ALERTS__WEBHOOK": "the-team"}
    assert "alerts.webhook is no address" in shell("sync", exit_code=2).stderr
