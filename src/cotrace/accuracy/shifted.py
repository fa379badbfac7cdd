"""What the place of the grid's edges does to an answer."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cotrace.accuracy.sweep import grid_of
from cotrace.companions.find import find_companions
from cotrace.companions.words import what_it_is
from cotrace.errors import CotraceTypeError, CotraceWarning, OptionError
from cotrace.meter import Progress, reporter
from cotrace.options import CompanionRule, StayOptions
from cotrace.schema_accuracy import SHIFTED_GRIDS
from cotrace.tables import Stays, Table

if TYPE_CHECKING:
    from cotrace.companions.result import Companions
    from cotrace.io.pings import Pings

__all__ = ["grid_shifts", "shifted_grids"]

#: the additive recurrence that fills the square most evenly: powers of the inverse of the plastic number
_STEP = (0.7548776662466927, 0.5698402909980532)


def grid_shifts(n: int, cell_m: float) -> list[tuple[float, float]]:
    """Return ``n`` shifts in metres, spread evenly over one cell, none of them zero; the same for every call.

    Shift *k* (from 1) is the fraction of ``k`` times 0.7549 and 0.5698 (the R2 sequence) of the side of a cell, in
    whole millimetres.
    """
    return [(_shift(k, _STEP[0], cell_m), _shift(k, _STEP[1], cell_m)) for k in range(1, n + 1)]


def _shift(k: int, step: float, cell_m: float) -> float:
    return int(k * step % 1.0 * cell_m * 1000) / 1000


def shifted_grids(
    pings: Pings,
    cases: Any,
    n: int = 16,
    *,
    as_of: Any = None,
    rule: CompanionRule = CompanionRule(),
    options: StayOptions = StayOptions(),
    threads: int | None = None,
    progress: Progress | None = None,
) -> Table:
    """Say for each companion in how many of ``n`` shifted grids they remain one.

    Where the edges of the cells lie is an accident, and no authority published where its grid begins: in one grid two
    devices 1,131 m apart can match, and two neighbours a metre apart across an edge cannot. Who is a companion in
    nearly every grid is one because of where they were; who is one in few, because of where the edges are.

    Parameters
    ----------
    pings : Pings
        From :func:`cotrace.read_pings`; positions, or towers with positions.
    cases, as_of, rule, options, threads
        As in :func:`cotrace.find_companions`.
    n : int
        How many shifts, spread evenly over one cell; from 1 to 1,000.
    progress : callable or "bar", optional
        Called with the grids done and the grids there are; as in :func:`cotrace.find_stays`.

    Returns
    -------
    Table
        One row a case and device that is a companion in the grid asked for or in any shifted one, sorted by these.
        Columns: :ref:`data-model-shifted_grids`.

    Raises
    ------
    OptionError
        When ``n`` cannot be, or towers are the cells.
    CotraceTypeError
        For stays: their cells cannot be shifted.

    Warns
    -----
    CotraceWarning
        As :func:`cotrace.find_companions` does in the grid asked for; what the shifted ones would warn of is the same
        and is left out.

    Notes
    -----
    ``n`` + 1 passes over the pings.

    References
    ----------
    The shifts are the R2 sequence: Roberts, The unreasonable effectiveness of quasirandom sequences, 2018.

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": [1, 1, 2, 2], "time": [0, 3600, 0, 3600], "x": [799.0, 799.0, 801.0, 801.0], "y": [9.0] * 4},
    ...     unit="s",
    ... )
    >>> found = cotrace.shifted_grids(
    ...     pings, [1], as_of="1970-01-02T00:00:00+00:00", rule=cotrace.CompanionRule(min_cumulative=None)
    ... )
    >>> found["in_base"].to_pylist(), found["remains_in"].to_pylist(), found["n_grids"].to_pylist()
    ([False], [16], [16])
    """
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= 1000:
        raise OptionError(f"n={n!r} is no whole number of grids from 1 to 1,000")
    if isinstance(pings, Stays) or not hasattr(pings, "scan"):
        raise CotraceTypeError(
            f"{type(pings).__name__} is not Pings: cells of stays cannot be shifted; give pings of "
            "cotrace.read_pings()"
        )
    grid = grid_of(pings, options)

    def find(origin: tuple[float, float]) -> Companions:
        theirs = replace(options, grid=replace(grid, origin=origin))
        return find_companions(pings, cases, as_of=as_of, rule=rule, options=theirs, threads=threads)

    base = find(grid.origin)
    told = reporter(progress, "grids")
    in_base, remains = set(_pairs(base)), Counter[Any]()
    for done, (dx, dy) in enumerate(grid_shifts(n, grid.cell_m)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CotraceWarning)
            remains.update(_pairs(find((grid.origin[0] + dx, grid.origin[1] + dy))))
        if told is not None:
            told(done + 1, n)
    return _table(base, in_base, remains, n)


def _pairs(found: Companions) -> list[tuple[Any, Any, Any]]:
    table = found.companions
    return list(zip(*(table[name].to_pylist() for name in ("case_id", "as_of", "companion_id")), strict=True))


def _table(base: Companions, in_base: set[Any], remains: Counter[Any], n: int) -> Table:
    import pyarrow as pa

    rows = sorted(in_base | set(remains))
    devices = base.companions["companion_id"].type
    arrow = SHIFTED_GRIDS.arrow(device=devices, tz=base.tz)
    columns = {
        "case_id": [r[0] for r in rows],
        "as_of": [r[1] for r in rows],
        "companion_id": [r[2] for r in rows],
        "in_base": [r in in_base for r in rows],
        "n_grids": [n] * len(rows),
        "remains_in": [remains[r] for r in rows],
        "share": [remains[r] / n for r in rows],
    }
    arrays = {name: pa.array(values, arrow.field(name).type) for name, values in columns.items()}
    note = (
        f"{what_it_is(base)} Companions in the grid asked for, and in {n:,} grids shifted by parts of a cell"
    )
    return Table.from_columns(SHIFTED_GRIDS, arrays, note, device=devices, tz=base.tz)
