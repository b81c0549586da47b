"""What is written in a World: conversations begun, messages, deliveries and survey answers.

What moves which time: `app/models/message.rb` of https://github.com/chatwoot/chatwoot at v4.15.1.
"""

from __future__ import annotations

from typing import cast

from talkhouse.simulator import texts
from talkhouse.simulator.entities import (
    Conversation,
    CsatResponse,
    Delivery,
    Message,
    MessageKind,
    Opening,
    Origin,
    SenderKind,
)
from talkhouse.simulator.making import address_of, attachments_of, new_contact, provider_message_id
from talkhouse.simulator.records import Records


class Writing(Records):
    """Records to which people and bots write."""

    def new_conversation(
        self,
        channel: int | None = None,
        contact: int | None = None,
        content: str | None = None,
        origin: Opening = "INBOX",
        empty: bool = False,
    ) -> Conversation:
        """A conversation opened by its first message: a template when it is a broadcast."""
        with self.lock:
            kinds = ("whatsapp", "sms", "rcs", "webchat", "api")
            via = self.pick(self.channels, channel, lambda c: c.kind in kinds)
            if contact is None:
                person = new_contact(self, via)
            else:
                person = self.pick(self.contacts, contact, lambda _: True)
            conversation = Conversation(
                id=self.new_id("conversation", gap=3),
                record_id=self.new_id("record", gap=9),
                uuid=self.new_uuid(),
                channel_id=via.id,
                contact_id=person.id,
                source_id=address_of(self, person, via).source_id,
                origin=origin,
                created_at=self.now,
                updated_at=self.now,
                last_activity_at=self.now,
                color=self.random.randint(0, 3),
                purpose=self.random.choice(("alert", "alert", "alert", "wholesale")),
                browser=texts.browser(self.random, self.now) if via.kind == "webchat" else {},
            )
            self.conversations[conversation.id] = conversation
            if not empty:
                is_ours = origin in ("BROADCAST", "API")
                opening: MessageKind = "outgoing" if is_ours else "incoming"
                sent_as = cast(Origin, origin) if is_ours else "INBOUND"
                self.new_message(conversation.id, content, opening, origin=sent_as)
            return conversation

    def new_message(
        self,
        conversation: int | None = None,
        content: str | None = None,
        kind: MessageKind | None = None,
        private: bool = False,
        agent: int | None = None,
        origin: Origin | None = None,
        attachment: str | None = None,
    ) -> Message:
        """A message of the customer, an agent, the bot (kind `template`) or nobody (`activity`)."""
        with self.lock:
            thread = self.pick(self.conversations, conversation, self._is_sound)
            said: MessageKind = kind or "incoming"
            if kind is None and self.random.random() < 0.5:
                said = "outgoing"
            sender_kind, sender_id = self._sender(thread, said, agent, origin)
            channel = self.channels[thread.channel_id]
            message_id = self.new_id("message", gap=4)
            message = Message(
                id=message_id,
                uuid=self.new_uuid(),
                conversation_id=thread.id,
                kind=said,
                content=content,
                created_at=self.now,
                updated_at=self.now,
                sender_kind=sender_kind,
                sender_id=sender_id,
                origin=origin or ("INBOUND" if said == "incoming" else "INBOX"),
                private=private,
            )
            if content is None and attachment is None:
                message.content = texts.line(self.random, said, private)
            if attachment is not None:
                message.attachments = attachments_of(self, message_id, attachment)
            if channel.kind in ("whatsapp", "sms", "rcs") and message.is_public:
                message.source_id = provider_message_id(self, channel.kind)
            if origin in ("BROADCAST", "API") and channel.kind == "whatsapp":
                template = self.random.choice(list(self.templates.values()))
                message.template = template.uuid
                message.content = content or template.body
            thread.messages.append(message)
            self.messages[message.id] = message
            self._moved_by(message, thread)
            return message

    def edit_message(self, message: int | None = None, content: str | None = None) -> Message:
        """The message with other words: moves no time of its conversation."""
        with self.lock:
            edited = self.pick(self.messages, message, lambda m: m.is_public and not m.deleted)
            edited.content = content or f"{texts.line(self.random, edited.kind, False)} (edited)"
            edited.updated_at = self.now
            return edited

    def delete_message(self, message: int | None = None) -> Message:
        """The message without its words and files: its conversation does not move."""
        with self.lock:
            gone = self.pick(self.messages, message, lambda m: m.is_public and not m.deleted)
            gone.deleted, gone.content, gone.attachments = True, "This message was deleted", []
            gone.content_attributes = {**gone.content_attributes, "deleted": True}
            gone.updated_at = self.now
            return gone

    def set_delivery(
        self,
        message: int | None = None,
        delivery: Delivery | None = None,
        error_code: str = "131026",
        error_message: str = "Message undeliverable",
    ) -> Message:
        """An outgoing message delivered, read or failed: moves no time of its conversation."""
        with self.lock:
            sent = self.pick(
                self.messages,
                message,
                lambda m: (
                    m.kind in ("outgoing", "template") and m.delivery in ("sent", "delivered")
                ),
            )
            following: Delivery = "delivered" if sent.delivery == "sent" else "read"
            sent.delivery = delivery or following
            sent.updated_at = self.now
            if sent.delivery == "failed":
                sent.failed_at, sent.error_code = self.now, error_code
                sent.error_message = error_message
                sent.content_attributes["external_error"] = f"{error_code}: {error_message}"
            if sent.delivery in ("delivered", "read"):
                sent.delivered_at = sent.delivered_at or self.now
            if sent.delivery == "read":
                sent.read_at = self.now
            return sent

    def ask_csat(self, conversation: int | None = None) -> Message:
        """The survey that goes out when a conversation is resolved."""
        with self.lock:
            ask = "Please rate the conversation"
            message = self.new_message(conversation, ask, "template", origin="AUTO_RESPONSE")
            message.content_type, message.sender_kind, message.sender_id = "input_csat", None, None
            return message

    def answer_csat(
        self,
        conversation: int | None = None,
        rating: int | None = None,
        feedback: str | None = None,
    ) -> CsatResponse:
        """The customer's answer to a satisfaction survey: moves no time of the conversation."""
        with self.lock:
            asked = {
                m.conversation_id: m
                for m in self.messages.values()
                if m.content_type == "input_csat" and not m.content_attributes
            }
            survey = self.pick(asked, conversation, lambda _: True)
            thread = self.conversations[survey.conversation_id]
            rating = rating or self.random.choice((1, 2, 3, 4, 4, 5, 5, 5))
            if feedback is None and self.random.random() < 0.6:
                feedback = texts.csat_feedback(self.random, rating)
            values = {"rating": rating, "feedback_message": feedback}
            submitted = {"submitted_values": {"csat_survey_response": values}}
            survey.content_attributes, survey.updated_at = submitted, self.now
            response = CsatResponse(
                id=self.new_id("csat", gap=2),
                conversation_id=thread.id,
                message_id=survey.id,
                contact_id=thread.contact_id,
                agent_id=thread.assignee_id,
                rating=rating,
                feedback=feedback,
                created_at=self.now,
            )
            self.csat[response.id] = response
            return response

    def review_csat(self, response: int | None = None, notes: str = "Called back") -> CsatResponse:
        """A survey answer with a manager's late note."""
        with self.lock:
            reviewed = self.pick(self.csat, response, lambda _: True)
            reviewed.review_notes, reviewed.reviewed_at = notes, self.now
            reviewed.reviewed_by = next(a.id for a in self.agents.values())
            return reviewed

    def _is_sound(self, conversation: Conversation) -> bool:
        return conversation.contact_id in self.contacts

    def _sender(
        self, thread: Conversation, kind: MessageKind, agent: int | None, origin: Origin | None
    ) -> tuple[SenderKind | None, int | None]:
        if kind == "activity":
            return None, None
        if kind == "incoming":
            return "contact", thread.contact_id
        if kind == "template" or origin in ("FLOW", "AUTO_RESPONSE"):
            return "bot", next(iter(self.bots))
        wanted = agent or thread.assignee_id
        return "agent", self.pick(self.agents, wanted, lambda _: True).id

    def _moved_by(self, message: Message, thread: Conversation) -> None:
        thread.last_activity_at, thread.updated_at = message.created_at, self.now
        if message.kind == "incoming":
            contact = self.contacts.get(thread.contact_id)
            if contact is not None:
                contact.last_activity_at = contact.updated_at = self.now
            thread.waiting_since = thread.waiting_since or self.now
            thread.contact_seen_at = self.now
            if thread.status in ("resolved", "snoozed"):
                thread.status, thread.snoozed_until = "open", None
        if message.kind == "outgoing" and message.sender_kind == "agent":
            thread.agent_seen_at = thread.assignee_seen_at = self.now
            if not message.private:
                thread.first_reply_at = thread.first_reply_at or self.now
                thread.waiting_since = None

    def _activity(self, thread: Conversation, content: str, agent: int | None) -> None:
        by = self.pick(self.agents, agent or thread.assignee_id, lambda _: True)
        self.new_message(thread.id, content.format(agent=by.name), "activity")
