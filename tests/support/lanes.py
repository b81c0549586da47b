"""The deep lane: tests that are marked `deep`, of which a run may take as many as fit in its time.

`--minutes 20` starts no test after that, and says how many were left out. The files then come in a
random order, so that each run takes other ones; `--seed` takes them again. The tests of a file stay
together, since they share what is slow to make.
"""

import random
import time
from itertools import groupby
from typing import Any

import pytest

LEFT_OUT = "left out: no time was left"


def in_the_deep_lane(*values: object) -> list[Any]:
    """Of a test's parameters, those that only the deep lane takes."""
    return [pytest.param(value, marks=pytest.mark.deep) for value in values]


class Lane:
    """The order of the tests, and until when they are started; the same for each worker."""

    def __init__(self, seed: int, until: float) -> None:
        self.seed = seed
        self.until = until
        self.left_out = 0

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["lane"] = [self.seed, self.until]

    def pytest_report_header(self) -> str:
        return f"in a random order: --seed {self.seed} takes it again"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        dice = random.Random(self.seed)
        files = [list(found) for _, found in groupby(items, lambda item: item.path)]
        dice.shuffle(files)
        items[:] = [test for tests in files for test in tests]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        if time.time() > self.until:
            pytest.skip(LEFT_OUT)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.left_out += report.skipped and LEFT_OUT in str(report.longrepr)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(
            f"{self.left_out} tests were left out, as no time was left for them; "
            f"the order was that of --seed {self.seed}"
        )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--minutes", type=float, help="start no test later than this")
    parser.addoption("--seed", type=int, help="of the order of the tests, with --minutes")


def pytest_configure(config: pytest.Config) -> None:
    seed, minutes = config.getoption("seed"), config.getoption("minutes")
    if minutes is None:
        return
    if given := getattr(config, "workerinput", {}).get("lane"):
        lane = Lane(*given)
    else:
        seed = random.randrange(1_000_000) if seed is None else seed
        lane = Lane(seed, time.time() + minutes * 60)
    config.pluginmanager.register(lane)
