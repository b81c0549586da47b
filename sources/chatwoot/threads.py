"""Messages: which conversations' threads are to be read, and how a thread is.

app/finders/message_finder.rb: `after` gives the 100 messages that follow an id, `after` with
`before` up to 1000 of a range of ids. Messages are chosen by id, but cut off by time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from talkhouse.sources.chatwoot.connect import ChatwootSettings, account_root
from talkhouse.sources.chatwoot.records.messages import Attachment, Message, MessageRead
from talkhouse.sources.chatwoot.records.pages import Payload
from talkhouse.sources.http.client import Client, Request
from talkhouse.sources.http.errors import NotFound, PagingLoop, PermissionDenied
from talkhouse.sources.rows.page import Page, PageDecoder
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.threads import Schedule, Thread, Threads, attempts

AFTER_LIMIT = 100
RANGE_LIMIT = 1000

# a load that was cut off may have noted reads whose messages never came in: only whole loads count
WORKLIST = """
select conversation_id, last_activity_at, newest_message_id, reread_at, failed_at,
       case when is_due then 0 else last_message_id end as last_message_id
  from (select c.id as conversation_id, c.last_activity_at, r.last_message_id, r.failed_at,
               r.reread_at,
               r.last_activity_at is distinct from c.last_activity_at as is_active,
               r.read_at is null or r.read_at < %s or coalesce(r.reread_at <= %s, false)
               as is_due,
               (select max(m.id) from {dataset}.last_messages m
                 where m.account = c.account and m.conversation_id = c.id) as newest_message_id
          from {dataset}.conversations c
          left join {dataset}.message_reads r
            on r.account = c.account and r.conversation_id = c.id
           and r._dlt_load_id in (select load_id from {dataset}._dlt_loads where status = 0)
         where c.account = %s and c.deleted_at is null) as threads
 where is_active or is_due
 order by failed_at nulls first, last_activity_at desc nulls last, conversation_id desc
 limit %s
"""


def threads(client: Client, settings: ChatwootSettings) -> Threads:
    """The conversations' messages, their attachments, and how far they were read."""
    root = account_root(settings)
    decode = PageDecoder(Message, Payload)
    schedule = Schedule.of(settings)

    def read(todo: Mapping[str, Any]) -> Thread[Message, MessageRead]:
        """The whole thread, or what is newer than what was read of it."""
        note = MessageRead(
            conversation_id=todo["conversation_id"],
            last_activity_at=todo["last_activity_at"],
            last_message_id=todo["last_message_id"],
        )
        noted = schedule.noted(note, client.clock(), todo["last_activity_at"])
        thread: Thread[Message, MessageRead] = Thread([], noted)
        path = f"{root}/conversations/{todo['conversation_id']}/messages"
        messages: dict[int, Message] = {}
        begin, newest = todo["last_message_id"], todo["newest_message_id"] or 0

        def ask(**ids: int) -> Page[Message]:
            page = client.read(Request(path, ids), decode, attempts(todo))
            thread.findings.add(page.findings)
            messages.update({message.id: message for message in page.rows})
            return page

        def ask_range(low: int, high: int) -> None:
            if len(ask(after=low, before=high).rows) >= RANGE_LIMIT and high - low > 1:
                middle = (low + high) // 2
                ask_range(low, middle)
                ask_range(middle, high)

        after = begin
        try:
            while page := ask(after=after).rows:
                highest = max(message.id for message in page)
                if highest <= after:
                    raise PagingLoop(f"chatwoot: GET {path} gives the same messages again")
                if len(page) >= AFTER_LIMIT:
                    # cut off by time: of lower ids than its highest, some may not be among these
                    highest = max(highest, newest)
                    ask_range(after + 1, highest + 1)
                elif highest >= newest:
                    after = highest
                    break
                after = highest
        except (NotFound, PermissionDenied):
            return thread  # deleted since it was listed, or moved out of the token's sight
        thread.messages = list(messages.values())
        thread.read.last_message_id = max(after, begin)
        thread.read.is_whole = begin == 0
        if begin and todo["reread_at"]:
            # only a read from the first message puts off the next one
            thread.read.reread_at = todo["reread_at"]
        thread.read.missing_messages = int(newest > begin and newest not in messages)
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
