"""docs/status.md shows what `talkhouse status` prints, but for numbers and times."""

import re
from pathlib import Path

import duckdb

from support.repository import ROOT
from support.shell import Shell, chatwoot, octopush
from talkhouse.simulator import Simulator

PAGE = (ROOT / "docs/status.md").read_text("utf-8")


def without_numbers(text: str) -> str:
    text = re.sub(r"\(python[\d.]*, PID", "(python, PID", text)
    text = re.sub(r"\d+(?:[,.:-]\d+)*", "0", text)
    return re.sub(r"\b0 (s|min|h|d)\b", "0 s", text)


def test_the_transcripts_are_what_is_printed(tmp_path: Path, simulator: Simulator) -> None:
    shell = Shell(tmp_path / "shop", tmp_path / "home")

    def configure(**hotline: str) -> None:
        shop = chatwoot(simulator, stale_after="2h", requests_per_second=100)
        shell.configure(hotline=octopush(simulator, requests_per_second=100, **hotline), shop=shop)
        config = shell.folder / ".dlt/config.toml"
        config.write_text('[destination]\npublish = "published.duckdb"\n\n' + config.read_text())

    configure()
    shell("sync", "shop", "--message-budget", "5")
    backlog = shell("status", "shop").stdout
    shell("sync", "--build", "0m")
    well = shell("status").stdout
    with duckdb.connect(shell.folder / "talkhouse.duckdb"):
        held = shell("status", "hotline").stdout
    with duckdb.connect(shell.folder / "talkhouse.duckdb") as connection:
        connection.execute(
            "update audit.runs set started_at = started_at - interval 7 hours, "
            "ended_at = ended_at - interval 7 hours where account = 'shop'"
        )
    configure(api_key="wrong")
    shell("sync", "hotline", exit_code=1)
    night = shell("status", exit_code=1).stdout
    shown = re.findall(r"^```\n\$ talkhouse status[ \w]*\n(.*?)^```$", PAGE, re.M | re.S)
    printed = [well, night, backlog, held]
    assert [without_numbers(each) for each in shown] == [without_numbers(each) for each in printed]
