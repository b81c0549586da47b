"""A first sync of Chatwoot conversations, Talkhouse beside its peers, in one run.

    python benchmarks/backfill.py [--into postgres] [--conversations 40000] [--latency 0.05]
                                  [--runs 3] [--tools NAME...] [--environments FOLDER] [--json FILE]

The server is the simulator's static mode: pages from memory, so that it is not what is measured.
Every run is a whole process with an empty folder or database, the tools in turn, so that a machine
whose speed drifts is as unfair to one as to the other. Memory is that of the process and its
children together, each page that they share counted once (PSS), sampled in a run of its own, since
it takes time; a Postgres server's is not in it, nor is its time.

`meltano` and `airbyte` need environments of their own, which are made in the folder that is given.
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
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

import duckdb
import httpx
import psycopg2
from environments import python_of

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests"))


@dataclass(frozen=True)
class Tool:
    """What is run, with what arguments after the usual ones, in whose environment if not ours."""

    script: str
    more: tuple[str, ...] = ()
    environment: str = ""


DLT = "peer_dlt_rest_api.py"
TOOLS = {
    "talkhouse": Tool("ours_sync.py"),
    "dlt parquet": Tool(DLT),
    "dlt parquet, nested as JSON": Tool(DLT, ("parquet", "0")),
    "dlt csv": Tool(DLT, ("csv",)),
    "dlt default": Tool(DLT, ("default",)),
    "meltano": Tool("peer_meltano.py", (), "meltano"),
    "airbyte": Tool("peer_airbyte.py", (), "airbyte"),
    "bare: fetch, decode": Tool("bare_limit.py"),
    "bare: fetch, decode, insert": Tool("bare_limit.py", ("load",)),
}
USUAL = ["talkhouse", "dlt parquet", "bare: fetch, decode, insert"]
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
def served(conversations: int, latency: float = 0.0, rounds: int = 1) -> Iterator[str]:
    """The address of a Chatwoot with so many conversations, each answer so many seconds late, and
    threads so many times as long.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "talkhouse.simulator", "--static", "--port", "0"]
        + ["--conversations", str(conversations), "--latency", str(latency)]
        + ["--rounds", str(rounds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout
    try:
        yield server.stdout.readline().strip() + "/chatwoot"
    finally:
        server.terminate()
        server.wait()


def run(
    script: str,
    base_url: str,
    folder: Path,
    *more: str,
    memory: bool,
    to: str = "",
    python: Path = Path(sys.executable),
) -> dict[str, Any]:
    """One run of a tool: wall and processor seconds, or its peak memory; rows, bytes on disk, and
    what the tool itself says. It loads into a DuckDB file in the folder, or into `to`.
    """
    file = folder / "bench.duckdb"
    asked_before, before = requests_of(base_url), os.times()
    began = time.perf_counter()
    peak = 0
    # files, not pipes: nobody reads while memory is sampled, and a tool that says much would wait
    with TemporaryFile() as said, TemporaryFile() as failure:
        process = subprocess.Popen(
            [python, str(HERE / script), base_url, to or str(file), str(folder / "work"), *more],
            stdout=said,
            stderr=failure,
            env=ENVIRONMENT,
        )
        while memory and process.poll() is None:
            peak = max(peak, memory_bytes(process.pid))
            time.sleep(0.02)
        process.wait()
        answer, trouble = (_read(each) for each in (said, failure))
    wall = time.perf_counter() - began
    after = os.times()
    if process.returncode:
        sys.exit(f"{script} failed: {trouble[-2000:]}")
    made: dict[str, Any] = {
        "wall_seconds": wall,
        "processor_seconds": after.children_user
        + after.children_system
        - before.children_user
        - before.children_system,
        "peak_megabytes": peak / 1e6,
        "requests_served": requests_of(base_url) - asked_before,
    }
    if script == "ours_sync.py":
        made |= json.loads(answer)
    if to:
        made |= in_postgres(to)
    elif file.exists():
        with duckdb.connect(file, read_only=True) as connection:
            counted = connection.execute("select count(*) from chatwoot.conversations").fetchone()
        made["conversations"] = counted[0] if counted else 0
        made["disk_megabytes"] = file.stat().st_size / 1e6
    return made


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def requests_of(base_url: str) -> int:
    """How many requests the server has had, whoever asked."""
    return int(httpx.get(base_url.removesuffix("/chatwoot") + "/requests").text)


def in_postgres(url: str) -> dict[str, Any]:
    """How many conversations are in a database, and how large it is."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("select to_regclass('chatwoot.conversations') is not null")
        if cursor.fetchone() == (False,):
            return {}
        cursor.execute(
            "select count(*), pg_database_size(current_database()) from chatwoot.conversations"
        )
        count, size = cursor.fetchone() or (0, 0)
    return {"conversations": count, "disk_megabytes": size / 1e6}


def first_run(script: str, base_url: str, *more: str, **how: Any) -> dict[str, Any]:
    """One run of a tool in an empty folder."""
    with TemporaryDirectory(prefix="talkhouse-bench-") as folder:
        return run(script, base_url, Path(folder), *more, **how)


def check_rows(name: str, made: dict[str, Any], conversations: int) -> None:
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
    parser.add_argument("--into", choices=["duckdb", "postgres"], default="duckdb")
    parser.add_argument("--conversations", type=int, default=40_000)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tools", nargs="+", choices=TOOLS, default=USUAL)
    parser.add_argument("--environments", type=Path, default=Path(".venv/peers"))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in asked.tools}
    peaks: dict[str, float] = {}
    with served(asked.conversations, asked.latency) as base_url, databases(asked.into) as database:
        for nth in range(asked.runs + 1):
            for name in asked.tools:
                tool, python = TOOLS[name], Path(sys.executable)
                if tool.environment:
                    python = python_of(tool.environment, asked.environments)
                with database() as to:
                    made = first_run(
                        tool.script, base_url, *tool.more, memory=nth == 0, to=to, python=python
                    )
                check_rows(name, made, asked.conversations)
                if nth == 0:  # memory alone
                    peaks[name] = made["peak_megabytes"]
                    continue
                runs[name].append({**made, "peak_megabytes": peaks[name]})
                print(name, {k: round(v, 2) for k, v in runs[name][-1].items()}, flush=True)
    late = f", {asked.latency * 1000:.0f} ms a request" if asked.latency else ""
    print(about(f"{asked.conversations:,}"), f"into {asked.into}{late}; median (least to most)\n")
    report(runs, asked.conversations)
    if asked.json:
        ours = [run["wall_seconds"] for run in next(iter(runs.values()))]
        ratios = {
            name: [run["wall_seconds"] / our for run, our in zip(measured, ours, strict=True)]
            for name, measured in runs.items()
        }
        told = {"asked": vars(asked), "about": about("").strip(), "runs": runs, "ratios": ratios}
        asked.json.write_text(json.dumps(told, indent=1, default=str))


@contextmanager
def databases(into: str) -> Iterator[Any]:
    """What makes an empty database for a run, given by its URL; an empty text for a DuckDB file."""
    if into == "duckdb":
        yield lambda: nullcontext("")
        return
    from support.postgres_server import server

    with server() as running:

        @contextmanager
        def database() -> Iterator[str]:
            with running.database() as made:
                yield made.credentials.to_native_representation()

        yield database


def report(runs: dict[str, list[dict[str, Any]]], conversations: int) -> None:
    ours = [run["wall_seconds"] for run in next(iter(runs.values()))]
    print(
        "| tool | wall s | times the first, run by run | rows/s | processor s / million rows ",
        end="",
    )
    print("| requests / 1,000 rows | peak MB | disk MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, measured in runs.items():
        walls = [run["wall_seconds"] for run in measured]
        ratios = [theirs / our for theirs, our in zip(walls, ours, strict=True)]
        mb = max(run["peak_megabytes"] for run in measured)
        cpu = statistics.median(run["processor_seconds"] for run in measured)
        rate = conversations / statistics.median(walls)
        asked = statistics.median(run["requests_served"] for run in measured)
        disk = statistics.median(run.get("disk_megabytes", 0) for run in measured)
        print(
            f"| {name} | {spread(walls)} | {spread(ratios)} "
            f"| {rate:,.0f} | {cpu / conversations * 1e6:.0f} "
            f"| {asked / conversations * 1e3:.1f} | {mb:.0f} | {disk:.0f} |"
        )


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
