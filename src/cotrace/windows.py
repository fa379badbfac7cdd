"""Cells by windows of time: how many devices, for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cotrace.durations import Duration, seconds
from cotrace.errors import OptionError
from cotrace.schema import OCCUPANCY
from cotrace.tables import Stays, StaysStore, Table, check_source, instants, taken

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["occupancy"]


def occupancy(stays: Stays | StaysStore, *, window: Duration = "1h") -> Table:
    """Count devices and dwell by cell and window.

    Parameters
    ----------
    stays : Stays or Store
        Of a store, everything is read.
    window : str or timedelta
        Length of a window; windows are aligned to the epoch (UTC).

    Returns
    -------
    Table
        One row a cell and window in which a device was, sorted by these. Columns: :ref:`data-model-occupancy`.

    Raises
    ------
    OptionError
        When the window has no length.

    Notes
    -----
    O(stays and the windows that they touch), after a sort by counting. The dwell of all rows is that of all stays.

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": [1, 1, 2, 2], "time": [0, 4000, 60, 120], "x": [1.0] * 4, "y": [1.0] * 4}, unit="s"
    ... )
    >>> cotrace.occupancy(cotrace.find_stays(pings))["devices"].to_pylist()
    [2, 1]
    """
    check_source(stays)
    length = seconds(window, "window")
    if not length:
        raise OptionError("window='0s' is no window")
    stays = taken(stays, "occupancy")
    rows = _counted(stays, length)
    codes = rows[:, 0]
    columns = {
        **stays.cells.columns(codes),
        "window_started_at": instants(rows[:, 1] * length, 0, stays.tz),
        "devices": rows[:, 2],
        "dwell_s": rows[:, 3],
    }
    types = {"cell": stays.cells.values.type, "tz": stays.tz}
    return Table.from_columns(
        OCCUPANCY, columns, f"Devices, not people. {stays.options.describe()}.", **types
    )


def _counted(stays: Stays, length: int) -> NDArray[np.int64]:
    """Return rows (cell, window, devices, dwell)."""
    from cotrace.kernels.windows import count_windows, windows_touched
    from cotrace.stays.builder import rows_by_key

    # stays are sorted by device, start: sorted by cell they are sorted by cell, device, start
    rows = rows_by_key([stays.rows], 1, len(stays.cells.values))
    n = windows_touched(rows, stays.base, length)
    touched, order, scratch = (np.empty(shape, dtype=np.int64) for shape in ((3, n), n, n))
    out = np.empty((n, 4), dtype=np.int64)
    return out[: count_windows(rows, stays.base, length, touched, order, scratch, out)]
