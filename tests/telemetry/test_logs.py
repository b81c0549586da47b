"""The log for programs: every line is an event as it is declared, and tells what the audit does."""

import json
import re
import signal
import stat
from collections import Counter
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from support.repository import ROOT
from support.shell import Shell, octopush, wait_until
from talkhouse.pipelines.telemetry import json_log
from talkhouse.pipelines.telemetry.events import EVENTS, AlertsSent, Event, tell
from talkhouse.pipelines.telemetry.json_log import logged
from talkhouse.simulator import Fault, Simulator

DOCUMENT = ROOT / "docs/observability.md"
SCANNED = (
    "list, mode, pages, requests, rows_seen as rows_read, rows_new, rows_changed, rows_deleted, "
    "rows_quarantined, messages_missing, rows_left as threads_left, throttled_seconds"
)


@pytest.fixture
def shell(tmp_path: Path, simulator: Simulator) -> Shell:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    shell.configure(hotline=octopush(simulator))
    shell.environment = {"LOGS__FILE": "talkhouse.jsonl"}
    return shell


def lines(shell: Shell, file: str = "talkhouse.jsonl") -> list[dict[str, Any]]:
    """The events of the log. Each is checked to be as it is declared: no field more, none less."""
    found = []
    for line in (shell.folder / file).read_text("utf-8").splitlines():
        event = msgspec.json.decode(line, type=reduce(or_, EVENTS))
        fields = json.loads(line)
        assert set(fields) == {"level", "event", *event.__struct_fields__}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", fields["at"])
        found.append(fields)
    return found


def test_a_sync_is_told_as_the_audit_has_it(shell: Shell) -> None:
    shell("sync")
    told = lines(shell)
    names = [each["event"] for each in told]
    assert names[:2] == ["command_started", "sync_started"]
    assert names[-2:] == ["sync_ended", "command_ended"]
    assert {each["level"] for each in told} == {"info"}
    [(run_id, requests, rows)] = shell.rows(
        "select run_id, requests, rows_loaded from audit.runs where outcome = 'ok'"
    )
    of_run = [each for each in told if "run_id" in each]
    assert {(each["run_id"], each["connection"], each["provider"]) for each in of_run} == {
        (run_id, "hotline", "octopush")
    }
    ended = told[-2]
    assert (ended["outcome"], ended["error"]) == ("ok", "")
    assert (ended["requests"], ended["rows_loaded"]) == (requests, rows)
    assert (told[-1]["command"], told[-1]["exit_code"], told[-1]["error"]) == ("sync", 0, "")
    chunks = [Counter(each["rows"]) for each in told if each["event"] == "chunk_loaded"]
    assert sum(sum(chunks, Counter()).values()) == rows
    scanned = shell.rows(
        f"select to_json(s) from (select {SCANNED} from audit.scans order by list) s"
    )
    read = {each["list"]: each for each in told if each["event"] == "list_read"}
    assert sorted(read) == ["agents", "conversations", "messages"]
    for name, (row,) in zip(sorted(read), scanned, strict=True):
        assert json.loads(row).items() <= read[name].items()
        assert (read[name]["outcome"], read[name]["error"]) == ("ok", "")
        assert 0 < read[name]["seconds"] < ended["seconds"]


def test_what_fails_is_told_with_its_reason(shell: Shell, simulator: Simulator) -> None:
    simulator.faults.add(Fault("status", path="/agents", status=401))
    shell("sync", exit_code=1)
    told = lines(shell)
    [(error,)] = shell.rows("select error from audit.runs")
    assert [(each["event"], each["level"]) for each in told[-2:]] == [
        ("sync_ended", "error"),
        ("command_ended", "info"),
    ]
    assert (told[-2]["outcome"], told[-2]["error"]) == ("failed", error)
    assert told[-1]["exit_code"] == 1


def test_a_connection_that_cannot_begin_is_told_too(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator), wrong=octopush(simulator, page_sise=5))
    shell("sync", exit_code=1)
    told = lines(shell)
    ended = {each["connection"]: each for each in told if each["event"] == "sync_ended"}
    assert ended["hotline"]["outcome"] == "ok"
    assert ended["wrong"]["outcome"] == "failed"
    assert "unknown setting page_sise; did you mean page_size?" in ended["wrong"]["error"]


def test_what_ends_the_command_is_told(shell: Shell) -> None:
    (shell.folder / "talkhouse.duckdb").write_text("no database")
    said = shell("sync", exit_code=2).stderr
    [started, ended] = lines(shell)
    assert started["event"] == "command_started"
    assert (ended["event"], ended["level"], ended["exit_code"]) == ("command_ended", "error", 2)
    assert said == f"talkhouse: {ended['error']}\n"


def test_what_is_interrupted_is_told(shell: Shell, simulator: Simulator) -> None:
    simulator.faults.add(Fault("slow", path="/messages", times=None, seconds=0.5))
    running = shell.start("sync")
    wait_until(lambda: any("/messages" in request.path for request in simulator.requests))
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    of_sync, of_command = lines(shell)[-2:]
    assert (of_sync["event"], of_sync["outcome"]) == ("sync_ended", "interrupted")
    assert (of_command["event"], of_command["exit_code"]) == ("command_ended", 130)


