"""Messages: which conversations' threads are to be read, and how a thread is."""

from collections.abc import Iterator, Mapping
from typing import Any

from sources.chatwoot.connect import ChatwootSettings, account_root
from sources.chatwoot.records.messages import Attachment, Message, MessageRead, ThreadPage
from sources.errors import NotFound, PagingLoop, PermissionDenied
from sources.http import Client, Request
from sources.pages import PageDecoder
from sources.tables import Table
from sources.threads import Thread, Threads

# a load that was cut off may have noted reads whose messages never came in: only whole loads count
WORKLIST = """
select c.id as conversation_id, c.last_activity_at,
       coalesce(r.last_message_id, 0) as last_message_id,
       (select max(m.id) from {dataset}.last_messages m
         where m.account = c.account and m.conversation_id = c.id) as newest_message_id
  from {dataset}.conversations c
  left join {dataset}.message_reads r on r.account = c.account and r.conversation_id = c.id
   and r._dlt_load_id in (select load_id from {dataset}._dlt_loads where status = 0)
 where c.account = %s
   and (r.conversation_id is null or r.last_activity_at is distinct from c.last_activity_at)
 order by c.last_activity_at desc, c.id desc
 limit %s
"""


def threads(client: Client, settings: ChatwootSettings) -> Threads:
    """The conversations' messages, their attachments, and how far they were read."""
    root = account_root(settings)
    decode = PageDecoder(Message, ThreadPage)

    def read(todo: Mapping[str, Any]) -> Thread[Message, MessageRead]:
        """What is newer than what was read. `after` gives 100 messages, forward by id:
        app/finders/message_finder.rb.
        """
        conversation_id, after = todo["conversation_id"], todo["last_message_id"]
        newest = todo["newest_message_id"]
        note = MessageRead(
            conversation_id=conversation_id, last_activity_at=todo["last_activity_at"]
        )
        thread: Thread[Message, MessageRead] = Thread([], note)
        path = f"{root}/conversations/{conversation_id}/messages"
        while newest is None or after < newest:
            try:
                page = client.read(Request(path, {"after": after}), decode)
            except (NotFound, PermissionDenied):
                break  # deleted since it was listed, or moved out of the token's sight
            thread.findings.add(page.findings)
            if not page.rows:
                break
            thread.messages += page.rows
            highest = max(message.id for message in page.rows)
            if highest <= after:
                raise PagingLoop(f"chatwoot: GET {path} gives the same messages again")
            after = highest
        note.last_message_id = after
        return thread

    tables = (
        Table(Message, lambda thread: thread.messages),
        Table(Attachment, attachments_of),
        Table(MessageRead, lambda thread: [thread.read]),
    )
    return Threads(read, tables)


def attachments_of(thread: Thread[Message, MessageRead]) -> Iterator[Attachment]:
    """The attachments of a thread's messages. Those of a deleted message are gone."""
    for message in thread.messages:
        for attachment in message.attachments:
            attachment.message_id = message.id
            yield attachment
        if not message.attachments and b'"deleted"' in bytes(message.content_attributes):
            yield Attachment(id=0, message_id=message.id, _is_empty=True)
