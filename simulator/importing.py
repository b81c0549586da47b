"""What other programs write in a World: histories of bridges, and conversations by the dozen."""

from __future__ import annotations

from datetime import datetime, timedelta

from talkhouse.simulator import texts
from talkhouse.simulator.entities import Conversation, Message, MessageKind
from talkhouse.simulator.handling import Handling
from talkhouse.simulator.making import provider_message_id


class Importing(Handling):
    """Handling, and what was not written when and where it was said."""

    def import_history(self, conversation: int | None = None, messages: int = 120) -> Conversation:
        """So many messages before the conversation's first, one a minute, and a live one at `now`.

        As a bridge to WhatsApp writes them when it connects to an inbox of kind `api`: their ids
        are new and their times old, so ids no longer rise with time.
        """
        with self.lock:
            thread = self.pick(self.conversations, conversation, self._is_bridged)
            began = thread.messages[0].created_at if thread.messages else thread.created_at
            ages = (timedelta(minutes=minutes) for minutes in range(messages, 0, -1))
            past = [self._imported(thread, began - age) for age in ages]
            thread.messages[:0] = past
            self.messages.update((message.id, message) for message in past)
            self.new_message(thread.id, kind="incoming")
            return thread

    def bulk_import(
        self, conversations: int = 30, channel: int | None = None
    ) -> list[Conversation]:
        """Conversations without messages in one channel: all of their times are the same."""
        with self.lock:
            kinds = ("whatsapp", "sms", "api")
            via = self.pick(self.channels, channel, lambda c: c.kind in kinds)
            return [self.new_conversation(via.id, empty=True) for _ in range(conversations)]

    def _is_bridged(self, conversation: Conversation) -> bool:
        return self.channels[conversation.channel_id].kind == "api" and self._is_sound(conversation)

    def _imported(self, thread: Conversation, said_at: datetime) -> Message:
        """A message written now that was said then."""
        kind: MessageKind = self.random.choice(("incoming", "outgoing"))
        sender_kind, sender_id = self._sender(thread, kind, None, None)
        return Message(
            id=self.new_id("message", gap=4),
            uuid=self.new_uuid(),
            conversation_id=thread.id,
            kind=kind,
            content=texts.line(self.random, kind, False),
            created_at=said_at,
            updated_at=self.now,
            sender_kind=sender_kind,
            sender_id=sender_id,
            origin="INBOUND" if kind == "incoming" else "INBOX",
            source_id=provider_message_id(self, "whatsapp"),
        )
