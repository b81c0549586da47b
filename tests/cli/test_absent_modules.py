"""A module that is not installed is looked for once."""

import subprocess
import sys

import pytest

SEARCHED = """
import sys
from importlib.machinery import PathFinder
from talkhouse.pipelines.cli.quick_process import remember_if_absent

searched = []
class Watching(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        searched.append(name)
        return None

remember_if_absent(sys.argv[1])
sys.meta_path.insert(1, Watching)
import duckdb
duckdb.connect().execute("select ?", [1])
print("pandas" in searched)
import json.tool
try:
    __import__(sys.argv[1])
except ModuleNotFoundError as e:
    print(e.name)
"""


@pytest.mark.parametrize(("name", "is_searched"), [("pandas", False), ("json", True)])
def test_what_is_not_there_is_not_searched_for(name: str, is_searched: bool) -> None:
    said = subprocess.run(
        [sys.executable, "-c", SEARCHED, name], capture_output=True, text=True, check=True
    ).stdout.split()
    assert said == [str(is_searched), *([name] if not is_searched else [])]
