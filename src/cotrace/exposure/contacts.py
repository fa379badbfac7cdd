"""Contact candidates: who met the cases, in the time in which each case may have exposed others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.exposure.common import CANDIDATES, Answer
from cotrace.exposure.meetings import evidence_of
from cotrace.exposure.traced import Asked, ask, ids_of_cases
from cotrace.kernels.temporal import CELL, DEVICE, END, LAG, SEED, SHARED, SOURCE, START
from cotrace.options import CONTACT, CompanionRule
from cotrace.schema_meetings import CONTACTS, MEETINGS
from cotrace.stays.passes import usable_threads
from cotrace.tables import Stays, StaysStore

__all__ = ["contacts"]

Int64 = NDArray[np.int64]


def contacts(
    stays: Stays | StaysStore | None,
    cases: Any,
    *,
    as_of: Any = None,
    rule: CompanionRule = CONTACT,
    contacts: Any = None,
    threads: int | None = None,
) -> Answer:
    """Find the contact candidates of cases, with every meeting that makes them so.

    They are candidates from co-location: that two devices were in one cell does not say that two people met.

    Parameters
    ----------
    stays : Stays, Store or None
        From :func:`cotrace.find_stays`; with visits from elsewhere where :func:`cotrace.with_visits` added them. Of a
        store, the stays in the cells that cases were in are read. None where contacts from elsewhere stand alone.
    cases : ids or frame
        As in :func:`cotrace.find_companions`: ``device``, ``as_of``, and where wanted ``infectious_from`` and
        ``isolated_at``, between which meetings count.
    as_of : instant, optional
        For all cases, where they have no such column.
    rule : CompanionRule
        What a meeting is; by default 10 unbroken minutes in one cell in the 14 days before ``as_of``. With ``lag=``
        also those count who came after the case had left.
    contacts : table, optional
        Contacts from elsewhere (badges, Bluetooth, interviews): what :func:`cotrace.read_contacts` gives or takes.
        Contacts of one pair and source that touch are one; only the clause on shared time is asked of them.
    threads : int, optional
        How many to use, where the rule asks for dwell or sums; the result does not depend on it.

    Returns
    -------
    Answer
        One row a case and candidate, sorted by these. Columns: :ref:`data-model-contacts`. ``evidence`` has one row a
        meeting (:ref:`data-model-meetings`).

    Raises
    ------
    CaseError
        As in :func:`cotrace.find_companions`.
    OptionError
        When there are neither stays nor contacts.
    SchemaError
        When contacts lack a column, or have ids of another type than the stays.

    Warns
    -----
    CotraceWarning
        Of cases that were never seen.

    Notes
    -----
    O(stays in the cases' cells + meetings).

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": ["A", "A", "B", "B"], "time": [0, 3600, 600, 1500], "x": [1.0] * 4, "y": [1.0] * 4}, unit="s"
    ... )
    >>> found = cotrace.contacts(cotrace.find_stays(pings), ["A"], as_of="1970-01-02T00:00:00+00:00")
    >>> found["contact_id"].to_pylist(), found["shared_s"].to_pylist()
    (['B'], [900])
    """
    asked = ask(stays, cases, as_of, rule, contacts, "contacts")
    seeds = asked.each()
    rows = evidence_of(asked.world, seeds, rule, threads=usable_threads(threads)).astype(np.int64)
    case = seeds.number[rows[:, SEED]]
    order = np.lexsort((rows[:, SOURCE], rows[:, CELL], rows[:, START], rows[:, DEVICE], case))
    rows, case = rows[order], case[order]
    note = f"{CANDIDATES}. A meeting: {rule.describe()}. {asked.world.reading()}."
    main = asked.world.table(CONTACTS, _summed(asked, case, rows), note)
    return Answer.of(main, asked.world.table(MEETINGS, _listed(asked, case, rows), note))


def meeting_columns(asked: Asked, rows: Int64) -> dict[str, Any]:
    """Return the columns ``cell`` to ``source`` of meetings."""
    world = asked.world
    return {
        **world.cells(rows[:, CELL]),
        "started_at": world.instants(rows[:, START]),
        "finished_at": world.instants(rows[:, END]),
        "shared_s": rows[:, SHARED],
        "lag_s": rows[:, LAG],
        "source": world.source_names(rows[:, SOURCE]),
    }


def _listed(asked: Asked, case: Int64, rows: Int64) -> dict[str, Any]:
    return {
        **ids_of_cases(asked, case),
        "contact_id": asked.world.name(rows[:, DEVICE]),
        **meeting_columns(asked, rows),
    }


def _summed(asked: Asked, case: Int64, rows: Int64) -> dict[str, Any]:
    """Return one row a case and device of meetings that are sorted by these and start."""
    from cotrace.kernels.folds import sum_spans

    new = np.ones(case.size, dtype=np.bool_)
    new[1:] = (np.diff(case) != 0) | (np.diff(rows[:, DEVICE]) != 0)
    lo, group = np.flatnonzero(new), np.cumsum(new) - 1
    shared = np.zeros(lo.size, dtype=np.int64)
    sum_spans(np.stack([group << 32 | rows[:, START], rows[:, START] + rows[:, SHARED]], axis=1), shared)
    cells = np.unique(np.stack([group, rows[:, CELL]], axis=1)[rows[:, CELL] >= 0], axis=0)[:, 0]

    def each(of: np.ufunc, column: int) -> Int64:
        return np.asarray(of.reduceat(rows[:, column], lo)) if lo.size else np.empty(0, dtype=np.int64)

    return {
        **ids_of_cases(asked, case[lo]),
        "contact_id": asked.world.name(rows[lo, DEVICE]),
        "n_meetings": np.diff(lo, append=case.size),
        "n_cells": np.bincount(cells, minlength=lo.size),
        "shared_s": shared,
        "longest_s": each(np.maximum, SHARED),
        "lag_s": each(np.minimum, LAG),
        "first_exposure": asked.world.instants(each(np.minimum, START)),
        "last_exposure": asked.world.instants(each(np.maximum, END)),
        "source": asked.world.source_names(each(np.bitwise_or, SOURCE)),
    }
