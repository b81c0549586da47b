"""What `talkhouse build` takes at the size of a large account, and after a small sync.

    python benchmarks/build.py [--conversations 1000000] [--messages-each 10]

A small account is synced from the simulator's static mode, and its raw rows are copied in the
database, under ids of their own, until there are as many as asked for. Then: the first build; a
build after 0.1 % of the conversations came again with a new load; a full rebuild.
Whole processes; memory as in backfill.py. The marts of the last two must be equal.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from backfill import about, memory_bytes, run, served

SEEDED = 10_000
MARTS = ("conversation_report", "response_times", "daily_volume", "backlog_daily", "agent_daily")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--conversations", type=int, default=1_000_000)
    parser.add_argument("--messages-each", type=int, default=10)
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="talkhouse-bench-") as name:
        folder = Path(name)
        with served(SEEDED) as base_url:
            run("ours_sync.py", base_url, folder, "messages=true", memory=False)
        file = folder / "bench.duckdb"
        conversations, messages = multiplied(file, asked.conversations, asked.messages_each)
        print(about(f"{conversations:,}"), f"and {messages:,} messages into duckdb\n")
        print("| build | wall s | peak MB |")
        print("|---|---|---|")
        built(file, "first")
        changed = come_again(file, conversations // 1000)
        built(file, f"after {changed:,} messages of {conversations // 1000:,} conversations")
        incremental = checksums(file)
        built(file, "full rebuild", "--full")
        assert checksums(file) == incremental, "a full build gives other marts"


def multiplied(file: Path, conversations: int, each: int) -> tuple[int, int]:
    """Copies the raw rows; the number of conversations and messages then."""
    with duckdb.connect(file) as database:
        copies = conversations // SEEDED
        [(seeded,)] = database.execute("select count(*) from chatwoot.messages").fetchall()
        rounds = conversations * each // seeded
        for table, times in (("conversations", copies), ("contacts", copies)):
            shifted = "id" if table == "contacts" else "id, meta__sender__id"
            copied(database, table, shifted.split(", "), times, copies)
        copied(database, "message_reads", ["conversation_id"], copies, copies)
        copied(database, "messages", ["id", "conversation_id"], rounds, copies)
        found = database.execute(
            "select (select count(*) from chatwoot.conversations),"
            " (select count(*) from chatwoot.messages)"
        ).fetchall()
    return int(found[0][0]), int(found[0][1])


def copied(
    database: duckdb.DuckDBPyConnection,
    table: str,
    ids: list[str],
    times: int,
    copies: int,
) -> None:
    """Copies a table so many times, each copy's ids moved beyond the others'; a message that is
    beyond its conversation's copies falls to an earlier one.
    """
    room = 1_000_000
    moved = ", ".join(
        f"{name} + (copy % {copies}) * {room} as {name}"
        if name == "conversation_id"
        else f"{name} + copy * {room} as {name}"
        for name in ids
    )
    database.execute(
        f"insert into chatwoot.{table} by name select * exclude (copy) replace ({moved})"
        f" from chatwoot.{table}, (select unnest(range(1, {times})) as copy)"
    )


def come_again(file: Path, conversations: int) -> int:
    """Gives the messages of some conversations a new load, as a sync does that reads them again."""
    with duckdb.connect(file) as database:
        load_id = str(time.time())
        database.execute(
            "insert into chatwoot._dlt_loads by name select * replace (? as load_id)"
            " from chatwoot._dlt_loads limit 1",
            [load_id],
        )
        return int(
            database.execute(
                "update chatwoot.messages set _dlt_load_id = ? where conversation_id in"
                " (select id from chatwoot.conversations order by id desc limit ?)",
                [load_id, conversations],
            ).fetchall()[0][0]
        )


def built(file: Path, what: str, *more: str) -> None:
    """One build in a process of its own, and its row of the table."""
    environment = os.environ | {"DESTINATION__DUCKDB": str(file)}
    began, peak = time.perf_counter(), 0
    command = [str(Path(sys.executable).parent / "talkhouse"), "build", "--json", *more]
    with open(file.parent / "said.json", "w+b") as said:
        process = subprocess.Popen(command, cwd=file.parent, env=environment, stdout=said)
        while process.poll() is None:
            peak = max(peak, memory_bytes(process.pid))
            time.sleep(0.1)
        said.seek(0)
        outcome = json.loads(said.read())
    if not outcome["ok"]:
        sys.exit("; ".join(outcome["failures"]))
    print(f"| {what} | {time.perf_counter() - began:.1f} | {peak / 1e6:.0f} |", flush=True)


def checksums(file: Path) -> list[int]:
    """A sum for each mart that any other row would change."""
    with duckdb.connect(file, read_only=True) as database:
        return [
            database.execute(f"select sum(hash(mart)) from marts.{mart} as mart").fetchall()[0][0]
            for mart in MARTS
        ]


if __name__ == "__main__":
    main()
