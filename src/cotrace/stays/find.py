"""From pings to stays: the public function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cotrace.errors import CotraceTypeError
from cotrace.meter import Progress, reporter
from cotrace.options import StayOptions
from cotrace.stays.build import build
from cotrace.tables import Stays, not_taken

if TYPE_CHECKING:
    from cotrace.io.pings import Pings

__all__ = ["find_stays"]


def find_stays(
    pings: Pings,
    *,
    options: StayOptions = StayOptions(),
    threads: int | None = None,
    progress: Progress | None = None,
    sort_memory: int | None = None,
) -> Stays:
    """Make the stays of every device.

    Parameters
    ----------
    pings : Pings
        From :func:`cotrace.read_pings`. Any order gives the same stays; when each device's rows come in the order
        of time they are not sorted at all.
    options : StayOptions, optional
        Grid, fill, largest gap, smoothing.
    threads : int, optional
        How many to use; all by default. The result does not depend on it.
    progress : callable or "bar", optional
        Called with the rows done and the rows there are (None if unknown); ``"bar"`` draws a bar with tqdm (extra
        ``progress``).
    sort_memory : int, optional
        Bytes that may be held for rows that have to be sorted; beyond, they are sorted on disk. Half of the
        available memory by default. ``stays.counts.order`` says what was done.

    Returns
    -------
    Stays
        Sorted by device, start. Columns: :ref:`data-model-stays`.

    Raises
    ------
    OptionError
        When a tower log comes without ``fill``, or the options do not fit the input.
    TimeError
        When the pings span more than 68 years.

    Warns
    -----
    CotraceWarning
        Rows refused; more than 1 % conflicts; a usual gap close to ``max_gap``; a grid finer than the input.

    Notes
    -----
    One pass. 32 bytes a device and 16 bytes a stay are held, and never a ping unless rows have to be sorted
    (12 bytes a ping then).

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": [7, 7, 7], "time": [0, 600, 900], "x": [10.0, 20.0, 900.0], "y": [0.0, 0.0, 0.0]}, unit="s"
    ... )
    >>> cotrace.find_stays(pings).to_pandas().shape
    (1, 4)
    """
    if not isinstance(options, StayOptions):
        raise CotraceTypeError(f"options is {type(options).__name__}: give StayOptions(...)")
    if not hasattr(pings, "scan"):
        raise not_taken(pings, "Pings", "read it with cotrace.read_pings()")
    told = reporter(progress)
    return build(pings, options, threads=threads, progress=told, sort_memory=sort_memory).stays()
