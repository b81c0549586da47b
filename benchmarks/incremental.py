"""Whether what a sync of a few changes costs grows with what is stored.

    python benchmarks/incremental.py [--into postgres] [--stored 10000 1000000] [--runs 5]

Each size is loaded once; then it is synced again and again, with a lookback that holds the newest
1,000 conversations, 0.1 % of the largest size: they are read, compared and merged each time, among
10,000 stored rows and among a million. Seconds are of whole processes. Threads are not read.
"""

import argparse
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from backfill import about, check_rows, databases, run, served, spread

CHANGED = 1_000
# of the simulator: from one conversation's activity to the next one's, and from the last one's to
# now
STEP, QUIET = 20, 86_400
LIMIT = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--into", choices=["duckdb", "postgres"], default="duckdb")
    parser.add_argument("--stored", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    walls: dict[int, list[float]] = {}
    lookback = f"lookback={QUIET + CHANGED * STEP}s"
    with databases(asked.into) as database:
        for stored in asked.stored:
            walls[stored] = []
            with (
                served(stored) as base_url,
                TemporaryDirectory(prefix="talkhouse-bench-") as folder,
                database() as to,
            ):
                how: dict[str, Any] = {"memory": False, "to": to}
                made = run("ours_sync.py", base_url, Path(folder), **how)
                check_rows("the first sync", made, stored)
                for _ in range(asked.runs):
                    made = run("ours_sync.py", base_url, Path(folder), lookback, **how)
                    assert CHANGED <= made["loaded"] <= CHANGED + 50, made["loaded"]
                    walls[stored].append(made["wall_seconds"])
    print(about(" and ".join(f"{size:,}" for size in asked.stored)), f"into {asked.into}\n")
    print(f"| stored | wall s of a sync of {CHANGED:,} | times the first |")
    print("|---|---|---|")
    first = statistics.median(walls[asked.stored[0]])
    for stored, seconds in walls.items():
        print(f"| {stored:,} | {spread(seconds)} | {statistics.median(seconds) / first:.2f} |")
    if statistics.median(seconds) / first > LIMIT:
        raise SystemExit(f"more than {LIMIT} times")


if __name__ == "__main__":
    main()
