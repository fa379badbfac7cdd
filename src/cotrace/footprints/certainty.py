"""How likely it is that two devices shared a cell, when only the towers are known that served them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.footprints.haunts import Haunts, Placed, find_haunts, place
from cotrace.threads import on_threads

if TYPE_CHECKING:
    from cotrace.footprints.options import Certainty
    from cotrace.footprints.result import Footprints
    from cotrace.options import CompanionRule
    from cotrace.tables import Stays

__all__ = ["Meetings", "check_rule", "haunts_of_cases", "meet", "meetings"]

Ints = NDArray[np.int64]
#: devices that a thread looks at together, and rows that it has room for
_DEVICES = 2048
_ROOM = 1 << 16


class Meetings:
    """Pairs of a case and a device: arrays by case and device.

    Parameters
    ----------
    rows : int64[n, 5]
        Case, device code, times together of at least the minimum, seconds of the longest and of all of them.
    chances : float64[n, 2]
        Probability (not calibrated) and expected shared seconds.
    unknown_s, all_s : int
        Dwell at towers without a footprint, and all dwell.
    blur_s : int
        Seconds of blur.
    """

    def __init__(
        self, rows: Ints, chances: NDArray[np.float64], unknown_s: int, all_s: int, blur_s: int
    ) -> None:
        self.rows, self.chances, self.unknown_s, self.all_s, self.blur_s = (
            rows,
            chances,
            unknown_s,
            all_s,
            blur_s,
        )


def check_rule(rule: CompanionRule) -> None:
    """Refuse readings of the rule that certainty does not have."""
    if rule.shared != "unbroken":
        raise OptionError(
            "certainty=True asks for one unbroken time of min_shared in a cell: leave out shared='cumulative'"
        )


def meetings(
    stays: Stays,
    footprints: Footprints | None,
    case_codes: Ints,
    windows: Ints,
    rule: CompanionRule,
    options: Certainty,
    threads: int,
) -> Meetings:
    """Hold all devices against the cases.

    Parameters
    ----------
    stays : Stays
        All stays, at towers.
    footprints : Footprints
    case_codes : int64[cases]
        Device code of each case, -1 where it was never seen.
    windows : int64[cases, 2]
        From when to when episodes count, in seconds from the stays' base.
    rule, options, threads
    """
    placed = place(stays, footprints)
    all_s, unknown_s = placed.dwell()
    blur_s = options.blur_s(all_s, stays.counts.used)
    haunts = haunts_of_cases(placed, case_codes, windows, rule, options)
    found = meet(placed, haunts, case_codes, rule, options, blur_s, threads)
    return Meetings(*found, unknown_s, all_s, blur_s)


def haunts_of_cases(
    placed: Placed, case_codes: Ints, windows: Ints, rule: CompanionRule, options: Certainty
) -> Haunts:
    """Return the haunts of the cases, which is all that other devices have to know of them; see :func:`meetings`."""
    return find_haunts(placed, case_codes, windows, options, max(1, rule.least_shared_s))


def meet(
    placed: Placed,
    haunts: Haunts,
    case_codes: Ints,
    rule: CompanionRule,
    options: Certainty,
    blur_s: int,
    threads: int,
) -> tuple[Ints, NDArray[np.float64]]:
    """Hold the devices of some stays against the haunts of the cases; each figure hangs on one device alone.

    Parameters
    ----------
    placed : Placed
        All stays of each of these devices; not all devices have to be there.
    haunts : Haunts
        Of the cases, in seconds from the base of these stays.
    case_codes : int64[cases]
        Device code of each case, -1 where it is not among these.
    rule, options, blur_s, threads

    Returns
    -------
    (rows, chances)
        As :class:`Meetings` has them.
    """
    n = len(placed.stays.devices)
    work = _Blocks(placed, haunts, case_codes, rule, options, blur_s)
    edges = np.arange(0, n + _DEVICES, _DEVICES).clip(0, n)
    found = on_threads(work, list(pairwise(edges.tolist())), threads)
    rows = np.concatenate([np.empty((0, 5), np.int64), *(f[0] for f in found)])
    chances = np.concatenate([np.empty((0, 2)), *(f[1] for f in found)])
    order = np.lexsort((rows[:, 1], rows[:, 0]))
    return rows[order], chances[order]


class _Blocks:
    """The work on a block of devices; devices are independent of each other."""

    def __init__(
        self,
        placed: Placed,
        haunts: Haunts,
        case_codes: Ints,
        rule: CompanionRule,
        options: Certainty,
        blur_s: int,
    ) -> None:
        self._placed, self._haunts, self._cases = placed, haunts, case_codes
        n_haunts = haunts.cell_lo.size - 1
        whose = np.repeat(np.arange(n_haunts), np.diff(haunts.cell_lo))
        visited = haunts.sojourn_lo[whose, 0] < haunts.sojourn_lo[whose, 1]
        whose, cells, p = whose[visited], haunts.cells[visited], haunts.p[visited]
        order = np.argsort(cells, kind="stable")
        lo = np.searchsorted(cells[order], np.arange(placed.cells.size + 1))
        case_of = np.repeat(np.arange(case_codes.size), np.diff(haunts.first))
        at = lo.astype(np.int64), whose[order], p[order]
        self._towers: Any = (placed.tower_of, placed.foot_lo, placed.foot_cell, placed.foot_p)
        self._index: Any = (case_codes, *at, case_of, haunts.sojourn_lo, haunts.sojourns)
        self._how: Any = (options.flap_s, float(options.alike))
        self._times = (max(1, rule.least_shared_s), options.spell_s)
        self._chances = (float(options.roaming), float(blur_s), float(options.least))

    def __call__(self, block: tuple[int, int]) -> tuple[Ints, NDArray[np.float64]]:
        from cotrace.kernels.certainty import meet_haunts

        placed, haunts, n_cases = self._placed, self._haunts, self._cases.size
        n_haunts = haunts.cell_lo.size - 1
        out, out_p = np.empty((_ROOM + n_cases, 5), np.int64), np.empty((_ROOM + n_cases, 2))
        scratch: Any = (
            placed.local(),
            placed.work(),
            np.empty((placed.longest, 2), np.int32),
            np.empty(placed.largest, np.int32),
            np.empty(placed.largest),
            np.zeros(n_haunts),
            np.empty((2, n_haunts + n_cases), np.int64),
            np.zeros((2, n_cases)),
            np.zeros((4, n_cases), np.int64),
        )
        first, last = block
        rows, chances = [], []
        while first < last and n_haunts:
            devices = placed.stays.rows, placed.device_lo, first, last
            index = *self._towers, *self._how, *self._index, self._times, self._chances
            arguments: Any = (*devices, *index, *scratch, out, out_p)
            first, n = meet_haunts(*arguments)
            rows.append(out[:n].copy())
            chances.append(out_p[:n].copy())
        if not rows:
            return np.empty((0, 5), np.int64), np.empty((0, 2))
        return np.concatenate(rows), np.concatenate(chances)
