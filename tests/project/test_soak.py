"""A dozen syncs of `make soak`: nothing grows, every alert is told once, nothing differs."""

import subprocess
import sys

import pytest

from support.repository import ROOT

SOAK = ROOT / "benchmarks/soak.py"


@pytest.mark.deep
def test_syncs_in_a_row_leave_nothing_behind_and_tell_everything_once() -> None:
    done = subprocess.run(
        [sys.executable, SOAK, "--syncs", "12", "--processes-every", "4"],
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # the provider that took no key from the tenth on takes it again at the end
    assert "2 alerts of failures and recoveries" in done.stdout
