"""Any order and split of ingests, late files, corrections, forgetting and closing: always the stays of one pass."""

from __future__ import annotations

import warnings
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.naive import Making
from tests.naive_store import DAY, NaiveStore, Row, clipped, content_of
from tests.store.through import folder, options_of, packed, pings_of, rows_of

import cotrace
from cotrace.errors import OptionError, RefusedRowsError, StoreError

FIRST = 18_932 * DAY  # 2021-11-01
HOUR = 3600

makings = st.builds(
    Making,
    max_gap=st.sampled_from([0, 600, 4500, 4500, 30 * HOUR, 50 * HOUR]),
    fill=st.sampled_from(["same_cell", "forward"]),
    smooth=st.sampled_from([None, None, None, 1200]),
)


def seconds(days: int) -> st.SearchStrategy[int]:
    """Seconds of some days, many of them close to midnights."""
    near = st.builds(lambda day, off: FIRST + day * DAY + off, st.integers(0, days), st.integers(-700, 700))
    round_ = st.builds(lambda n: FIRST + n * 900, st.integers(0, days * 96 - 1))
    return st.one_of(near, round_).filter(lambda s: FIRST <= s < FIRST + days * DAY)


def rows_for(ids: list[Any], days: int = 4) -> st.SearchStrategy[list[Row]]:
    cells = st.one_of(st.tuples(st.integers(-1, 1), st.integers(-1, 0)), st.just((0, 0)), st.none())
    return st.lists(st.tuples(st.sampled_from(ids), seconds(days), cells), min_size=1, max_size=25)


class Days(RuleBasedStateMachine):
    """A store and its model."""

    @initialize(
        making=makings,
        buckets=st.sampled_from([1, 3, 16]),
        ids=st.sampled_from([[1, 2, 300], ["a", "b", "ü7"]]),
    )
    def begin(self, making: Making, buckets: int, ids: list[Any]) -> None:
        self.held = ExitStack()
        self.path = self.held.enter_context(folder())
        self.ids, self.making = ids, making
        self.model = NaiveStore(making)
        self.store = cotrace.Store(self.path, options_of(making), buckets=buckets, wait=0.0, threads=2)
        self.contents: dict[Any, str] = {}
        self.kept: list[tuple[int, list[Any]]] = []
        self.fresh = False

    def teardown(self) -> None:
        if hasattr(self, "held"):
            self.store.close()
            self.held.close()

    def _take(self, rows: list[Row], replaces: Any = None) -> None:
        told = self.model.ingest(rows, replaces)
        batch = None if replaces is None else self.contents[replaces]
        before = self.store.version
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                report = self.store.ingest(pings_of(rows), replaces=batch)
            except (OptionError, StoreError, RefusedRowsError):
                assert told == "cannot"
                return
        assert report.already == (told == "already")
        assert report.version == self.store.version == before + (told == "new")
        assert self.contents.setdefault(content_of(rows), report.batch) == report.batch
        self.fresh |= told == "new"

    @rule(data=st.data())
    def ingest(self, data: st.DataObject) -> None:
        self._take(data.draw(rows_for(self.ids)))

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def again(self, data: st.DataObject) -> None:
        content = data.draw(st.sampled_from(sorted(self.contents, key=repr)))
        self._take(data.draw(st.permutations(content)))

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        content = data.draw(st.sampled_from(sorted(self.contents, key=repr)))
        rows = data.draw(st.one_of(rows_for(self.ids), st.just(list(content))))
        self._take(rows, replaces=content)

    @rule(day=st.integers(0, 3))
    def close_days(self, day: int) -> None:
        if self.making.smooth is not None:
            with pytest.raises(OptionError, match="smoothed"):
                self.store.compact(close_before=FIRST + day * DAY)
            return
        self.store.compact(close_before=FIRST + day * DAY, keep=3)
        self.model.close(FIRST + day * DAY)
        self.kept, self.fresh = [], True

    @precondition(lambda self: self.contents)
    @rule(day=st.integers(0, 2))
    def forget_before(self, day: int) -> None:
        self.store.forget(before=FIRST + day * DAY)
        self.model.forget_before(FIRST + day * DAY)
        self.kept, self.fresh = [], True

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def forget_device(self, data: st.DataObject) -> None:
        gone = data.draw(st.sets(st.sampled_from(self.ids), min_size=1, max_size=2))
        self.store.forget(device=sorted(gone))
        self.model.forget_devices(gone)
        self.kept, self.fresh = [], True

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = cotrace.Store(self.path, wait=0.0, threads=1)
        self.fresh = True

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def as_of(self, data: st.DataObject) -> None:
        version, stays = data.draw(st.sampled_from(self.kept))
        with self.store.as_of(version) as old:
            assert rows_of(old.stays()) == stays

    @precondition(lambda self: self.contents)
    @rule(data=st.data())
    def some(self, data: st.DataObject) -> None:
        stays = self.model.stays()
        start, end = sorted((data.draw(seconds(4)), data.draw(seconds(4))))
        ids = data.draw(st.sets(st.sampled_from(self.ids)))
        cells = data.draw(st.sets(st.tuples(st.integers(-1, 1), st.integers(-1, 0)), min_size=1))
        inside = clipped(stays, start, end)
        values = [packed(c) for c in cells]
        for devices in (None, sorted(ids)):
            mine = [s for s in inside if devices is None or s[0] in ids]
            assert rows_of(self.store.stays(start, end, devices)) == mine
            there = [s for s in mine if s[1] in cells]
            assert rows_of(self.store.stays(start, end, devices, values)) == there

    @invariant()
    def same_as_one_pass(self) -> None:
        if not getattr(self, "fresh", False):
            return
        self.fresh = False
        found = self.store.stays()
        expected = self.model.stays()
        assert rows_of(found) == expected
        seen, counts = self.model.seen()
        said = found.counts.as_dict()
        assert {name: said[name] for name in counts} == counts
        assert found.devices.to_pylist() == sorted(seen)
        if seen:
            every = [second for cells in seen.values() for second in cells]
            assert found.span == (min(every), max(every))
        self.kept.append((self.store.version, expected))
        if self.model.rows():
            _same_as_find_stays(found, self.model.rows(), self.making)


def _same_as_find_stays(found: cotrace.Stays, rows: list[Row], making: Making) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = cotrace.find_stays(pings_of(rows), options=options_of(making))
    assert found.to_arrow().equals(whole.to_arrow())
    assert found.options == whole.options
    assert found.devices.equals(whole.devices)


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=25,
    stateful_step_count=9,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # a step takes a hundredth of a second: what fails is printed as it is
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@settings(max_examples=15, deadline=None)
@given(st.data(), st.sampled_from(["same_cell", "forward"]), st.sampled_from([4500, 40 * HOUR]))
def test_tower_logs_in_any_split(data: st.DataObject, fill: str, max_gap: int) -> None:
    towers = st.sampled_from(["a", "b", "é"])
    rows = data.draw(
        st.lists(st.tuples(st.sampled_from(["x", "y"]), seconds(3), towers), min_size=2, max_size=30)
    )
    making = Making(max_gap=max_gap, fill=fill, cell_m=None)
    model = NaiveStore(making)
    model.ingest(rows)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(rows) - 1), max_size=3)))
    shuffled = data.draw(st.permutations(rows))
    with folder() as path, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store = cotrace.Store(path, options_of(making), buckets=2)
        for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True):
            # a file that was there is not taken twice, so these are told apart by a row that says nothing
            store.ingest(pings_of([*shuffled[a:b], *[("x", FIRST, None)] * a], "tower"))
        assert rows_of(store.stays()) == model.stays()
