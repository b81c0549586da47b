"""The commands about the warehouse: what is built of it, how it stands, what was done to it."""

from typing import Annotated

import typer

from talkhouse.pipelines.cli.app import AsJson, Names, app, errors_told, exit_code_after
from talkhouse.pipelines.exit_codes import FAILED


@app.command()
def build(
    full: Annotated[
        bool, typer.Option("--full", help="Full rebuild, whether or not anything changed")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build the analysts' tables: one model of conversations, and the answers people ask of it.

    Needs the extra `build`. Does nothing if nothing changed since the last good build. What fails
    a test is not built upon. With `destination.publish`, a copy for readers is published if nothing
    failed. Exits with 1 if anything did, 75 if another process holds the file; a warning is no
    failure.

    Example: `talkhouse build`
    """
    with errors_told():
        from talkhouse.pipelines import api
        from talkhouse.pipelines.analytics.build import show_built
        from talkhouse.pipelines.analytics.publish import published
        from talkhouse.pipelines.cli.command_events import command_told
        from talkhouse.pipelines.monitoring.metrics_export import configured_meter
        from talkhouse.pipelines.warehouse.destination import configured_copy

        with command_told("build"):
            copy, meter = configured_copy(), configured_meter()
            built = api.build(full=full)
            meter.built(built)
            publication = published(copy) if copy and built.ok else None
            meter.published(None if publication and publication.is_busy else publication)
            show_built(built, publication, as_json)
            if publication:
                raise typer.Exit(exit_code_after(publication))
            raise typer.Exit(0 if built.ok else FAILED)


@app.command()
def verify(
    names: Names = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Read again what differs, and compare again")
    ] = False,
    budget: Annotated[
        str, typer.Option(help="What comparing threads may cost: requests (500) or time (10m)")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Read each provider again and compare it with the warehouse, row by row, field by field.

    What changed since the last sync shows as a difference: sync first. Exits with 1 if anything
    differs, or cannot be read; with --repair, if anything still does.

    Example: `talkhouse verify chatwoot --budget 10m --repair`
    """
    with errors_told():
        from talkhouse.pipelines import api
        from talkhouse.pipelines.verification.report import show_verified

        found = api.verify(names=names or (), budget=budget, repair=repair)
        show_verified(found, as_json)
    raise typer.Exit(0 if all(each.ok for each in found) else FAILED)


@app.command()
def status(
    names: Names = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again every few seconds, until interrupted")
    ] = False,
    alert: Annotated[
        bool, typer.Option("--alert", help="Tell alerts' channels what is new, as a sync does")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say how the warehouse stands, the worst first, without asking any provider.

    Exits with 0 if every connection is fresh and well, 1 if one needs you, 2 for wrong usage or
    settings, or a warehouse that cannot be opened, 75 if another process holds the DuckDB file and
    there is no published copy to read instead. A sync alerts by itself;
    that none comes any more is noticed by `talkhouse status --alert`, which a scheduler runs.

    Example: `talkhouse status --watch`
    """
    with errors_told():
        from talkhouse.pipelines import api
        from talkhouse.pipelines.alerts.channels import configured_channels
        from talkhouse.pipelines.alerts.outage import outage_told
        from talkhouse.pipelines.alerts.send import send_alerts
        from talkhouse.pipelines.monitoring import status_screen
        from talkhouse.pipelines.settings.connections import usable_connections
        from talkhouse.pipelines.warehouse.destination import configured
        from talkhouse.sources.settings import SettingsError

        if watch and (alert or as_json):
            raise SettingsError("--watch is for people to look at: not with --alert, nor --json")
        channels = configured_channels() if alert else {}
        if alert and not channels:
            typer.echo("talkhouse: nobody is alerted: set alerts in .dlt/secrets.toml", err=True)
        with outage_told(channels):
            chosen, wrong = usable_connections(names or ())
            if watch:
                found = status_screen.watch(lambda: api.status(names=names or ()))
            else:
                found = api.status(names=names or ())
                status_screen.show_overview(found, as_json)
        for why in send_alerts(channels, chosen, wrong, configured()):
            typer.echo(f"talkhouse: {why}", err=True)
    raise typer.Exit(0 if found.ok else FAILED)


@app.command()
def publish(
    to: Annotated[
        str, typer.Option(metavar="FILE", help="Publish here; by default, to destination.publish")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Copy the DuckDB file for BI tools, which read the copy while the next sync writes.

    The copy is compared with the original and then takes the old one's place at once; who holds
    the old one open goes on reading that. Exits with 1 if nothing was published, 75 if that is for
    another process that holds the file: try again.

    Example: `talkhouse publish --to published.duckdb`
    """
    with errors_told():
        from talkhouse.pipelines import api
        from talkhouse.pipelines.analytics.publish import show_publication
        from talkhouse.pipelines.cli.command_events import command_told
        from talkhouse.pipelines.monitoring.metrics_export import configured_meter

        with command_told("publish"):
            meter = configured_meter()
            publication = api.publish(to=to)
            meter.published(None if publication.is_busy else publication)
            show_publication(publication, as_json)
            raise typer.Exit(exit_code_after(publication))


runs_app = typer.Typer(invoke_without_command=True)
app.add_typer(runs_app, name="runs")


@runs_app.callback()
def runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many, the latest first")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the syncs that were: when, how long, what came of them. `runs show ID` explains one.

    Example: `talkhouse runs --limit 5`
    """
    if context.invoked_subcommand:
        return
    with errors_told():
        from talkhouse.pipelines.audit.past_runs import past_runs, show_runs
        from talkhouse.pipelines.warehouse.destination import configured

        show_runs(past_runs(configured(), limit), as_json)


@runs_app.command("show")
def show(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it")],
    as_json: AsJson = False,
) -> None:
    """Explain one sync: what it did, list by list, what it skipped, and why.

    Example: `talkhouse runs show 20261121T1003`
    """
    with errors_told():
        from talkhouse.pipelines.audit.past_runs import past_run, show_run
        from talkhouse.pipelines.warehouse.destination import configured

        show_run(past_run(configured(), run_id), as_json)
