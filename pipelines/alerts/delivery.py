"""Sends alerts to their channels. While it waits for one, no warehouse is held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from talkhouse.pipelines.alerts.channels import Alert, Channel, NotDelivered
from talkhouse.pipelines.telemetry.events import AlertsSent, tell


@dataclass
class Waiting:
    """An alert, and the channels that are still to be told of it. `alert_id` is empty for one that
    cannot be noted in the warehouse.
    """

    alert: Alert
    channels: list[str]
    alert_id: str = ""


def deliver(waiting: Sequence[Waiting], known: Mapping[str, Channel]) -> list[str]:
    """Sends each, and takes away the channels that took it, and those that are known no more; says
    what was not delivered, and why, once for each channel.
    """
    wrong: dict[str, str] = {}
    for each in waiting:
        left = [name for name in each.channels if name in known]
        each.channels = [name for name in left if not _takes(name, known[name], each.alert, wrong)]
    undelivered = [
        f"the alert was not delivered: {why}; the next run tries again" for why in wrong.values()
    ]
    if waiting:
        outcome = "failed" if wrong else "ok"
        tell(AlertsSent(outcome=outcome, alerts=len(waiting), error="; ".join(undelivered)))
    return undelivered


def _takes(name: str, send: Channel, alert: Alert, wrong: dict[str, str]) -> bool:
    """Whether the channel took it; why not is put into `wrong`, and it is tried no more."""
    if name in wrong:
        return False
    try:
        send(alert)
        return True
    except NotDelivered as e:
        wrong[name] = str(e)
    except Exception as e:
        # a library's own message may quote an address; and a sync that went well did so
        wrong[name] = f"{name}: {type(e).__name__}"
    return False
