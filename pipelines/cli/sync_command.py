"""What `talkhouse sync` does, from its options to its exit code."""

from collections.abc import Sequence
from contextlib import ExitStack

import typer

from talkhouse.pipelines import api
from talkhouse.pipelines.alerts.channels import configured_channels
from talkhouse.pipelines.alerts.outage import outage_told
from talkhouse.pipelines.alerts.send import send_alerts
from talkhouse.pipelines.analytics.after_sync import build_age, build_synced, publish_synced
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.cli.command_events import command_told
from talkhouse.pipelines.console import progress, results
from talkhouse.pipelines.exit_codes import BUSY, FAILED
from talkhouse.pipelines.monitoring.metrics_export import Meter, configured_meter
from talkhouse.pipelines.orchestration.sync_all import SyncOptions
from talkhouse.pipelines.orchestration.sync_report import show_outcomes
from talkhouse.pipelines.settings.connections import provider_of, usable_connections
from talkhouse.pipelines.telemetry.events import tell
from talkhouse.pipelines.telemetry.sync_events import sync_ended
from talkhouse.pipelines.warehouse.destination import configured, configured_copy


def run_sync(names: Sequence[str], options: SyncOptions, build: str, as_json: bool) -> None:
    """Syncs, builds, publishes, and tells of it; then exits. Raises what is wrong with settings."""
    dry_run = options.dry_run
    with ExitStack() as told:
        if not dry_run:
            told.enter_context(command_told("sync"))
        channels = {} if dry_run else configured_channels()
        build_every = build_age(build)
        with outage_told(channels):
            usable, wrong = usable_connections(names)
            copy = None if dry_run else configured_copy()
            meter = Meter() if dry_run else configured_meter()
            with meter.outage_measured(usable):
                outcomes = api.sync(options=options, chosen=usable, meter=meter)
        for name, why in wrong.items():
            outcomes.append(Outcome(name, provider_of(name), error=why))
            tell(sync_ended(outcomes[-1]))
            meter.synced(outcomes[-1])
        built = None if dry_run else build_synced(outcomes, build_every)
        publication = publish_synced(outcomes, copy)
        tried = None if publication and publication.is_busy else publication
        meter.published(tried)
        show_outcomes(outcomes, as_json, dry_run, publication)
        if built:
            from talkhouse.pipelines.analytics.build import print_built

            meter.built(built)
            # what is read by programs stays a list of connections
            print_built(built, progress() if as_json else results())
        for why in send_alerts(channels, usable, wrong, configured(), tried, synced=True):
            typer.echo(f"talkhouse: {why}", err=True)
        failed = [each for each in (*outcomes, publication) if each and not each.ok]
        if built and not built.ok or not all(each.is_busy for each in failed):
            raise typer.Exit(FAILED)
        raise typer.Exit(BUSY if failed else 0)
