"""Scheduled syncs in a row, of a World that changes, from a simulator that fails: what grows, and
what is told.

    python benchmarks/soak.py [--syncs 300] [--into duckdb|postgres] [--providers octopush ...]

The World's clock goes on by five minutes for each sync. Most are `talkhouse sync` in one process
that stays, so that whatever it keeps in memory or open shows; every tenth is a process of its own,
and every second of these is ended by SIGTERM, where nothing else goes wrong; the others build. A
fifth of the syncs meet a fault that passes, and of every 25 three meet a provider that takes no key
any more. Alerts go to a receiver here; each sync publishes its DuckDB file. At the end faults stop,
everything is read twice, and verified.

Ends with 1, and says why, if anything grew that should not, was not told once, or differs.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from soak_figures import Figures, figures, grown, show

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from support.postgres_server import server
from support.receiving import Receiver, receiving
from talkhouse.pipelines.demo.simulate import SECRETS, simulated
from talkhouse.pipelines.warehouse.duckdb_file import DuckDbFile
from talkhouse.pipelines.warehouse.interface import Destination
from talkhouse.simulator import Fault, Simulator, World, serve
from talkhouse.simulator.changes import CHANGES

TALKHOUSE = Path(sys.executable).parent / "talkhouse"
SEED, CONVERSATIONS, CHANGES_EACH = 11, 24, 3
CADENCE_SECONDS = 300
OUTAGE_EVERY, OUTAGE = 25, (10, 11, 12)
PASSING: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429, "retry_after": "0"},
    *({"kind": kind} for kind in ("truncated", "html", "cut")),
]
STOPPED = (130, -signal.SIGTERM)


@dataclass
class Soak:
    """The account, the folder that it is synced in, and what came of it so far."""

    simulator: Simulator
    folder: Path
    destination: Destination
    environment: dict[str, str]
    providers: list[str]
    random: Random = field(default_factory=lambda: Random(SEED))
    is_well: dict[str, bool] = field(default_factory=dict)
    expected: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    peak_megabytes: float = 0.0

    def configure(self) -> None:
        config, secrets = "", ""
        for name, values in simulated(self.simulator.world, self.simulator.url).items():
            if values["provider"] in self.providers:
                values["full_scan_every"] = "6h"
                lines = {key: f"{key} = {json.dumps(value)}\n" for key, value in values.items()}
                head = f"[connections.{name}]\n"
                config += head + "".join(lines[key] for key in lines.keys() - SECRETS)
                secrets += head + "".join(lines[key] for key in lines.keys() & SECRETS)
        (self.folder / ".dlt").mkdir()
        (self.folder / ".dlt/config.toml").write_text(config)
        (self.folder / ".dlt/secrets.toml").write_text(secrets)
        (self.folder / ".dlt/secrets.toml").chmod(0o600)

    def happens(self, number: int) -> bool:
        """What changes and fails before a sync; whether nothing goes wrong."""
        world, faults = self.simulator.world, self.simulator.faults
        faults.clear()
        for change in self.random.choices([*CHANGES, *["new_message"] * 20], k=CHANGES_EACH):
            with suppress(LookupError):
                getattr(world, change)()
                self.count("changes")
        world.advance(CADENCE_SECONDS)
        if number % OUTAGE_EVERY in OUTAGE:
            down = self.providers[number // OUTAGE_EVERY % len(self.providers)]
            faults.add(Fault("status", f"/{down}/", status=401, times=None))
        elif self.random.random() < 0.2:
            how, after = self.random.choice(PASSING), self.random.randrange(10)
            faults.add(Fault(**how, after=after, times=self.random.randint(1, 2)))
            self.count("faults that pass")
        return not list(faults) and all(self.is_well.values())

    def count(self, what: str, times: int = 1) -> None:
        self.counted[what] = self.counted.get(what, 0) + times

    def note(self, exit_code: int, said: str, stderr: str) -> None:
        """Notes how each connection's sync ended, and what is to be told of that."""
        if exit_code not in (0, 1):
            sys.exit(f"a sync ended with {exit_code}: {stderr}")
        outcomes = json.loads(said)
        if exit_code and all(outcome["ok"] for outcome in outcomes):
            sys.exit(f"a build or a publication failed: {stderr}")
        self.count("syncs that failed", exit_code)
        for outcome in outcomes:
            name, ok = outcome["connection"], outcome["ok"]
            if ok != self.is_well.get(name, True):
                self.expected.append(f"{name} {'is well again' if ok else 'fails'}")
            self.is_well[name] = ok

    def process(self, *arguments: str, stop: bool = False) -> None:
        """A command as a process of its own; where it is to be stopped, on its way."""
        began, end, peak = time.monotonic(), 3_600.0, 0
        if stop:
            # starting takes a process as long as some syncs take
            end = self.random.uniform(0.5, 4.0) + median(self.seconds)
        with TemporaryFile("w+") as out, TemporaryFile("w+") as err:
            process = subprocess.Popen(
                [TALKHOUSE, *arguments],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=err,
            )
            status = Path(f"/proc/{process.pid}/status")
            while process.poll() is None:
                if time.monotonic() - began > end:
                    process.send_signal(signal.SIGTERM)
                    end = 3_600.0
                if "VmHWM:" in (told := status.read_text()):
                    peak = int(told.partition("VmHWM:")[2].split()[0])
                time.sleep(0.05)
            out.seek(0)
            err.seek(0)
            self.count("builds" if "--build" in arguments else "processes without one")
            if stop and process.returncode in STOPPED:
                self.count("ended by SIGTERM")
            else:
                if "--build" not in arguments:
                    # what dbt takes is not the sync's, and differs from one build to the next
                    self.peak_megabytes = peak / 1_000
                self.note(process.returncode, out.read(), err.read())

    def here(self, worker: "subprocess.Popen[str]") -> None:
        """A sync in the process that stays."""
        assert worker.stdin and worker.stdout
        began = time.monotonic()
        worker.stdin.write("sync --json\n")
        worker.stdin.flush()
        done = json.loads(worker.stdout.readline())
        self.seconds.append(time.monotonic() - began)
        self.note(done["exit_code"], done["stdout"], done["stderr"])

    def verified(self) -> str:
        """What `talkhouse verify` finds once all is quiet; empty if nothing."""
        self.simulator.faults.clear()
        for _ in range(2):
            self.simulator.world.advance(86_400)
            self.process("sync", "--full", "--json")
        done = subprocess.run(
            [TALKHOUSE, "verify", "--json"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        return "" if done.returncode == 0 else done.stdout


@contextmanager
def stored_in(kind: str, folder: Path) -> Iterator[tuple[Destination, dict[str, str]]]:
    """An empty destination, and what the environment says of it."""
    if kind == "duckdb":
        published = {"DESTINATION__PUBLISH": str(folder / "published.duckdb")}
        yield DuckDbFile(folder / "talkhouse.duckdb"), published
        return
    with server() as running, running.database() as database:
        uri = database.credentials.to_native_representation()
        yield database, {"DESTINATION": kind, "DESTINATION__POSTGRES__CREDENTIALS": uri}


def told(receiver: Receiver) -> list[str]:
    """The alerts of failures and recoveries, in the words that are expected of them."""
    texts = [each["text"].removeprefix("Talkhouse: ") for each in receiver.received]
    return [
        f"{text.split()[0]} {what}"
        for text in texts
        for what in ("fails", "is well again")
        if text.partition(" ")[2].startswith(what)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--syncs", type=int, default=300)
    parser.add_argument("--into", choices=["duckdb", "postgres"], default="duckdb")
    parser.add_argument("--processes-every", type=int, default=10)
    parser.add_argument("--providers", nargs="+", default=["octopush", "activecampaign"])
    parser.add_argument("--keep", default="2m", help="audit.keep, in the time of this machine")
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="talkhouse-soak-")))
        receiver = stack.enter_context(receiving())
        simulator = stack.enter_context(serve(World(SEED, CONVERSATIONS), chatwoot_page_size=5))
        destination, named = stack.enter_context(stored_in(asked.into, folder))
        environment = os.environ | named
        environment |= {"ALERTS__WEBHOOK": receiver.url, "AUDIT__KEEP": asked.keep}
        soak = Soak(simulator, folder, destination, environment, asked.providers)
        soak.configure()
        worker = stack.enter_context(
            subprocess.Popen(
                [sys.executable, Path(__file__).with_name("soak_worker.py")],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        soak.here(worker)
        soak.process("sync", "--json")
        found: list[Figures] = [figures(soak, worker.pid, 0)]
        for number in range(1, asked.syncs + 1):
            is_quiet = soak.happens(number)
            if number % asked.processes_every:
                soak.here(worker)
            else:
                is_second = number // asked.processes_every % 2 == 0
                build = [] if is_second else ["--build", "0m"]
                soak.process("sync", "--json", *build, stop=is_quiet and is_second)
            if number % max(asked.syncs // 3, 1) == 0:
                found.append(figures(soak, worker.pid, number))
                show(found)
        differs = soak.verified()
        counted = ", ".join(f"{n:,} {what}" for what, n in soak.counted.items())
        print(f"{counted}; {len(told(receiver))} alerts of failures and recoveries")
    wrong = grown(found)
    if told(receiver) != soak.expected:
        wrong.append(f"told: {told(receiver)}, and to be told: {soak.expected}")
    if differs:
        wrong.append(f"the warehouse differs from the account: {differs}")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
