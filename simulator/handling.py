"""How agents handle conversations: each change leaves an activity message, but for the silent ones.

What moves which time: `app/models/conversation.rb` and
`app/models/concerns/activity_message_handler.rb` of https://github.com/chatwoot/chatwoot, v4.15.1.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from talkhouse.simulator import texts
from talkhouse.simulator.entities import Conversation, Priority, Status
from talkhouse.simulator.writing import Writing


class Handling(Writing):
    """Writing, and the state that conversations are in."""

    def set_status(
        self,
        conversation: int | None = None,
        status: Status | None = None,
        agent: int | None = None,
        snoozed_until_hours: float = 24,
    ) -> Conversation:
        """The conversation in another status, with the activity message that says so."""
        with self.lock:
            thread = self.pick(self.conversations, conversation, self._is_sound)
            others = [s for s in ("open", "resolved", "pending", "snoozed") if s != thread.status]
            thread.status = status or cast(Status, self.random.choice(others))
            snoozed = thread.status == "snoozed"
            until = self.now.replace(microsecond=0) + timedelta(hours=snoozed_until_hours)
            thread.snoozed_until = until if snoozed else None
            if thread.status == "resolved":
                thread.waiting_since = None
            self._activity(thread, texts.STATUS_ACTIVITY[thread.status], agent)
            return thread

    def assign(self, conversation: int | None = None, agent: int | None = None) -> Conversation:
        with self.lock:
            thread = self.pick(self.conversations, conversation, self._is_sound)
            assignee = self.pick(self.agents, agent, lambda a: a.id != thread.assignee_id)
            if thread.assignee_id is not None:
                former = [thread.assignee_id, *thread.participants]
                thread.participants = [a for a in dict.fromkeys(former) if a != assignee.id][:2]
            thread.assignee_id, thread.bot_id = assignee.id, None
            thread.assignee_seen_at = None
            self._activity(thread, f"Assigned to {assignee.name} by {{agent}}", None)
            return thread

    def unassign(self, conversation: int | None = None) -> Conversation:
        with self.lock:
            thread = self.pick(self.conversations, conversation, self._is_assigned)
            thread.assignee_id, thread.participants = None, []
            self._activity(thread, "Conversation unassigned by {agent}", None)
            return thread

    def assign_team(self, conversation: int | None = None, team: int | None = None) -> Conversation:
        with self.lock:
            thread = self.pick(self.conversations, conversation, self._is_sound)
            joined = self.pick(self.teams, team, lambda t: t.id != thread.team_id)
            thread.team_id = joined.id
            self._activity(thread, f"Assigned to {joined.name} by {{agent}}", None)
            return thread

    def set_priority(
        self, conversation: int | None = None, priority: Priority | None = None
    ) -> Conversation:
        with self.lock:
            thread = self.pick(self.conversations, conversation, self._is_sound)
            levels: list[Priority] = ["low", "medium", "high", "urgent"]
            thread.priority = priority or self.random.choice(levels)
            self._activity(thread, f"{{agent}} set the priority to {thread.priority}", None)
            return thread

    def tag(self, conversation: int | None = None, tag: int | None = None) -> Conversation:
        with self.lock:
            thread = self.pick(
                self.conversations,
                conversation,
                lambda c: self._is_sound(c) and len(c.tags) < len(self.tags),
            )
            added = self.pick(self.tags, tag, lambda t: t.id not in thread.tags)
            if added.id not in thread.tags:
                thread.tags.append(added.id)
            self._activity(thread, f"{{agent}} added {added.name}", None)
            return thread

    def untag(self, conversation: int | None = None, tag: int | None = None) -> Conversation:
        with self.lock:
            thread = self.pick(
                self.conversations,
                conversation,
                lambda c: self._is_sound(c) and (tag in c.tags if tag else bool(c.tags)),
            )
            removed = self.pick(self.tags, tag, lambda t: t.id in thread.tags)
            thread.tags = [t for t in thread.tags if t != removed.id]
            self._activity(thread, f"{{agent}} removed {removed.name}", None)
            return thread

    def set_attribute(
        self, conversation: int | None = None, name: str = "order_id", value: Any = None
    ) -> Conversation:
        """The conversation with a custom attribute: moves updated_at and nothing else."""
        with self.lock:
            thread = self.pick(self.conversations, conversation, lambda _: True)
            random_value = f"A-{self.random.randint(1000, 9999)}"
            thread.attributes[name] = random_value if value is None else value
            thread.updated_at = self.now
            return thread

    def open_by_agent(self, conversation: int | None = None) -> Conversation:
        """The conversation as an agent has seen it: unread becomes 0 and no time moves."""
        with self.lock:
            thread = self.pick(self.conversations, conversation, lambda _: True)
            thread.agent_seen_at = thread.assignee_seen_at = self.now
            return thread

    def expire_snooze(self, conversation: int | None = None) -> Conversation:
        """The snoozed conversation open again: moves updated_at, says nothing in the thread."""
        with self.lock:
            thread = self.pick(self.conversations, conversation, lambda c: c.status == "snoozed")
            thread.status, thread.snoozed_until, thread.updated_at = "open", None, self.now
            return thread

    def _is_assigned(self, conversation: Conversation) -> bool:
        return conversation.assignee_id is not None and self._is_sound(conversation)
