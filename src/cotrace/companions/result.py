"""The result of the companion rule: a list that argues against itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import repeated, take
from cotrace.companions import words
from cotrace.companions.cases import NEVER
from cotrace.errors import OptionError
from cotrace.schema import CASES, COMPANIONS, COVERAGE, EVIDENCE, FUNNEL
from cotrace.shown import Shown
from cotrace.tables import HandsOn, Stays, Table, instants

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from cotrace.cells import Cells
    from cotrace.companions.cases import Cases
    from cotrace.companions.index import CellIndex
    from cotrace.companions.matching import Matches
    from cotrace.companions.sure import Sure
    from cotrace.counts import Counts
    from cotrace.options import CompanionRule, StayOptions
    from cotrace.privacy import Pseudonymiser
    from cotrace.schema import TableSchema

__all__ = ["NOT_ASKED", "Companions"]

_MET = ("neither", "case", "companion", "both")
NOT_ASKED = (
    "certainty was not asked for: find_companions(..., certainty=True, footprints=find_footprints(...))"
)


@dataclass(frozen=True)
class _Parts:
    """What the tables are made of."""

    cases: Cases
    index: CellIndex
    matches: Matches
    windows: NDArray[np.int64]
    pings: list[tuple[int, int | None, int | None]] | None
    span: tuple[int, int] | None


class Meeting(NamedTuple):
    """Where two devices were together: joint and longest seconds, and each one's dwell in the lookback."""

    cell: Any
    joint_s: int
    longest_s: int
    case_dwell_s: int
    other_dwell_s: int


def _overlap(a: list[int], b: list[int], start: int, end: int) -> int:
    return max(0, min(a[3], b[3], end) - max(a[2], b[2], start))


