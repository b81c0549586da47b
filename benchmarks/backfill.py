"""A first sync of Chatwoot conversations into DuckDB, Talkhouse beside its peers, in one run.

    python benchmarks/backfill.py [--conversations 40000] [--runs 3] [--json FILE]

The server is the simulator's static mode: pages from memory, so that it is not what is measured.
Every run is a whole process with an empty folder, the tools in turn, so that a machine whose speed
drifts is as unfair to one as to the other. Memory is that of the process and its children together,
each page that they share counted once (PSS), sampled in a run of its own, since it takes time.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

HERE = Path(__file__).parent
TOOLS = {
    "talkhouse": "ours_sync.py",
    "dlt rest_api, parquet": "peer_dlt_rest_api.py",
    "bare limit: fetch and decode": "bare_limit.py",
}
# telemetry would ask the network; compiled modules are kept, as wherever the tools are at home
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
} | {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def memory_bytes(pid: int) -> int:
    """Proportional memory of the process and its descendants; 0 for what is gone."""
    total = 0
    try:
        for each in family(pid):
            for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    except OSError:
        return 0
    return total


@contextmanager
def served(conversations: int, latency: float = 0.0) -> Iterator[str]:
    """The address of a Chatwoot with so many conversations, each answer so many seconds late."""
    server = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--static", "--port", "0"]
        + ["--conversations", str(conversations), "--latency", str(latency)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    try:
        yield server.stdout.readline().strip() + "/chatwoot"
    finally:
        server.terminate()
        server.wait()


def run(script: str, base_url: str, folder: Path, *more: str, memory: bool) -> dict[str, float]:
    """One run of a tool: wall and processor seconds, or its peak memory; rows, bytes on disk, and
    what the tool itself says.
    """
    file = folder / "bench.duckdb"
    before = os.times()
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, str(HERE / script), base_url, str(file), str(folder / "work"), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    peak = 0
    while memory and process.poll() is None:
        peak = max(peak, memory_bytes(process.pid))
        time.sleep(0.02)
    said, failure = process.communicate()
    wall = time.perf_counter() - began
    after = os.times()
    if process.returncode:
        sys.exit(f"{script} failed: {failure.decode()[-2000:]}")
    made: dict[str, float] = {
        "wall_seconds": wall,
        "processor_seconds": after.children_user
        + after.children_system
        - before.children_user
        - before.children_system,
        "peak_megabytes": peak / 1e6,
        **json.loads(said or "{}"),
    }
    if file.exists():
        made["file_megabytes"] = file.stat().st_size / 1e6
        with duckdb.connect(file, read_only=True) as connection:
            counted = connection.execute("select count(*) from chatwoot.conversations").fetchone()
            made["conversations"] = counted[0] if counted else 0
    return made


def first_run(script: str, base_url: str, *more: str, memory: bool) -> dict[str, float]:
    """One run of a tool in an empty folder."""
    with TemporaryDirectory(prefix="talkhouse-bench-") as folder:
        return run(script, base_url, Path(folder), *more, memory=memory)


def check_rows(name: str, made: dict[str, float], conversations: int) -> None:
    """Ends the benchmark if the run did not load what there is."""
    if made.get("conversations", conversations) != conversations:
        sys.exit(f"{name} loaded {made['conversations']:.0f} of {conversations}")


def about(conversations: str) -> str:
    """What was measured on, for the line above a table."""
    return (
        f"\n{conversations} conversations, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, dlt {version('dlt')}, duckdb {version('duckdb')}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--conversations", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in TOOLS}
    with served(asked.conversations) as base_url:
        peaks = {
            name: first_run(script, base_url, memory=True)["peak_megabytes"]
            for name, script in TOOLS.items()
        }
        for _ in range(asked.runs):
            for name, script in TOOLS.items():
                made = first_run(script, base_url, memory=False)
                check_rows(name, made, asked.conversations)
                runs[name].append({**made, "peak_megabytes": peaks[name]})
                print(name, {k: round(v, 2) for k, v in runs[name][-1].items()}, flush=True)
    report(runs, asked.conversations, asked.json)


def report(runs: dict[str, list[dict[str, float]]], conversations: int, to: Path | None) -> None:
    ours = [run["wall_seconds"] for run in runs["talkhouse"]]
    print(f"{about(f'{conversations:,}')}; median (least to most)\n")
    print("| tool | wall s | times ours, run by run | rows/s | processor s | peak MB | file MB |")
    print("|---|---|---|---|---|---|---|")
    for name, measured in runs.items():
        walls = [run["wall_seconds"] for run in measured]
        ratios = [theirs / our for theirs, our in zip(walls, ours, strict=True)]
        mb = max(run["peak_megabytes"] for run in measured)
        cpu = statistics.median(run["processor_seconds"] for run in measured)
        rate = conversations / statistics.median(walls)
        disk = statistics.median(run.get("file_megabytes", 0) for run in measured)
        print(
            f"| {name} | {spread(walls)} | {spread(ratios)} "
            f"| {rate:,.0f} | {cpu:.1f} | {mb:.0f} | {disk:.0f} |"
        )
    if to:
        to.write_text(
            json.dumps(
                {"conversations": conversations, "cores": os.cpu_count(), "runs": runs}, indent=1
            )
        )


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
