"""How right a list of companions is, where the truth is known."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.accuracy.measures import check_replicates, draws, measured
from cotrace.accuracy.pairs import Both, Pairs, read_both
from cotrace.accuracy.settings import with_settings
from cotrace.companions.result import Companions
from cotrace.errors import OptionError
from cotrace.schema_accuracy import EVALUATED_CASES, EVALUATION
from cotrace.shown import Shown
from cotrace.tables import HandsOn, Table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Evaluation", "evaluate"]

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]

_NOTE = (
    "Held to a truth that somebody gave: of candidates from co-location, pair by pair of case and device. Intervals "
    "from {replicates:,} bootstrap samples of the cases, {level:.0%}"
)


def evaluate(
    result: Any,
    truth: Any,
    *,
    cases: Any = None,
    devices: int | None = None,
    anchors: Table | None = None,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Hold a list of companions to the truth: how much of it is right, and how much of what is true it has.

    Parameters
    ----------
    result : Companions, Table or frame
        What is judged: a result of :func:`cotrace.find_companions` or :func:`cotrace.contacts`, or a frame with
        ``case_id`` and ``companion_id`` (or ``contact_id``, ``device``), where wanted ``as_of``, ``tier`` and
        ``setting``; or a list of pairs. Of :func:`cotrace.tiers` and :func:`cotrace.rings` a device belongs to the case
        that its ``path`` begins with. A pair counts once, however many rows it has.
    truth : Companions, Table or frame
        What is true, in the same forms. Whatever "true" means is the caller's to say: the rule over true stays, or
        meetings that took place.
    cases : ids or frame, optional
        The cases that were asked of; one without a row counts too. By default those of the result where it is a
        :class:`Companions`, else all that occur in either table.
    devices : int, optional
        How many devices there are, for the lift; by default those of the pings where the result is a
        :class:`Companions`. Without it the lift is null.
    anchors : Table, optional
        From :func:`cotrace.anchors`: splits pairs of :class:`Companions` by what the cell with the most shared time
        is to the case: home, work or other.
    replicates : int
        Bootstrap samples of the cases for the intervals; 0 for none.
    level : float
        Their coverage.
    seed : int
        Of the samples; equal seeds give equal intervals.

    Returns
    -------
    Evaluation
        ``table`` has one row for all pairs, and one a tier and setting (:ref:`data-model-evaluation`): of a part,
        precision is of the rows that the result has in it, recall of those that the truth has in it. ``cases`` has
        one row a case (:ref:`data-model-evaluated_cases`).

    Raises
    ------
    SchemaError
        When a table lacks the columns; the message lists those there are.
    CaseError
        When ids are of different kinds or missing, or a case has several ``as_of`` and the truth none.
    OptionError
        When replicates, level or devices cannot be.

    Warns
    -----
    CotraceWarning
        Rows of cases that were not asked of; they are left out.

    Notes
    -----
    O(rows log rows). Pairs of one case hang together, so cases are what is sampled, not pairs; with fewer than two
    cases there are no intervals. A share that nothing can be divided by is null.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile intervals).

    Examples
    --------
    >>> import cotrace
    >>> listed = {"case_id": [1, 1, 1, 2], "companion_id": [5, 6, 7, 5]}
    >>> true = {"case_id": [1, 1, 2, 2], "companion_id": [5, 6, 5, 8]}
    >>> found = cotrace.evaluate(listed, true, devices=101)
    >>> found.precision, found.recall, found.false_per_case, round(found.lift, 1)
    (0.75, 0.75, 0.5, 37.5)
    """
    check_replicates(replicates, level)
    if devices is not None and (isinstance(devices, bool) or devices < 2):
        raise OptionError(f"devices={devices!r}: a case and one more at least")
    if devices is None and isinstance(result, Companions) and result._parts.index.n_known > 1:
        devices = result._parts.index.n_known
    if anchors is not None:
        result, truth, cases = (
            with_settings(result, anchors),
            with_settings(truth, anchors),
            _cases(result, cases),
        )
    both = read_both(result, truth, cases)
    return Evaluation(both, devices, replicates, level, seed)


def _cases(result: Any, cases: Any) -> Any:
    return result.cases if cases is None and isinstance(result, Companions) else cases


