"""A Chatwoot inbox, with the secrets that an administrator's answer really carries.

`app/views/api/v1/models/_inbox.json.jbuilder` of https://github.com/chatwoot/chatwoot at v4.15.1.
"""

from __future__ import annotations

from typing import Any

from talkhouse.simulator.chatwoot_people import CHANNEL_TYPES
from talkhouse.simulator.credentials import CANARY
from talkhouse.simulator.entities import Channel
from talkhouse.simulator.world import World


def inbox(channel: Channel, world: World, is_admin: bool) -> dict[str, Any]:
    """An inbox as its list shows it; only an administrator gets the planted secrets."""
    by_phone = channel.kind in ("whatsapp", "sms", "rcs")
    document: dict[str, Any] = {
        "id": channel.id,
        "avatar_url": "",
        "channel_id": channel.id + 100,
        "name": channel.name,
        "channel_type": CHANNEL_TYPES[channel.kind],
        "greeting_enabled": False,
        "greeting_message": None,
        "working_hours_enabled": False,
        "enable_email_collect": True,
        "csat_survey_enabled": True,
        "csat_config": {"display_type": "emoji", "message": ""},
        "enable_auto_assignment": True,
        "auto_assignment_config": {},
        "out_of_office_message": None,
        "working_hours": [working_day(day) for day in range(7)],
        "timezone": "UTC",
        "callback_webhook_url": None,
        "allow_messages_after_resolved": True,
        "lock_to_single_conversation": False,
        "sender_name_type": "friendly",
        "business_name": None,
        "widget_color": "#1f93ff" if channel.kind == "webchat" else None,
        "website_url": channel.sender if channel.kind == "webchat" else None,
        "hmac_mandatory": False if channel.kind in ("webchat", "api") else None,
        "welcome_title": "Hi!" if channel.kind == "webchat" else None,
        "welcome_tagline": None,
        "web_widget_script": "<script></script>" if channel.kind == "webchat" else None,
        "website_token": CANARY + "website-token" if channel.kind == "webchat" else None,
        "selected_feature_flags": ["attachments"] if channel.kind == "webchat" else None,
        "reply_time": "in_a_few_hours" if channel.kind == "webchat" else None,
        "messaging_service_sid": None,
        "phone_number": channel.sender if by_phone else None,
        "provider": "whatsapp_cloud" if channel.kind == "whatsapp" else None,
    }
    return document | public_part(channel, world) | (secret_part(channel) if is_admin else {})


def working_day(day: int) -> dict[str, Any]:
    closed = day in (0, 6)
    return {
        "day_of_week": day,
        "closed_all_day": closed,
        "open_hour": None if closed else 9,
        "open_minutes": None if closed else 0,
        "close_hour": None if closed else 18,
        "close_minutes": None if closed else 0,
        "open_all_day": False,
    }


def public_part(channel: Channel, world: World) -> dict[str, Any]:
    """The keys that only this kind of channel has."""
    match channel.kind:
        case "webchat":
            return {
                "pre_chat_form_enabled": False,
                "pre_chat_form_options": {},
                "continuity_via_email": True,
            }
        case "rcs":
            return {"medium": "sms"}
        case "email":
            return {"forward_to_email": "in@chat.example.com", "email": channel.sender}
        case "api":
            return {
                "webhook_url": "https://app.example.com/hooks/chat",
                "inbox_identifier": channel.identifier,
                "additional_attributes": {},
            }
        case "whatsapp":
            templates = [
                {"name": t.name, "language": t.language, "status": t.status.upper()}
                for t in world.templates.values()
            ]
            return {"message_templates": templates, "reauthorization_required": False}
    return {}


def secret_part(channel: Channel) -> dict[str, Any]:
    match channel.kind:
        case "webchat":
            return {"hmac_token": CANARY + "webchat-hmac-token"}
        case "api":
            return {"hmac_token": CANARY + "api-hmac-token", "secret": CANARY + "api-secret"}
        case "rcs":
            return {"auth_token": CANARY + "twilio-auth-token", "account_sid": "AC0001"}
        case "whatsapp":
            keys = {"api_key": CANARY + "whatsapp-api-key", "phone_number_id": "1000001"}
            verify = {"webhook_verify_token": CANARY + "whatsapp-verify-token"}
            return {"provider_config": {**keys, **verify, "business_account_id": "2000002"}}
        case "email":
            return {
                "imap_login": channel.sender,
                "imap_password": CANARY + "imap-password",
                "imap_address": "imap.example.com",
                "imap_port": 993,
                "imap_enabled": True,
                "imap_enable_ssl": True,
                "smtp_login": channel.sender,
                "smtp_password": CANARY + "smtp-password",
                "smtp_address": "smtp.example.com",
                "smtp_port": 587,
                "smtp_enabled": True,
                "smtp_domain": "example.com",
                "smtp_enable_ssl_tls": False,
                "smtp_enable_starttls_auto": True,
                "smtp_openssl_verify_mode": "none",
                "smtp_authentication": "login",
            }
    return {}
