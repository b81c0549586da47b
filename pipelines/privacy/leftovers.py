"""Rows that lie beside their tables: what a load that was cut off left in the staging tables and in
the working folder, and what a build's log quotes.
"""

import shutil
from collections.abc import Sequence

from talkhouse.pipelines.audit.exclusive import accounts
from talkhouse.pipelines.settings.connections import Connection
from talkhouse.pipelines.settings.project import HERE
from talkhouse.pipelines.warehouse.interface import Warehouse
from talkhouse.sources.registry import PROVIDERS


def clear_leftovers(warehouse: Warehouse, chosen: Sequence[Connection]) -> None:
    """Takes them away; the next sync makes what it needs. To be called while nobody syncs."""
    for dataset in (f"{name}_staging" for name in PROVIDERS):
        for table in warehouse.tables(dataset):
            warehouse.execute(f"truncate table {dataset}.{table}")
    for account in accounts(warehouse, chosen):
        for folder in (account, f"{account}.chunks"):
            shutil.rmtree(HERE.pipelines_folder / folder, ignore_errors=True)
    shutil.rmtree(HERE.dbt_folder, ignore_errors=True)
