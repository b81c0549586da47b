"""The log for programs: a line of JSON for each event, beside what people are shown.

`logs.file` names it; `-` is standard error. What cannot be written is said, and stops nothing.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from typing import cast

import msgspec

from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.pipelines.telemetry.events import HEARD, Event

# six files, so 60 MB: weeks of syncs every five minutes
FILE_BYTES, OLDER_FILES = 10_000_000, 5
LEVELS = {"failed": "error", "busy": "warning", "skipped": "warning", "interrupted": "warning"}


@contextmanager
def logged(project: Project = HERE) -> Iterator[None]:
    """Writes the events to the file that is configured, if one is, while the context lasts."""
    file = str(project.setting("logs.file") or "")
    if not file:
        yield
        return
    handler = logging.StreamHandler(sys.stderr) if file == "-" else LogFile(str(project.path(file)))
    handler.setFormatter(JsonLine())
    HEARD.addHandler(handler)
    HEARD.setLevel(logging.INFO)
    try:
        yield
    finally:
        HEARD.removeHandler(handler)
        handler.close()


class JsonLine(logging.Formatter):
    """An event as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        fields = msgspec.to_builtins(cast(Event, record.msg))
        outcome = fields.get("outcome") or ("failed" if fields.get("error") else "ok")
        level = LEVELS.get(outcome, "info")
        return json.dumps({"at": fields.pop("at"), "level": level, **fields}, ensure_ascii=False)


class LogFile(RotatingFileHandler):
    """A file that only its owner may read. At 10 MB it is put aside, and the oldest of six goes."""

    def __init__(self, file: str) -> None:
        super().__init__(
            file, maxBytes=FILE_BYTES, backupCount=OLDER_FILES, encoding="utf-8", delay=True
        )
        self._is_told = False

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_owners)

    def handleError(self, record: logging.LogRecord) -> None:
        """Says it once; the standard library would print the event with a traceback."""
        if not self._is_told:
            e = sys.exception()
            why = e.strerror if isinstance(e, OSError) else type(e).__name__
            sys.stderr.write(f"talkhouse: {self.baseFilename} cannot be written: {why}\n")
            self._is_told = True


def _owners(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
