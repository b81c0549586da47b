"""How fast threads are read, made into rows and loaded.

    python benchmarks/messages.py [--into postgres] [--conversations 10000] [--rounds 1] [--runs 3]

Conversations are loaded before; then their threads, a request each, of 7 messages, or so many times
as long by --rounds. Seconds are from the beginning
of the sync to its end, in the process: not its start, which is half a second. Beside it, in the
same run, the bare limit: the same requests one after the other, decoded and not kept.
"""

import argparse
import time
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import msgspec
from backfill import about, databases, run, served, spread
from peer_columns import PATH, TOKEN


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--into", choices=["duckdb", "postgres"], default="duckdb")
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    seconds, bare, messages = [], [], 0
    with (
        served(asked.conversations, rounds=asked.rounds) as base_url,
        databases(asked.into) as database,
    ):
        for _ in range(asked.runs):
            with TemporaryDirectory(prefix="talkhouse-bench-") as folder, database() as to:
                run("ours_sync.py", base_url, Path(folder), memory=False, to=to)
                more = ["--messages-only", "messages=true"]
                made = run("ours_sync.py", base_url, Path(folder), *more, memory=False, to=to)
                seconds.append(made["seconds"])
                messages = made["messages"]
            bare.append(bare_seconds(base_url, asked.conversations))
    print(about(f"{messages:,} messages of {asked.conversations:,}"), f"into {asked.into}")
    print(f"seconds {spread(seconds)}; rows/s {spread([messages / each for each in seconds])}")
    times = [ours / limit for ours, limit in zip(seconds, bare, strict=True)]
    print(f"bare limit: seconds {spread(bare)}; ours takes {spread(times)} times as long")


def bare_seconds(base_url: str, conversations: int) -> float:
    """What it takes to ask for every thread and to decode it, over one connection."""
    parts = urlsplit(base_url)
    connection, decode = HTTPConnection(parts.netloc), msgspec.json.Decoder().decode
    began = time.perf_counter()
    for number in range(1, conversations + 1):
        path = f"{parts.path}{PATH}/{number}/messages?after=0"
        connection.request("GET", path, headers=TOKEN)
        decode(connection.getresponse().read())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
