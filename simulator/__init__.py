"""Five inbox products over one seeded World, as a server: for demos, tests and benchmarks."""

from talkhouse.simulator.faults import Fault, Faults
from talkhouse.simulator.server import Simulator, run, serve
from talkhouse.simulator.settings import Settings
from talkhouse.simulator.world import World

__all__ = ["Fault", "Faults", "Settings", "Simulator", "World", "run", "serve"]
