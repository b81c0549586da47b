"""`talkhouse runs`: the syncs that were, and what one of them did and why."""

import json
import re

from support.shell import Shell, octopush
from talkhouse.simulator import Fault, Simulator


def test_no_run_is_told(shell: Shell) -> None:
    assert "`talkhouse sync` makes one" in shell("runs", exit_code=2).stderr


def test_runs_are_listed_newest_first(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    simulator.faults.add(Fault("status", path="/conversations/list", status=401))
    shell("sync", exit_code=1)
    listed = json.loads(shell("runs", "--json").stdout)
    assert [(run["account"], run["outcome"]) for run in listed] == [
        ("hotline", "failed"),
        ("hotline", "ok"),
    ]
    [latest] = json.loads(shell("runs", "--limit", "1", "--json").stdout)
    assert latest == listed[0]
    assert "answered 401" in latest["error"]
    assert re.search(r"hotline .* failed: octopush: GET", shell("runs").stdout)


def test_a_run_is_explained_list_by_list(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    [(run_id, rows)] = shell.rows("select run_id, rows_loaded from audit.runs")
    told = shell("runs", "show", run_id).stdout
    here = len(simulator.world.served("octopush"))
    assert told.startswith(f"{run_id}: hotline (octopush), ok\n")
    assert f"{rows} rows loaded" in told
    assert "  conversations: full (to its end: it was due, or --full)" in told
    assert f" rows seen, {here} new\n" in told
    shown = json.loads(shell("runs", "show", run_id[:12], "--json").stdout)
    assert shown["run"]["run_id"] == run_id
    assert {scan["list"] for scan in shown["scans"]} == {"conversations", "agents", "messages"}


def test_an_id_that_is_no_runs_is_refused(shell: Shell, simulator: Simulator) -> None:
    shell.configure(hotline=octopush(simulator))
    shell("sync")
    told = shell("runs", "show", "1999", exit_code=2).stderr
    assert "no runs have an id that begins with 1999" in told
