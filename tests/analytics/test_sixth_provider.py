"""A provider that is new comes into the analysts' tables, with all that it gives, by its folder of
staging models and its rows of the seeds alone.
"""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import md5
from pathlib import Path

import pytest

from support.account import Account
from talkhouse.pipelines.analytics import build as building
from talkhouse.pipelines.analytics.build import MODELS, build
from talkhouse.pipelines.settings.project import Project
from talkhouse.pipelines.warehouse.interface import Destination

SIXTH = Path(__file__).parent / "sixth_provider"
SEEDS = {
    "status_vocabulary": ["acme,ACTIVE,open", "acme,DONE,resolved"],
    "channel_vocabulary": ["parley,webchat"],
    "activity_rules": ["resolved,% was closed by %"],
    "sender_rules": [
        "acme: a customer,100,from_customer,,,,,,,in,customer",
        "acme: an agent,101,from_agent,,,,,,,out,agent",
        "acme: a remark,102,remark,,,,,,,internal,note",
        "acme: an event,103,event,,,,,,,internal,system",
    ],
}
MONDAY = date(2026, 3, 2)
DESK = ("acme", "desk")


def at(hour: int, minute: int) -> datetime:
    return datetime(2026, 3, 2, hour, minute, tzinfo=UTC)


def person(phone: str) -> str:
    return md5(f"phone:{phone}".encode()).hexdigest()


ROWS: dict[str, list[tuple[object, ...]]] = {
    "unified.conversations": [
        (*DESK, "c1", "p1", person("+34600000001"), "d1", "webchat", "resolved", "DONE")
        + (None, None, None, None, "t1", at(9, 0), "provider", at(9, 30))
        + (None, None, None, "whole", None, None),
        (*DESK, "c2", "p2", person("+34600000002"), "d1", "webchat", "open", "ACTIVE")
        + (None, None, None, None, None, at(10, 0), "provider", at(10, 0))
        + (None, None, None, "whole", None, None),
    ],
    "unified.teams": [(*DESK, "t1", "Returns", None)],
    "unified.conversation_tags": [
        (*DESK, "c1", "refund", "refund"),
        (*DESK, "c2", "refund", "refund"),
    ],
    "unified.csat_responses": [(*DESK, "c1", "c1", None, "a1", 4, None, at(9, 40), None)],
    "marts.tag_daily": [(MONDAY, *DESK, "refund", 2, 1, 1, 600.0, 1800.0, 1, 4.0)],
    "marts.channel_daily": [
        (MONDAY, *DESK, "d1", "Front page", "webchat", 2, 1, 1, 600.0, 1800.0, 1, 4.0)
    ],
    "marts.agent_daily": [(MONDAY, *DESK, "a1", "Ana", 1, 1, 1, 1, 600.0, 600.0, 1, 4.0)],
    "marts.csat_daily": [(MONDAY, *DESK, "d1", "a1", "Ana", 1, 1, 0, 4.0)],
}


def test_a_sixth_provider_needs_a_folder_and_its_rows_of_the_seeds(
    filled: Callable[[str], Account],
    destination: Destination,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = tmp_path / "models"
    shutil.copytree(MODELS, models, ignore=shutil.ignore_patterns("target", "logs"))
    shutil.copytree(SIXTH / "acme", models / "staging/acme")
    for name, lines in SEEDS.items():
        with open(models / f"seeds/{name}.csv", "a", encoding="utf-8") as seed:
            seed.writelines(f"{line}\n" for line in lines)
    monkeypatch.setattr(building, "MODELS", models)
    beside = filled("octopush")
    beside.warehouse.execute((SIXTH / "raw.sql").read_text("utf-8"))
    beside.warehouse.close()

    built = build(destination, project=Project(tmp_path))

    assert (built.providers, built.failures) == (["acme", "octopush"], [])
    with destination.open(read_only=True) as warehouse:
        for table, rows in ROWS.items():
            query = f"from {table} where provider = 'acme' order by all"
            assert [tuple(row.values()) for row in warehouse.rows(query)] == rows, table
        [unknown] = warehouse.rows(
            "select count(*) as days, count(csat_responses) as told from marts.channel_daily"
            " where provider = 'octopush'"
        )
    assert unknown["days"] > unknown["told"] == 0
