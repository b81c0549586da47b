"""The events of a command: that it began, and how it ended."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version

from talkhouse.pipelines.cli.app import exit_code_of
from talkhouse.pipelines.settings.project import HERE
from talkhouse.pipelines.telemetry.events import (
    CommandEnded,
    CommandStarted,
    tell,
)
from talkhouse.pipelines.telemetry.json_log import logged
from talkhouse.pipelines.telemetry.sync_events import message_of


@contextmanager
def command_told(command: str) -> Iterator[None]:
    """Records the start and the end of the command in the log file and the traces, where
    configured. Raises SettingsError if their settings are wrong.
    """
    with logged(), _traced():
        began, exit_code, error = time.monotonic(), 0, ""
        tell(CommandStarted(command=command, talkhouse_version=version("talkhouse")))
        try:
            yield
        except BaseException as e:
            exit_code, error = exit_code_of(e), message_of(e)
            raise
        finally:
            seconds = time.monotonic() - began
            tell(CommandEnded(command=command, exit_code=exit_code, seconds=seconds, error=error))


def _traced() -> AbstractContextManager[None]:
    endpoint = str(HERE.setting("traces.endpoint") or "")
    if not endpoint:
        return nullcontext()
    # here: it takes a fifth of a second, which no other command should
    from talkhouse.pipelines.telemetry.traces import traced

    return traced(endpoint, str(HERE.secret("traces.headers") or ""))
