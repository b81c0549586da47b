"""Messages: which conversations' threads are to be read, and how a thread is."""

from collections.abc import Iterable, Mapping
from typing import Any

from talkhouse.sources.http.client import Client, Request
from talkhouse.sources.http.errors import BadAnswer, NotFound, PagingLoop, PermissionDenied
from talkhouse.sources.octopush.records import Message, MessageRead
from talkhouse.sources.rows.page import PageDecoder
from talkhouse.sources.rows.personal_data import HASHED
from talkhouse.sources.rows.table import Table
from talkhouse.sources.scan.threads import Schedule, Thread, Threads, attempts
from talkhouse.sources.settings import Settings

MESSAGES = "/conversations/messages/list"
PER_PAGE = 50
# messages that may have come since the conversation was listed
COME_SINCE = 20
# phone numbers are the same by their last digits: +33 6 12 34 56 78 is 06 12 34 56 78
TELLING_DIGITS = 8

# a load that was cut off may have noted reads whose messages never came in: only whole loads count
WORKLIST = """
select c.conversation_id, c.last_message_at, c.number_of_messages, r.failed_at,
       c.recipient_details__phone_number as phone_number
  from {dataset}.conversations c
  left join {dataset}.message_reads r
    on r.account = c.account and r.conversation_id = c.conversation_id
   and r._dlt_load_id in (select load_id from {dataset}._dlt_loads where status = 0)
 where (r.read_at is null
        or r.read_at < %s
        or r.reread_at <= %s
        or r.last_message_at is distinct from c.last_message_at
        or r.number_of_messages is distinct from c.number_of_messages)
   and c.account = %s and c.deleted_at is null
 order by r.failed_at nulls first, c.last_message_at desc nulls last, c.conversation_id desc
 limit %s
"""


def threads(client: Client, settings: Settings) -> Threads:
    """The conversations' messages, and how far they were read."""
    decode = PageDecoder(Message)
    schedule = Schedule.of(settings)

    def read(todo: Mapping[str, Any]) -> Thread[Message, MessageRead]:
        """The whole thread: nothing tells which of its messages are new."""
        conversation_id, expected = todo["conversation_id"], todo["number_of_messages"]
        note = MessageRead(
            conversation_id=conversation_id,
            last_message_at=todo["last_message_at"],
            number_of_messages=expected,
        )
        noted = schedule.noted(note, client.clock(), todo["last_message_at"])
        thread: Thread[Message, MessageRead] = Thread([], noted)
        asked: dict[str, str | int | None] = {
            "conversation_id": prefixed(conversation_id),
            "per_page": PER_PAGE,
        }
        messages: dict[str, Message] = {}
        page_number, at_end = 0, False
        while not at_end:
            page_number += 1
            request = Request(MESSAGES, {**asked, "page": page_number})
            try:
                page = client.read(request, decode, attempts(todo))
            except (NotFound, PermissionDenied):
                return thread  # deleted since it was listed, or moved out of the token's sight
            thread.findings.add(page.findings)
            if page.last:
                thread.read.is_whole = True
                break
            known = len(messages)
            messages.update({message.message_id: message for message in page.rows})
            if page.rows and len(messages) == known:
                raise PagingLoop(f"octopush: GET {MESSAGES} gives the same messages again")
            _refuse_foreign(messages.values(), expected, todo["phone_number"])
            read = len(messages) + len(thread.findings.rejects)
            # a full page may have pushed a message out, if one came since the list was read
            if expected is not None and read >= expected and len(page.rows) < PER_PAGE:
                thread.read.is_whole = at_end = True
        for message in messages.values():
            message.conversation_id = conversation_id
        thread.messages = list(messages.values())
        had = len(messages) + len(thread.findings.rejects)
        thread.read.missing_messages = max(0, (expected or 0) - had)
        thread.read.is_whole = thread.read.is_whole and not thread.read.missing_messages
        return thread

    tables = (
        Table(Message, lambda thread: thread.messages),
        Table(MessageRead, lambda thread: [thread.read]),
    )
    return Threads(read, tables)


def prefixed(conversation_id: str) -> str:
    """The id as the messages' filter wants it; it is not known whether the list's has `cid_`."""
    return conversation_id if conversation_id.startswith("cid_") else f"cid_{conversation_id}"


def _refuse_foreign(messages: Iterable[Message], expected: int | None, phone: str | None) -> None:
    """Raises BadAnswer for messages of other conversations.

    A filter that Octopush does not recognise is ignored, without a word:
    https://octopush-api.readme.io/reference/get_public_apiconversations_messagesget_messages
    """
    theirs, unproven = _telling(phone), 0
    for message in messages:
        by_kind = message.user_identifiers
        number = by_kind.phone_number if by_kind else None
        wrote = _telling(number or message.user_identifier)
        if theirs and wrote and wrote != theirs:
            raise _foreign()
        unproven += not (theirs and wrote)
    if expected is not None and unproven > expected + COME_SINCE:
        raise _foreign()


def _foreign() -> BadAnswer:
    return BadAnswer(
        f"octopush: GET {MESSAGES} answered with messages of other conversations",
        "the conversation_id filter may have been ignored: nothing of it was loaded; "
        "set messages = false for this connection to go on without them",
    )


def _telling(phone: str | None) -> str:
    if HASHED in (phone or ""):
        return ""  # as it is stored where numbers are hidden: only the count is left to go by
    digits = "".join(filter(str.isdigit, phone or ""))
    return digits[-TELLING_DIGITS:] if len(digits) >= TELLING_DIGITS else ""
