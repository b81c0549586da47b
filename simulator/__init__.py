"""Five inbox products over one seeded World, as a server: for demos, tests and benchmarks."""

from simulator.faults import Fault, Faults
from simulator.server import Simulator, run, serve
from simulator.settings import Settings
from simulator.world import World

__all__ = ["Fault", "Faults", "Settings", "Simulator", "World", "run", "serve"]
