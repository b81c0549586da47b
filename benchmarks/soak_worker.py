"""Runs commands of `talkhouse`, one for each line that it is given, all in this one process.

Prints for each, as JSON, its exit code and what it said.
"""

import json
import sys

from typer.testing import CliRunner

from talkhouse.pipelines.cli.commands import app

for line in sys.stdin:
    done = CliRunner().invoke(app, line.split())
    said = {"exit_code": done.exit_code, "stdout": done.stdout, "stderr": done.stderr}
    print(json.dumps(said), flush=True)
