"""The simulator as a server: five products' APIs over one World, on one port."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp

from talkhouse.simulator.activecampaign import ActiveCampaignApi
from talkhouse.simulator.answers import json
from talkhouse.simulator.chatwoot import ChatwootApi
from talkhouse.simulator.control import Control
from talkhouse.simulator.faults import Faults
from talkhouse.simulator.gate import Gate, LoggedRequest
from talkhouse.simulator.hilos import HilosApi
from talkhouse.simulator.octopush import OctopushApi
from talkhouse.simulator.pembalasan import PembalasanApi
from talkhouse.simulator.settings import Settings
from talkhouse.simulator.world import Provider, World

MISSING: dict[Provider, ASGIApp] = {
    "chatwoot": json({"status": 404, "error": "Not Found"}, 404),
    "pembalasan": json({"status": 404, "error": "Not Found"}, 404),
    "hilos": HTMLResponse("<h1>Not Found</h1>", 404),
    "activecampaign": json({"message": "No Result found"}, 404),
    "octopush": json({"code": 404, "message": "Not found."}, 404),
}
"""What each product answers where it has no route."""


class Simulator:
    """A World, its faults, its settings, the log of its requests, and the application over them."""

    def __init__(self, world: World | None = None, **settings: Any) -> None:
        self.world = world or World()
        self.settings = Settings(**settings)
        self.faults = Faults(self.world.seed)
        self.requests: deque[LoggedRequest] = deque(maxlen=100_000)
        self.url = ""
        self.app = Gate(self.router(), self.world, self.faults, self.requests)

    def router(self) -> Router:
        world, settings = self.world, self.settings
        apis: dict[Provider, ChatwootApi | HilosApi | OctopushApi | PembalasanApi] = {
            "chatwoot": ChatwootApi(world, settings),
            "hilos": HilosApi(world, settings),
            "activecampaign": ActiveCampaignApi(world, settings),
            "octopush": OctopushApi(world, settings),
            "pembalasan": PembalasanApi(world, settings),
        }
        routes: list[BaseRoute] = [
            Mount(f"/{name}", Router(api.routes(), redirect_slashes=False, default=MISSING[name]))
            for name, api in apis.items()
        ]
        control = Control(world, self.faults, self.requests)
        return Router([*routes, *control.routes()], redirect_slashes=False)

    def base_url(self, provider: Provider) -> str:
        """The base URL that a connection to this product is given."""
        paths = {"activecampaign": "/api/3", "octopush": "/v1/public"}
        return f"{self.url}/{provider}{paths.get(provider, '')}"


@contextmanager
def serve(world: World | None = None, port: int = 0, **settings: Any) -> Iterator[Simulator]:
    """A simulator on 127.0.0.1 for as long as the context lasts; port 0 is any free one."""
    simulator = Simulator(world, **settings)
    with socket.create_server(("127.0.0.1", port)) as listener:
        simulator.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = BackgroundServer(_config(simulator.app))
        thread = threading.Thread(target=server.run, args=([listener],), name="simulator")
        thread.start()
        server.ready.wait()
        try:
            yield simulator
        finally:
            server.stop()
            thread.join()


class BackgroundServer(uvicorn.Server):
    """A server that another thread stops at once, cutting off whatever is under way."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def main_loop(self) -> None:
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        self.ready.set()
        await self.stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.stopping.set)


def run(
    host: str = "127.0.0.1",
    port: int = 9000,
    world: World | None = None,
    ready: Callable[[str], None] = lambda url: None,
    **settings: Any,
) -> None:
    """Serves until interrupted; `ready` is called with the URL once connections are accepted."""
    blocking(Simulator(world, **settings).app, host, port, ready)


def blocking(app: ASGIApp, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serves an application until interrupted."""
    with socket.create_server((host, port)) as listener:
        ready(f"http://{host}:{listener.getsockname()[1]}")
        uvicorn.Server(_config(app)).run([listener])


def _config(app: ASGIApp) -> uvicorn.Config:
    """Only the application sets headers: its clock is the World's."""
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,
        server_header=False,
    )
