"""What DuckDB's errors mean, and what to do about them."""

import re
from pathlib import Path

from talkhouse.pipelines.warehouse.interface import NOTHING_LOST, AlreadySyncing, WarehouseError

# what DuckDB says of a file, what to do about it
REMEDIES = {
    "No space left on device|File too large|Disk quota exceeded": (
        f"make room on its disk; {NOTHING_LOST}"
    ),
    "not a valid DuckDB database|checksum|Could not read enough bytes|Corrupt": (
        "the file is damaged: put a backup or a published copy in its place; or move it away, and "
        "the next sync reads everything again"
    ),
    "Permission denied|Read-only file system|Operation not permitted": (
        "the user that runs this must be able to write the file and its folder"
    ),
    "Is a directory|No such file or directory": "name a file in destination.duckdb",
}


def why_not(file: Path, message: str) -> WarehouseError:
    held = re.search(r"Conflicting lock is held in (.+?) \(PID (\d+)\)", message)
    if held:
        return AlreadySyncing(
            f"{file} is open in another process ({Path(held[1]).name}, PID {held[2]}), and DuckDB "
            "lets nobody else open a file that one process writes, nor write one that another "
            "reads; close it there, or wait for that process to end"
        )
    found, remedy = remedy_of(message)
    if found:
        return WarehouseError(f"{file} cannot be opened: {found}; {remedy}")
    return WarehouseError(f"{file} cannot be opened: {message.splitlines()[0]}")


def remedy_of(message: str) -> tuple[str, str]:
    """What of a message is known, and what to do about it; empty if nothing is."""
    for pattern, remedy in REMEDIES.items():
        if found := re.search(pattern, message):
            return found[0], remedy
    return "", ""
