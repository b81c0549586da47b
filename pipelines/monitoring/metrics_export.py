"""Where metrics go, if anywhere:

    metrics.textfiles    a folder that node_exporter's textfile collector reads
    metrics.push         the address of a Pushgateway; a secret, since a password may be in it

Each connection has a file to itself, and a group of the Pushgateway: a sync of one leaves those of
the others as they are. What cannot be written or pushed is said, and stops nothing.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from talkhouse.pipelines.analytics.publish import Publication
from talkhouse.pipelines.audit.outcome import Outcome
from talkhouse.pipelines.monitoring.metrics import (
    Sheet,
    add_known,
    add_standing,
    measured_build,
    measured_publication,
    measured_sync,
)
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.pipelines.warehouse.interface import AlreadySyncing, Warehouse, WarehouseError
from talkhouse.sources.settings import SettingsError

if TYPE_CHECKING:
    # it has the libraries of both databases
    from talkhouse.pipelines.analytics.build import Built

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
        sheet, is_whole = measured_sync(outcome), False
        if connection and warehouse:
            try:
                add_standing(sheet, connection, warehouse)
                is_whole = True
            except Exception as e:
                # why the database cannot be asked any more is in the sync's own error
                _say(f"{outcome.connection} was measured in part: {type(e).__name__}")
        self._tell(sheet, is_whole, task="sync", connection=outcome.connection)

    @contextmanager
    def outage_measured(self, chosen: Sequence[Connection]) -> Iterator[None]:
        """Tells what ends the command before anything is synced, as the outcome of every sync."""
        try:
            yield
        except AlreadySyncing:
            raise
        except WarehouseError as e:
            for each in chosen:
                self.synced(Outcome(each.name, each.provider.name, error=str(e)))
            raise

    def built(self, built: "Built") -> None:
        """Tells what a build came to."""
        if self:
            self._tell(measured_build(built), not built.unchanged_since, task="build")

    def published(self, publication: Publication | None) -> None:
        """Tells what came of publishing, if that was tried."""
        if self and publication:
            self._tell(measured_publication(publication), True, task="publish")

    def _tell(self, sheet: Sheet, is_whole: bool, **group: str) -> None:
        """Where the sheet is not whole, what was last known of the rest stays."""
        if self.folder:
            name = quote("_".join(["talkhouse", *group.values()]), safe="")
            _write(Path(self.folder, f"{name}.prom"), sheet, is_whole)
        if self.gateway and (why := _push(self.gateway, sheet, is_whole, group)):
            _say(f"the metrics were not pushed: {why}")
            # each of the other connections would have to wait as this one did
            self.gateway = ""


def configured_meter(project: Project = HERE) -> Meter:
    """The meter that is configured. Raises SettingsError."""
    gateway = str(project.secret("metrics.push") or "")
    if gateway and not _is_address(gateway):
        raise SettingsError("metrics.push is no address, such as https://gateway.example:9091")
    folder = str(project.setting("metrics.textfiles") or "")
    return Meter(str(project.path(folder)) if folder else "", gateway)


def _is_address(text: str) -> bool:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("https", "http") and bool(url.host)


def _write(file: Path, sheet: Sheet, is_whole: bool) -> None:
    from prometheus_client import write_to_textfile

    try:
        if not is_whole and file.exists():
            add_known(sheet, file.read_text("utf-8"))
        write_to_textfile(str(file), sheet.registry)
        # the collector is another user, and numbers are nobody's secret
        file.chmod(0o644)
    except OSError as e:
        _say(f"{file} cannot be written: {e.strerror}")
    except ValueError:
        _say(f"{file} is no file of metrics, and is left as it is: move it away")


def _push(gateway: str, sheet: Sheet, is_whole: bool, group: dict[str, str]) -> str:
    """Pushes, and says what went wrong, without the address; empty if nothing did."""
    from prometheus_client import push_to_gateway, pushadd_to_gateway

    # the second leaves metrics of other names as they are
    push = push_to_gateway if is_whole else pushadd_to_gateway
    try:
        push(gateway, "talkhouse", sheet.registry, group, PUSH_SECONDS, _by_httpx)
    except httpx.HTTPStatusError as e:
        return f"the Pushgateway answered {e.response.status_code}"
    except Exception as e:
        # also what is no error of httpx: SSL_CERT_FILE may name a file that is not there
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
