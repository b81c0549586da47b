"""Tries connections, and says what is found and what to do."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from talkhouse.pipelines.console import print_json, results
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.sources.http.errors import SourceError
from talkhouse.sources.provider import Check

SECRETS = Path(".dlt/secrets.toml")


@dataclass(frozen=True)
class Checked:
    """What was found of one connection; of what all share, where it has no name."""

    connection: str
    provider: str
    checks: list[Check]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


def check_all(chosen: Sequence[Connection]) -> list[Checked]:
    """What is found of the files, and of each; one that cannot be reached is a failed check."""
    found = [Checked(each.name, each.provider.name, _checks(each)) for each in chosen]
    if of_all := _secrets_file():
        found.insert(0, Checked("", "", of_all))
    return found


def _secrets_file() -> list[Check]:
    """That others can read the file, if they can."""
    if not SECRETS.exists() or not SECRETS.stat().st_mode & 0o077:
        return []
    found = f"{SECRETS} can be read or written by other users of this machine"
    return [Check("secrets", False, found, f"chmod 600 {SECRETS}")]


def _checks(connection: Connection) -> list[Check]:
    try:
        with closing(connection.provider.connect(connection.settings)) as client:
            return connection.provider.check(client, connection.settings)
    except SourceError as e:
        return [Check("connection", False, str(e))]
    except Exception as e:  # an answer that is JSON, and nothing like this API's
        what = f"{connection.provider.name} answered what its API does not: {type(e).__name__}"
        return [Check("connection", False, what, "check base_url")]


def show_checks(found: Sequence[Checked], as_json: bool) -> None:
    """Prints every check, with the remedy of one that failed."""
    if as_json:
        print_json([asdict(checked) | {"ok": checked.ok} for checked in found])
        return
    table = Table("connection", "", "check", "found")
    for checked in found:
        for check in checked.checks:
            remedy = f"\n{check.remedy}" if check.remedy and not check.ok else ""
            table.add_row(
                checked.connection,
                "ok" if check.ok else "not ok",
                check.what,
                check.found + remedy,
            )
    results().print(table)
