"""Each description of a table or a column stands alone, as in a tooltip."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from support.repository import ROOT
from talkhouse.pipelines.warehouse.descriptions import described
from talkhouse.pipelines.warehouse.interface import AUDIT
from talkhouse.sources.registry import PROVIDERS

# what is said of something that is named elsewhere
LEANS = re.compile(r"(That|This|Those|How|When|Who|It|Its|Ours|The (same|one))\b")
MODELS = sorted((ROOT / "models").rglob("*.yml"))


def stands_alone(text: str) -> bool:
    return text.endswith(".") and len(text.split()) >= 3 and not LEANS.match(text)


def of_models(file: Path) -> Iterator[tuple[str, str]]:
    """The models, seeds, snapshots and sources of a file, and their columns, each described."""
    document = yaml.safe_load(file.read_text("utf-8"))
    tables = [table for source in document.get("sources", ()) for table in source["tables"]]
    for kind in ("models", "seeds", "snapshots"):
        tables += [each for each in document.get(kind, ()) if isinstance(each, dict)]
    for table in tables:
        for each in (table, *table.get("columns", ())):
            yield f"{table['name']} {each['name']}", each["description"]


@pytest.mark.parametrize("dataset", [*PROVIDERS, AUDIT])
def test_descriptions_of_what_is_loaded_stand_alone(dataset: str) -> None:
    assert {name: text for name, text in described(dataset).items() if not stands_alone(text)} == {}


@pytest.mark.parametrize("file", MODELS, ids=lambda file: str(file.relative_to(ROOT / "models")))
def test_descriptions_of_models_stand_alone(file: Path) -> None:
    assert {name: text for name, text in of_models(file) if not stands_alone(text)} == {}


def test_the_files_of_models_have_descriptions() -> None:
    assert len({name for file in MODELS for name, _ in of_models(file)}) > 1000


@pytest.mark.parametrize("text", ["", "The year.", "That message.", "Its name and more.", "No end"])
def test_a_description_that_leans_on_another_is_found(text: str) -> None:
    assert not stands_alone(text)
