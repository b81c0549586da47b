"""Comments on tables and columns in the database, which SQL clients and BI tools show.

dlt writes none into DuckDB or Postgres. The tables that dbt builds get theirs from
models/macros/persist_docs.sql.
"""

from talkhouse.pipelines.warehouse.descriptions import described
from talkhouse.pipelines.warehouse.interface import Warehouse


def comment(warehouse: Warehouse, dataset: str) -> None:
    """Comments the dataset's tables and columns where the database has no comment or another one.

    Call it in a transaction: DuckDB takes ten times as long to commit each comment by itself.
    """
    texts = described(dataset)
    statements = []
    for stored in warehouse.comments(dataset):
        table, column = stored["table_name"], stored["column_name"]
        text = texts.get((table, column), "")
        if text and text != stored["comment"]:
            name = f'{dataset}."{table}"' + (f'."{column}"' if column else "")
            statements.append(f"comment on {stored['kind']} {name} is {_quoted(text)}")
    if statements:
        warehouse.execute("; ".join(statements))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
