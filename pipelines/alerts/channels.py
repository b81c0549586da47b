"""Where alerts go: a webhook of a chat, a webhook of a program, e-mail. All settings are secrets:
who has such an address can write there.

    .dlt/secrets.toml    [alerts]        webhook, json_webhook
                         [alerts.smtp]   host, port, security, user, password, from, to
"""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import httpx
import stamina

from talkhouse.pipelines.settings.project import HERE, Project
from talkhouse.sources.settings import SettingsError

TIMEOUT_SECONDS = 10.0
ATTEMPTS = 3
SECURITY = ("starttls", "tls", "none")


class NotDelivered(Exception):
    """The message says why, without an address or a password."""


@dataclass(frozen=True)
class Alert:
    """Something to tell: a problem of a connection that began, or is over. `connection` is empty
    where it is of the warehouse, and `run_id` where it is of no run.
    """

    kind: str
    connection: str
    is_over: bool
    text: str
    run_id: str
    at: datetime


Channel = Callable[[Alert], None]
"""Sends an alert. Raises NotDelivered."""


def configured_channels(project: Project = HERE) -> dict[str, Channel]:
    """The channels that are configured, by their setting. Raises SettingsError."""
    found: dict[str, Channel] = {}
    if url := _webhook(project, "webhook"):
        found["webhook"] = lambda alert: _post("the webhook", url, {"text": alert.text})
    if program := _webhook(project, "json_webhook"):
        found["json_webhook"] = lambda alert: _post(
            "the json_webhook", program, {**asdict(alert), "at": alert.at.isoformat()}
        )
    if project.secret("alerts.smtp.host"):
        found["smtp"] = _mail(project).send
    return found


def _webhook(project: Project, name: str) -> str:
    url = str(project.secret(f"alerts.{name}") or "")
    if url and not url.startswith(("https://", "http://")):
        raise SettingsError(f"alerts.{name} is no address: it begins with https://")
    return url


def _post(name: str, url: str, document: dict[str, Any]) -> None:
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS) as client:
            for attempt in stamina.retry_context(
                on=httpx.HTTPError, attempts=ATTEMPTS, wait_max=5.0
            ):
                with attempt:
                    client.post(url, json=document).raise_for_status()
    except httpx.HTTPStatusError as e:
        raise NotDelivered(f"{name} answered {e.response.status_code}") from None
    except httpx.HTTPError as e:
        raise NotDelivered(f"{name} was not reached: {type(e).__name__}") from None
    except httpx.InvalidURL:
        raise NotDelivered(f"{name} is no address") from None


@dataclass(frozen=True)
class Mail:
    """How e-mail is sent. Its password never appears when it is printed."""

    host: str
    port: int
    security: str
    user: str
    password: str
    sender: str
    recipients: list[str]

    def __repr__(self) -> str:
        return "<settings of alerts.smtp>"

    def send(self, alert: Alert) -> None:
        """Sends it to all recipients. Raises NotDelivered."""
        message = EmailMessage()
        message["Subject"] = ": ".join(alert.text.split(": ", 2)[:2])
        message["From"], message["To"] = self.sender, ", ".join(self.recipients)
        message.set_content(f"{alert.text}\n\n{alert.at:%Y-%m-%d %H:%M:%S} UTC {alert.run_id}\n")
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message)
        except smtplib.SMTPResponseException as e:
            raise NotDelivered(f"the mail server answered {e.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as e:
            raise NotDelivered(f"the mail server did not take it: {type(e).__name__}") from None

    def _connected(self) -> smtplib.SMTP:
        trusted = ssl.create_default_context()
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=trusted)
        server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        if self.security == "starttls":
            server.starttls(context=trusted)
        return server


def _mail(project: Project) -> Mail:
    """What `alerts.smtp` says. Raises SettingsError."""
    to = project.secret("alerts.smtp.to") or []
    recipients = [each.strip() for each in to.split(",")] if isinstance(to, str) else list(to)
    host, sender, user, password, security, port = (
        str(project.secret(f"alerts.smtp.{name}") or "")
        for name in ("host", "from", "user", "password", "security", "port")
    )
    security = security or "starttls"
    if not sender or not recipients:
        raise SettingsError("alerts.smtp: from and to are missing; set them in .dlt/secrets.toml")
    if security not in SECURITY:
        raise SettingsError(f"alerts.smtp.security must be one of {', '.join(SECURITY)}")
    if security == "none" and user:
        raise SettingsError('alerts.smtp: security = "none" would send the password in the clear')
    port = port or ("465" if security == "tls" else "587")
    if not port.isdigit():
        raise SettingsError("alerts.smtp.port is no number")
    return Mail(host, int(port), security, user, password, sender, recipients)
