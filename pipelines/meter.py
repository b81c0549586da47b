"""Where metrics go, if anywhere:

    metrics.textfiles    a folder that node_exporter's textfile collector reads
    metrics.push         the address of a Pushgateway; a secret, since a password may be in it

Each connection has a file to itself, and a group of the Pushgateway: a sync of one leaves those of
the others as they are. What cannot be written or pushed is said, and stops nothing.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import dlt
import httpx

from pipelines.audit import Outcome
from pipelines.connections import Connection
from pipelines.metrics import (
    Sheet,
    add_standing,
    measured_build,
    measured_publication,
    measured_sync,
)
from pipelines.summary import Publication
from pipelines.warehouse import Warehouse
from sources.settings import SettingsError

if TYPE_CHECKING:
    # it has the libraries of both databases
    from pipelines.build import Built

PUSH_SECONDS = 10.0


@dataclass
class Meter:
    """Where metrics go; nowhere by default."""

    folder: str = ""
    gateway: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.folder or self.gateway)

    def synced(
        self,
        outcome: Outcome,
        connection: Connection | None = None,
        warehouse: Warehouse | None = None,
    ) -> None:
        """Tells what a sync came to, and how the connection then stands, if the warehouse is open.

        That another one is still running is no news, and leaves things as they are.
        """
        if not self or outcome.is_busy:
            return
        sheet = measured_sync(outcome)
        if connection and warehouse:
            try:
                add_standing(sheet, connection, warehouse)
            except Exception as e:
                # why the database cannot be asked any more is in the sync's own error
                _say(f"{outcome.connection} was measured in part: {type(e).__name__}")
        self._tell(sheet, task="sync", connection=outcome.connection)

    def built(self, built: "Built") -> None:
        """Tells what a build came to."""
        if self:
            self._tell(measured_build(built), task="build")

    def published(self, publication: Publication | None) -> None:
        """Tells what came of publishing, if that was tried."""
        if self and publication:
            self._tell(measured_publication(publication), task="publish")

    def _tell(self, sheet: Sheet, **group: str) -> None:
        if self.folder:
            name = quote("_".join(["talkhouse", *group.values()]), safe="")
            _write(Path(self.folder, f"{name}.prom"), sheet)
        if self.gateway and (why := _push(self.gateway, sheet, group)):
            _say(f"the metrics were not pushed: {why}")
            # each of the other connections would have to wait as this one did
            self.gateway = ""


def configured_meter() -> Meter:
    """The meter that is configured. Raises SettingsError."""
    gateway = str(dlt.secrets.get("metrics.push") or "")
    if gateway and not gateway.startswith(("https://", "http://")):
        raise SettingsError("metrics.push is no address: it begins with https://")
    return Meter(str(dlt.config.get("metrics.textfiles") or ""), gateway)


def _write(file: Path, sheet: Sheet) -> None:
    from prometheus_client import write_to_textfile

    try:
        write_to_textfile(str(file), sheet.registry)
        # the collector is another user, and numbers are nobody's secret
        file.chmod(0o644)
    except OSError as e:
        _say(f"{file} cannot be written: {e.strerror}")


def _push(gateway: str, sheet: Sheet, group: dict[str, str]) -> str:
    """Pushes, and says what went wrong, without the address; empty if nothing did."""
    from prometheus_client import push_to_gateway

    try:
        push_to_gateway(gateway, "talkhouse", sheet.registry, group, PUSH_SECONDS, _by_httpx)
    except httpx.HTTPStatusError as e:
        return f"the Pushgateway answered {e.response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as e:
        return type(e).__name__
    return ""


def _by_httpx(
    url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
) -> Callable[[], object]:
    """How prometheus_client is to ask: httpx takes a user and password from the address."""
    answer = partial(httpx.request, method, url, headers=headers, content=data, timeout=timeout)
    return lambda: answer().raise_for_status()


def _say(what: str) -> None:
    sys.stderr.write(f"talkhouse: {what}\n")
