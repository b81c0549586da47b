"""What the database says of its tables and columns."""

from collections.abc import Collection

from talkhouse.pipelines.warehouse.descriptions import described
from talkhouse.pipelines.warehouse.interface import Warehouse

Name = tuple[str, str]
"""A table and one of its columns, which is empty where the table itself is meant."""


def commented(warehouse: Warehouse, dataset: str, but_for: Collection[Name] = ()) -> set[Name]:
    """The dataset's tables and columns, each of which has its description as a comment."""
    found = {
        (row["table_name"], row["column_name"]): row["comment"]
        for row in warehouse.comments(dataset)
    }
    there = warehouse.rows(
        "select table_name, column_name from information_schema.columns where table_schema = %s",
        [dataset],
    )
    names = {(row["table_name"], name) for row in there for name in (row["column_name"], "")}
    texts = described(dataset)
    assert found.keys() == names
    for name in names.difference(but_for):
        assert texts[name] and found[name] == texts[name], name
    return names
