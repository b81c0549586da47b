"""The commands about personal data: what is stored, who is forgotten, how long rows are kept."""

from typing import Annotated

import typer

from pipelines.app import FAILED, AsJson, app, errors_told


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
        from pipelines.apply import apply_policy
        from pipelines.connections import connections
        from pipelines.destination import configured, configured_copy
        from pipelines.personal import report, show_report
        from pipelines.policy import configured_privacy
        from sources.settings import SettingsError

        policy, destination = configured_privacy(), configured()
        failures = []
        if apply:
            copy = configured_copy()
            if not destination.exists():
                raise SettingsError(f"{destination} is not there: run `talkhouse sync` first")
            failures = apply_policy(destination, policy, connections(), copy).failures
        if destination.exists():
            with destination.open(read_only=True) as warehouse:
                told = report(warehouse, policy)
            show_report(told, as_json)
    for failure in failures:
        typer.echo(f"talkhouse: {failure}", err=True)
    raise typer.Exit(FAILED if failures else 0)
