"""What every command says of itself: `python -m support.help_texts > tests/cli/help.txt`."""

from collections.abc import Iterator
from typing import Any

import typer
from typer.testing import CliRunner

from talkhouse.pipelines.cli import commands  # noqa: F401  (which the application has by this)
from talkhouse.pipelines.cli.app import app


def paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command, from `talkhouse` on."""
    yield path
    for name, each in sorted(getattr(command, "commands", {}).items()):
        yield from paths(each, (*path, name))


def help_texts() -> str:
    """The help of every command, as a wide terminal without colours shows it."""
    plain = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1", "TERMINAL_WIDTH": "100"}
    texts = []
    for path in paths(typer.main.get_command(app)):
        said = CliRunner().invoke(app, [*path, "--help"], env=plain, prog_name="talkhouse")
        lines = (line.rstrip() for line in said.stdout.splitlines())
        texts.append("\n".join([f"$ talkhouse {' '.join([*path, '--help'])}", *lines]).strip())
    return "\n\n".join(texts) + "\n"


if __name__ == "__main__":
    print(help_texts(), end="")  # noqa: T201
