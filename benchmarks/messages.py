"""How fast threads are read, made into rows and loaded.

    python benchmarks/messages.py [--into postgres] [--conversations 10000] [--runs 3]

Conversations are loaded before; then their threads, a request each. Seconds are from the beginning
of the sync to its end, in the process: not its start, which is half a second.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from backfill import about, databases, run, served, spread


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--into", choices=["duckdb", "postgres"], default="duckdb")
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    seconds, messages = [], 0
    with served(asked.conversations) as base_url, databases(asked.into) as database:
        for _ in range(asked.runs):
            with TemporaryDirectory(prefix="talkhouse-bench-") as folder, database() as to:
                run("ours_sync.py", base_url, Path(folder), memory=False, to=to)
                more = ["--messages-only", "messages=true"]
                made = run("ours_sync.py", base_url, Path(folder), *more, memory=False, to=to)
                seconds.append(made["seconds"])
                messages = made["messages"]
    print(about(f"{messages:,} messages of {asked.conversations:,}"), f"into {asked.into}")
    print(f"seconds {spread(seconds)}; rows/s {spread([messages / each for each in seconds])}")


if __name__ == "__main__":
    main()
