"""Everything that can happen in a World, each at `now`, moving the times that Chatwoot moves.

Ids left out are chosen at random from the World's seed. LookupError when nothing fits a change.
"""

from __future__ import annotations

from talkhouse.simulator import texts
from talkhouse.simulator.entities import Agent, Contact, Conversation, Tag, Team
from talkhouse.simulator.importing import Importing
from talkhouse.simulator.records import put_back

CHANGES = (
    "new_conversation new_message import_history edit_message delete_message set_delivery "
    "ask_csat answer_csat review_csat set_status assign unassign assign_team set_priority tag "
    "untag set_attribute open_by_agent expire_snooze rename_contact merge_contacts "
    "delete_contact delete_conversation restore_conversation add_agent remove_agent delete_team "
    "delete_tag"
).split()
"""The names of all changes, as the control API takes them."""


class Changes(Importing):
    """All changes: also people, teams, tags and conversations that come and go."""

    def rename_contact(
        self,
        contact: int | None = None,
        first_name: str | None = None,
        last_name: str | None = None,
    ) -> Contact:
        """The contact under another name: no conversation moves."""
        with self.lock:
            person = self.pick(self.contacts, contact, lambda _: True)
            new_first, new_last, *_ = texts.person(self.random)
            person.first_name = first_name or new_first
            person.last_name = last_name or new_last
            person.updated_at = self.now
            return person

    def merge_contacts(self, into: int | None = None, contact: int | None = None) -> Contact:
        """The contact that remains; the other's conversations become its own, moving updated_at."""
        with self.lock:
            base = self.pick(self.contacts, into, lambda _: True)
            merged = self.pick(self.contacts, contact, lambda c: c.id != base.id)
            if merged.id == base.id:
                raise LookupError("a contact cannot be merged into itself")
            base.email = base.email or merged.email
            base.phone = base.phone or merged.phone
            base.identifier = base.identifier or merged.identifier
            base.addresses += merged.addresses
            base.updated_at = self.now
            for thread in self.conversations.values():
                if thread.contact_id == merged.id:
                    thread.contact_id, thread.updated_at = base.id, self.now
            for message in self.messages.values():
                if message.sender_kind == "contact" and message.sender_id == merged.id:
                    message.sender_id = base.id
            for response in self.csat.values():
                if response.contact_id == merged.id:
                    response.contact_id = base.id
            del self.contacts[merged.id]
            return base

    def delete_contact(self, contact: int | None = None, orphan: bool = False) -> Contact:
        """The contact gone with its conversations, or without them: then they have no contact."""
        with self.lock:
            gone = self.pick(self.contacts, contact, lambda _: True)
            self.departed[gone.id] = self.contacts.pop(gone.id)
            if not orphan:
                owned = [c.id for c in self.conversations.values() if c.contact_id == gone.id]
                for conversation in owned:
                    self.delete_conversation(conversation)
            return gone

    def delete_conversation(self, conversation: int | None = None) -> Conversation:
        """The conversation gone with its messages and survey answers, leaving no trace."""
        with self.lock:
            gone = self.pick(self.conversations, conversation, lambda _: True)
            del self.conversations[gone.id]
            for message in gone.messages:
                del self.messages[message.id]
            answers = [r for r in self.csat.values() if r.conversation_id == gone.id]
            for response in answers:
                del self.csat[response.id]
            self.deleted[gone.id] = gone, answers
            return gone

    def restore_conversation(self, conversation_id: int | None = None) -> Conversation:
        """A deleted conversation as it was, with all it had and its contact: no time moves.

        Agents, teams and tags that were deleted meanwhile do not come back, nor does a conversation
        whose contact was merged into another.
        """
        with self.lock:
            known = self.contacts | self.departed
            found = {id: kept for id, kept in self.deleted.items() if kept[0].contact_id in known}
            thread, answers = self.pick(found, conversation_id, lambda _: True)
            del self.deleted[thread.id]
            thread.tags = [t for t in thread.tags if t in self.tags]
            thread.participants = [a for a in thread.participants if a in self.agents]
            if thread.assignee_id not in self.agents:
                thread.assignee_id = None
            if thread.team_id not in self.teams:
                thread.team_id = None
            person = known[thread.contact_id]
            person.tags = [t for t in person.tags if t in self.tags]
            self.departed.pop(person.id, None)
            put_back(self.contacts, {person.id: person})
            put_back(self.conversations, {thread.id: thread})
            put_back(self.messages, {message.id: message for message in thread.messages})
            put_back(self.csat, {response.id: response for response in answers})
            return thread

    def add_agent(self, first_name: str | None = None, last_name: str | None = None) -> Agent:
        with self.lock:
            first, last, *_ = texts.person(self.random)
            first, last = first_name or first, last_name or last
            agent_id = self.new_id("agent", gap=3)
            email = f"{texts.plain(first)}.{texts.plain(last)}.{agent_id}@talkhouse.example"
            agent = Agent(agent_id, first, last, email, "agent", self.now)
            self.agents[agent.id] = agent
            return agent

    def remove_agent(self, agent: int | None = None) -> Agent:
        """The agent gone and its conversations unassigned: no time moves."""
        with self.lock:
            gone = self.pick(self.agents, agent, lambda a: a.role == "agent")
            del self.agents[gone.id]
            for thread in self.conversations.values():
                thread.participants = [a for a in thread.participants if a != gone.id]
                if thread.assignee_id == gone.id:
                    thread.assignee_id = None
            for team in self.teams.values():
                team.members = [a for a in team.members if a != gone.id]
            for channel in self.channels.values():
                channel.members = [a for a in channel.members if a != gone.id]
            return gone

    def delete_team(self, team: int | None = None) -> Team:
        """The team gone from every conversation: no time moves."""
        with self.lock:
            gone = self.pick(self.teams, team, lambda _: True)
            del self.teams[gone.id]
            for thread in self.conversations.values():
                thread.team_id = None if thread.team_id == gone.id else thread.team_id
            return gone

    def delete_tag(self, tag: int | None = None) -> Tag:
        """The tag gone from every conversation and contact: no time moves."""
        with self.lock:
            gone = self.pick(self.tags, tag, lambda _: True)
            del self.tags[gone.id]
            for thread in self.conversations.values():
                thread.tags = [t for t in thread.tags if t != gone.id]
            for person in self.contacts.values():
                person.tags = [t for t in person.tags if t != gone.id]
            return gone