class Companions(HandsOn, Shown):
    """Companions of cases, with the evidence for each and with what speaks against each.

    Made by :func:`cotrace.find_companions`. Tables are made when they are first asked for.

    Attributes
    ----------
    rule : CompanionRule
        The reading of the rule that it was made with.
    options : StayOptions
        How stays were made, grid and fill filled in.
    counts : Counts
        What became of every row of the input.
    tz : str
        Time zone of the results.
    took : dict
        Seconds by stage: ``stays`` (reading included), ``index``, ``match``.
    sure : Sure or None
        What ``certainty`` is made of, where it was asked for.
    """

    sure: Sure | None = None

    def __init__(
        self,
        parts: _Parts,
        rule: CompanionRule,
        options: StayOptions,
        counts: Counts,
        tz: str,
        took: dict[str, float],
    ) -> None:
        self._parts = parts
        self.rule, self.options, self.counts, self.tz, self.took = rule, options, counts, tz, took

    @cached_property
    def cases(self) -> Table:
        """One row a case, as it was used. Columns: :ref:`data-model-cases`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        def moments(seconds: NDArray[np.int64]) -> pa.Array:
            none = np.abs(seconds) >= NEVER
            values = instants(np.where(none, 0, seconds), 0, self.tz)
            return pc.if_else(pa.array(none), pa.scalar(None, values.type), values)

        cases = self._parts.cases
        columns = {
            **self._case_columns(np.arange(len(cases))),
            "infectious_from": moments(cases.infectious_from),
            "isolated_at": moments(cases.isolated_at),
        }
        return self._table(CASES, columns)

    @cached_property
    def companions(self) -> Table:
        """One row a (case, as_of, companion). Columns: :ref:`data-model-companions`."""
        m, s = self._parts.matches, self._parts.matches.summary
        columns = {
            **self._case_columns(m.case_of),
            "companion_id": take(self._parts.index.devices, m.companion_of),
            "n_episodes": s[:, 8],
            "n_cells": np.diff(m.record_lo),
            "shared_s": s[:, 0],
            "longest_s": s[:, 1],
            "first_started_at": self._instants(s[:, 2]),
            "last_finished_at": self._instants(s[:, 3]),
            "case_dwell_s": s[:, 4],
            "companion_dwell_s": s[:, 5],
            "dwell_met_by": repeated(_MET, s[:, 6]),
            "crowd": s[:, 7],
        }
        return self._table(COMPANIONS, columns)

    @cached_property
    def evidence(self) -> Table:
        """One row a qualifying episode. Columns: :ref:`data-model-evidence`."""
        m, index = self._parts.matches, self._parts.index
        group = np.repeat(np.arange(m.case_of.size), np.diff(m.episode_lo))
        record = m.records[m.record_of]
        start, end = m.episodes[:, 0], m.episodes[:, 1]
        columns = {
            **self._case_columns(m.case_of[group]),
            "companion_id": take(index.devices, m.companion_of[group]),
            **index.cells.columns(index.cell_of(record[:, 0])),
            "started_at": self._instants(start),
            "finished_at": self._instants(end),
            "shared_s": (end.astype(np.int64) - start),
            "case_dwell_s": record[:, 4],
            "companion_dwell_s": record[:, 5],
            "dwell_met_by": repeated(_MET, record[:, 6]),
            "crowd": m.crowd,
        }
        return self._table(EVIDENCE, columns)

    @cached_property
    def funnel(self) -> Table:
        """One row a (case, as_of): how many are left after each clause. Columns: :ref:`data-model-funnel`."""
        import pyarrow as pa

        m = self._parts.matches
        cell, n = m.top[:, 0], m.top[:, 1]
        none = cell < 0
        share = np.divide(n, m.funnel[:, 2], out=np.zeros(n.size), where=~none)
        columns = {
            **self._case_columns(np.arange(none.size)),
            **dict(zip(FUNNEL.names[2:6], m.funnel.T, strict=True)),
            "n_cells": m.dwell[:, 1],
            "top_cell": self._parts.index.cells.values.take(pa.array(cell, pa.int64(), mask=none)),
            "top_cell_share": pa.array(share, mask=none),
        }
        return self._table(FUNNEL, columns)

    @cached_property
    def coverage(self) -> Table:
        """One row a (case, as_of): what was observed at all. Columns: :ref:`data-model-coverage`."""
        import pyarrow as pa

        p = self._parts
        length = p.windows[:, 1] - p.windows[:, 0]
        observed = p.matches.dwell[:, 0]
        of_pings = p.pings if p.pings is not None else [(None, None, None)] * length.size
        columns = {
            **self._case_columns(np.arange(length.size)),
            "observed_s": observed,
            "observed_share": np.divide(observed, length, out=np.zeros(length.size), where=length > 0),
            **{
                name: pa.array([row[k] for row in of_pings], pa.int64())
                for k, name in enumerate(COVERAGE.names[4:])
            },
        }
        return self._table(COVERAGE, columns)

    @cached_property
    def certainty(self) -> Table:
        """One row a pair that may have shared a grid cell, where certainty was asked for.

        Columns: :ref:`data-model-certainty`.
        """
        if self.sure is None:
            raise OptionError(NOT_ASKED)
        return self.sure.table(self)

    @cached_property
    def stays(self) -> Stays:
        """The stays of all devices in the cells of the cases, and no others."""
        rows, devices, cells = self._parts.index.all_stays()
        rows = rows[np.lexsort((rows[:, 2], rows[:, 0]))]
        return Stays(
            rows,
            devices,
            cells,
            base=self._parts.index.base,
            tz=self.tz,
            options=self.options,
            counts=self.counts,
            span=self._parts.span,
        )

    @property
    def cells(self) -> Cells:
        """The cells of the cases, and what they are called."""
        return self._parts.index.cells

    @property
    def _main(self) -> Table:
        return self.companions

    def pseudonymised(self, by: Pseudonymiser) -> Companions:
        """Return the same result with pseudonyms for ids: in its tables, its ``repr``, what it explains and draws.

        Parameters
        ----------
        by : cotrace.privacy.Pseudonymiser
            Makes them; with the one that made those of other tables they can be joined.
        """
        from cotrace.companions.pseudonymous import PseudonymousCompanions

        return PseudonymousCompanions(self, by)

    def explain(
        self,
        case: Any,
        companion: Any,
        *,
        as_of: Any = None,
        audience: Literal["tracer", "companion"] = "tracer",
    ) -> str:
        """Say in words why a device is on a case's list, and what speaks against it.

        Parameters
        ----------
        case, companion
            Device ids.
        as_of : instant, optional
            Which one, when the case has several.
        audience : {"tracer", "companion"}
            Who reads it. What a companion is told holds nothing but its own places and days, and of these only such
            as tell nothing of where the case lives: see :mod:`cotrace.companions.telling`.

        Returns
        -------
        str
            Which cell, when, who had the cumulative dwell, how crowded it was, and what was not observed. Where the
            device is no companion, that is said.

        Raises
        ------
        CaseError
            When the device is no case of this result, or has several ``as_of`` and none was named.
        """
        if audience == "companion":
            from cotrace.companions.telling import told

            return told(self, case, companion, as_of)
        if audience != "tracer":
            raise OptionError(f"audience={audience!r} is not one of 'tracer', 'companion'")
        return words.explain(self, case, companion, as_of)

    def meetings(self, number: int, device: Any) -> list[Meeting] | None:
        """Return where a device was together with a case at all, by cell; None when it is not among the devices.

        ``number`` is the case's row in ``coverage``. For explaining one pair: O(stays in the cases' cells).
        """
        index = self._parts.index
        start, end, infectious = (int(v) for v in self._parts.windows[number])
        pair = index.pair(int(index.case_codes[number]), device)
        if pair is None:
            return None
        met = []
        for cell in np.intersect1d(pair[0][:, 1], pair[1][:, 1]).tolist():
            ours, theirs = (rows[rows[:, 1] == cell].tolist() for rows in pair)
            shared = [_overlap(a, b, infectious, end) for a in ours for b in theirs]
            if joint := sum(shared):
                dwells = (sum(_overlap(s, s, start, end) for s in stays) for stays in (ours, theirs))
                met.append(Meeting(index.cells.values[cell].as_py(), joint, max(shared), *dwells))
        return met

    def window(self, number: int) -> tuple[int, int, int]:
        """Return a case's lookback and the moment from which episodes count, in unix seconds.

        ``number`` is the case's row in ``coverage``. Start, end, and at the earliest the start.
        """
        start, end, infectious = (self._parts.windows[number] + self._parts.index.base).tolist()
        return start, end, infectious

    def is_cut_short(self, number: int) -> bool:
        """Say whether ``isolated_at`` ends a case's lookback before its ``as_of``."""
        return bool(self._parts.cases.isolated_at[number] < self._parts.cases.as_of[number])

    def plot_timeline(self, case: Any, companion: Any, **keywords: Any) -> Any:
        """Draw both devices' cells over time, with the shared time marked; needs the extra ``viz``.

        See :func:`cotrace.view.plot_timeline`.
        """
        from cotrace.view import plot_timeline

        return plot_timeline(self, case, companion, **keywords)

    def plot_cells(self, case: Any, **keywords: Any) -> Any:
        """Draw the cells of a case, by how many companions each brings; needs the extra ``viz``.

        See :func:`cotrace.view.plot_cells`.
        """
        from cotrace.view import plot_cells

        return plot_cells(self, case, **keywords)

    def report(self, path: str | Path, **keywords: Any) -> Path:
        """Write one self-contained page of HTML, which loads nothing: ``found.report("case.html", lang="zh")``.

        See :func:`cotrace.view.write_report` for ``case``, ``as_of``, ``lang`` and ``title``.
        """
        from cotrace.view import write_report

        return write_report(self, path, **keywords)

    def __len__(self) -> int:
        return int(self._parts.matches.case_of.size)

    def __repr__(self) -> str:
        return words.summary(self)

    def _repr_html_(self) -> str:
        return words.summary_html(self)

    def _case_columns(self, numbers: NDArray[np.int64]) -> dict[str, Any]:
        cases = self._parts.cases
        return {
            "case_id": take(cases.ids, numbers),
            "as_of": instants(cases.as_of[numbers], 0, self.tz),
        }

    def _instants(self, offsets: NDArray[Any]) -> pa.Array:
        return instants(offsets, self._parts.index.base, self.tz)

    def _table(self, schema: TableSchema, columns: dict[str, Any]) -> Table:
        index = self._parts.index
        types = {"device": index.devices.type, "cell": index.cells.values.type, "tz": self.tz}
        return Table.from_columns(schema, columns, words.what_it_is(self), **types)
