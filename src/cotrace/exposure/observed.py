"""Whether a ping fell into a time, or only a stay that spans it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import plain
from cotrace.exposure.common import seen_codes, sources_of
from cotrace.tables import Stays

if TYPE_CHECKING:
    from cotrace.io.pings import Pings

__all__ = ["observed_in"]

Int64 = NDArray[np.int64]

NO, UNKNOWN, YES = 0, 1, 2


def observed_in(
    stays: Stays, rows: Int64, start: Int64, end: Int64, begin: Int64, until: Int64, pings: Pings | None
) -> NDArray[np.int8]:
    """Say of parts of stays whether a ping fell into them.

    Parameters
    ----------
    stays : Stays
    rows : int64[n]
        Numbers of stays.
    start, end : int64[n]
        The part of each, in seconds from the base.
    begin, until : int64[n]
        The time that it was cut to.
    pings : Pings, optional
        What the stays were made of.

    Returns
    -------
    int8[n]
        0: no; 1: stays alone do not tell; 2: yes.

    Notes
    -----
    A stay begins with a ping, and under ``fill="same_cell"`` there is one in its cell at the second after it. Two
    consecutive pings of a stay are at most ``max_gap`` apart, so that none can be as long without one.
    """
    bits = sources_of(stays, rows)
    first, last = (stays.rows[rows, k].astype(np.int64) for k in (2, 3))
    sure = (first >= begin) | ((last < until) & (stays.options.fill != "forward"))
    sure |= end - start >= stays.options.max_gap_s
    told = np.where(bits & 1 == 0, NO, np.where((bits == 1) & sure, YES, UNKNOWN)).astype(np.int8)
    if pings is not None:
        open_ = np.flatnonzero(told == UNKNOWN)
        device = stays.rows[rows[open_], 0].astype(np.int64)
        told[open_] = np.where(_has_ping(stays, pings, device, start[open_], end[open_]), YES, NO)
    return told


def _has_ping(stays: Stays, pings: Pings, device: Int64, start: Int64, end: Int64) -> NDArray[np.bool_]:
    """Tell for each device and time whether it has a ping then; one pass over the pings."""
    if not device.size:
        return np.empty(0, dtype=np.bool_)
    wanted = np.zeros(len(stays.devices) + 1, dtype=np.bool_)
    wanted[device] = True
    low, high = int(start.min()), int(end.max())
    far = high - low + 1
    found = []
    for batch in pings.scan(start=low + stays.base, end=high + stays.base):
        time = batch.time - stays.base
        near = np.flatnonzero((time >= low) & (time < high))
        if not near.size:
            continue
        ids = plain(batch.device)
        import pyarrow as pa

        codes = seen_codes(stays.devices, ids.take(pa.array(near, pa.int64())))
        mine = wanted[codes]
        found.append(codes[mine] * far + time[near][mine] - low)
    keys = np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
    at = np.searchsorted(keys, device * far + start - low)
    there = at < keys.size
    there[there] = keys[at[there]] < (device * far + end - low)[there]
    return there
