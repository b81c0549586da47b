"""The providers by name."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from talkhouse.sources.provider import Provider

PROVIDERS = ("chatwoot", "hilos", "activecampaign", "octopush", "pembalasan")


def provider(name: str) -> "Provider":
    """The provider of that name. Raises KeyError for an unknown one."""
    if name not in PROVIDERS:
        raise KeyError(name)
    return cast("Provider", import_module(f"talkhouse.sources.{name}").PROVIDER)
