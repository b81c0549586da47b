"""The simulator, served by itself, with what is needed to sync from it."""

import json
import sys

from talkhouse.simulator import Simulator, World, credentials, run
from talkhouse.simulator.static import run_static
from talkhouse.sources.registry import PROVIDERS

CONTROL = """\
control  GET {url}/_simulator/world    the company in numbers
         POST {url}/_simulator/change   {{"change": "new_message"}}, ...
         POST {url}/_simulator/faults   {{"kind": "status", "status": 500}}
         POST {url}/_simulator/clock    {{"advance_seconds": 3600}}
"""


def simulate(port: int, seed: int, conversations: int, static: bool) -> None:
    """Serves until interrupted."""
    if static:
        run_static(conversations, port, lambda url: _announce(url, World(seed, 1), ("chatwoot",)))
    else:
        world = World(seed, conversations)
        run(port=port, world=world, ready=lambda url: _announce(url, world, PROVIDERS))


def _announce(url: str, world: World, providers: tuple[str, ...]) -> None:
    lines = [f"serving at {url}; stop with Ctrl-C", "", "# .dlt/config.toml"]
    secrets = ["# .dlt/secrets.toml"]
    for name, values in simulated(world, url).items():
        if values["provider"] not in providers:
            continue
        settings = {k: v for k, v in values.items() if k not in SECRETS}
        lines += [f"[connections.{name}]", *_toml(settings)]
        secrets += [
            f"[connections.{name}]",
            *_toml({k: values[k] for k in SECRETS & values.keys()}),
        ]
    said = "\n".join([*lines, "", *secrets, ""])
    sys.stdout.write(said + ("\n" + CONTROL.format(url=url) if len(providers) > 1 else ""))
    sys.stdout.flush()


SECRETS = {"api_access_token", "api_key", "api_login", "contact_identifiers"}


def simulated(world: World, url: str) -> dict[str, dict[str, object]]:
    """A connection to each of the simulated products, by name."""
    simulator = Simulator(world)
    simulator.url = url
    inbox = next(channel for channel in world.channels.values() if channel.identifier)
    addresses = (a for contact in world.contacts.values() for a in contact.addresses)
    # the server is ours: there is no need to spare it
    fast = {"requests_per_second": 100_000}
    return {
        "demo_chatwoot": {
            "provider": "chatwoot",
            "base_url": simulator.base_url("chatwoot"),
            "account_id": credentials.ACCOUNT_ID,
            "api_access_token": credentials.CHATWOOT_ADMIN,
            **fast,
        },
        "demo_hilos": {
            "provider": "hilos",
            "base_url": simulator.base_url("hilos"),
            "api_key": credentials.HILOS_KEY,
            **fast,
        },
        "demo_activecampaign": {
            "provider": "activecampaign",
            "base_url": simulator.base_url("activecampaign"),
            "api_key": credentials.ACTIVECAMPAIGN_KEY,
            **fast,
        },
        "demo_octopush": {
            "provider": "octopush",
            "base_url": simulator.base_url("octopush"),
            "api_login": credentials.OCTOPUSH_LOGIN,
            "api_key": credentials.OCTOPUSH_KEY,
            **fast,
        },
        "demo_pembalasan": {
            "provider": "pembalasan",
            "base_url": simulator.base_url("pembalasan"),
            "inbox_identifier": inbox.identifier,
            "contact_identifiers": [a.source_id for a in addresses if a.channel_id == inbox.id],
            **fast,
        },
    }


def _toml(values: dict[str, object]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in values.items()]
