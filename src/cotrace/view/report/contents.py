"""What the page needs of a result, as small arrays: ids as text, cells as numbers, times in unix seconds."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import CaseError, OptionError
from cotrace.view.clock import zone_of
from cotrace.view.select import OneCase, clipped, device_stays, evidence_of, one_case, rows_of, seconds_of

if TYPE_CHECKING:
    from cotrace.companions import Companions

__all__ = ["MOST_EPISODES", "Clock", "chosen_cases", "payload"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: More episodes than these make a page that no browser opens in a moment.
MOST_EPISODES = 500_000
MET = ("neither", "case", "companion", "both")
_STEP = 6 * 3_600
_M_PER_DEGREE = 111_320.0


class Clock:
    """Local time in one zone, as the pieces of a span in which the offset from UTC is one.

    Parameters
    ----------
    tz : str
        Name of the zone, or an offset.
    start, end : int
        The span, in unix seconds.
    """

    def __init__(self, tz: str, start: int, end: int) -> None:
        self._zone = zone_of(tz)
        self.pieces = [(start, self._offset(start))]
        for low in range(start, end, _STEP):
            high = min(low + _STEP, end)
            while self._offset(high) != self.pieces[-1][1]:
                first = bisect_right(range(low, high), self.pieces[-1][1], key=self._differs(low)) + low
                self.pieces.append((first, self._offset(first)))
                low = first
        self.moments = [moment for moment, _ in self.pieces]

    def _differs(self, low: int) -> Any:
        before = self._offset(low)
        # bisect_right looks for the first that is greater than the offset before: turn any change into that
        return lambda moment: before if self._offset(moment) == before else before + 1_000_000

    def _offset(self, moment: int) -> int:
        from datetime import datetime

        offset = datetime.fromtimestamp(moment, self._zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    def say(self, moment: int) -> str:
        """Write a moment as local time with its offset: ``2021-11-03 00:00 +08:00``."""
        from datetime import datetime

        text = datetime.fromtimestamp(moment, self._zone).isoformat(sep=" ")
        day, hour, offset = text[:10], text[11:19], text[19:]
        return f"{day} {hour.removesuffix(':00') if hour.count(':') == 2 else hour} {offset}"


def chosen_cases(found: Companions, case: Any, as_of: Any) -> list[OneCase]:
    """Return the case that was named, or all of them.

    Raises
    ------
    OptionError
        When there is no case, or there are more episodes than a page holds.
    """
    if case is not None:
        chosen = [one_case(found, case, as_of)]
    elif as_of is not None:
        raise OptionError("as_of= chooses among the cases of one device: name that device with case=")
    else:
        funnel = found.funnel.to_arrow()
        chosen = [
            one_case(found, device, moment)
            for device, moment in zip(funnel["case_id"].to_pylist(), funnel["as_of"].to_pylist(), strict=True)
        ]
    if not chosen:
        raise CaseError("a report is about cases, and this result has none")
    episodes = (
        sum(evidence_of(found, one).num_rows for one in chosen) if case is not None else len(found.evidence)
    )
    if episodes > MOST_EPISODES:
        mend = "name one case with case=" if len(chosen) > 1 else "write found.evidence as a table instead"
        raise OptionError(f"{episodes:,} episodes are more than a report holds ({MOST_EPISODES:,}): {mend}")
    return chosen


def payload(found: Companions, cases: list[OneCase]) -> tuple[dict[str, Any], Clock]:
    """Return what the page's script reads, and the clock that it is told in."""
    clock = Clock(found.tz, min(c.start for c in cases), max(c.as_of for c in cases) + 1)
    dwells = [_dwell(found, one) for one in cases]
    codes = np.flatnonzero(sum(dwells) if dwells else np.zeros(0))
    number = np.full(len(found.stays.cells.values), -1, dtype=np.int64)
    number[codes] = np.arange(codes.size)
    data = {
        "tz": found.tz,
        "offsets": clock.pieces,
        "by": found.options.by,
        "metres": _in_metres(found),
        "cells": _cells(found, codes),
        "cases": [_case(found, one, number) for one in cases],
    }
    return data, clock


def _dwell(found: Companions, one: OneCase) -> Ints:
    rows = clipped(device_stays(found, one.case), one)
    dwell = np.zeros(len(found.stays.cells.values), dtype=np.int64)
    np.add.at(dwell, rows[:, 0], rows[:, 2] - rows[:, 1])
    return dwell


def _in_metres(found: Companions) -> bool:
    return found.options.grid is not None and found.options.grid.kind == "planar"


