"""What requests under way at a time gain a first sync, and whether its budget holds.

    python benchmarks/overlap.py [--conversations 9900] [--latency 0.05] [--runs 3]

The simulator answers every request 50 ms late, as a server far away does: one request at a time
then waits for nearly all of the run. Less than 10,000 conversations are read, since from there on
processes of their own would read where requests are not bound (sources/reader_processes.py), and
what they gain is not what is measured here; and not much less, since a second and a quarter of
every run is start and load, which nothing overlaps. Threads are not read.

A run's seconds are those of the whole process; reading is from its first request to its last. The
requests are noted as they leave the HTTP client, not taken from the budget's own account.
"""

import argparse
import statistics
import sys

from backfill import about, check_rows, first_run, served, spread

IN_FLIGHT = 16
BUDGET = 40.0
# what must come of it: times as fast, and how much of the budget is used
GAIN, USED = 6.0, 0.9
# a request may leave late, in the second of those whose turn it is: as many as are under way
BUSIEST = BUDGET + IN_FLIGHT
ALONE, OVERLAPPED, BOUND = "one at a time", f"{IN_FLIGHT} at a time", f"at most {BUDGET:.0f} per s"
RUNS = {
    ALONE: ["in_flight=1"],
    OVERLAPPED: [f"in_flight={IN_FLIGHT}"],
    BOUND: [f"in_flight={IN_FLIGHT}", f"requests_per_second={BUDGET}"],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--conversations", type=int, default=9_900)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    if asked.conversations >= 10_000:
        parser.error("from 10,000 conversations on, it is not the overlap that is measured")
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in RUNS}
    with served(asked.conversations, asked.latency) as base_url:
        for _ in range(asked.runs):
            for name, settings in RUNS.items():
                made = first_run("ours_sync.py", base_url, *settings, memory=False)
                check_rows(name, made, asked.conversations)
                made["rate"] = (made["requests"] - 1) / made["requests_seconds"]
                runs[name].append(made)
    print(about(f"{asked.conversations:,}"), end=f", {asked.latency * 1000:.0f} ms a request; ")
    print("median (least to most)\n")
    report(runs)


def report(runs: dict[str, list[dict[str, float]]]) -> None:
    print("| requests | wall s | times as fast | reading, times as fast ", end="")
    print("| requests | per second | in the busiest second |")
    print("|---|---|---|---|---|---|---|")
    for name, measured in runs.items():
        print(
            f"| {name} | {spread([run['wall_seconds'] for run in measured])} "
            f"| {spread(gains(runs, name, 'wall_seconds'))} "
            f"| {spread(gains(runs, name, 'requests_seconds'))} "
            f"| {measured[0]['requests']:.0f} "
            f"| {spread([run['rate'] for run in measured])} "
            f"| {max(run['busiest_second'] for run in measured):.0f} |"
        )
    gain = statistics.median(gains(runs, OVERLAPPED, "wall_seconds"))
    if gain < GAIN:
        sys.exit(f"{OVERLAPPED} is {gain:.2f} times as fast, not {GAIN}")
    for run in runs[BOUND]:
        if not USED * BUDGET <= run["rate"] <= BUDGET or run["busiest_second"] > BUSIEST:
            sys.exit(f"{run['rate']:.1f} requests per second are not what {BUDGET} allow")


def gains(runs: dict[str, list[dict[str, float]]], name: str, what: str) -> list[float]:
    """How many times as fast as one request at a time, run by run."""
    return [one[what] / our[what] for one, our in zip(runs[ALONE], runs[name], strict=True)]


if __name__ == "__main__":
    main()
