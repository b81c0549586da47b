"""Publishes the DuckDB file: a copy that others read while the next sync writes.

The copy is made beside the one that it replaces, compared with the warehouse, and renamed onto it:
at any moment there is a whole one, and who holds the old one open goes on reading that.
"""

import os
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import duckdb

from talkhouse.pipelines.audit.notes import last_build_failed
from talkhouse.pipelines.console import print_json, results
from talkhouse.pipelines.telemetry.events import Published, tell
from talkhouse.pipelines.warehouse.destination import Copy
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import AlreadySyncing, Warehouse, WarehouseError
from talkhouse.sources.settings import SettingsError


@dataclass(frozen=True)
class Publication:
    """A published copy: its tables with their row counts, and its views. `error` says why
    publishing failed; `is_busy` says that it was not tried, because another process holds the file.
    """

    file: str
    tables: dict[str, int] = field(default_factory=dict)
    views: list[str] = field(default_factory=list)
    bytes: int = 0
    error: str = ""
    is_busy: bool = False

    @property
    def ok(self) -> bool:
        return not self.error

    def __str__(self) -> str:
        if self.error:
            return f"not published to {self.file}: {self.error}"
        size = f"{self.bytes / 1e6:,.1f} MB"
        return f"published to {self.file}: {len(self.tables):,} tables, {size}"


def show_publication(publication: Publication, as_json: bool) -> None:
    """Prints what was published, or why nothing was."""
    if as_json:
        print_json({"ok": publication.ok, **asdict(publication)})
    else:
        results().print(str(publication), markup=False, soft_wrap=True)


CHUNK = 1 << 20

Contents = dict[str, int | None]
"""The rows of every table by its name; None for a view."""


def published(copy: Copy) -> Publication:
    """Publishes; a failure is in the result. Raises SettingsError if nothing was ever loaded."""
    if not copy.warehouse.exists():
        raise SettingsError(f"{copy.warehouse} is not there: run `talkhouse sync` first")
    began = time.monotonic()
    try:
        publication = publish(copy)
    except WarehouseError as e:
        publication = Publication(
            str(copy.target),
            error=" ".join(str(e).split()),
            is_busy=isinstance(e, AlreadySyncing),
        )
    tell(
        Published(
            outcome="ok" if publication.ok else "busy" if publication.is_busy else "failed",
            tables=len(publication.tables),
            bytes=publication.bytes,
            seconds=time.monotonic() - began,
            error=publication.error,
        )
    )
    return publication


def publish(copy: Copy) -> Publication:
    """Replaces the target by a copy of the warehouse. Raises WarehouseError, and leaves the old one
    there, if that cannot be done, or the copy is not equal.
    """
    if not copy.target.resolve().parent.is_dir():
        raise WarehouseError(f"there is no folder {copy.target.parent}; make it")
    _refuse_log_of(copy.target)
    try:
        # A process that closes a file anywhere loses all its locks on it, so DuckDB's too: what the
        # bytes are read from is closed after the warehouse.
        with copy.warehouse.open("rb") as source, DuckDbFile(copy.warehouse).open() as warehouse:
            if last_build_failed(warehouse):
                raise WarehouseError(
                    "the last build failed, and its tables would take the place of good ones: mend "
                    "what `talkhouse build` says, and build again"
                )
            contents, size = _replace(copy, source, warehouse)
    except OSError as e:
        raise WarehouseError(f"{e.filename or copy.target}: {e.strerror}") from None
    except duckdb.Error as e:
        raise WarehouseError(f"it cannot be compared: {str(e).splitlines()[0]}") from None
    tables = {name: rows for name, rows in contents.items() if rows is not None}
    views = [name for name, rows in contents.items() if rows is None]
    return Publication(str(copy.target), tables, views, size)


def _replace(copy: Copy, source: BinaryIO, warehouse: Warehouse) -> tuple[Contents, int]:
    """What is in the new copy, and how many bytes that takes."""
    # a target that is a link stays one, and a file is renamed within its own folder only
    target = copy.target.resolve()
    new = target.with_name(f".{target.name}.new")
    try:
        warehouse.execute("checkpoint")
        copy_bytes(source, new)
        contents, size = _compared(warehouse, source, new), new.stat().st_size
        shutil.copymode(target if target.exists() else copy.warehouse, new)
        _refuse_log_of(copy.target)
        os.replace(new, target)
    finally:
        new.unlink(missing_ok=True)
    _flush_folder(target.parent)
    return contents, size


def copy_bytes(source: BinaryIO, new: Path) -> None:
    """Copies the open file, and returns when it is on the disk."""
    # of a process that was killed
    new.unlink(missing_ok=True)
    # nobody else may read it before it has the rights of the file that it replaces
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as out:
        source.seek(0)
        shutil.copyfileobj(source, out, CHUNK)
        out.flush()
        os.fsync(out.fileno())


def contents_of(warehouse: Warehouse) -> Contents:
    """Every table and view of every dataset, staging and dlt's own too."""
    names = warehouse.rows(
        "select schema_name, table_name as name, false as is_view from duckdb_tables() "
        "where not internal and database_name = current_database() union all "
        "select schema_name, view_name, true from duckdb_views() "
        "where not internal and database_name = current_database() order by all"
    )
    found: Contents = {}
    for row in names:
        schema, name = row["schema_name"], row["name"]
        query = f'select count(*) as n from "{schema}"."{name}"'
        if row["is_view"]:
            # a view may name what is not in the copy
            warehouse.rows(f'select 1 from "{schema}"."{name}" limit 0')
        found[f"{schema}.{name}"] = None if row["is_view"] else warehouse.rows(query)[0]["n"]
    return found


def _compared(warehouse: Warehouse, source: BinaryIO, new: Path) -> Contents:
    """What the copy holds. Raises WarehouseError if that is not what the warehouse does.

    DuckDB counts rows whose bytes are gone, so the bytes are compared as well.
    """
    contents = contents_of(warehouse)
    with DuckDbFile(new).open(read_only=True) as copied:
        others = contents_of(copied)
    names = sorted(contents.keys() | others.keys())
    unlike = [name for name in names if contents.get(name, -1) != others.get(name, -1)]
    if unlike:
        raise WarehouseError(f"the copy differs from the warehouse in {', '.join(unlike)}")
    source.seek(0)
    with new.open("rb") as copied_bytes:
        chunk = b" "
        while chunk:
            chunk = source.read(CHUNK)
            if copied_bytes.read(CHUNK) != chunk:
                raise WarehouseError("the copy differs from the warehouse in its bytes")
    return contents


def _refuse_log_of(target: Path) -> None:
    log = target.with_name(target.name + ".wal")
    if log.exists():
        raise WarehouseError(
            f"{log} is there: something wrote into {target}, and DuckDB would replay that into the "
            "new copy; close what has it open, remove that log, and open the copy to read only"
        )


def _flush_folder(folder: Path) -> None:
    """Returns when the renaming is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
