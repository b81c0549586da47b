"""Shows how far a run of the tests is, and how long it will take: a line that is drawn again on a
terminal, elsewhere a new one every quarter of a minute. What fails is named at once.

A test counts for as long as it took the last time, where that is known.
"""

import time
from collections import defaultdict
from collections.abc import Generator
from typing import Any

import pytest

SAY_EVERY_SECONDS = 15.0
REMEMBERED = "talkhouse/seconds"


class Progress:
    """Takes the place of pytest's dots."""

    def __init__(self, config: pytest.Config, terminal: pytest.TerminalReporter) -> None:
        self._cache = getattr(config, "cache", None)
        self._terminal = terminal
        self._before: dict[str, float] = self._cache.get(REMEMBERED, {}) if self._cache else {}
        self._usual = sum(self._before.values()) / len(self._before) if self._before else 1.0
        self._taken: dict[str, float] = defaultdict(float)
        self._total = self._done = self._failed = 0
        self._expected = self._behind = 0.0
        self._began = self._said = time.monotonic()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._terminal.showfspath = False
        if session.items:
            self._begin([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        if not self._total:
            self._begin(ids)

    def _begin(self, tests: list[str]) -> None:
        self._total = len(tests)
        self._expected = sum(map(self._length, tests))
        self._began = self._said = time.monotonic()

    def _length(self, test: str) -> float:
        return self._before.get(test, self._usual)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, tuple[str, str, str]]:
        category, *_ = yield
        return category, "", ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._taken[report.nodeid] += report.duration
        if report.failed:
            self._failed += 1
            self._say(f"failed: {report.nodeid}")
        if report.when == "teardown":
            self._done += 1
            self._behind += self._length(report.nodeid)
            if self._terminal.isatty:
                self._terminal.rewrite(str(self), erase=True)
            elif time.monotonic() - self._said >= SAY_EVERY_SECONDS:
                self._say(str(self))

    def pytest_sessionfinish(self) -> None:
        if self._total:
            self._say(str(self))
        if self._cache:
            taken = {test: round(seconds, 2) for test, seconds in self._taken.items()}
            self._cache.set(REMEMBERED, self._before | taken)

    def __str__(self) -> str:
        elapsed = time.monotonic() - self._began
        share = self._behind / self._expected if self._expected else 1.0
        line = f"{share:4.0%}  {self._done:,} of {self._total:,} tests"
        if self._failed:
            line += f", {self._failed:,} failed"
        left = elapsed / share - elapsed if share else 0.0
        return f"{line}, {elapsed / 60:.1f} min, {left / 60:.1f} min left"

    def _say(self, line: str) -> None:
        if self._terminal.isatty:
            self._terminal.rewrite(line, erase=True)
            self._terminal.write_line("")
        else:
            self._terminal.ensure_newline()
            self._terminal.write_line(line)
        self._said = time.monotonic()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    # -v names every test, and a worker has nothing to show
    if terminal and config.get_verbosity() <= 0 and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config, terminal))
