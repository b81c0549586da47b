"""Three dozen syncs of `make soak`: nothing grows, each alert is sent once, no row differs."""

import subprocess
import sys

import pytest

from support.repository import ROOT

SOAK = ROOT / "benchmarks/soak.py"


@pytest.mark.deep
def test_syncs_in_a_row_leave_nothing_behind_and_tell_everything_once() -> None:
    done = subprocess.run(
        # what is not kept for long is deleted within the test
        [sys.executable, SOAK, "--syncs", "36", "--processes-every", "4", "--keep", "15s"],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 alerts of failures and recoveries" in done.stdout
