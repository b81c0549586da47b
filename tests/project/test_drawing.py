"""The drawing of the structure in CONTRIBUTING.md is what the modules import."""

import pytest

from support.drawing import BEGIN, CONTRIBUTING, END, drawing, drawn

FLOORS = (
    ("console", "http"),
    ("settings",),
    ("warehouse", "audit"),
    ("cli",),
)
GRAPH = {
    "console": set[str](),
    "http.errors": set[str](),
    "settings.check": {"console", "http.errors"},
    "settings.folders": {"settings.check"},
    "warehouse": {"settings.check"},
    "audit.notes": {"http.errors"},
    "cli.app": {"warehouse", "settings.check", "console"},
}
DRAWN = """\
 3 | cli       -> warehouse
 2 | warehouse -> settings
   | audit     -> http
 1 | settings  -> console, http
 0 | console
   | http"""


def test_wings_are_drawn_with_what_they_import_themselves() -> None:
    assert drawing(GRAPH, FLOORS) == DRAWN


@pytest.mark.parametrize(
    ("module", "imports", "line"),
    [
        ("cli.app", "audit.notes", " 3 | cli       -> audit, warehouse"),
        ("audit.notes", "settings.check", "   | audit     -> settings"),
        # not allowed, which another test says
        ("warehouse", "audit.notes", " 2 | warehouse -> audit, settings"),
    ],
)
def test_an_import_that_is_new_is_drawn(module: str, imports: str, line: str) -> None:
    changed = GRAPH | {module: GRAPH[module] | {imports}}
    assert line in drawing(changed, FLOORS).splitlines()


def test_the_contributors_drawing_is_true() -> None:
    document = CONTRIBUTING.read_text("utf-8")
    assert document.count(BEGIN) == document.count(END) == 1
    assert drawn(document) == document, "run `make drawing`"
    width = max(map(len, document.partition(BEGIN)[2].partition(END)[0].splitlines()))
    assert width <= 100
