"""Each of Chatwoot's lists wraps its rows in another way, and says otherwise how many it has."""

from typing import Any

import pytest

from talkhouse.sources.chatwoot.records.account import Team
from talkhouse.sources.chatwoot.records.pages import ConversationPage, CountedPayload, Payload
from talkhouse.sources.rows.page import PageDecoder

ROW = '[{"id": 1}]'


@pytest.mark.parametrize(
    "envelope, body, count",
    [
        (
            ConversationPage,
            '{"data": {"meta": {"mine_count": 1, "all_count": 7}, "payload": %s}}',
            7,
        ),
        (CountedPayload, '{"meta": {"mine_count": 1, "all_count": 0}, "payload": %s}', 0),
        (CountedPayload, '{"meta": {"count": 7, "current_page": 1}, "payload": %s}', 7),
        (Payload, '{"meta": {"labels": [], "contact": {"id": 1}}, "payload": %s}', None),
        (Payload, '{"meta": [], "payload": %s}', None),
        (Payload, '{"payload": %s}', None),
    ],
    ids=["conversations", "filter", "contacts", "thread", "thread of another", "short list"],
)
def test_rows_count_and_end_are_found(envelope: Any, body: str, count: int | None) -> None:
    decode = PageDecoder(Team, envelope)
    page = decode((body % ROW).encode())
    assert ([team.id for team in page.rows], page.count, page.last) == ([1], count, False)
    assert decode((body % "[]").encode()).last
