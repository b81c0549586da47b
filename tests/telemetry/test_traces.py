"""Traces: the spans that a real receiver gets, and what dlt keeps of its own."""

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from support.account import Account
from support.postgres_server import Server
from support.receiving import Receiver, receiving
from support.shell import Shell, octopush
from talkhouse.pipelines.warehouse.postgres.database import PostgresWarehouse
from talkhouse.simulator import Fault, Simulator


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def shell(tmp_path: Path, simulator: Simulator, collector: Receiver) -> Shell:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    shell.configure(hotline=octopush(simulator))
    shell.environment = {
        "LOGS__FILE": "talkhouse.jsonl",
        "TRACES__ENDPOINT": f"http://{collector.host}/v1/traces",
    }
    return shell


def of(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return (
        [of(each) for each in value.array_value.values]
        if kind == "array_value"
        else getattr(value, str(kind))
    )


def attributes(of_span: Any) -> dict[str, Any]:
    found: list[KeyValue] = list(of_span.attributes)
    return {each.key.removeprefix("talkhouse."): of(each.value) for each in found}


def spans(collector: Receiver) -> list[Span]:
    """The spans of the one command that sent any."""
    [sent] = collector.sent
    assert (sent.method, sent.path) == ("POST", "/v1/traces")
    [resource] = ExportTraceServiceRequest.FromString(sent.body).resource_spans
    assert attributes(resource.resource)["service.name"] == "talkhouse"
    return [span for scope in resource.scope_spans for span in scope.spans]


def logged(shell: Shell) -> list[dict[str, Any]]:
    lines = (shell.folder / "talkhouse.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def at_of(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


def test_a_sync_is_traced_as_it_is_logged(shell: Shell, collector: Receiver) -> None:
    shell("sync")
    found = spans(collector)
    ids = {span.span_id: span.name for span in found}
    assert len({span.trace_id for span in found}) == 1
    assert {(span.name, ids.get(span.parent_span_id)) for span in found} == {
        ("talkhouse sync", None),
        ("sync", "talkhouse sync"),
        ("chunk_loaded", "sync"),
        ("list_read", "sync"),
    }
    ended = {"talkhouse sync": "command_ended", "sync": "sync_ended"}
    began = {each["event"]: at_of(each) for each in logged(shell) if "seconds" not in each}
    told = [each for each in logged(shell) if "seconds" in each]
    assert [ended.get(span.name, span.name) for span in found] == [each["event"] for each in told]
    for span, event in zip(found, told, strict=True):
        at, seconds = at_of(event), event.pop("seconds")
        assert span.end_time_unix_nano / 1e9 == pytest.approx(at, abs=1e-5)
        began_at = began.get(event["event"].replace("_ended", "_started"), at - seconds)
        assert span.start_time_unix_nano / 1e9 == pytest.approx(began_at, abs=1e-5)
        for name in ("event", "at", "level", "process_id", "error"):
            event.pop(name, None)
        rows = event.pop("rows", {})
        event |= {f"rows.{table}": count for table, count in rows.items()}
        assert attributes(span) == {k: v for k, v in event.items() if v is not None}
        assert span.status.code == Status.STATUS_CODE_UNSET


def test_what_happens_in_a_span_is_within_its_time(shell: Shell, collector: Receiver) -> None:
    shell("sync")
    found = spans(collector)
    by_id = {span.span_id: span for span in found}
    for span in found:
        if parent := by_id.get(span.parent_span_id):
            assert parent.start_time_unix_nano <= span.start_time_unix_nano
            assert span.end_time_unix_nano <= parent.end_time_unix_nano


def test_what_fails_is_marked_and_its_message_stays_in_the_log(
    shell: Shell, simulator: Simulator, collector: Receiver
) -> None:
    simulator.faults.add(Fault("status", path="/agents", status=401))
    shell("sync", exit_code=1)
    marked = {
        each.name for each in spans(collector) if each.status.code == Status.STATUS_CODE_ERROR
    }
    assert marked == {"sync", "talkhouse sync"}
    [error] = [each["error"] for each in logged(shell) if each["event"] == "sync_ended"]
    assert "/agents" in error
    assert b"/agents" not in collector.sent[0].body


@pytest.mark.deep
def test_a_build_is_traced(shell: Shell, collector: Receiver) -> None:
    shell("sync")
    collector.sent.clear()
    built = json.loads(shell("build", "--json").stdout)
    build, command = spans(collector)
    assert (build.name, command.name) == ("build", "talkhouse build")
    assert build.parent_span_id == command.span_id
    assert attributes(build)["models"] == len(built["models"])
    took = (build.end_time_unix_nano - build.start_time_unix_nano) / 1e9
    assert took == pytest.approx(built["seconds"], abs=0.001)


def test_an_alert_is_an_event_of_the_command(
    shell: Shell, simulator: Simulator, collector: Receiver
) -> None:
    simulator.faults.add(Fault("status", status=401, times=None))
    with receiving() as webhook:
        shell.environment |= {"ALERTS__WEBHOOK": f"http://{webhook.host}/hook"}
        shell("sync", exit_code=1)
    [command] = [span for span in spans(collector) if span.name == "talkhouse sync"]
    [event] = command.events
    assert event.name == "alerts_sent"
    assert attributes(event) == {"outcome": "ok", "alerts": 1}


def test_headers_are_sent_and_never_told(shell: Shell, collector: Receiver) -> None:
    shell.environment |= {"TRACES__HEADERS": "x-key=canary-key,x-tenant=shop%201"}
    shell("sync")
    [sent] = collector.sent
    assert (sent.headers["x-key"], sent.headers["x-tenant"]) == ("canary-key", "shop 1")
    collector.status = 403
    told = shell("sync").stderr
    assert "talkhouse: the traces were not delivered: traces.endpoint refused them" in told
    assert "canary-key" not in told
    shell.environment |= {"TRACES__HEADERS": "canary-key"}
    told = shell("sync", exit_code=2).stderr
    assert told == "talkhouse: traces.headers: write them as name=value,name=value\n"


def test_a_collector_that_is_gone_is_told_and_stops_nothing(shell: Shell) -> None:
    with receiving() as gone:
        host = gone.host
    shell.environment |= {"TRACES__ENDPOINT": f"http://{host}/a-path"}
    told = shell("sync").stderr
    assert told.count("the traces were not delivered") == 1
    assert not re.search("a-path|Traceback|HTTPConnection", told)
    [(outcome,)] = shell.rows("select outcome from audit.runs")
    assert outcome == "ok"


def test_what_is_no_address_is_refused(shell: Shell) -> None:
    shell.environment = {"TRACES__ENDPOINT": "collector:4318"}
    assert "traces.endpoint is no address" in shell("sync", exit_code=2).stderr


RUN = """\
import sys
from talkhouse.pipelines.cli.commands import app
try:
    app(["sync"])
finally:
    dear = {"prometheus_client.exposition", "opentelemetry.sdk", "psycopg2"}
    print(*sorted(dear & sys.modules.keys()))
"""


def test_who_configures_nothing_imports_nothing(shell: Shell) -> None:
    def imported() -> str:
        command = shell.command("talkhouse") | {"args": [sys.executable, "-c", RUN]}
        done = subprocess.run(**command, timeout=120)
        assert done.returncode == 0, done.stderr
        return str(done.stdout.splitlines()[-1])

    shell.environment |= {"METRICS__TEXTFILES": "."}
    assert imported() == "opentelemetry.sdk prometheus_client.exposition"
    shell.environment = {}
    assert imported() == ""


def test_the_trace_of_dlt_is_kept(shell: Shell, simulator: Simulator) -> None:
    shell("sync")
    asked = ("pipeline", "--pipelines-dir", ".dlt/pipelines", "hotline", "trace")
    told = shell.program("dlt", *asked).stdout
    assert "Step load COMPLETED" in told
    [(messages,)] = shell.rows("select count(*) from octopush.messages")
    assert f"- messages: {messages} row(s)" in told


@pytest.mark.both_destinations
def test_the_trace_of_dlt_quotes_no_row(account_of: Callable[..., Account]) -> None:
    account = account_of("octopush")
    account.synced()
    # what the database says of it quotes the text that is no number
    account.warehouse.execute("update octopush.messages set text = null")
    kind = "alter table octopush.messages alter column text type integer"
    postgres = isinstance(account.warehouse, PostgresWarehouse)
    account.warehouse.execute(kind + (" using text::integer" if postgres else ""))
    account.later()
    account.converse()
    account.later()
    assert account.sync().error.startswith("loading failed")
    [text] = [
        message.content
        for message in account.world.messages.values()
        if message.id == max(account.world.messages)
    ]
    trace = (account.folder / "shop/trace.pickle").read_bytes()
    assert str(text).encode() not in trace
    told = str(pickle.loads(trace))
    assert "Step load FAILED" in told
    assert re.search(r"DatabaseTerminalException.*; `talkhouse runs` says more", told)


def test_the_trace_of_dlt_has_no_password(
    postgres: Server, simulator: Simulator, tmp_path: Path
) -> None:
    with postgres.database(password="canary-of-postgres") as database:
        with database.open() as warehouse:
            Account(simulator, "octopush", warehouse, tmp_path, "shop").synced()
    trace = (tmp_path / "shop/trace.pickle").read_bytes()
    assert b"dlt.destinations.postgres" in trace
    assert b"canary-of-postgres" not in trace