class Evaluation(HandsOn, Shown):
    """How right a list is; made by :func:`cotrace.evaluate`.

    Attributes
    ----------
    table : Table
        One row for all pairs, then one a tier and setting. Columns: :ref:`data-model-evaluation`.
    precision, recall, f1, false_per_case, lift : float or None
        Of all pairs; ``<name>_low`` and ``<name>_high`` in ``table`` are their intervals.
    """

    def __init__(self, both: Both, devices: int | None, replicates: int, level: float, seed: int) -> None:
        self._both, self._devices = both, devices
        self._replicates, self._level, self._seed = replicates, level, seed
        self._hit = _within(both.listed.keys, both.truth.keys)
        self._found = _within(both.truth.keys, both.listed.keys)

    @cached_property
    def table(self) -> Table:
        """One row for all pairs, then one a tier and setting. Columns: :ref:`data-model-evaluation`."""
        counts = draws(self._both.n_cases, self._replicates, self._seed)
        rows = [self._row("all", None, counts)]
        for grouping in sorted({*self._both.listed.groups, *self._both.truth.groups}, reverse=True):
            parts = {v for p in (self._both.listed, self._both.truth) for v in p.groups.get(grouping, [])}
            rows += [self._row(grouping, part, counts) for part in sorted(parts - {None}, key=str)]
        columns = {name: [row[name] for row in rows] for name in EVALUATION.names}
        note = _NOTE.format(replicates=self._replicates, level=self._level)
        return _table(EVALUATION, columns, note)

    @cached_property
    def cases(self) -> Table:
        """One row a case. Columns: :ref:`data-model-evaluated_cases`."""
        sums = self._per_case("all", None)
        listed, hits, true, found = (sums[:, k].astype(np.int64) for k in range(4))
        columns = {
            "case_id": self._both.cases,
            "as_of": self._both.as_of,
            "listed": listed.tolist(),
            "hits": hits.tolist(),
            "true_pairs": true.tolist(),
            "found": found.tolist(),
            "precision": [h / n if n else None for h, n in zip(hits.tolist(), listed.tolist(), strict=True)],
            "recall": [f / n if n else None for f, n in zip(found.tolist(), true.tolist(), strict=True)],
        }
        return _table(EVALUATED_CASES, columns, "Pairs of each case", device=self._both.cases.type)

    def __getattr__(self, name: str) -> float | None:
        if name in ("precision", "recall", "f1", "false_per_case", "lift"):
            value: float | None = self.table[name][0].as_py()
            return value
        raise AttributeError(f"an Evaluation has no {name!r}")

    @property
    def _main(self) -> Table:
        return self.table

    def as_dict(self) -> dict[str, Any]:
        """Return the row of all pairs as a dict."""
        row: dict[str, Any] = self.table.to_arrow().slice(0, 1).to_pylist()[0]
        return row

    def __repr__(self) -> str:
        row = self.as_dict()
        lines = [
            f"Evaluation: {row['listed']:,} pairs listed for {row['cases']:,} cases, {row['true_pairs']:,} true",
            f"  precision       {_said(row, 'precision')}   ({row['hits']:,} of {row['listed']:,} listed)",
            f"  recall          {_said(row, 'recall')}   ({row['found']:,} of {row['true_pairs']:,} true)",
            f"  F1              {_said(row, 'f1')}",
            f"  false a case    {_said(row, 'false_per_case')}",
        ]
        if row["lift"] is not None:
            lines.append(f"  lift            {_said(row, 'lift')}   (over random lists of the same sizes)")
        parts = self.table.to_arrow().slice(1).to_pylist()
        lines += [
            f"  {p['grouping']} {p['part']}: precision {_said(p, 'precision')}, recall {_said(p, 'recall')} "
            f"({p['listed']:,} listed, {p['true_pairs']:,} true)"
            for p in parts
        ]
        return "\n".join([*lines, self.table.note])

    def _row(self, grouping: str, part: str | None, counts: Int64) -> dict[str, Any]:
        per_case = self._per_case(grouping, part)
        listed, hits, true, found = (int(v) for v in per_case[:, :4].sum(axis=0))
        return {
            "grouping": grouping,
            "part": part,
            "cases": self._both.n_cases,
            "listed": listed,
            "hits": hits,
            "true_pairs": true,
            "found": found,
            **measured(per_case, counts, self._level),
        }

    def _per_case(self, grouping: str, part: str | None) -> Floats:
        """Return listed, hits, true, found and expected of each case, in one part."""
        both, n = self._both, self._both.n_cases
        ours, theirs = (_in_part(p, grouping, part) for p in (both.listed, both.truth))
        listed = np.bincount(both.listed.case[ours], minlength=n)
        hits = np.bincount(both.listed.case[ours & self._hit], minlength=n)
        true = np.bincount(both.truth.case[theirs], minlength=n)
        found = np.bincount(both.truth.case[theirs & self._found], minlength=n)
        if self._devices is None:
            expected = np.zeros(n)
        else:
            # a random list of this size: drawn from all devices but the case itself
            expected = listed * np.bincount(both.truth.case, minlength=n) / (self._devices - 1)
        return np.stack([listed, hits, true, found, expected], axis=1).astype(np.float64)


def _said(row: dict[str, Any], name: str) -> str:
    def one(value: float | None) -> str:
        return "-" if value is None else f"{value:,.3f}" if value < 10 else f"{value:,.1f}"

    if row[f"{name}_low"] is None:
        return one(row[name])
    return f"{one(row[name])} [{one(row[f'{name}_low'])}, {one(row[f'{name}_high'])}]"


def _within(keys: Int64, others: Int64) -> NDArray[np.bool_]:
    """Say of each key whether it is among others; both are in order."""
    if not others.size:
        return np.zeros(keys.size, dtype=np.bool_)
    at = np.searchsorted(others, keys).clip(max=others.size - 1)
    same: NDArray[np.bool_] = others[at] == keys
    return same


def _in_part(pairs: Pairs, grouping: str, part: str | None) -> NDArray[np.bool_]:
    if grouping == "all":
        return np.ones(pairs.case.size, dtype=np.bool_)
    if grouping not in pairs.groups:
        return np.zeros(pairs.case.size, dtype=np.bool_)
    return np.array([value == part for value in pairs.groups[grouping]], dtype=np.bool_)


def _table(schema: Any, columns: dict[str, Any], note: str, device: pa.DataType | None = None) -> Table:
    import pyarrow as pa

    arrow = schema.arrow(device=device)
    arrays = {
        name: v if isinstance(v, pa.Array) else pa.array(v, arrow.field(name).type)
        for name, v in columns.items()
    }
    return Table.from_columns(schema, arrays, note, device=device)
