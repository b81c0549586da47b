"""The demonstration: all five providers from a simulator, and four questions to the result,
if dbt is installed, which builds the tables that they ask.
"""

from pathlib import Path
from textwrap import indent
from typing import Any

from rich.console import Console
from rich.table import Table

from talkhouse.pipelines.analytics.build import build, show_built
from talkhouse.pipelines.console import results
from talkhouse.pipelines.demo.simulate import simulated
from talkhouse.pipelines.monitoring.connection_status import FINDINGS
from talkhouse.pipelines.orchestration.sync_all import sync_all
from talkhouse.pipelines.settings.connections import connection
from talkhouse.pipelines.settings.extras import BUILD
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Warehouse, WarehouseError
from talkhouse.simulator import World, serve
from talkhouse.sources.registry import PROVIDERS

SEED, CONVERSATIONS = 7, 240

QUESTIONS = {
    "How fast does a person answer, by channel?": """\
select provider, channel_kind,
       count(*) as waits,
       count(replied_at) as answered,
       round(cast(percentile_cont(0.5) within group (order by reply_seconds) / 60 as numeric), 1)
         as median_minutes
  from marts.response_times
 group by provider, channel_kind
 order by provider, median_minutes, channel_kind""",
    "How many conversations were not resolved at the end of each day?": """\
select date_day, provider, sum(opened) as opened, sum(reopened) as reopened,
       sum(closed) as closed, sum(open_at_end) as open_at_end
  from marts.backlog_daily
 group by date_day, provider
 order by date_day desc, provider
 limit 8""",
    "What became of the messages that were sent?": """\
select provider, channel_kind, sender_kind, sum(messages) as messages, sum(delivered) as delivered,
       sum(read) as read, sum(failed) as failed
  from marts.delivery_funnel
 group by provider, channel_kind, sender_kind
 order by messages desc, provider, channel_kind, sender_kind
 limit 8""",
    "Who handles conversations, and whose turn is it?": """\
select provider, handled_by, waiting_on, count(*) as conversations,
       round(avg(csat_rating), 2) as mean_rating
  from marts.conversation_report
 where handled_by is not null
 group by provider, handled_by, waiting_on
 order by provider, conversations desc, handled_by, waiting_on""",
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
    """Syncs and builds, prints what was loaded, four answers and what to type next; whether all
    went well. Without dbt, it builds nothing and has no answers.
    """
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
    if not BUILD.is_installed:
        console.print(f"\nThe analysts' tables were not built: that needs {BUILD}", markup=False)
    elif not _answered(console, DuckDbFile(file), world):
        return False
    console.print("\n" + NEXT.format(file=file), markup=False)
    return True


def _answered(console: Console, file: DuckDbFile, world: World) -> bool:
    """Builds the analysts' tables, and asks them; whether the build went well."""
    built = build(file, as_of=world.now.isoformat())
    show_built(built, None, as_json=False)
    if not built.ok:
        return False
    with file.open(read_only=True) as warehouse:
        for question, query in QUESTIONS.items():
            console.print(f"\n{question}\n", style="bold")
            console.print(indent(query, "    ") + "\n", markup=False)
            _print_rows(console, warehouse.rows(query))
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


def _print_rows(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)