@pytest.mark.deep
def test_build_and_publish_are_told(shell: Shell) -> None:
    shell("sync")
    (shell.folder / "talkhouse.jsonl").unlink()
    shell.environment |= {"DESTINATION__PUBLISH": "published.duckdb"}
    built = json.loads(shell("build", "--json").stdout)
    started, of_build, published, ended = lines(shell)
    assert (started["event"], started["command"]) == ("command_started", "build")
    assert of_build | {"at": "", "process_id": 0, "seconds": 0.0} == {
        "event": "build_ended",
        "at": "",
        "level": "info",
        "process_id": 0,
        "outcome": "ok",
        "models": len(built["models"]),
        "tests_passed": built["tests_passed"],
        "warnings": len(built["warnings"]),
        "failures": [],
        "models_skipped": 0,
        "seconds": 0.0,
    }
    assert (published["event"], published["outcome"]) == ("published", "ok")
    assert published["tables"] == len(built["publication"]["tables"])
    assert published["bytes"] == (shell.folder / "published.duckdb").stat().st_size
    assert ended["exit_code"] == 0


def test_what_is_erased_and_retained_is_told_without_whom(
    shell: Shell, simulator: Simulator
) -> None:
    shell.environment |= {"PRIVACY__KEY": "a secret of more than sixteen characters"}
    shell("sync")
    [(phone,)] = shell.rows(
        "select min(recipient_details__phone_number) from octopush.conversations"
    )
    shell("erase", "--phone", phone, "--yes")
    shell.environment |= {"RETENTION__CONVERSATIONS": "1d"}
    shell("retain", "--dry-run")
    shell("retain")
    told = lines(shell)
    [erased, retained] = [each for each in told if each["event"] == "rows_deleted"]
    assert erased["rows"]["octopush.conversations"] > 0
    assert retained["rows"]["octopush.conversations"] > 0
    ended = [each for each in told if each["event"] == "command_ended"]
    assert [(each["command"], each["exit_code"]) for each in ended] == [
        ("sync", 0),
        ("erase", 0),
        ("retain", 0),
    ]
    assert phone.lstrip("+") not in (shell.folder / "talkhouse.jsonl").read_text("utf-8")


def test_the_log_is_its_owners_and_goes_on(shell: Shell) -> None:
    shell("sync")
    once = len(lines(shell))
    shell("sync")
    assert len(lines(shell)) > once
    assert stat.S_IMODE((shell.folder / "talkhouse.jsonl").stat().st_mode) == 0o600


def test_a_dry_run_is_not_logged(shell: Shell) -> None:
    shell("sync", "--dry-run")
    assert "talkhouse.jsonl" not in shell.files()


def test_the_log_goes_to_standard_error_too(shell: Shell) -> None:
    shell.environment = {"LOGS__FILE": "-"}
    said = shell("sync").stderr.splitlines()
    told = [json.loads(line)["event"] for line in said if line.startswith("{")]
    assert told[0] == "command_started" and told[-1] == "command_ended"
    assert any(line.startswith("hotline: ") for line in said)


def test_a_log_that_cannot_be_written_is_said_once_and_stops_nothing(shell: Shell) -> None:
    shell.environment = {"LOGS__FILE": "nowhere/talkhouse.jsonl"}
    said = shell("sync").stderr
    assert said.count("nowhere/talkhouse.jsonl cannot be written: No such file or directory") == 1
    [(outcome,)] = shell.rows("select outcome from audit.runs")
    assert outcome == "ok"


def test_a_log_never_grows_beyond_its_six_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_log, "FILE_BYTES", 2_000)
    monkeypatch.setenv("LOGS__FILE", str(tmp_path / "talkhouse.jsonl"))
    for number in range(200):
        with logged():
            tell(AlertsSent(outcome="ok", alerts=number, error=""))
    files = sorted(tmp_path.iterdir(), key=lambda file: file.name)
    assert [file.name for file in files] == [
        "talkhouse.jsonl",
        *(f"talkhouse.jsonl.{number}" for number in range(1, 6)),
    ]
    assert all(file.stat().st_size <= 2_000 for file in files)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    last = files[0].read_text("utf-8").splitlines()[-1]
    assert json.loads(last)["alerts"] == 199


def typed(hint: Any) -> str:
    """A field's type in the document's words."""
    kinds = {"str": "text", "int": "number", "float": "seconds", "datetime": "time", "list": "list"}
    names = [each.__name__ for each in get_args(hint) or [hint]]
    if hint == list[str]:
        return "list of text"
    if hint == dict[str, int]:
        return "numbers by name"
    return kinds[names[0]] + (" or null" if "NoneType" in names else "")


def documented(event: type[Event]) -> str:
    """An event as the document has it."""
    hints = get_type_hints(event, include_extras=True)
    rows = [
        f"| `{field}` | {typed(hints[field].__origin__)} | {hints[field].__metadata__[0]} |"
        for field in event.__struct_fields__
        if field not in Event.__struct_fields__
    ]
    head = f"### `{event.__struct_config__.tag}`\n\n{' '.join((event.__doc__ or '').split())}\n"
    return "\n".join([head, *(["| field | | |", "|---|---|---|", *rows] if rows else [])])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_event_is_in_the_document(event: type[Event]) -> None:
    assert documented(event) in DOCUMENT.read_text("utf-8")


def test_the_document_has_no_event_that_is_not() -> None:
    named = re.findall(r"^### `(\w+)`$", DOCUMENT.read_text("utf-8"), re.M)
    assert named == [event.__struct_config__.tag for event in EVENTS]
