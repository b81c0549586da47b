"""Processes that begin at once: forks of a server that has imported what a command will need.

The server's environment is bare, and nothing there has looked for settings: a fork finds its own,
as a process does that begins with nothing.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, get_context
from pathlib import Path
from signal import SIGINT, default_int_handler, signal
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory
from unittest.mock import patch

import stamina

import talkhouse
from talkhouse.sources.registry import PROVIDERS

PACKAGES = str(Path(talkhouse.__file__).parent.parent)
"""Where the packages are that these tests import: their processes are to run the same."""

processes = get_context("forkserver")
processes.set_forkserver_preload(
    ["pytest", "hypothesis", "stamina", "httpcore", "h11", "pytz", "pyarrow.parquet"]
    + ["talkhouse.simulator"]
    + ["dlt.common.libs.pyarrow", "dlt.destinations.impl.duckdb.duck"]
    + [
        "dlt.destinations.impl.postgres.postgres",
        "talkhouse.pipelines.warehouse.postgres.parquet_copy",
    ]
    + [
        "talkhouse.pipelines.cli.commands",
        "talkhouse.pipelines.syncing.load_chunk",
        "talkhouse.pipelines.syncing.load_package",
        "talkhouse.pipelines.syncing.sync_messages",
        "talkhouse.pipelines.syncing.tombstones",
    ]
    + [
        "talkhouse.pipelines.analytics.build",
        "talkhouse.pipelines.alerts.send",
        "talkhouse.pipelines.monitoring.status_screen",
        "talkhouse.pipelines.analytics.publish",
    ]
    + [
        "talkhouse.pipelines.syncing.cost_estimate",
        "talkhouse.pipelines.settings.check",
        "talkhouse.sources.dlt_source.resources",
    ]
    + ["dbt.cli.main", "dbt.adapters.duckdb", "dbt.adapters.postgres"]
    + [f"talkhouse.sources.{name}" for name in PROVIDERS]
)


KEPT = ("PATH", "TMPDIR", "COVERAGE_PROCESS_CONFIG")
"""What a process needs of our environment, wherever it runs; the last if coverage is measured."""
LONGEST_SECONDS = 240.0


def kept_environment() -> dict[str, str]:
    """The environment that a process begins with."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": PACKAGES}


def start_server() -> None:
    """Starts the server that processes are forked from, if it is not running."""
    asked = {name: value for name, value in os.environ.items() if name.startswith("TALKHOUSE_")}
    with patch.dict(os.environ, {**kept_environment(), **asked}, clear=True):
        forkserver.ensure_running()


def stop_server() -> None:
    """Stops it, and waits until it has ended: what it measured is then written."""
    forkserver._forkserver._stop()


def talkhouse(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> CompletedProcess[str]:
    """Runs the command line in a fork, as `subprocess.run` would run the program."""
    start_server()
    with TemporaryDirectory() as said:
        files = [Path(said) / name for name in ("stdout", "stderr")]
        asked = (arguments, folder, dict(environment), our_umask(), files)
        process = processes.Process(target=_talkhouse, args=asked)
        process.start()
        process.join(LONGEST_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
        exit_code = process.exitcode
        process.close()
        out, err = (file.read_text("utf-8") for file in files)
    assert exit_code is not None
    return CompletedProcess(["talkhouse", *arguments], exit_code, out, err)


def our_umask() -> int:
    """It can only be read by setting another."""
    ours = os.umask(0o077)
    os.umask(ours)
    return ours


def _talkhouse(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    umask: int,
    files: Sequence[Path],
) -> None:
    # the shell that started us may ignore it, as `nohup` and `&` do
    signal(SIGINT, default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os.umask(umask)
    for file, number in zip(files, (1, 2), strict=True):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", line_buffering=False)  # type: ignore[union-attr]
    assert PACKAGES == environment["PYTHONPATH"], "the fork has other packages than the tests"
    from talkhouse.pipelines.cli.commands import app

    # retries do not wait, and are as many as ever
    stamina.set_testing(True, attempts=1_000, cap=True)
    sys.argv = ["talkhouse", *arguments]
    app()
