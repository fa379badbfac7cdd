"""What a source holds, and what that says about how stays should be made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.options import StayOptions
from cotrace.stays.locate import fitting_grid
from cotrace.stays.passes import Progress, one_pass

if TYPE_CHECKING:
    from cotrace.io.pings import Pings

__all__ = ["Survey", "modal_gap", "survey"]


def modal_gap(gaps: NDArray[np.int64]) -> int | None:
    """Return the most usual gap between consecutive pings in seconds; None without any, or if longer than counted.

    The least of several that are as usual. ``gaps`` is the histogram of a builder.
    """
    total = gaps.sum(axis=0)
    most = int(total.argmax())
    return most if total.any() and most < total.size - 1 else None


@dataclass(frozen=True)
class Survey:
    """What a source holds, and what that says about ``fill`` and ``max_gap``."""

    rows: int
    used: int
    collapsed: int
    refused: dict[str, int]
    devices: int
    first: int | None
    last: int | None
    median_gap_s: int | None
    modal_gap_s: int | None
    max_gap_s: int
    share_over_max_gap: float
    share_same_cell: float
    observed_h_same_cell: float
    observed_h_forward: float
    positions: str
    tz: str

    def says_of_fill(self) -> str:
        """Say what each ``fill`` would mean for the data at hand."""
        return (
            f"Of the gaps between consecutive pings {self.share_over_max_gap:.1%} are over max_gap "
            f"({self.max_gap_s:,} s), and {self.share_same_cell:.1%} have one cell at both ends. "
            f"'same_cell' claims only what two pings bracket: {_hours(self.observed_h_same_cell)} observed. "
            f"'forward' keeps a device in a cell until its next ping: {_hours(self.observed_h_forward)}; it is for "
            "logs that record every change of cell"
        )


def _hours(hours: float) -> str:
    return f"{hours:,.0f} h" if hours >= 10 else f"{hours * 60:,.0f} min"


def survey(
    pings: Pings,
    options: StayOptions | None = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Survey:
    """Read everything once and say what is there; the pings' counts and refused rows are known afterwards.

    Gaps longer than twice ``max_gap`` are counted, not measured: a median among them is None.
    """
    options = options or StayOptions()
    grid = options.grid or fitting_grid(pings)
    by = "tower" if grid is None else options.by
    # same_cell only because one has to be named: the gaps are the same under both
    options = replace(options, grid=grid, by=by, fill="same_cell", smooth=None)
    built = one_pass(pings, options, threads=threads, progress=progress)
    gaps, longer, limit = built.gaps, built.longer, options.max_gap_s
    total = gaps.sum(axis=0)
    n = int(total.sum())
    within = min(limit + 1, total.size - 1)
    lengths = np.arange(within)
    middle = int(np.searchsorted(np.cumsum(total), (n + 1) // 2)) if n else None
    return Survey(
        rows=built.counts.rows,
        used=built.counts.used,
        collapsed=built.counts.collapsed,
        refused=dict(built.counts.refused),
        devices=built.n_devices,
        first=built.span[0] if built.span else None,
        last=built.span[1] if built.span else None,
        median_gap_s=middle if middle is not None and middle < total.size - 1 else None,
        modal_gap_s=modal_gap(built.gaps),
        max_gap_s=limit,
        share_over_max_gap=float((total[within:-1].sum() + longer[:, 0, 0].sum()) / n) if n else 0.0,
        share_same_cell=float(gaps[1].sum() / n) if n else 0.0,
        observed_h_same_cell=float(((gaps[1, :within] * lengths).sum() + longer[1, 1, 1]) / 3600),
        observed_h_forward=float(((total[:within] * lengths).sum() + longer[:, 1, 1].sum()) / 3600),
        positions=pings.positions,
        tz=pings.tz,
    )
