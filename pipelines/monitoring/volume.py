"""Whether a connection brought as many rows as it usually does: held against a median, which one
odd day does not move.

- New rows of the 24 hours before a sync, against the same hours of the same weekday in each of the
  four weeks before: less than a quarter, or more than four times as many, is unusual.
- Rows of a list's last full scan, against the last one of each of the five days before with any:
  less than half is unusual.

Neither is judged before there are three to compare with, nor where it is about less than 100 rows.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from talkhouse.pipelines.warehouse.interface import Warehouse

WEEKS = 4
DAYS = 5
FEWEST = 3
LEAST_ROWS = 100
FAR = 4
DAY = timedelta(days=1)


def unusual(warehouse: Warehouse, account: str, at: datetime) -> list[str]:
    """What is unusual as of a sync that began at that time, and what may be behind it."""
    return _new_rows(warehouse, account, at) + _full_scans(warehouse, account, at)


def _new_rows(warehouse: Warehouse, account: str, at: datetime) -> list[str]:
    days = [_new_in_day(warehouse, account, at - timedelta(weeks=n)) for n in range(WEEKS + 1)]
    now, *before = days
    usual = _usual([rows for rows in before if rows is not None])
    if now is None or usual is None or abs(now - usual) < LEAST_ROWS:
        return []
    if now * FAR < usual:
        why = "is a channel disconnected at the provider, or does the token see less than before?"
    elif now > usual * FAR:
        why = "did somebody import conversations, or send to many at once?"
    else:
        return []
    return [f"{now:,} new rows in 24 hours, and {usual:,.0f} are usual on a {at:%A}: {why}"]


def _new_in_day(warehouse: Warehouse, account: str, until: datetime) -> int | None:
    """The new rows of the day that ends then; None if no sync was in it."""
    # ids of runs begin with their time, and are what the table is indexed by
    [found] = warehouse.rows(
        "select count(*) as scans, coalesce(sum(rows_new), 0) as new from audit.scans "
        "where account = %s and run_id > %s and run_id < %s",
        [account, _run_id(until - DAY), _run_id(until + timedelta(seconds=1))],
    )
    return int(found["new"]) if found["scans"] else None


def _full_scans(warehouse: Warehouse, account: str, at: datetime) -> list[str]:
    # the last of each day: of five in half an hour none says what is usual
    found = warehouse.rows(
        "select list, rows_seen from (select list, rows_seen, run_id, row_number() over "
        "(partition by list, substr(run_id, 1, 8) order by run_id desc) as nth from audit.scans "
        "where account = %s and is_whole and run_id > %s) as scans where nth = 1 "
        "order by run_id desc",
        [account, _run_id(at - WEEKS * 7 * DAY)],
    )
    seen: dict[str, list[int]] = {}
    for row in found:
        seen.setdefault(row["list"], []).append(int(row["rows_seen"]))
    told = []
    for name, (last, *before) in sorted(seen.items()):
        usual = _usual(before[:DAYS])
        if usual is not None and last * 2 < usual and usual - last >= LEAST_ROWS:
            told.append(
                f"{name}: the last full scan saw {last:,} rows, and {usual:,.0f} are usual: does "
                "the token still see everything? `talkhouse check` says; rows that two full scans "
                "miss are marked deleted"
            )
    return told


def _usual(rows: Sequence[int]) -> float | None:
    return median(rows) if len(rows) >= FEWEST else None


def _run_id(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S}"
