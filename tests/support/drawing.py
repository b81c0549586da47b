"""The drawing of the structure in CONTRIBUTING.md, made from the imports: `make drawing`."""

from collections import defaultdict
from collections.abc import Sequence

from support.repository import ROOT
from support.structure import FLOORS, Graph, graph_of, tree, wing_of

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- the drawing, by `make drawing` -->\n", "<!-- the end of the drawing -->\n"


def wings_of(graph: Graph, floors: Sequence[Sequence[str]]) -> Graph:
    """Which wings the modules of each wing import."""
    wings: Graph = {wing: set() for floor in floors for wing in floor}
    for module, its in graph.items():
        if (wing := wing_of(module, floors)) is not None:
            wings[wing] |= {wing_of(other, floors) or other for other in its} - {wing}
    return wings


def drawing(graph: Graph, floors: Sequence[Sequence[str]]) -> str:
    """A line for each wing, the top floor first: what it imports, except what that imports, too."""
    wings = wings_of(graph, floors)
    below: defaultdict[str, set[str]] = defaultdict(set)
    for wing in (wing for floor in floors for wing in floor):
        below[wing] = wings[wing].union(*(below[other] for other in wings[wing]))
    width = max(map(len, wings))
    lines = []
    for number, floor in reversed(list(enumerate(floors))):
        for wing in floor:
            direct = wings[wing] - set().union(*(below[other] for other in wings[wing]))
            marked = number if wing == floor[0] else ""
            arrow = f" -> {', '.join(sorted(direct))}" if direct else ""
            lines.append(f"{marked:>2} | {wing:<{width}}{arrow}".rstrip())
    return "\n".join(lines)


def drawn(document: str) -> str:
    """The document with the drawing as the imports are now."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```\n{drawing(graph_of(tree()), FLOORS)}\n```\n\n{END}{after}"


if __name__ == "__main__":
    CONTRIBUTING.write_text(drawn(CONTRIBUTING.read_text("utf-8")), "utf-8")