def _case(found: Companions, one: OneCase, number: Ints) -> dict[str, Any]:
    rows = clipped(device_stays(found, one.case), one)
    listed = rows_of(found.companions.to_arrow(), one)
    evidence = evidence_of(found, one)
    cell = number[_codes(found, evidence["cell"])] if evidence.num_rows else np.zeros(0, np.int64)
    begin = seconds_of(evidence["started_at"]) - one.start
    return {
        "id": str(one.case),
        "as_of": one.as_of,
        "start": one.start,
        "end": one.end,
        "infectious": one.infectious if one.infectious > one.start else None,
        "stays": np.column_stack(
            [number[rows[:, 0]], rows[:, 1] - one.start, rows[:, 2] - rows[:, 1]]
        ).tolist(),
        "list": {
            "id": [str(v) for v in listed["companion_id"].to_pylist()],
            **{
                short: listed[name].to_pylist()
                for short, name in (
                    ("n", "n_episodes"),
                    ("cells", "n_cells"),
                    ("shared", "shared_s"),
                    ("longest", "longest_s"),
                    ("case", "case_dwell_s"),
                    ("its", "companion_dwell_s"),
                    ("crowd", "crowd"),
                )
            },
            "first": (seconds_of(listed["first_started_at"]) - one.start).tolist() if listed.num_rows else [],
            "last": (seconds_of(listed["last_finished_at"]) - one.start).tolist() if listed.num_rows else [],
            "met": [MET.index(v) for v in listed["dwell_met_by"].to_pylist()],
        },
        "evidence": {
            "cell": cell.tolist(),
            "from": begin.tolist(),
            "s": evidence["shared_s"].to_pylist(),
            "case": evidence["case_dwell_s"].to_pylist(),
            "its": evidence["companion_dwell_s"].to_pylist(),
            "met": [MET.index(v) for v in evidence["dwell_met_by"].to_pylist()],
            "crowd": evidence["crowd"].to_pylist(),
        },
    }


def _codes(found: Companions, column: Any) -> Ints:
    import pyarrow.compute as pc

    cells = found.stays.cells.values
    codes: Ints = pc.index_in(column.combine_chunks().cast(cells.type), value_set=cells).to_numpy(
        zero_copy_only=False
    )
    return codes.astype(np.int64)


def _cells(found: Companions, codes: Ints) -> dict[str, Any]:
    """Return names, centres and outlines of cells, in metres from their middle; None where nothing is known."""
    names = found.stays.cells.values
    called = [found.cells.said(names[c].as_py(), short=True) for c in codes.tolist()]
    columns = found.stays.cells.columns(codes)
    on_grid = np.array([v is not None for v in columns["cell_col"].to_pylist()], dtype=np.bool_)
    outlines, centres = _shapes(found, codes, on_grid)
    if columns["cell_lon"].null_count < len(codes) and not _in_metres(found) and found.options.by == "tower":
        lon, lat = (columns[n].to_numpy(zero_copy_only=False) for n in ("cell_lon", "cell_lat"))
        centres = np.column_stack([lon, lat]).astype(np.float64)
    known = np.isfinite(centres[:, 0])
    wide = np.ones(2)
    if known.any() and not _in_metres(found):
        middle = (centres[known].min(axis=0) + centres[known].max(axis=0)) / 2
        wide = np.array([np.cos(np.radians(middle[1])), 1.0]) * _M_PER_DEGREE
    zero = centres[known].min(axis=0) if known.any() else np.zeros(2)
    return {
        "name": called,
        "at": [_rounded((c - zero) * wide) if ok else None for c, ok in zip(centres, known, strict=True)],
        "shape": [None if o is None else [_rounded((p - zero) * wide) for p in o] for o in outlines],
    }


def _shapes(found: Companions, codes: Ints, on_grid: NDArray[np.bool_]) -> tuple[list[Floats | None], Floats]:
    import shapely

    outlines: list[Floats | None] = [None] * codes.size
    centres = np.full((codes.size, 2), np.nan)
    grid = found.options.grid
    if found.options.by == "tower" or grid is None or not on_grid.any():
        return outlines, centres
    there = np.flatnonzero(on_grid).tolist()
    packed = np.array([found.stays.cells.values[int(codes[i])].as_py() for i in there], dtype=np.int64)
    for i, shape in zip(there, grid.polygon(packed).tolist(), strict=True):
        corners = shapely.get_coordinates(shape)[:-1]
        outlines[i], centres[i] = corners, corners.mean(axis=0)
    return outlines, centres


def _rounded(point: Floats) -> list[float]:
    return [round(float(v), 1) for v in point]
