"""Options filled in, one pass, and what has to be said of the result."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from cotrace.errors import CotraceWarning, GridError, OptionError
from cotrace.io.refused import outside
from cotrace.options import StayOptions
from cotrace.stays.locate import fitting_grid, located_by
from cotrace.stays.passes import Built, Progress, Tracked, one_pass
from cotrace.stays.survey import modal_gap, survey

if TYPE_CHECKING:
    from cotrace.counts import Counts
    from cotrace.io.pings import Pings

__all__ = ["build", "resolve_options", "warn_of_conflicts", "warn_of_modal_gap"]


def resolve_options(pings: Pings, options: StayOptions) -> StayOptions:
    """Fill in the grid and the fill that fit the input.

    Raises
    ------
    OptionError
        When a tower log comes without ``fill``: the message says what each would mean for the data at hand.
    """
    source = located_by(pings, options)
    grid = options.grid or fitting_grid(pings, towers=source == "tower")
    if source == "tower" and pings.towers is not None and grid is not None and grid.kind == "planar":
        raise GridError(
            f"{grid!r} is a grid of a plane, and the towers' positions are lon/lat: leave grid out"
        )
    if options.fill is None and source != "position":
        found = survey(pings, replace(options, grid=grid))
        raise OptionError(
            "a tower log has no default for fill: name StayOptions(fill='same_cell') or (fill='forward'), for a "
            "preset dataclasses.replace(preset.options, fill=...). " + found.says_of_fill()
        )
    return replace(options, grid=grid, fill=options.fill or "same_cell")


def build(
    pings: Pings,
    options: StayOptions,
    *,
    tracked: Tracked | None = None,
    span: tuple[int, int] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    sort_memory: int | None = None,
) -> Built:
    """Make stays, and warn of what may spoil them.

    ``tracked`` and ``span`` are as in :func:`one_pass`.
    """
    options = resolve_options(pings, options)
    built = one_pass(
        pings,
        options,
        tracked=tracked,
        span=span,
        threads=threads,
        progress=progress,
        sort_memory=sort_memory,
    )
    warn_of_conflicts(built.counts)
    warn_of_modal_gap(modal_gap(built.gaps), options.max_gap_s)
    return built


def warn_of_conflicts(counts: Counts) -> None:
    """Warn where more than 1 % of the pings contradict one of the same second."""
    usable = counts.used + counts.collapsed
    if counts.conflicts > 0.01 * usable:
        share = counts.conflicts / usable
        warnings.warn(
            CotraceWarning(
                f"{counts.conflicts:,} of {usable:,} pings ({share:.1%}) share their second with a ping of the same "
                "device in another cell; the greatest cell was used: are two devices under one id?",
                "conflicts",
                conflicts=counts.conflicts,
                pings=usable,
            ),
            stacklevel=outside(),
        )


def warn_of_modal_gap(mode: int | None, max_gap: int) -> None:
    """Warn where the usual gap is so close to the largest that chance decides."""
    if mode is not None and abs(mode - max_gap) <= 0.1 * max_gap:
        warnings.warn(
            CotraceWarning(
                f"the usual gap between pings, {mode:,} s, is within 10 % of max_gap, {max_gap:,} s: whether stays "
                "hold together hangs on jitter; choose max_gap well above or below it",
                "modal_gap",
                modal_gap_s=mode,
                max_gap_s=max_gap,
            ),
            stacklevel=outside(),
        )
