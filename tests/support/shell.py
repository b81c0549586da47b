"""The real commands, in processes and an empty folder of their own.

Most are forks (forks.py), which begin at once and retry at once; where the program is the point, it
is started.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from support.forks import LONGEST_SECONDS, kept_environment, talkhouse
from talkhouse.simulator import Simulator
from talkhouse.simulator import credentials as keys

BIN = Path(sys.executable).parent
Done = subprocess.CompletedProcess[str]


@dataclass
class Shell:
    """A folder to type commands in. Its HOME is elsewhere, and watched."""

    folder: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    is_forked: bool = True

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.home.mkdir()

    @property
    def variables(self) -> dict[str, str]:
        # where dlt would keep what is the machine's, such as an id for its usage statistics
        ours = {"DLT_DATA_DIR": str(self.home / "dlt"), "HOME": str(self.home), "COLUMNS": "160"}
        return {**kept_environment(), **ours, **self.environment}

    def command(self, program: str, *arguments: str) -> dict[str, Any]:
        return {
            "args": [str(BIN / program), *arguments],
            "cwd": self.folder,
            "env": self.variables,
            "text": True,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }

    def start(self, *arguments: str, **how: Any) -> subprocess.Popen[str]:
        """Starts `talkhouse` so that Ctrl-C ends it, though our own shell may have us ignore that,
        as `nohup` and `&` do.
        """
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(**self.command("talkhouse", *arguments) | how)
        finally:
            signal.signal(signal.SIGINT, before)

    def run(self, *arguments: str) -> Done:
        """Runs `talkhouse`, however it ends."""
        if self.is_forked:
            return talkhouse(arguments, self.folder, self.variables)
        return subprocess.run(**self.command("talkhouse", *arguments), timeout=LONGEST_SECONDS)

    def __call__(self, *arguments: str, exit_code: int = 0) -> Done:
        """Runs `talkhouse`, which must end with this exit code."""
        return checked(self.run(*arguments), exit_code)

    def program(self, name: str, *arguments: str) -> Done:
        """Runs another program of the environment, which must end well."""
        command = self.command(name, *arguments)
        return checked(subprocess.run(**command, timeout=LONGEST_SECONDS), 0)

    def rows(self, query: str, file: str = "talkhouse.duckdb") -> list[tuple[Any, ...]]:
        with duckdb.connect(self.folder / file, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}

    def configure(self, **connections: dict[str, Any]) -> None:
        """Writes the two files of `.dlt`; what `init` asks for is the first test's."""
        secret = ("api_access_token", "api_key", "api_login")
        config, secrets = "", ""
        for name, values in connections.items():
            lines = {key: f"{key} = {json.dumps(value)}\n" for key, value in values.items()}
            config += f"[connections.{name}]\n"
            config += "".join(line for key, line in lines.items() if key not in secret)
            secrets += f"[connections.{name}]\n"
            secrets += "".join(line for key, line in lines.items() if key in secret)
        (self.folder / ".dlt").mkdir(exist_ok=True)
        (self.folder / ".dlt/config.toml").write_text(config)
        (self.folder / ".dlt/secrets.toml").write_text(secrets)
        (self.folder / ".dlt/secrets.toml").chmod(0o600)


def checked(done: Done, exit_code: int) -> Done:
    """What a command said, if it ended as it must and says nothing that it must not."""
    said = done.stdout + done.stderr
    assert done.returncode == exit_code, said
    assert "Traceback" not in said
    assert keys.CANARY not in said
    assert not re.search(r"simulated-\w+-(admin|key)", said), "a token was printed"
    return done


def chatwoot(simulator: Simulator, **values: Any) -> dict[str, Any]:
    return {
        "provider": "chatwoot",
        "base_url": simulator.base_url("chatwoot"),
        "account_id": keys.ACCOUNT_ID,
        "api_access_token": keys.CHATWOOT_ADMIN,
        "requests_per_second": 100_000,
        **values,
    }


def octopush(simulator: Simulator, **values: Any) -> dict[str, Any]:
    return {
        "provider": "octopush",
        "base_url": simulator.base_url("octopush"),
        "api_login": keys.OCTOPUSH_LOGIN,
        "api_key": keys.OCTOPUSH_KEY,
        "requests_per_second": 100_000,
        **values,
    }


def wait_until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits for what another process does, which can only be looked for again and again."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
