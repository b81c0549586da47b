"""Breaks the heart of the sync in every way that mutmut knows, and says which breaks no test saw.

    python tests/mutants/run.py                                  # every module of [tool.mutmut]
    python tests/mutants/run.py "talkhouse.sources.scan.walk*"   # those whose names match

A mutant that survives is either killed by a test, or listed in equivalent.toml with the reason why
it changes nothing that anybody could notice. One that is neither fails the run.
"""

import json
import subprocess
import sys
import tomllib
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).parent
MUTMUT = str(Path(sys.executable).parent / "mutmut")
# what mutmut notes of a mutant: how its test run ended
SURVIVED, UNTESTED, KILLED = 0, 33, (1, 3)


def outcomes(patterns: list[str]) -> dict[str, int | None]:
    """How the tests of each mutant ended."""
    found: dict[str, int | None] = {}
    for file in sorted(Path("mutants").rglob("*.meta")):
        found |= json.loads(file.read_text("utf-8"))["exit_code_by_key"]
    chosen = patterns or ["*"]
    return {name: code for name, code in found.items() if any(fnmatch(name, p) for p in chosen)}


def change(name: str) -> tuple[str, str]:
    """The lines that a mutant takes away, and those that it puts there."""
    shown = subprocess.run(
        [MUTMUT, "show", name], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    ).stdout.splitlines()
    lines = [line for line in shown if not line.startswith(("---", "+++"))]
    was, becomes = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    return was, becomes


def place(name: str) -> str:
    """The function that a mutant is of, by its name: `talkhouse.sources.scan.walk.Walk.read`."""
    module, _, mangled = name.partition("__mutmut_")[0].rpartition(".")
    return f"{module}.{mangled[2:].replace('ǁ', '.')}"


def kind_of(name: str, code: int | None, known: list[dict[str, str]]) -> str:
    """What became of a mutant."""
    if code is None:
        return "not run"
    if code in KILLED:
        return "killed"
    if code not in (SURVIVED, UNTESTED):
        return "timeout"
    was, becomes = change(name)
    for each in known:
        if (each["function"], each["was"], each["becomes"]) == (place(name), was, becomes):
            return "equivalent"
    print(f"{name}\n  - {was}\n  + {becomes}")
    return "survived"


def main(patterns: list[str]) -> int:
    """How many mutants no test saw, as an exit code."""
    subprocess.run([MUTMUT, "run", *patterns], stdin=subprocess.DEVNULL, check=False)
    known = tomllib.loads((HERE / "equivalent.toml").read_text("utf-8"))["equivalent"]
    table: dict[str, Counter[str]] = {}
    for name, code in outcomes(patterns).items():
        module = name.rpartition(".")[0]
        table.setdefault(module, Counter())[kind_of(name, code, known)] += 1
    kinds = ("killed", "timeout", "equivalent", "survived", "not run")
    print(f"\n{'module':40}{'mutants':>10}" + "".join(f"{kind:>12}" for kind in kinds))
    for module, counts in table.items():
        figures = "".join(f"{counts[kind]:12,}" for kind in kinds)
        print(f"{module:40}{counts.total():10,}{figures}")
    return int(not table or any(c["survived"] or c["not run"] for c in table.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
