"""Spans of time read on several threads: the same stays, counts, warnings and errors as in one go."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cotrace
from cotrace.errors import RefusedRowsError, TimeError
from cotrace.stays.lane import Lane
from cotrace.stays.sharing import _Base


def pieces(n: int = 4000, size: int = 300, **columns: Any) -> list[pa.Table]:
    """Return pings in the order of time, a table for each few hundred."""
    rng = np.random.default_rng(3)
    table = {
        "device": rng.integers(0, 12, n),
        "time": np.sort(rng.integers(0, 60_000, n)),
        "x": rng.integers(0, 4, n) * 800.0,
        "y": np.zeros(n),
    }
    whole = pa.table(table | columns)
    return [whole.slice(at, size) for at in range(0, n, size)]


def everything(tables: list[pa.Table], threads: int, **keywords: Any) -> tuple[Any, ...]:
    """Return stays, counts, refused rows and warnings."""
    pings = cotrace.read_pings(tables, unit="s", **keywords)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        stays = cotrace.find_stays(pings, threads=threads)
    refused = pings.refused.select(["row", "reason", "device"])  # NaN equals nothing
    return (
        stays.to_arrow(),
        stays.counts,
        refused,
        [str(w.message) for w in said if isinstance(w.message, cotrace.CotraceWarning)],
        stays.base,
    )


@pytest.mark.parametrize("threads", [2, 3, 9])
@pytest.mark.parametrize("cap", [5, 100_000])
def test_nothing_depends_on_threads(threads: int, cap: int) -> None:
    x = np.random.default_rng(4).integers(0, 4, 4000) * 800.0
    x[[3, 900, 901, 902, 2000, 2001, 2002, 3999]] = np.nan
    x[[1500, 1501]] = 1e300  # beyond the grid
    tables = pieces(x=x)
    one, several = (everything(tables, n, refused_cap=cap) for n in (1, threads))
    assert one[0].num_rows > 500
    assert one[1].n_refused == 10
    assert one[2].num_rows == min(cap, 10)
    assert len(one[3]) == 1
    assert several[0].equals(one[0])
    assert several[1:] == one[1:]


def test_ids_are_new_in_every_span() -> None:
    for kind in (pa.int64(), pa.string(), pa.uint64()):
        tables = pieces(device=pa.array((np.arange(4000) // 7).tolist()).cast(kind))
        assert everything(tables, 2)[:2] == everything(tables, 1)[:2]


def test_a_case_is_followed_through_all_spans() -> None:
    tables = pieces()
    found = [
        cotrace.find_companions(
            cotrace.read_pings(tables, unit="s"),
            [3, 7, 99],
            as_of="1970-01-01T16:00:00Z",
            rule=cotrace.CompanionRule(min_shared="1s", min_cumulative="5min"),
            threads=threads,
        )
        for threads in (1, 2)
    ]
    one, two = found
    assert len(one.companions) > 0
    for name in ("companions", "evidence", "funnel", "coverage"):
        assert getattr(two, name).to_arrow().equals(getattr(one, name).to_arrow())


def test_rows_out_of_order_are_sorted_all_the_same() -> None:
    tables = pieces()
    shuffled = [tables[i] for i in np.random.default_rng(1).permutation(len(tables))]
    stays, counts, *_ = everything(shuffled, 2)
    assert counts.order == "sorted in memory"
    assert stays.equals(everything(tables, 2)[0])


def test_the_first_row_in_the_order_of_the_source_is_named() -> None:
    x = np.zeros(4000)
    x[[1700, 3900]] = np.nan
    pings = cotrace.read_pings(pieces(x=x), unit="s", errors="raise")
    for _ in range(5):
        with pytest.raises(RefusedRowsError, match="row 1700 "):
            cotrace.find_stays(pings, threads=3)


def test_centuries_apart_in_different_spans() -> None:
    time = np.arange(4000)
    time[3000:] += 2**32
    with pytest.raises(TimeError, match=r"67 years.*\(row 0\).*\(row 3,"):
        cotrace.find_stays(cotrace.read_pings(pieces(time=time), unit="s"), threads=2)


def test_progress_only_grows_and_reaches_the_end() -> None:
    seen: list[tuple[int, int | None]] = []
    cotrace.find_stays(
        cotrace.read_pings(pieces(), unit="s"), threads=2, progress=lambda *done: seen.append(done)
    )
    assert len(seen) > 10
    assert seen == sorted(seen)
    assert seen[-1] == (4000, 4000)
    assert {total for _, total in seen} == {4000}


def test_an_interrupt_ends_all_threads() -> None:
    before = threading.active_count()

    def interrupt(rows: int, of: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cotrace.find_stays(cotrace.read_pings(pieces(), unit="s"), threads=2, progress=interrupt)
    assert threading.active_count() == before


def test_an_error_in_a_thread_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError("no more")
        yield

    monkeypatch.setattr(Lane, "encoded", fail)
    before = threading.active_count()
    with pytest.raises(MemoryError, match="no more"):
        cotrace.find_stays(cotrace.read_pings(pieces(), unit="s"), threads=2)
    assert threading.active_count() == before


def test_the_base_is_that_of_the_first_share_with_pings() -> None:
    base = _Base()
    base.tell(2, 3 * 86_400 + 5)
    base.tell(0, None)
    base.tell(1, 86_400 + 7)
    assert [base.known(n) for n in (1, 2)] == [86_400, 86_400]
    assert base.final() == 86_400
