"""The command line is public: what it says of itself changes only if somebody means it."""

from pathlib import Path

from support.help_texts import help_texts

AS_IT_WAS = Path(__file__).parent / "help.txt"


def test_every_command_says_what_it_said() -> None:
    """After a change that is meant: `PYTHONPATH=tests .venv/bin/python -m support.help_texts >
    tests/cli/help.txt`, and a line in CHANGELOG.md.
    """
    assert help_texts() == AS_IT_WAS.read_text("utf-8")
