"""How sure companions at towers are: pairs by the probability that they shared a cell of the grid."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.arrays import take, view
from cotrace.errors import CotraceTypeError, CotraceWarning, OptionError
from cotrace.footprints.calibration import calibrated
from cotrace.footprints.certainty import Meetings, check_rule, meetings
from cotrace.footprints.options import Certainty
from cotrace.footprints.result import Footprints
from cotrace.io.refused import outside
from cotrace.options import StayOptions
from cotrace.schema_certainty import CERTAINTY
from cotrace.stays.find import find_stays
from cotrace.tables import Stays, Table, instants

if TYPE_CHECKING:
    from cotrace.companions.cases import Cases
    from cotrace.companions.result import Companions
    from cotrace.io.pings import Pings
    from cotrace.options import CompanionRule

__all__ = ["Sure", "asked_for", "codes_among", "sure_of", "warn_of_unplaced", "windows_of"]

_MUCH = 0.01


def asked_for(
    certainty: object, footprints: object, rule: CompanionRule, source: object, options: StayOptions
) -> Certainty | None:
    """Return how certainty is asked for, None where it is not; refuse what cannot be, before anything is read."""
    if isinstance(certainty, bool):
        how = Certainty() if certainty else None
    elif isinstance(certainty, Certainty):
        how = certainty
    else:
        raise CotraceTypeError(f"certainty={certainty!r} is neither True, False nor a Certainty")
    if how is None:
        if footprints is not None:
            raise OptionError("footprints= are for certainty=True: give both, or neither")
        return None
    check_rule(rule)
    by = getattr(source, "options", options).by  # stays and stores have their own
    if by != "tower":
        raise OptionError(
            "certainty=True is for towers as cells: use options=StayOptions(by='tower', fill=...); where pings have "
            "positions, the cell of each is known"
        )
    if not isinstance(footprints, Footprints):
        what = "are missing" if footprints is None else f"are a {type(footprints).__name__}"
        raise OptionError(
            f"certainty=True needs to know where a tower's devices are, and footprints= {what}: give "
            "footprints=cotrace.find_footprints(towers, grid)"
        )
    return how


@dataclass(frozen=True)
class Sure:
    """What was found of certainty, for a result to make its table of."""

    found: Meetings
    stays: Stays
    footprints: Footprints
    options: Certainty

    def table(self, result: Companions) -> Table:
        """Return one row a pair; columns: :ref:`data-model-certainty`."""
        parts, m = result._parts, result._parts.matches
        case, device = self.found.rows[:, 0], self.found.rows[:, 1]
        code_of = codes_among(parts.index.devices, self.stays.devices)
        n = len(self.stays.devices) + 1
        listed = m.case_of * n + code_of[m.companion_of] if m.case_of.size else m.case_of
        raw = self.found.chances[:, 0]
        expected, together = self.found.chances[:, 1], self.found.rows[:, 4]
        p = (
            calibrated(raw, expected, together, self.footprints.kind)
            if self.options.calibrated
            else raw.copy()
        )
        columns = {
            "case_id": take(parts.cases.ids, case),
            "as_of": instants(parts.cases.as_of[case], 0, result.tz),
            "companion_id": take(self.stays.devices, device),
            "probability": p,
            "expected_shared_s": expected.copy(),
            "uncalibrated": raw.copy(),
            "n_episodes": self.found.rows[:, 2].copy(),
            "longest_s": self.found.rows[:, 3].copy(),
            "together_s": together.copy(),
            "is_companion": _bools(np.isin(case * n + device, listed)),
        }
        return Table.from_columns(
            CERTAINTY, columns, self._note(result), device=self.stays.devices.type, tz=result.tz
        )

    def _note(self, result: Companions) -> str:
        return (
            f"Candidates from co-location, not contacts: the probability that two devices shared one of the cells "
            f"({self.footprints.grid.describe()}) for {result.rule.min_shared} without a break, in the "
            f"{result.rule.lookback} before as_of. {self.footprints.describe()}; "
            f"{self.options.describe()} ({self.found.blur_s} s). Pairs "
            f"under {self.options.least:g} are not listed."
        )


def sure_of(
    source: Pings | Stays,
    cases: Cases,
    rule: CompanionRule,
    options: StayOptions,
    footprints: Footprints,
    how: Certainty,
    threads: int,
    sort_memory: int | None,
) -> Sure:
    """Make the stays of all devices, unless they are there, and hold them against the cases."""
    if isinstance(source, Stays):
        stays = source
    else:
        with warnings.catch_warnings():  # the first pass has said it all
            warnings.simplefilter("ignore", CotraceWarning)
            stays = find_stays(source, options=options, threads=threads, sort_memory=sort_memory)
    codes = codes_among(cases.ids, stays.devices)
    found = meetings(stays, footprints, codes, windows_of(cases, rule, stays.base), rule, how, threads)
    warn_of_unplaced(found.unknown_s, found.all_s, footprints)
    return Sure(found, stays, footprints, how)


def windows_of(cases: Cases, rule: CompanionRule, base: int) -> Any:
    """Return when times together count for each case: from, to (int64[cases, 2]), in seconds from ``base``."""
    return cases.windows(rule.lookback_s)[:, [2, 1]] - base


def warn_of_unplaced(unknown_s: int, all_s: int, footprints: Footprints) -> None:
    """Warn where much of all dwell is at towers without a footprint."""
    if unknown_s > _MUCH * all_s:
        warnings.warn(
            CotraceWarning(
                f"{unknown_s / all_s:.1%} of all dwell is at towers without a footprint "
                f"({footprints.unplaced:,} towers have no place): nobody can be met there",
                "resolution",
                unknown_s=unknown_s,
                dwell_s=all_s,
            ),
            stacklevel=outside(),
        )


def codes_among(ids: Any, devices: Any) -> Any:
    """Return the place of each id among devices, -1 where it is not."""
    import pyarrow.compute as pc

    return view(pc.index_in(ids, value_set=devices).fill_null(-1), np.int32).astype(np.int64)


def _bools(values: Any) -> Any:
    import pyarrow as pa

    bits = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, bits])
