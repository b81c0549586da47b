"""Tells a webhook when a connection begins to fail, and when it is well again: once each.

What was told before is not kept anywhere of its own: the audit has how the run before ended.
"""

from collections.abc import Sequence

import dlt
import httpx
import stamina

from pipelines.audit import Outcome
from sources.settings import SettingsError

TIMEOUT_SECONDS = 10.0
ATTEMPTS = 3


def webhook() -> str:
    """Where alerts go, if anywhere: `alerts.webhook`, which is a secret, since who has it can write
    there. Raises SettingsError.
    """
    url = str(dlt.secrets.get("alerts.webhook") or "")
    if url and not url.startswith(("https://", "http://")):
        raise SettingsError("alerts.webhook is no address: it begins with https://")
    return url


def alerts(outcomes: Sequence[Outcome]) -> list[str]:
    """What there is to tell of these syncs.

    That another one is still running is no news. What is wrong with settings has no run before, so
    it would be told again and again.
    """
    told = []
    for each in outcomes:
        if each.error and each.provider and not each.is_busy and each.ended_before != "failed":
            told.append(f"Talkhouse: {each.connection} fails since this sync: {each.error}")
        elif each.ok and each.ended_before == "failed":
            rows = sum(each.rows.values())
            told.append(f"Talkhouse: {each.connection} is well again, {rows:,} rows were loaded")
    return told


def send(url: str, texts: Sequence[str]) -> str:
    """Sends each as `{"text": ...}`, which Slack, Mattermost and most others take. Says what went
    wrong, without the address; empty if nothing did.
    """
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
            for text in texts:
                _post(client, url, text)
    except httpx.HTTPStatusError as e:
        return f"the alert was not delivered: the webhook answered {e.response.status_code}"
    except httpx.HTTPError as e:
        return f"the alert was not delivered: {type(e).__name__}"
    return ""


def _post(client: httpx.Client, url: str, text: str) -> None:
    for attempt in stamina.retry_context(on=httpx.HTTPError, attempts=ATTEMPTS, wait_max=5.0):
        with attempt:
            client.post(url, json={"text": text}).raise_for_status()
