"""Metrics: what a sync did, whole, in files for node_exporter and at a real receiver."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.receiving import Receiver, receiving
from support.repository import ROOT
from support.shell import Shell, chatwoot, octopush, wait_until
from talkhouse.pipelines.monitoring.metrics import METRICS, STANDING
from talkhouse.simulator import Fault, Simulator

DOCUMENT = ROOT / "docs/observability.md"
OF_BUILDS = ("talkhouse_build_", "talkhouse_publish_")
Samples = dict[str, dict[tuple[str, ...], float]]


@pytest.fixture
def shell(tmp_path: Path, simulator: Simulator) -> Shell:
    shell = Shell(tmp_path / "shop", tmp_path / "home")
    shell.configure(hotline=octopush(simulator))
    (shell.folder / "node").mkdir()
    shell.environment = {"METRICS__TEXTFILES": "node"}
    return shell


@pytest.fixture
def gateway() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def parsed(text: str) -> Samples:
    """Every sample, by its metric and the values of its labels, in the order of their names. Each
    metric is checked to be one that is declared.
    """
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert (family.type, family.documentation) == ("gauge", METRICS[family.name])
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def measured(shell: Shell, name: str = "sync_hotline") -> Samples:
    return parsed((shell.folder / f"node/talkhouse_{name}.prom").read_text("utf-8"))


def of_lists(outcome: dict[str, Any], field: str) -> dict[tuple[str, ...], float]:
    """A figure of each list that has it, as its samples should be."""
    return {
        ("hotline", name, "octopush"): float(values[field])
        for name, values in outcome["lists"].items()
        if values[field] is not None
    }


def test_a_sync_is_measured_whole(shell: Shell, simulator: Simulator) -> None:
    # a row is not as declared; and some threads are left, since the budget ends
    simulator.faults.add(Fault("wrong_type", path="/agents", times=1, field="name", value=5))
    before = datetime.now(UTC).timestamp()
    [outcome] = json.loads(shell("sync", "--json", "--message-budget", "3").stdout)
    found = measured(shell)
    own = ("hotline", "octopush")
    [(ended_at,)] = shell.rows("select epoch_us(ended_at) / 1e6 from audit.runs")
    [(agents, conversations)] = shell.rows(
        "select sum(requests) filter (list = 'agents'), "
        "sum(requests) filter (list = 'conversations') from audit.scans"
    )
    [(drifted, rejected)] = shell.rows(
        "select (select count(*) from octopush.drift), (select count(*) from octopush.rejects)"
    )
    [(read_at,)] = shell.rows("select max(epoch(watermark)) from audit.scans")
    [(left,)] = shell.rows("select rows_left from audit.scans where list = 'messages'")
    assert left > 0 and drifted > 0
    [last_run] = found.pop("talkhouse_sync_last_run_timestamp_seconds").values()
    assert before < ended_at <= last_run <= datetime.now(UTC).timestamp()
    [seconds] = found.pop("talkhouse_sync_duration_seconds").values()
    assert round(seconds, 3) == outcome["seconds"]
    took = found.pop("talkhouse_list_duration_seconds")
    assert took.keys() == of_lists(outcome, "rows").keys()
    assert all(0 < each < seconds for each in took.values())
    assert found == {
        "talkhouse_sync_last_success_timestamp_seconds": {own: ended_at},
        "talkhouse_sync_success": {own: 1},
        "talkhouse_sync_requests": {own: outcome["requests"]},
        "talkhouse_sync_throttled_seconds": {own: outcome["waited_seconds"]},
        "talkhouse_sync_rows_loaded": {
            (*own, table): rows for table, rows in outcome["rows"].items()
        },
        "talkhouse_list_complete_as_of_timestamp_seconds": {
            ("hotline", name, "octopush"): read_at for name in ("agents", "conversations")
        },
        "talkhouse_list_finished": of_lists(outcome, "finished"),
        "talkhouse_list_requests": {
            ("hotline", "agents", "octopush"): agents,
            ("hotline", "conversations", "octopush"): conversations,
            ("hotline", "messages", "octopush"): 3,
        },
        "talkhouse_list_throttled_seconds": dict.fromkeys(took, 0.0),
        "talkhouse_list_rows_read": of_lists(outcome, "rows"),
        "talkhouse_list_rows_new": of_lists(outcome, "new"),
        "talkhouse_list_rows_changed": of_lists(outcome, "changed"),
        "talkhouse_list_rows_deleted": of_lists(outcome, "deleted"),
        "talkhouse_list_rows_quarantined": dict.fromkeys(took, 0.0),
        "talkhouse_threads_left": {own: left},
        "talkhouse_drift_fields": {own: drifted},
        "talkhouse_rejected_rows": {own: rejected},
    }
    assert measured(shell).keys() == {each for each in METRICS if not each.startswith(OF_BUILDS)}


def test_a_failure_keeps_what_still_holds(shell: Shell, simulator: Simulator) -> None:
    shell("sync")
    well = measured(shell)
    simulator.faults.add(Fault("status", status=401, times=None))
    shell("sync", exit_code=1)
    failed = measured(shell)
    assert failed["talkhouse_sync_success"] == {("hotline", "octopush"): 0}
    for kept in (
        "talkhouse_sync_last_success_timestamp_seconds",
        "talkhouse_list_complete_as_of_timestamp_seconds",
        "talkhouse_threads_left",
    ):
        assert failed[kept] == well[kept]
    [before], [after] = (
        each["talkhouse_sync_last_run_timestamp_seconds"].values() for each in (well, failed)
    )
    assert before < after


@pytest.mark.parametrize("why", ["warehouse", "settings"])
def test_what_cannot_be_asked_stays_as_it_was(
    shell: Shell, simulator: Simulator, gateway: Receiver, why: str
) -> None:
    other = octopush(simulator, messages=False)
    shell.configure(hotline=octopush(simulator), other=other)
    shell.environment |= {"METRICS__PUSH": gateway.url}
    shell("sync")
    well = measured(shell)
    gateway.sent.clear()
    if why == "warehouse":
        (shell.folder / "talkhouse.duckdb").write_bytes(b"no database" * 1_000)
        shell("sync", exit_code=2)
    else:
        shell.configure(hotline=octopush(simulator, page_sise=5), other=other)
        shell("sync", exit_code=1)
    out = measured(shell)
    assert out["talkhouse_sync_success"] == {("hotline", "octopush"): 0}
    assert {name: out[name] for name in STANDING} == {name: well[name] for name in STANDING}
    # POST leaves at the Pushgateway what it does not name
    [pushed] = [each for each in gateway.sent if "/connection/hotline/" in each.path]
    assert pushed.method == "POST"


def test_each_connection_has_a_file_to_itself(shell: Shell, simulator: Simulator) -> None:
    shell.configure(
        hotline=octopush(simulator, messages=False),
        shop=chatwoot(simulator, messages=False),
        wrong=octopush(simulator, page_sise=5),
    )
    shell("sync", exit_code=1)
    before = measured(shell, "sync_shop")
    shell("sync", "hotline")
    assert measured(shell, "sync_shop") == before
    wrong = measured(shell, "sync_wrong")
    assert wrong["talkhouse_sync_success"] == {("wrong", "octopush"): 0}
    names = {file.name for file in (shell.folder / "node").iterdir()}
    assert names == {f"talkhouse_sync_{each}.prom" for each in ("hotline", "shop", "wrong")}


@pytest.mark.parametrize("how", ["dry run", "busy"])
def test_what_did_not_sync_changes_nothing(shell: Shell, simulator: Simulator, how: str) -> None:
    shell("sync")
    before = measured(shell)
    if how == "dry run":
        shell("sync", "--dry-run")
        assert measured(shell) == before
        return
    # longer than a sync waits for the file
    simulator.faults.add(Fault("slow", times=None, seconds=4))
    seen = len(simulator.requests)
    running = shell.start("sync", "--full")
    wait_until(lambda: len(simulator.requests) > seen)
    shell("sync", exit_code=75)
    assert measured(shell) == before
    simulator.faults.clear()
    running.communicate(timeout=60)


@pytest.mark.deep
def test_build_and_publication_are_measured(shell: Shell) -> None:
    shell("sync")
    shell.environment |= {"DESTINATION__PUBLISH": "published.duckdb"}
    built = json.loads(shell("build", "--json").stdout)
    found = measured(shell, "build") | measured(shell, "publish")
    timestamps = [name for name in found if name.endswith("_timestamp_seconds")]
    assert len(timestamps) == 2
    for name in timestamps:
        del found[name]
    assert {name: value for name, samples in found.items() for value in samples.values()} == {
        "talkhouse_build_success": 1,
        "talkhouse_build_duration_seconds": built["seconds"],
        "talkhouse_build_models": len(built["models"]),
        "talkhouse_build_tests_passed": built["tests_passed"],
        "talkhouse_build_warnings": len(built["warnings"]),
        "talkhouse_build_failures": 0,
        "talkhouse_publish_success": 1,
        "talkhouse_publish_tables": len(built["publication"]["tables"]),
        "talkhouse_publish_bytes": (shell.folder / "published.duckdb").stat().st_size,
    }
    assert {*found, *timestamps} == {each for each in METRICS if each.startswith(OF_BUILDS)}


def test_what_is_pushed_is_what_is_written(shell: Shell, gateway: Receiver) -> None:
    shell.environment |= {"METRICS__PUSH": f"http://talkhouse:p%40ss@{gateway.host}/gateway"}
    shell("sync")
    [sent] = gateway.sent
    assert sent.method == "PUT"
    assert sent.path == "/gateway/metrics/job/talkhouse/connection/hotline/task/sync"
    assert sent.headers["authorization"] == f"Basic {b64encode(b'talkhouse:p@ss').decode()}"
    assert parsed(sent.body.decode()) == measured(shell)


def test_a_gateway_that_refuses_is_told_once_and_stops_nothing(
    shell: Shell, simulator: Simulator, gateway: Receiver
) -> None:
    shell.configure(one=octopush(simulator), two=octopush(simulator))
    gateway.status = 400
    shell.environment |= {"METRICS__PUSH": f"http://talkhouse:secret@{gateway.host}/a-path"}
    told = shell("sync").stderr
    assert told.count("talkhouse: the metrics were not pushed: the Pushgateway answered 400\n") == 1
    assert not re.search("secret|a-path", told)
    assert len(gateway.sent) == 1
    assert measured(shell, "sync_two")["talkhouse_sync_success"] == {("two", "octopush"): 1}


def test_a_gateway_that_is_gone_is_told_and_stops_nothing(shell: Shell) -> None:
    with receiving() as gone:
        host = gone.host
    shell.environment |= {"METRICS__PUSH": f"http://talkhouse:secret@{host}/a-path"}
    told = shell("sync").stderr
    assert "talkhouse: the metrics were not pushed: ConnectError\n" in told
    assert not re.search("secret|a-path", told)


def test_a_folder_that_is_not_there_is_told_and_stops_nothing(shell: Shell) -> None:
    shell.environment = {"METRICS__TEXTFILES": "nowhere"}
    told = shell("sync").stderr
    file = "nowhere/talkhouse_sync_hotline.prom"
    assert f"talkhouse: {file} cannot be written: No such file or directory\n" in told


@pytest.mark.parametrize("address", ["the-gateway", "https://", "http://[::1", "http://a:b:c/"])
def test_what_is_no_address_is_refused(shell: Shell, address: str) -> None:
    shell.environment = {"METRICS__PUSH": address}
    for command in ("sync", "build"):
        assert "metrics.push is no address" in shell(command, exit_code=2).stderr


def test_every_metric_is_in_the_document() -> None:
    _, _, section = DOCUMENT.read_text("utf-8").partition("## Metrics")
    named = re.findall(r"^\| `(talkhouse_\w+)` \| .* \| (.+) \|$", section, re.M)
    assert dict(named) == METRICS
