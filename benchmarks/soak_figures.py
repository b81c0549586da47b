"""What a soak (soak.py) measures, and what may grow of it by how much."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination

Figures = dict[str, float]
# of one figure after the first third of the syncs and at the end: how many times as much, and how
# many more, it may be. What rows need, and what is not kept yet for `audit.keep`, may grow
ALLOWED = {
    "states": (1.0, 0),
    "loads that no row came with": (1.0, 20),
    "schemas": (1.0, 2),
    "files in .dlt": (1.3, 20),
    "MB in .dlt": (1.3, 0.2),
    "MB of memory": (1.1, 0),
    "open files": (1.0, 2),
    "peak MB of a process": (1.1, 0),
    "MB stored": (1.3, 2),
}


def figures(soak: Any, worker: int, syncs: int) -> Figures:
    """The figures after so many syncs. `worker` is the process that stays."""
    process, files = Path(f"/proc/{worker}"), [*Path(soak.folder, ".dlt").rglob("*")]
    pages = int((process / "statm").read_text().split()[1])
    return {
        "syncs": syncs,
        **_stored(soak.destination, soak.providers),
        "files in .dlt": len(files),
        "MB in .dlt": sum(file.stat().st_size for file in files if file.is_file()) / 1e6,
        "MB of memory": pages * 4_096 / 1e6,
        "open files": len([*(process / "fd").iterdir()]),
        "peak MB of a process": soak.peak_megabytes,
        "seconds of a sync": median(soak.seconds[-20:]),
    }


def _stored(destination: Destination, datasets: Sequence[str]) -> Figures:
    found: dict[str, float] = {}
    with destination.open(read_only=True) as warehouse:

        def one(query: str) -> float:
            [row] = warehouse.rows(query)
            return float(*row.values())

        def rows(table: str) -> float:
            return one(f"select count(*) from {table}")

        own = {dataset: warehouse.tables(dataset) for dataset in datasets}
        found["rows"] = sum(rows(f"{d}.{table}") for d, names in own.items() for table in names)
        found["loads"] = sum(rows(f"{d}._dlt_loads") for d in datasets)
        found["loads that no row came with"] = sum(
            one(
                f"select count(*) from {d}._dlt_loads where load_id not in ("
                + " union ".join(
                    f"select _dlt_load_id from {d}.{table}"
                    for table in [*names, "_dlt_pipeline_state"]
                )
                + ")"
            )
            for d, names in own.items()
        )
        found["states"] = sum(rows(f"{d}._dlt_pipeline_state") for d in datasets)
        found["schemas"] = sum(rows(f"{d}._dlt_version") for d in datasets)
        found["rows of audit.runs"] = rows("audit.runs")
        found["rows of audit.scans"] = rows("audit.scans")
        if isinstance(destination, DuckDbFile):
            stored: float = destination.file.stat().st_size
        else:
            stored = one("select pg_database_size(current_database())")
    found["MB stored"] = stored / 1e6
    return found


def show(found: Sequence[Figures]) -> None:
    """Prints them as a table, a column for each time that they were taken."""
    print(flush=True)
    for name in found[-1]:
        values = " | ".join(
            f"{each[name]:,.1f}" if name[:2] in ("MB", "se", "pe") else f"{each[name]:,.0f}"
            for each in found
        )
        print(f"| {name} | {values} |", flush=True)
        if name == "syncs":
            print("|---|" + "---|" * len(found))


def grown(found: Sequence[Figures]) -> list[str]:
    """What grew by more than it may."""
    first, last = found[1], found[-1]
    return [
        f"{name}: {last[name]:,.1f} after {last['syncs']:.0f} syncs, {first[name]:,.1f} after "
        f"{first['syncs']:.0f}"
        for name, (times, more) in ALLOWED.items()
        if last[name] > first[name] * times + more
    ]
