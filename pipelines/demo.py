"""The demonstration: all five providers from a simulator, and three questions to the result."""

from pathlib import Path
from textwrap import indent
from typing import Any

from rich.console import Console
from rich.table import Table

from pipelines.batch import sync_all
from pipelines.connections import connection
from pipelines.duckdb_file import DuckDbFile
from pipelines.simulate import simulated
from pipelines.status import FINDINGS
from pipelines.summary import results
from pipelines.warehouse import Warehouse, WarehouseError
from simulator import World, serve
from sources import PROVIDERS

SEED, CONVERSATIONS = 7, 240

QUESTIONS = {
    "How are Chatwoot's conversations, by channel?": """\
select replace(meta__channel, 'Channel::', '') as channel,
       count(*) as conversations,
       count(*) filter (status = 'open') as open,
       count(*) filter (status = 'resolved') as resolved
from chatwoot.conversations
group by all
order by conversations desc, channel""",
    "How many minutes until an agent first answers?": """\
select inboxes.name as inbox,
       count(first_reply_created_at) as answered,
       round(median(date_diff('second', conversations.created_at, first_reply_created_at)) / 60, 1)
         as median_minutes
from chatwoot.conversations
join chatwoot.inboxes
  on inboxes.account = conversations.account and inboxes.id = conversations.inbox_id
group by all
order by median_minutes""",
    "What became of the first message of Hilos' conversations?": """\
select direction,
       count(*) as first_messages,
       count(delivered_on) as delivered,
       count(read_on) as read,
       count(failed_on) as failed
from hilos.first_messages
group by all
order by first_messages desc""",
}

NEXT = """\
Next (after `make`, the command is .venv/bin/talkhouse):
  open {file} with DuckDB's own command, a notebook or any BI tool
      to ask it yourself
  talkhouse demo
      again: only what changed since is read
  talkhouse init chatwoot
      for an account of your own; then `talkhouse check` and `talkhouse sync`
"""


def run_demo(file: Path) -> bool:
    """Syncs, prints what was loaded, three answers and what to type next; whether all went well."""
    _refuse_real_data(file)
    console = results()
    world = World(SEED, CONVERSATIONS)
    with serve(world) as simulator:
        chosen = [connection(*named) for named in simulated(world, simulator.url).items()]
        outcomes = sync_all(chosen, destination=DuckDbFile(file))
    requests = sum(outcome.requests for outcome in outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    if failed := [outcome for outcome in outcomes if not outcome.ok]:
        for outcome in failed:
            console.print(f"{outcome.connection}: {outcome.error}", markup=False)
        return False
    with DuckDbFile(file).open(read_only=True) as warehouse:
        console.print(f"\nIn {file}, after {requests:,} requests in {seconds:.1f} s:")
        console.print(_loaded(warehouse))
        for question, query in QUESTIONS.items():
            console.print(f"\n{question}\n", style="bold")
            console.print(indent(query, "    ") + "\n", markup=False)
            _answer(console, warehouse.rows(query))
    console.print("\n" + NEXT.format(file=file), markup=False)
    return True


def _refuse_real_data(file: Path) -> None:
    if not file.exists():
        return
    with DuckDbFile(file).open(read_only=True) as warehouse:
        for dataset in PROVIDERS:
            tables = warehouse.tables(dataset)
            accounts = (
                row["account"]
                for table in tables
                for row in warehouse.rows(f"select distinct account from {dataset}.{table}")
            )
            if any(not account.startswith("demo_") for account in accounts):
                raise WarehouseError(
                    f"{file} holds accounts of your own; give the demonstration another file: "
                    "talkhouse demo --file demo.duckdb"
                )


def _loaded(warehouse: Warehouse) -> Table:
    table = Table("dataset", "tables and their rows", show_lines=True)
    for dataset in PROVIDERS:
        counts = {
            name: warehouse.rows(f"select count(*) as n from {dataset}.{name}")[0]["n"]
            for name in warehouse.tables(dataset)
        }
        said = [f"{name} {n:,}" for name, n in counts.items() if n or name not in FINDINGS]
        table.add_row(dataset, ", ".join(said))
    return table


def _answer(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)
