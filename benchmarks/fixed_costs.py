"""What the commands cost where there is little to do, beside `python -c "import dlt"`.

    python benchmarks/fixed_costs.py [--runs 5] [--rows "build, first" ...]

The demonstration's company is served by `talkhouse simulate`, in a process of its own. Each command
runs in turn with the import, so that a machine whose speed drifts is as unfair to one as to the
other; what it finds is put back before each run. Medians of whole processes; memory is the peak of
the largest process of a command.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

BIN = Path(sys.executable).parent
TALKHOUSE = str(BIN / "talkhouse")
IMPORT = [sys.executable, "-c", "import dlt"]
COMPANY = ["--conversations", "240"]
SECRETS = ".dlt/secrets.toml"
# a status of 1 says that somebody is needed, as for an unusual volume
WENT_WELL = (0, 1)


@dataclass(frozen=True)
class Cost:
    """Of one process: seconds, seconds of processor, megabytes."""

    wall: float
    processor: float
    memory: float


@dataclass(frozen=True)
class Row:
    """A command, and which of the saved folders it finds."""

    command: list[str]
    found: str


ROWS = {
    "sync of five, first": Row(["sync"], "empty"),
    "sync of five, nothing changed": Row(["sync"], "synced"),
    "sync of one, nothing changed": Row(["sync", "demo_chatwoot"], "synced"),
    "build, first": Row(["build"], "synced"),
    "build, nothing loaded since": Row(["build"], "built"),
    "status": Row(["status"], "built"),
    "runs": Row(["runs"], "built"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="talkhouse-bench-") as name:
        folder, saved = Path(name, "shop"), Path(name, "saved")
        with simulated(folder):
            save(folder, saved)
            print(
                f"\n{os.cpu_count()} cores, Python {platform.python_version()}, "
                f"dlt {version('dlt')}, median of {asked.runs}\n"
            )
            print(
                "| `talkhouse` | wall s | processor s | peak MB | times the import | by processor |"
            )
            print("|---|---|---|---|---|---|")
            for title in asked.rows:
                row = ROWS[title]
                costs, imports = in_turn(
                    [TALKHOUSE, *row.command],
                    folder,
                    lambda found=row.found: put_back(saved / found, folder),
                    asked.runs,
                )
                print(line(title, costs, imports), flush=True)


def line(title: str, costs: list[Cost], imports: list[Cost]) -> str:
    """A row of the table."""
    wall, processor, memory = (
        statistics.median(getattr(cost, name) for cost in costs)
        for name in ("wall", "processor", "memory")
    )
    times = wall / statistics.median(cost.wall for cost in imports)
    of_processor = processor / statistics.median(cost.processor for cost in imports)
    return (
        f"| {title} | {wall:.2f} | {processor:.2f} | {memory:.0f} "
        f"| {times:.1f} | {of_processor:.1f} |"
    )


def in_turn(
    command: list[str], folder: Path, prepare: Callable[[], object], runs: int
) -> tuple[list[Cost], list[Cost]]:
    """What each run of the command cost, and the import of dlt that went before it."""
    costs, imports = [], []
    for _ in range(runs):
        imports.append(cost(IMPORT, folder))
        prepare()
        costs.append(cost(command, folder))
    return costs, imports


def cost(command: list[str], folder: Path) -> Cost:
    """One run of a command."""
    with TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in WENT_WELL:
            said.seek(0)
            sys.exit(f"{command} failed: {said.read().decode()[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


@contextmanager
def simulated(folder: Path) -> Iterator[None]:
    """Serves the company, and makes a folder with the settings of its five connections."""
    server = subprocess.Popen(
        [TALKHOUSE, "simulate", "--port", "0", *COMPANY],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout
    try:
        (folder / ".dlt").mkdir(parents=True)
        written = ""
        for said in server.stdout:
            if said.startswith("control"):
                break
            if said.startswith("# .dlt/"):
                written = said.removeprefix("# ").strip()
            elif written:
                with (folder / written).open("a") as file:
                    file.write(said)
        (folder / SECRETS).chmod(0o600)
        yield
    finally:
        server.terminate()
        server.wait()


def save(folder: Path, saved: Path) -> None:
    """Keeps what the folder holds before and after a sync, and after a build of that."""
    shutil.copytree(folder, saved / "empty")
    # of young threads the second sync reads some again
    for _ in range(2):
        cost([TALKHOUSE, "sync"], folder)
    shutil.copytree(folder, saved / "synced")
    cost([TALKHOUSE, "build"], folder)
    shutil.copytree(folder, saved / "built")


def put_back(found: Path, folder: Path) -> None:
    """Makes the folder what it was."""
    shutil.rmtree(folder)
    shutil.copytree(found, folder)


if __name__ == "__main__":
    main()
