"""Where stays come from: stays themselves, or anything that reads them; nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.exposure.worlds_of_stays import CELL_M, Making, stays_of
from tests.store_queries.stores import FakeStore

import cotrace
from cotrace.errors import CotraceTypeError
from cotrace.exposure.around import joined
from cotrace.tables import taken

AS_OF = "1970-01-02T00:00:00+00:00"
ROWS = [
    ("a", 0, 5.0, 5.0),
    ("a", 900, 5.0, 5.0),
    ("b", 100, 5.0, 5.0),
    ("b", 700, 5.0, 5.0),
    ("c", 5, 900.0, 5.0),
]


@pytest.fixture
def stays() -> cotrace.Stays:
    return stays_of(ROWS, Making(max_gap=900, fill="same_cell", cell_m=CELL_M))


def test_stays_are_taken_as_they_are(stays: cotrace.Stays) -> None:
    assert taken(stays, "places", start=3, devices=stays.devices[:0]) is stays


def test_a_store_gives_what_is_named(stays: cotrace.Stays) -> None:
    ids = pa.array(["b", "c", "nobody"], stays.device_type)
    found = taken(FakeStore(stays), "places", start=200, end=400, devices=ids)
    assert found.devices.to_pylist() == ["b", "c"]  # c is known, though it has no stay
    assert found.to_pandas()["device"].tolist() == ["b"]
    assert (found.rows[:, 2:] + found.base).tolist() == [[200, 400]]
    assert found.cells.values.equals(stays.cells.values)
    assert (found.span, found.counts, found.options) == (stays.span, stays.counts, stays.options)


@pytest.mark.parametrize(
    "ask",
    [
        cotrace.trajectory,
        cotrace.anchors,
        cotrace.occupancy,
        cotrace.pairs,
        lambda s: cotrace.places(s, ["a"], as_of=AS_OF),
        lambda s: cotrace.visitors(s, 0, AS_OF, AS_OF),
        lambda s: cotrace.split_by_region(s, ["a"], {}),
        lambda s: cotrace.zones(s, ["a"], as_of=AS_OF),
        lambda s: cotrace.contacts(s, ["a"], as_of=AS_OF),
        lambda s: cotrace.tiers(s, ["a"], as_of=AS_OF),
        lambda s: cotrace.rings(s, ["a"], as_of=AS_OF),
        lambda s: cotrace.significance(s, [("a", "b")]),
        lambda s: cotrace.common_sources(s, {"device": ["a"], "onset": [AS_OF]}),
        lambda s: cotrace.with_visits(s, None),  # type: ignore[arg-type]
        lambda s: cotrace.weighted_stays(s, None),  # type: ignore[arg-type]
    ],
)
def test_anything_else_is_refused(ask: Any) -> None:
    with pytest.raises(
        CotraceTypeError, match=r"dict is not Stays: make them with .* or open a cotrace\.Store"
    ):
        ask({"device": ["a"]})


def test_pieces_of_one_stay_are_one_again(stays: cotrace.Stays) -> None:
    store = FakeStore(stays)
    spans = [(0, 250), (500, None), (200, 500), (300, 350)]
    pieces = [taken(store, "places", start=a, end=b) for a, b in spans]
    whole = joined(*pieces)
    assert whole.devices.equals(stays.devices)
    assert np.array_equal(whole.rows[:, :2], stays.rows[:, :2])
    assert np.array_equal(whole.rows[:, 2:] + whole.base, stays.rows[:, 2:] + stays.base)
    apart = joined(pieces[0], pieces[1])
    assert len(apart) == 2 * len(stays)
