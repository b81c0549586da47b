"""`python -m talkhouse.simulator`: five products on one port, or a large Chatwoot (`--static`)."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from talkhouse.simulator.server import run
from talkhouse.simulator.static import run_static
from talkhouse.simulator.world import World


def main() -> None:
    parser = ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=9000, help="0 is any free port")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--conversations", type=int, default=60)
    parser.add_argument("--static", action="store_true", help="one Chatwoot that never changes")
    parser.add_argument(
        "--latency", type=float, default=0.0, help="seconds that each answer of --static is late"
    )
    parser.add_argument(
        "--rounds", type=int, default=1, help="how many times as long the threads of --static are"
    )
    options = parser.parse_args()
    if options.static:
        run_static(options.conversations, options.port, announce, options.latency, options.rounds)
    else:
        world = World(options.seed, options.conversations)
        run(port=options.port, world=world, ready=announce)


def announce(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
