"""`python -m talkhouse` is the command `talkhouse`."""

from talkhouse.pipelines.cli import commands  # noqa: F401  (which the application has by this)
from talkhouse.pipelines.cli.app import app

if __name__ == "__main__":
    app(prog_name="talkhouse")
