"""How all connections stand; read from the published copy where another process holds the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from talkhouse.pipelines.audit.notes import last_build
from talkhouse.pipelines.audit.unfinished import cut_off
from talkhouse.pipelines.monitoring.connection_status import Status, status_of
from talkhouse.pipelines.monitoring.health import KINDS, SETTINGS, UNSYNCED, Health, Problem
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.warehouse.destination import Copy
from talkhouse.pipelines.warehouse.interface import AlreadySyncing, Destination


@dataclass(frozen=True)
class Overview:
    """Every connection, the worst first, and the last build of the analysts' tables, if any; read
    from `source`, which is a copy if the warehouse is `held` by another process. The commands that
    were `cut_off` are to be run again.
    """

    source: str
    statuses: list[Status]
    last_build: dict[str, Any] | None = None
    held: str = ""
    cut_off: tuple[str, ...] = ()

    @property
    def build_failed(self) -> bool:
        return self.last_build is not None and self.last_build["outcome"] == "failed"

    @property
    def ok(self) -> bool:
        return (
            not self.build_failed
            and not self.cut_off
            and all(each.state == "ok" for each in self.statuses)
        )


def look(
    chosen: Sequence[Connection],
    wrong: Mapping[str, str],
    destination: Destination,
    copy: Copy | None,
) -> Overview:
    """How each connection stands; `wrong` are others, whose settings are, and why.

    Raises WarehouseError if the destination cannot be read; AlreadySyncing if another process holds
    it, and there is no copy.
    """
    try:
        return _read(chosen, wrong, destination)
    except AlreadySyncing as e:
        if copy is None or not copy.target.exists():
            raise
        # the copy was made while its command was at it
        return replace(_read(chosen, wrong, copy.readable()), held=str(e), cut_off=())


def _read(
    chosen: Sequence[Connection], wrong: Mapping[str, str], destination: Destination
) -> Overview:
    found = [
        Status(name, "", Health(problems=[Problem(SETTINGS, why)])) for name, why in wrong.items()
    ]
    built, again = None, list[str]()
    if destination.exists():
        with destination.open(read_only=True) as warehouse:
            found += [status_of(each, warehouse) for each in chosen]
            built = last_build(warehouse)
            again = [] if warehouse.is_building() else cut_off(warehouse)
    else:
        never = Problem(UNSYNCED, "never synced: run `talkhouse sync`")
        found += [
            Status(each.name, each.provider.name, Health(problems=[never])) for each in chosen
        ]
    found.sort(key=lambda each: [*KINDS, "ok"].index(each.state))
    return Overview(str(destination), found, built, cut_off=tuple(again))
