"""Whether the memory that a sync needs grows with the account: peaks of a small and a large one.

    python benchmarks/memory.py [--conversations 100000 1000000] [--requests-per-second 199]

Of each size there is a first sync into a new file, and then one with `--full`, which reads all of
it again and merges it into the tables that are there. Memory is measured as by backfill.py.

199 requests per second are the most with which no other processes read
(sources/reader_processes.py): every provider's default is below, so that this one process is what
users have. How fast it reads is no matter for its memory, but at Chatwoot's default of 8 a million
conversations take 83 minutes. With 100000 requests per second the memory of the other processes is
in it too.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from backfill import about, check_rows, run, served

# how many times as much the largest account may need as the smallest
GROWTH = 1.3
SYNCS = {"first": [], "second, --full": ["--full"]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--conversations", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--requests-per-second", type=float, default=199.0)
    asked = parser.parse_args()
    sizes = sorted(asked.conversations)
    setting = f"requests_per_second={asked.requests_per_second}"
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in SYNCS}
    for size in sizes:
        with served(size) as base_url, TemporaryDirectory(prefix="talkhouse-bench-") as folder:
            for name, more in SYNCS.items():
                made = run("ours_sync.py", base_url, Path(folder), setting, *more, memory=True)
                check_rows(name, made, size)
                if made["loaded"] < size:
                    sys.exit(f"{name}: {made['loaded']:.0f} conversations are not all of {size}")
                runs[name].append(made)
                print(name, {k: round(v, 2) for k, v in made.items()}, flush=True)
    print(about(" and ".join(f"{size:,}" for size in sizes)))
    report(runs, sizes)


def report(runs: dict[str, list[dict[str, float]]], sizes: list[int]) -> None:
    print("\n| sync | " + " | ".join(f"peak MB of {size:,}" for size in sizes) + " | times |")
    print("|---|" + "---|" * len(sizes) + "---|")
    growth = 0.0
    for name, measured in runs.items():
        peaks = [made["peak_megabytes"] for made in measured]
        growth = max(growth, peaks[-1] / peaks[0])
        print(f"| {name} | " + " | ".join(f"{mb:.0f}" for mb in peaks), end="")
        print(f" | {peaks[-1] / peaks[0]:.2f} |")
    if growth > GROWTH:
        sys.exit(f"memory grows {growth:.2f} times, not at most {GROWTH}")


if __name__ == "__main__":
    main()
