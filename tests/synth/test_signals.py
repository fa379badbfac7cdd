"""What a made network logs: held to the oracle, counted, conserved, and switched off."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from tests.synth.air import KINDS, expected, odd_options, small_city

import cotrace
from cotrace import synth
from cotrace.errors import OptionError


def rows_of(made: synth.Signals, day: int) -> list[tuple[int, int, int, str]]:
    block = made.block(day, 0, made.city.population)
    second = block.columns["time"] // 1_000_000 - made.city.base - day * 86_400
    kinds = [KINDS[k] for k in block.columns["event"].tolist()]
    return list(
        zip(
            block.columns["device"].tolist(),
            second.tolist(),
            block.columns["tower"].tolist(),
            kinds,
            strict=True,
        )
    )


@pytest.mark.parametrize("seed", range(12))
def test_every_row_is_the_oracles(seed: int) -> None:
    rng = random.Random(seed)
    city = small_city(seed, people=rng.choice([1, 3]), days=3)
    shares = rng.choice([("5G",), {"4G": 0.5, "5G": 0.5}])
    network = synth.towers(
        city,
        seed=seed,
        generations=shares,
        sectors=rng.choice([1, 3]),
        square_m=200,
        holes=rng.random() < 0.3,
    )
    made = synth.signals(city, network, seed=seed, options=odd_options(rng), events=True)
    for day in (0, 2):
        rows, counts = expected(made, day)
        assert rows_of(made, day) == rows
        block = made.block(day, 0, city.population)
        assert dict(zip(made.counted, block.counts.tolist(), strict=True)) == {
            name: counts[name] for name in made.counted
        }


class TestCounts:
    def test_no_event_is_lost_uncounted(self) -> None:
        city = small_city(3, people=40)
        options = replace(synth.FULL, lost=0.1, silent_days=0.5, duplicated=0.1, late=0.1, skewed=0.5)
        network = synth.towers(city, seed=3, square_m=100, holes=True)
        made = synth.signals(city, network, seed=3, options=options)
        c = made.counts
        assert sum(c[k] for k in KINDS) == c["logged"] + c["lost"] + c["silent"] + c["no_service"]
        assert made.to_arrow().num_rows == c["logged"] + c["duplicated"]
        assert c["device_days"] == 80
        assert all(
            c[k] > 0 for k in ("lost", "silent", "no_service", "duplicated", "late", "skewed", "off_s")
        )

    @pytest.mark.parametrize(
        ("effect", "counts"),
        [
            ("flapping", ("flap", "return")),
            ("off_nights", ()),
            ("silent_days", ("silent", "silent_s")),
            ("skewed", ("skewed",)),
            ("lost", ("lost",)),
            ("duplicated", ("duplicated",)),
            ("late", ("late",)),
            ("connected", ("handover",)),
        ],
    )
    def test_every_effect_can_be_switched_off(self, effect: str, counts: tuple[str, ...]) -> None:
        city = small_city(4, people=10, days=1)
        network = synth.towers(city, seed=4, square_m=100)
        off = synth.signals(city, network, seed=4, options=synth.FULL.without(effect)).counts
        assert all(off[name] == 0 for name in counts)

    def test_nothing_goes_wrong_without_effects(self) -> None:
        city = small_city(5, people=10, days=2)
        made = synth.signals(city, synth.towers(city, seed=5), seed=5, options=synth.SPARSE.without())
        c = made.counts
        wrong = ("lost", "silent", "no_service", "duplicated", "late", "skewed", "off_s", "flap")
        assert {name: c[name] for name in wrong} == dict.fromkeys(wrong, 0)
        table = made.to_arrow(day=1)
        time = np.asarray(table["time"].cast("int64"))
        assert (np.diff(time) >= 0).all()


def test_nobody_is_silent_for_longer_than_the_periodic_update() -> None:
    city = small_city(6, people=30, days=4)
    made = synth.signals(city, synth.towers(city, seed=6), seed=6, options=synth.SPARSE.without())
    table = made.to_arrow()
    device, time = (np.asarray(table[name].cast("int64")) for name in ("device", "time"))
    order = np.lexsort((time, device))
    gaps = np.diff(time[order])[np.diff(device[order]) == 0] // 1_000_000
    assert gaps.max() <= 54 * 60
    # and the longest possible one is frequent: phones are idle at night
    assert (gaps == 54 * 60).mean() > 0.2


def test_the_batches_are_the_blocks_and_can_be_read_again() -> None:
    city = small_city(7, people=10)
    made = synth.signals(city, synth.towers(city, seed=7), seed=7, options=synth.SPARSE)
    made.devices_a_block = 4
    table = made.to_arrow()
    assert table.num_rows == sum(len(made.block(*at)) for day in (0, 1) for at in made.blocks(day))
    assert made.to_arrow().equals(table)
    pings = cotrace.read_pings(made)
    assert pings.tz == "Asia/Shanghai"
    assert len(cotrace.find_stays(pings)) > 10


def test_a_block_does_not_depend_on_its_neighbours_or_on_room() -> None:
    city = small_city(8, people=20)
    made = synth.signals(city, synth.towers(city, seed=8), seed=8)
    whole = made.block(1, 0, 20).columns
    lane = synth.blocks.Lane()
    lane.rows = np.empty((4, 4), np.int32)
    part = made.block(1, 5, 9, lane).columns
    mine = (whole["device"] >= 5) & (whole["device"] < 9)
    for name, values in part.items():
        assert np.array_equal(values, whole[name][mine])


def test_nobody_and_no_day_are_empty_typed_tables() -> None:
    city = small_city(9, people=0)
    made = synth.signals(city, synth.towers(city, seed=9), seed=9, events=True)
    table = made.to_arrow()
    assert table.num_rows == 0
    assert table.column_names == ["device", "time", "tower", "x", "y", "event"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lost": 1.5}, "lost=1.5"),
        ({"rhythm": (1.0,)}, "24 numbers"),
        ({"area_m": 5.0}, "at least 100 m"),
        ({"activity_gap": "0s"}, "activity_gap"),
        ({"late_by": "2d"}, "more than a day"),
        ({"spread": -1.0}, "spread"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        replace(synth.FULL, **options)


def test_an_effect_that_there_is_not() -> None:
    with pytest.raises(OptionError, match="there are burst"):
        synth.FULL.without("rain")
    city = small_city(1)
    made = synth.signals(city, synth.towers(city, seed=1), seed=1)
    with pytest.raises(OptionError, match="day=7"):
        list(made.batches(7))
    with pytest.raises(OptionError, match="seed=-1"):
        synth.signals(city, synth.towers(city, seed=1), seed=-1)
