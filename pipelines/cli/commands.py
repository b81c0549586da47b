"""The command line. Each command imports what it needs when it runs, so that `--help` is quick."""

import os
from pathlib import Path
from typing import Annotated

import typer

from talkhouse.pipelines.cli.app import AsJson, Names, app, errors_told
from talkhouse.pipelines.cli.quick_process import be_quick
from talkhouse.pipelines.exit_codes import FAILED


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"talkhouse {version('talkhouse')}")
        raise typer.Exit


@app.callback()
def talkhouse(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print which release it is"
        ),
    ] = False,
) -> None:
    """Customer conversations of five inbox products, in one DuckDB file or Postgres database.

    Try it without an account: `talkhouse demo`. Then `init`, `check` and `sync` your own. Exit
    codes: 0 all went well, 1 something failed, 2 wrong usage or settings, 75 another sync is still
    at it, 130 interrupted.
    """
    # files hold what customers wrote. Who else is to read one is given the right to, and keeps it
    os.umask(0o077)
    be_quick()


@app.command()
def demo(
    file: Annotated[Path, typer.Option(help="The DuckDB file to fill")] = Path("talkhouse.duckdb"),
) -> None:
    """Sync all five providers from a simulator, and ask the result four questions.

    No account is needed, and nothing outside this folder is touched. The questions are to the
    analysts' tables: without the extra `build`, only the sync is shown.

    Example: `talkhouse demo --file demo.duckdb`
    """
    with errors_told():
        from talkhouse.pipelines.demo.demo import run_demo

        ok = run_demo(file)
    raise typer.Exit(0 if ok else FAILED)


@app.command()
def init(
    providers: Annotated[
        list[str],
        typer.Argument(
            metavar="PROVIDER...", help="chatwoot, hilos, activecampaign, octopush, pembalasan"
        ),
    ],
) -> None:
    """Write the settings of new connections to `.dlt/config.toml` and `.dlt/secrets.toml`.

    Every setting is there with its default and what it is for. What is in the files stays.

    Example: `talkhouse init chatwoot hilos`
    """
    with errors_told():
        from talkhouse.pipelines.settings.scaffold import add_connections

        lines = add_connections(providers)
    typer.echo("\n".join(lines))


@app.command()
def check(names: Names = None, as_json: AsJson = False) -> None:
    """Try each connection: is it reached, are its credentials taken, do they see everything?

    Exits with 1 if anything is not ok.

    Example: `talkhouse check chatwoot`
    """
    with errors_told():
        from talkhouse.pipelines.settings.check import check_all, show_checks
        from talkhouse.pipelines.settings.connections import connections

        found = check_all(connections(names or ()))
        show_checks(found, as_json)
    raise typer.Exit(0 if all(checked.ok for checked in found) else FAILED)


@app.command()
def sync(
    names: Names = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read every list and thread to its end")
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="LIST", help="Only this list; may be repeated")
    ] = None,
    since: Annotated[str, typer.Option(help="Backfill: from this date or time on (UTC)")] = "",
    until: Annotated[str, typer.Option(help="Backfill: up to this date or time (UTC)")] = "",
    message_budget: Annotated[
        str, typer.Option(help="What threads may cost: requests (500) or time (10m)")
    ] = "",
    build: Annotated[
        str,
        typer.Option(
            metavar="EVERY", help="Then build, if no good build is as young as this: 1d; 0m: always"
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read, and say what would be loaded")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the warehouse up to date with each connection.

    A connection that fails leaves the others loaded. With `destination.publish`, a copy for readers
    is published at the end. With `alerts`, what begins to need somebody is told, and what is over.

    Exits with 0 if all went well, 1 if a connection, the build or the publication failed, 2 for
    wrong usage or settings, 75 if nothing but another process that holds the warehouse, or syncs
    the connection, was in the way, 130 if interrupted; the next run goes on from there.

    Example: `talkhouse sync chatwoot --only conversations --only messages`
    """
    with errors_told():
        from talkhouse.pipelines.cli.sync_command import run_sync
        from talkhouse.pipelines.orchestration.sync_all import SyncOptions

        options = SyncOptions(only or (), full, since, until, message_budget, dry_run)
        run_sync(names or (), options, build, as_json)


@app.command()
def plan(
    names: Names = None,
    full: Annotated[bool, typer.Option("--full", help="Of a sync that reads everything")] = False,
    since: Annotated[str, typer.Option(help="Of a backfill from this date or time on")] = "",
    until: Annotated[str, typer.Option(help="Of a backfill up to this date or time")] = "",
    as_json: AsJson = False,
) -> None:
    """Say what a sync would cost: requests, rows, and minutes at the rate limit.

    Nothing is loaded. Lists that were never read are asked for a page, to know how long they are.

    Example: `talkhouse plan chatwoot --full`
    """
    with errors_told():
        from talkhouse.pipelines.settings.connections import connections
        from talkhouse.pipelines.syncing.cost_estimate import plan_all, show_plans
        from talkhouse.pipelines.syncing.plans import plans_of
        from talkhouse.pipelines.warehouse.destination import configured

        chosen = connections(names or ())
        plans = plans_of(chosen, full=full, since=since, until=until)
        planned = plan_all(chosen, plans, configured())
        show_plans(planned, as_json)
    raise typer.Exit(FAILED if any(each.error for each in planned) else 0)


@app.command()
def schedule(
    every: Annotated[str, typer.Option(help="How often: 5m, 1h, 1d")] = "5m",
    build: Annotated[
        str,
        typer.Option(help="How often the analysts' tables are built, with a sync: 1h, 1d, never"),
    ] = "1h",
    to: Annotated[Path, typer.Option(help="The folder to write to")] = Path("schedule"),
    user: Annotated[str, typer.Option(help="Who runs it, for cron and systemd")] = "talkhouse",
) -> None:
    """Write files that run `talkhouse sync --build` every so often, and `talkhouse status --alert`.

    Each says where it goes.

    Example: `talkhouse schedule --every 15m --build 1d`
    """
    with errors_told():
        from talkhouse.pipelines.orchestration.schedule_files import Cadence, written

        cadence = Cadence.of(every)
        for file, where in written(cadence, build, to, user).items():
            typer.echo(f"{file}: {where}")
        typer.echo(
            f"a connection will be stale after {cadence.stale_after} without a good sync, but "
            "where its stale_after says otherwise"
        )


@app.command()
def simulate(
    port: Annotated[int, typer.Option(help="0 is any free port")] = 9000,
    seed: Annotated[int, typer.Option(help="Another seed is another company")] = 7,
    conversations: Annotated[int, typer.Option(min=1, help="How many there are")] = 60,
    static: Annotated[
        bool, typer.Option("--static", help="One large Chatwoot that never changes, for speed")
    ] = False,
) -> None:
    """Serve the five products' APIs over one made-up company, until interrupted.

    Example: `talkhouse simulate --port 9000 --conversations 500`
    """
    with errors_told():
        from talkhouse.pipelines.demo import simulate as simulating

        simulating.simulate(port, seed, conversations, static)


# commands that come after
from talkhouse.pipelines.cli import privacy_commands, warehouse_commands  # noqa: E402, F401
