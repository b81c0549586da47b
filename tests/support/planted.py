"""A World whose every person, address and text can be told from anything else, and the search for
them in whatever is stored.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
from dlt.common.versioned_state import decompress_state

from support.postgres_server import dump
from talkhouse.pipelines.warehouse.interface import Destination, Warehouse
from talkhouse.pipelines.warehouse.postgres.database import PostgresDatabase
from talkhouse.simulator import Simulator, World

# the simulator's own planted secrets begin with the first, too
PLANTED = ("canary", "888777")


def plant(world: World) -> World:
    """Puts them into everything that people are called, reached by, and say."""
    for n, contact in world.contacts.items():
        old, new = contact.phone, f"+888777{n:06}"
        contact.first_name, contact.last_name = f"Canaryna{n}x", f"Canarylast{n}x"
        contact.email = contact.email and f"canary{n}@mail.example"
        contact.identifier = contact.identifier and f"canary-id-{n}"
        contact.city = contact.city and "Canaryville"
        contact.attributes = {"nickname": "canary", "mobile": 888777000000 + n}
        contact.phone = old and new
        for address in contact.addresses:
            if old and address.source_id.lstrip("+") == old.lstrip("+"):
                address.source_id = new if address.source_id.startswith("+") else new[1:]
        for conversation in world.conversations.values():
            if conversation.contact_id == n and old:
                if conversation.source_id.lstrip("+") == old.lstrip("+"):
                    is_plus = conversation.source_id.startswith("+")
                    conversation.source_id = new if is_plus else new[1:]
    for agent in world.agents.values():
        agent.first_name, agent.email = "Canaryagent", f"canary.agent{agent.id}@shop.example"
    for conversation in world.conversations.values():
        conversation.attributes = {"order": "canary"} if conversation.attributes else {}
        conversation.browser = {"platform_name": "canary"} if conversation.browser else {}
        for message in conversation.messages:
            message.content = message.content and f"canary {message.id}: +888 777-000 111"
            if world.channels[conversation.channel_id].kind == "whatsapp":
                # WhatsApp's id of a message has the customer's number in it
                message.source_id = message.source_id and f"wamid.canary{message.id}"
            message.error_message = message.error_message and "not delivered to canary"
            for attachment in message.attachments:
                attachment.file_name = "canary.jpg"
                attachment.transcript = attachment.transcript and "canary"
    for answer in world.csat.values():
        answer.feedback = answer.feedback and "canary"
        answer.review_notes = answer.review_notes and "canary"
    return world


def found_in_warehouse(warehouse: Warehouse, sought: tuple[str, ...] = PLANTED) -> set[str]:
    """The tables, of every schema, in which any of it is."""
    found = set()
    for row in warehouse.rows(
        "select table_schema, table_name from information_schema.tables "
        "where table_schema not in ('information_schema', 'pg_catalog', 'pg_toast')"
    ):
        name = f'"{row["table_schema"]}"."{row["table_name"]}"'
        for stored in warehouse.rows(f"select * from {name}"):
            if row["table_name"] == "_dlt_pipeline_state":
                stored["state"] = json.dumps(decompress_state(stored["state"]), default=str)
            if is_in(str(stored), sought):
                found.add(name)
    return found


def found_in_dump(destination: Destination, sought: tuple[str, ...] = PLANTED) -> set[str]:
    """What of it is in a dump of the database; of a file, whose bytes are read, nothing."""
    if not isinstance(destination, PostgresDatabase):
        return set()
    written = dump(destination)
    assert "COPY audit.runs" in written
    return {each for each in sought if is_in(written, (each,))}


def found_in_files(folder: Path, sought: tuple[str, ...] = PLANTED) -> set[str]:
    """The files of a folder in which any of it is, however they are written."""
    return {
        path.name
        for path in folder.rglob("*")
        if path.is_file() and any(is_in(text, sought) for text in _texts(path))
    }


def is_in(text: str, sought: tuple[str, ...]) -> bool:
    """Whether any of it is in the text."""
    lower = text.lower()
    return any(each.lower() in lower for each in sought)


def watched(simulator: Simulator, look: Callable[[], object]) -> None:
    """Looks whenever a request comes."""

    class Log(deque[Any]):
        def append(self, request: Any) -> None:
            super().append(request)
            look()

    simulator.requests = simulator.app.requests = Log()


def _texts(path: Path) -> Iterator[str]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return  # of a sync that is under way
    yield data.decode("utf-8", "replace")
    if data[:4] == b"PAR1" and data[-4:] == b"PAR1":
        yield str(parquet.read_table(pa.BufferReader(data)).to_pylist())
