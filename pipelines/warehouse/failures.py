"""Why a sync failed, in words for whoever runs it."""

import errno
import traceback
from pathlib import Path

from talkhouse.pipelines.warehouse.interface import NOTHING_LOST, Warehouse, WarehouseError
from talkhouse.sources.http.errors import SourceError
from talkhouse.sources.settings import SettingsError


def configuration_errors() -> tuple[type[Exception], ...]:
    """What a user can put right: the message of each says how."""
    return (SettingsError, WarehouseError)


class LoadFailed(Exception):
    """dlt could not load a package; the cause says why."""


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explained(error: Exception, warehouse: Warehouse | None) -> str:
    """What happened, and what to do. Messages that are not ours are left out: they may quote a row.

    Raises KeyboardInterrupt if it was that, which dlt wraps as it does a failure.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SourceError | WarehouseError):
            return str(cause)
        if isinstance(cause, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        last, cause = cause, cause.__cause__ or getattr(cause, "exception", None)
    if warehouse and (why := warehouse.meaning(last)):
        return why
    if isinstance(last, OSError) and last.strerror:
        remedy = "make room on its disk" if last.errno in FULL else "mend that"
        return f"{last.filename or 'a working file'}: {last.strerror}; {remedy}; {NOTHING_LOST}"
    if warehouse and isinstance(error, LoadFailed):
        return f"loading failed: {type(last).__name__}; {NOTHING_LOST}: {warehouse.remedy}"
    at = traceback.extract_tb(last.__traceback__)[-1]
    return f"{type(last).__name__} in {Path(at.filename).name}:{at.lineno}"
