"""The commands about personal data: what is stored, who is forgotten, how long rows are kept."""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from talkhouse.pipelines.cli.app import AsJson, app, errors_told
from talkhouse.pipelines.exit_codes import FAILED


@app.command()
def privacy(
    apply: Annotated[
        bool, typer.Option("--apply", help="Bring what is stored under the settings' policy")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what personal data is stored where, and what was done with it.

    After a change of `[privacy]` it says what the change will do, and --apply does it: rewrites
    what is stored, reads again what cannot be rewritten, builds anew what was built, and publishes.

    Example: `talkhouse privacy --apply`
    """
    with errors_told():
        from talkhouse.pipelines.cli.command_events import command_told
        from talkhouse.pipelines.orchestration.apply_policy import apply_policy
        from talkhouse.pipelines.privacy.inventory import report, show_report
        from talkhouse.pipelines.settings.connections import connections
        from talkhouse.pipelines.settings.personal_data import configured_privacy
        from talkhouse.pipelines.warehouse.destination import configured, configured_copy
        from talkhouse.sources.settings import SettingsError

        with command_told("privacy") if apply else nullcontext():
            policy, destination = configured_privacy(), configured()
            failures = []
            if apply:
                copy = configured_copy()
                if not destination.exists():
                    raise SettingsError(f"{destination} is not there: run `talkhouse sync` first")
                failures = apply_policy(destination, policy, connections(), copy).failures
            if destination.exists():
                with destination.open(read_only=True) as warehouse:
                    found = report(warehouse, policy)
                show_report(found, as_json)
            _end(failures)


@app.command()
def erase(
    phone: Annotated[str, typer.Option(help="Whom: by a phone number, with its country")] = "",
    email: Annotated[str, typer.Option(help="Whom: by an e-mail address")] = "",
    contact: Annotated[
        str, typer.Option(metavar="PROVIDER/CONNECTION/ID", help="Whom: by a contact's id")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only said")] = False,
    receipts: Annotated[Path, typer.Option(help="The folder that the receipt goes to")] = Path(
        "receipts"
    ),
    as_json: AsJson = False,
) -> None:
    """Erase a person with all providers, for good: what was said, stored, built and published.

    Later syncs keep the person out. The receipt tells what went, without it. --phone - and
    --email - read it from standard input, so that it is in no list of processes. Exits with 1 if
    something of the person is left.

    Example: `talkhouse erase --phone +351912345678`, and again with --yes
    """
    with errors_told():
        from talkhouse.pipelines.cli.command_events import command_told
        from talkhouse.pipelines.privacy import erase as erasing
        from talkhouse.pipelines.privacy.find_person import asked_for
        from talkhouse.pipelines.privacy.receipt import make_folder, show_receipt, write_receipt
        from talkhouse.pipelines.settings.connections import connections
        from talkhouse.pipelines.settings.personal_data import configured_privacy
        from talkhouse.pipelines.warehouse.destination import configured, configured_copy

        with command_told("erase") if yes else nullcontext():
            phone, email = (sys.stdin.readline().strip() if v == "-" else v for v in (phone, email))
            policy, destination, copy = configured_privacy(), configured(), configured_copy()
            person = asked_for(policy, phone=phone, email=email, contact=contact)
            by = "phone" if phone else "email" if email else "contact"
            if yes:
                make_folder(receipts)
            keep = partial(write_receipt, folder=receipts)
            wanted = erasing.Erasure(destination, policy, connections(), copy, person, by, keep)
            receipt = erasing.erase(wanted) if yes else erasing.preview(wanted)
            show_receipt(receipt, as_json, done=yes)
            if yes:
                typer.echo(f"receipt: {receipts / receipt.file_name}", err=True)
            else:
                typer.echo("nothing was erased: --yes does it", err=True)
            _end(receipt.failures)


@app.command()
def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete what is older than `[retention]` says, and build and publish anew what was made of it.

    Syncs load nothing that is too old, so that it does not come back. Exits with 1 if the build or
    the publication failed.

    Example: `talkhouse retain --dry-run`
    """
    with errors_told():
        from talkhouse.pipelines.cli.command_events import command_told
        from talkhouse.pipelines.privacy import retain as retaining
        from talkhouse.pipelines.settings.connections import connections
        from talkhouse.pipelines.settings.personal_data import configured_retention
        from talkhouse.pipelines.warehouse.destination import configured, configured_copy
        from talkhouse.sources.settings import SettingsError

        with nullcontext() if dry_run else command_told("retain"):
            windows, destination, copy = configured_retention(), configured(), configured_copy()
            if not destination.exists():
                raise SettingsError(f"{destination} is not there: run `talkhouse sync` first")
            chosen = connections()
            if dry_run:
                retained = retaining.preview(destination, windows)
            else:
                retained = retaining.retain(destination, windows, chosen, copy)
            retaining.show_retained(retained, as_json, done=not dry_run)
            _end(retained.failures)


def _end(failures: Sequence[str]) -> NoReturn:
    """Says what failed, and exits."""
    for failure in failures:
        typer.echo(f"talkhouse: {failure}", err=True)
    raise typer.Exit(FAILED if failures else 0)
