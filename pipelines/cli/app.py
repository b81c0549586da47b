"""What all commands share: the application, options, exit codes and error messages."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from talkhouse.pipelines.exit_codes import BUSY, FAILED, INTERRUPTED, MISUSED

if TYPE_CHECKING:
    from talkhouse.pipelines.analytics.publish import Publication

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    # a traceback with local variables would show tokens
    pretty_exceptions_enable=False,
)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Connections; all, if none is named")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read")]

STOP_SECONDS = 8.0


@contextmanager
def errors_told() -> Iterator[None]:
    """Ends the command with one line where the user can do something about it."""
    from talkhouse.pipelines.warehouse.failures import configuration_errors

    signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except configuration_errors() as e:
        typer.echo(f"talkhouse: {' '.join(str(e).split())}", err=True)
        raise typer.Exit(exit_code_of(e)) from None
    except KeyboardInterrupt:
        typer.echo(
            "talkhouse: interrupted; what was loaded is kept, and the next run goes on from there",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from None


def exit_code_after(publication: "Publication") -> int:
    """What a command exits with that published, or could not."""
    if publication.is_busy:
        return BUSY
    return 0 if publication.ok else FAILED


def exit_code_of(e: BaseException) -> int:
    """What a command exits with that is ended by this."""
    from talkhouse.pipelines.warehouse.failures import configuration_errors
    from talkhouse.pipelines.warehouse.interface import AlreadySyncing, WarehouseGone

    if isinstance(e, typer.Exit):
        return e.exit_code
    if isinstance(e, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(e, AlreadySyncing):
        return BUSY
    if isinstance(e, WarehouseGone):
        return FAILED
    return MISUSED if isinstance(e, configuration_errors()) else FAILED


def _stop(number: int, frame: FrameType | None) -> None:
    """Ends as Ctrl-C does, and after some seconds in any case: a thread that waits for a provider
    may wait for minutes, and being cut off loses no more than the chunk at work.
    """
    late = Timer(STOP_SECONDS, os._exit, [INTERRUPTED])
    late.daemon = True
    late.start()
    raise KeyboardInterrupt
