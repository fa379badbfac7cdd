"""Time together, second by second: what is seen of true time together, and how much is invented."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import cotrace

Int64 = NDArray[np.int64]
#: seconds apart that two groups are laid on one line of time
_FAR = 1 << 27
ANY = cotrace.CompanionRule(min_shared="1s", min_cumulative=None)


def together(stays: Any, cases: list[int], as_of: Any) -> Int64:
    """Return every unbroken time of a case and a device in one cell: pair, start, end; by pair and start."""
    rows = cotrace.contacts(stays, cases, as_of=as_of, rule=ANY).evidence.to_arrow()
    times = [seconds(rows[name]) for name in ("started_at", "finished_at")]
    pair = rows["case_id"].to_numpy() << 32 | rows["contact_id"].to_numpy()
    found = np.stack([pair, *times], axis=1)
    return np.ascontiguousarray(found[np.lexsort((found[:, 1], found[:, 0]))])


def seconds(column: Any) -> Int64:
    """Return instants as unix seconds."""
    import pyarrow as pa

    whole: Int64 = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()).to_numpy() // 1_000_000
    return whole


def joined(rows: Int64) -> Int64:
    """Return intervals (group, start, end) joined where they touch, by group and start: cells are forgotten."""
    if not len(rows):
        return rows
    base = int(rows[:, 1].min())
    which = np.unique(rows[:, 0], return_inverse=True)[1].reshape(-1)
    start, end = (which * _FAR + rows[:, k] - base for k in (1, 2))
    order = np.argsort(start, kind="stable")
    start, end, group = start[order], np.maximum.accumulate(end[order]), rows[order, 0]
    first = np.concatenate([[True], start[1:] > end[:-1]])
    lo = np.flatnonzero(first)
    last = np.append(lo[1:], start.size) - 1
    offset = which[order][lo] * _FAR - base
    return np.stack([group[lo], start[lo] - offset, end[last] - offset], axis=1)


def covered(rows: Int64, by: Int64) -> Int64:
    """Return how many seconds of each row lie in intervals of its group; ``by`` is joined."""
    if not len(rows) or not len(by):
        return np.zeros(len(rows), np.int64)
    groups = np.unique(by[:, 0])
    at = np.searchsorted(groups, rows[:, 0]).clip(max=groups.size - 1)
    known = groups[at] == rows[:, 0]
    base = int(min(by[:, 1].min(), rows[:, 1].min()))
    whose = np.searchsorted(groups, by[:, 0]) * _FAR - base
    start, end = by[:, 1] + whose, by[:, 2] + whose
    before = np.concatenate([[0], np.cumsum(end - start)])

    def until(moment: Int64) -> Int64:
        k = np.searchsorted(start, moment, side="right")
        last = np.where(k > 0, np.minimum(moment, end[np.maximum(k - 1, 0)]) - start[np.maximum(k - 1, 0)], 0)
        return np.asarray(before[np.maximum(k - 1, 0)] * (k > 0) + last)

    shift = at * _FAR - base
    return np.where(known, until(rows[:, 2] + shift) - until(rows[:, 1] + shift), 0)


def seen(observed: Int64, true: Int64, low_s: int, high_s: int) -> dict[str, Any]:
    """Say how much of true times together of some length is seen, and how many are seen for ten minutes."""
    asked = true[(true[:, 2] - true[:, 1] >= low_s) & (true[:, 2] - true[:, 1] < high_s)]
    got = covered(asked, joined(observed))
    length = asked[:, 2] - asked[:, 1]
    return {
        "low_s": low_s,
        "high_s": high_s,
        "meetings": len(asked),
        "seen_share": _share(got.sum(), length.sum()),
        "seen_ten_minutes": _share((got >= 600).sum(), len(asked)),
        "seen_at_all": _share((got > 0).sum(), len(asked)),
    }


def invented(observed: Int64, true: Int64, least_s: int = 600) -> dict[str, Any]:
    """Say how much of the time together that is claimed, in episodes of ten minutes and more, never was."""
    claimed = observed[observed[:, 2] - observed[:, 1] >= least_s]
    got = covered(claimed, joined(true))
    length = claimed[:, 2] - claimed[:, 1]
    return {
        "episodes": len(claimed),
        "claimed_s": int(length.sum()),
        "invented_share": _share((length - got).sum(), length.sum()),
        "invented_whole": _share((got == 0).sum(), len(claimed)),
    }


def right_cell(stays: Any, true: Any) -> dict[str, Any]:
    """Say in how much of the time that a device is said to be somewhere it is in that cell, and how much is said."""
    both = []
    cells = np.union1d(*(np.asarray(s.cells.values.to_numpy()) for s in (stays, true)))
    for one in (stays, true):
        code = np.searchsorted(cells, np.asarray(one.cells.values.to_numpy()))[one.rows[:, 1]]
        device = one.devices.to_numpy()[one.rows[:, 0]]
        times = one.rows[:, 2:].astype(np.int64) + one.base
        rows = np.column_stack([device * cells.size + code, times])
        both.append(rows[np.lexsort((rows[:, 1], rows[:, 0]))])
    said, was = both
    got, length = covered(said, was).sum(), (said[:, 2] - said[:, 1]).sum()
    return {
        "right_share": _share(got, length),
        "observed_share": _share(length, (was[:, 2] - was[:, 1]).sum()),
    }


def _share(part: Any, of: Any) -> float | None:
    return round(float(part) / float(of), 5) if of else None
