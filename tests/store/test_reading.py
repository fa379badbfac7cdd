"""What is read of a store, and what is passed over; which options and pings fit it; what is asked of it."""

from __future__ import annotations

import datetime
import tracemalloc
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.store.through import folder, pings_of

import cotrace
from cotrace.errors import (
    CotraceTypeError,
    CotraceWarning,
    OptionError,
    StoreBusyError,
    StoreError,
    StorePathError,
    StoreVersionError,
)
from cotrace.store.dictionaries import buckets_of

DAY = 86_400
FIRST = 18_932 * DAY


@pytest.fixture
def path() -> Iterator[Path]:
    with folder() as made:
        yield made


def city(day: int, n_devices: int = 400, text: bool = False) -> cotrace.Pings:
    """A day on which every device is seen every ten minutes, in cells of its own neighbourhood."""
    device = np.repeat(np.arange(n_devices), 144)
    second = FIRST + day * DAY + np.tile(np.arange(144) * 600, n_devices)
    x = (device % 40 + day) * 800.0 + np.tile(np.arange(144) // 2 % 2, n_devices) * 800 + 1
    ids = pa.array([f"id-{d}" for d in device]) if text else pa.array(device * 1_000_003)
    table = pa.table({"device": ids, "time": second, "x": x, "y": device // 40 * 800.0 + 1})
    return cotrace.read_pings(table, unit="s")


def three_days(path: Path, **how: int) -> cotrace.Store:
    store = cotrace.Store(path, **how)
    for day in range(3):
        store.ingest(city(day))
    return store


def test_a_device_is_read_from_its_bucket_and_its_rows_alone(path: Path) -> None:
    store = three_days(path, buckets=2)
    read = store.snapshot.read
    one = store.stays(devices=[7 * 1_000_003])
    assert len(one) > 0
    assert one.devices.to_pylist() == [7 * 1_000_003]
    # of two buckets on three days one a day, and of each file the device's own rows: a stay over midnight is in pieces
    assert (read.files, read.files_passed) == (3, 3)
    assert len(one) <= read.rows <= len(one) + 2 * 2
    assert read.rows_passed > 100 * read.rows
    read.clear()
    few = store.stays(FIRST + DAY, FIRST + DAY + 3600, devices=[7 * 1_000_003])
    assert (read.files, read.files_passed) == (1, 5)  # nothing of the third day reaches back to that hour
    read.clear()
    store.stays(FIRST + DAY, FIRST + 2 * DAY - 60, devices=[7 * 1_000_003])
    assert (read.files, read.files_passed) == (2, 4)
    assert 0 < len(few) < len(one)
    read.clear()
    assert len(store.stays(devices=[5])) == 0
    assert (read.files, read.rows) == (0, 0)


def test_cells_are_read_from_the_index(path: Path) -> None:
    store = three_days(path, buckets=2)
    everything = store.stays()
    cell = everything.cells.values[100:101]
    read = store.snapshot.read
    read.clear()
    there = store.stays(cells=cell)
    n = int((everything["cell"].to_numpy() == cell[0].as_py()).sum())
    assert len(there) == n > 0
    # the cell's rows of each day of the index, and no file of stays
    assert read.files == 3
    assert n <= read.rows <= 2 * n
    assert read.rows_passed > 100 * read.rows
    read.clear()
    assert len(store.stays(FIRST, FIRST + 60, cells=cell)) <= n
    assert read.files == 1
    read.clear()
    assert len(store.stays(cells=[12345])) == 0
    assert (read.files, read.rows) == (0, 0)


def test_rows_in_are_by_cell_then_day_then_device(path: Path) -> None:
    snapshot = three_days(path, buckets=3).snapshot
    cells = np.array([5, 0, 17], dtype=np.int32)
    rows, lo = snapshot.rows_in(cells, snapshot.days)
    assert rows.dtype == np.int32
    assert lo.tolist() == sorted(lo.tolist())
    everything = snapshot.rows_of(None, snapshot.days)
    for k, cell in enumerate(cells.tolist()):
        mine = rows[lo[k] : lo[k + 1]].astype(np.int64)
        assert mine.shape[0] > 0
        # a stay that lasts over midnight belongs to the day of the ping that ends it
        key = list(zip((mine[:, 2] // DAY).tolist(), mine[:, 0].tolist(), mine[:, 1].tolist(), strict=True))
        assert key == sorted(key)
        whole = everything[everything[:, 1] == cell].astype(np.int64)
        assert (mine[:, 2] - mine[:, 1]).sum() == (whole[:, 3] - whole[:, 2]).sum()
    assert snapshot.sizes_in(cells, snapshot.days).tolist() == np.diff(lo).tolist()


def test_day_fifteen_makes_one_day_anew(path: Path) -> None:
    store = three_days(path, buckets=2)
    report = store.ingest(city(3))
    assert report.made == ("2021-11-04",)
    # pings, stays and tails of two buckets, the index of the day and its places
    assert report.files == 8
    late = cotrace.read_pings({"device": [3], "time": [FIRST + 100], "x": [1.0], "y": [1.0]}, unit="s")
    report = store.ingest(late)
    assert report.made == ("2021-11-01",)  # no ping of the next day can follow that one
    late = cotrace.read_pings({"device": [3], "time": [FIRST + DAY - 1], "x": [1.0], "y": [1.0]}, unit="s")
    assert store.ingest(late).made == ("2021-11-01", "2021-11-02")


def test_codes_and_ids(path: Path) -> None:
    store = cotrace.Store(path, buckets=3)
    store.ingest(city(0, 50, text=True))
    devices = store.snapshot.devices
    codes = devices.encode(pa.array(["id-3", "nobody", "id-49"], pa.large_string()))
    assert codes[1] == -1
    assert devices.values(codes[[2, 0]]).to_pylist() == ["id-49", "id-3"]
    assert devices.values(devices.known()).to_pylist() != sorted(devices.values(devices.known()).to_pylist())
    assert sorted(devices.encode(devices.values(devices.known())).tolist()) == sorted(
        devices.known().tolist()
    )


def test_buckets_are_the_same_for_ever() -> None:
    # they are in the stores that there are
    assert buckets_of(pa.array([0, 1, -1, 13_812_345_678], pa.int64()), 16).tolist() == [15, 1, 0, 12]
    assert buckets_of(pa.array(["", "a", "13812345678"], pa.large_string()), 16).tolist() == [15, 2, 10]


def test_asked_devices_that_are_known_are_in_the_answer(path: Path) -> None:
    store = cotrace.Store(path)
    store.ingest(pings_of([(1, FIRST, (0, 0)), (2, FIRST, (0, 0)), (2, FIRST + 60, (0, 0))]))
    assert store.stays(devices=[1, 3]).devices.to_pylist() == [1]
    assert store.stays(devices="1").devices.to_pylist() == [1]
    assert store.stays(devices=[]).devices.to_pylist() == []
    assert store.stays(devices=[1]).span == (FIRST, FIRST + 60)
    assert store.stays(devices=[1]).counts.rows == 3
    with pytest.raises(OptionError, match="exact counterpart"):
        store.stays(devices=["a"])
    with pytest.raises(OptionError, match="exact counterpart"):
        store.stays(devices=[1.5])
    with pytest.raises(OptionError, match="several types"):
        store.stays(devices=[1, "a"])


def test_instants_need_a_zone(path: Path) -> None:
    store = cotrace.Store(path)
    store.ingest(pings_of([(2, FIRST, (0, 0)), (2, FIRST + 60, (0, 0))]))
    at = datetime.datetime(2021, 11, 1, 0, 0, 30, tzinfo=datetime.UTC)
    for start in (at, at.isoformat(), FIRST + 30):
        (row,) = store.stays(start).rows.tolist()
        assert row[2:] == [30, 60]
    for wrong in ("2021-11-01T00:00:30", "today", 1.5, at.replace(tzinfo=None)):
        with pytest.raises(OptionError, match="instant with a time zone"):
            store.stays(wrong)


def test_an_empty_store(path: Path) -> None:
    store = cotrace.Store(path, cotrace.StayOptions(max_gap="1h"))
    assert len(store.stays()) == 0
    assert store.stays().to_arrow().schema.names == list(cotrace.find_stays(city(0, 1)).columns)
    assert store.stays(devices=[1], cells=[2], start=0, end=1).span is None
    assert store.version == 0
    assert store.options.max_gap == "1h"
    assert store.forget(device=[1]).devices == 0
    assert "version 0, 0 days, 0 batches" in repr(store)


def test_options_are_kept(path: Path) -> None:
    store = cotrace.Store(path, cotrace.StayOptions(max_gap="1h"), buckets=2)
    store.close()
    # opened without saying how, before anything came
    store = cotrace.Store(path)
    store.ingest(pings_of([(2, FIRST, (0, 0)), (2, FIRST + 4000, (0, 0))]))
    assert len(store.stays()) == 0
    for same in (
        cotrace.StayOptions(),
        cotrace.StayOptions(max_gap="60min"),
        cotrace.StayOptions(max_gap="1h", grid=cotrace.Grid.planar(800), fill="same_cell"),
    ):
        assert cotrace.Store(path, same).options == store.options
    with pytest.raises(OptionError, match="max_gap is '1h' here and '30min' there"):
        cotrace.Store(path, cotrace.StayOptions(max_gap="30min"))
    with pytest.raises(OptionError, match="fill is 'same_cell' here and 'forward' there"):
        cotrace.Store(path, cotrace.StayOptions(max_gap="1h", fill="forward"))
    with pytest.raises(OptionError, match=r"grid is Grid.planar\(800\)"):
        cotrace.Store(path, cotrace.StayOptions(max_gap="1h", grid=cotrace.Grid.planar(400)))


def test_pings_that_do_not_fit(path: Path) -> None:
    store = cotrace.Store(path)
    store.ingest(pings_of([(1, FIRST, (0, 0))]))
    with pytest.raises(OptionError, match="device_type is 'int64' here and 'large_string' there"):
        store.ingest(pings_of([("a", FIRST, (0, 0))]))
    zoned = cotrace.read_pings(
        {"device": [1], "time": [FIRST], "x": [1.0], "y": [1.0]}, unit="s", tz="Asia/Shanghai"
    )
    with pytest.raises(OptionError, match="tz is 'UTC' here and 'Asia/Shanghai' there"):
        store.ingest(zoned)
    lonlat = cotrace.read_pings({"device": [1], "time": [FIRST], "lon": [1.0], "lat": [1.0]}, unit="s")
    with pytest.raises(cotrace.CotraceError):
        store.ingest(lonlat)
    assert store.version == 1


@pytest.mark.parametrize("positions", [True, False])
def test_towers(path: Path, positions: bool) -> None:
    rows = {"device": ["a", "a", "b"], "time": [FIRST, FIRST + 60, FIRST], "tower": [7, 9, 7]}
    towers = {"tower": [7, 9], "lon": [106.5, 106.6], "lat": [29.5, 29.6]} if positions else None
    options = cotrace.StayOptions(by="tower", fill="forward")
    store = cotrace.Store(path, options)
    pings = cotrace.read_pings(rows, unit="s", towers=towers)
    store.ingest(pings)
    found, whole = store.stays(), cotrace.find_stays(pings, options=options)
    assert found.to_arrow().equals(whole.to_arrow())
    assert found.cells.columns(np.array([0])) == whole.cells.columns(np.array([0]))
    if positions:
        moved = {"tower": [9, 11], "lon": [106.7, 106.8], "lat": [29.5, 29.6]}
        later = {"device": ["a"], "time": [FIRST + 90], "tower": [11]}
        store.ingest(cotrace.read_pings(later, unit="s", towers=moved))
        assert store.snapshot.cells.towers is not None
        assert store.snapshot.cells.towers["tower"].to_pylist() == [7, 9, 11]
        assert store.snapshot.cells.towers["lon"].to_pylist() == [106.5, 106.7, 106.8]


def test_cells_of_towers_with_positions_and_of_lonlat(path: Path) -> None:
    rows = {"device": [1, 1], "time": [FIRST, FIRST + 60], "tower": ["x", "x"]}
    towers = {"tower": ["x"], "lon": [106.5], "lat": [29.5]}
    store = cotrace.Store(path, cotrace.StayOptions(fill="same_cell"))
    store.ingest(cotrace.read_pings(rows, unit="s", towers=towers))
    (cell,) = store.stays().cells.values.to_pylist()
    assert cell == cotrace.Grid.geographic(800).cell(lon=106.5, lat=29.5)
    assert store.options.grid == cotrace.Grid.geographic(800)


def test_rows_outside_the_day_are_refused(path: Path) -> None:
    store = cotrace.Store(path)
    shanghai = {"device": [1, 1, 1], "time": [FIRST - 8 * 3600, FIRST, FIRST + 16 * 3600], "x": [1.0] * 3}
    pings = cotrace.read_pings({**shanghai, "y": [1.0] * 3}, unit="s", tz="Asia/Shanghai")
    with pytest.warns(CotraceWarning, match="1 outside the day"):
        report = store.ingest(pings, day="2021-11-01")
    assert report.refused == {"outside the day": 1}
    assert pings.refused["row"].to_pylist() == [2]
    assert report.used == 2
    # the same file for the next day is another batch
    with pytest.warns(CotraceWarning, match="2 outside the day"):
        assert not store.ingest(pings, day=datetime.date(2021, 11, 2)).already
    with pytest.warns(CotraceWarning):
        assert store.ingest(pings, day=datetime.date(2021, 11, 2)).already
    assert store.stays().counts.refused == {"outside the day": 3}
    for wrong in ("1 Nov", 3, datetime.datetime(2021, 11, 1)):
        with pytest.raises(OptionError, match="no date"):
            store.ingest(pings, day=wrong)


def test_closed_days(path: Path) -> None:
    store = three_days(path, buckets=1)
    before = store.stays()
    done = store.compact(close_before="2021-11-03T00:00:00+00:00")
    assert done.days == 2
    assert store.stays().to_arrow().equals(before.to_arrow())
    assert store.stays().counts == before.counts
    assert not [e for e in store.snapshot.version.of("pings") if (e.day or 0) < 18_934]
    with pytest.warns(CotraceWarning, match="closed day"):
        assert store.ingest(city(0)).already
    late = cotrace.read_pings({"device": [1], "time": [FIRST], "x": [1.0], "y": [1.0]}, unit="s")
    with pytest.warns(CotraceWarning, match="1 closed day"):
        report = store.ingest(late)
    assert (report.used, report.made, report.refused) == (0, (), {"closed day": 1})
    assert 1 not in store.stays().devices.to_pylist()
    with pytest.warns(CotraceWarning), pytest.raises(StoreError, match="2021-11-03, which are closed"):
        store.ingest(late, replaces=next(iter(store.batches)))
    with pytest.raises(OptionError, match="after midnight UTC"):
        store.compact(close_before=FIRST + 1)


def test_replacing(path: Path) -> None:
    store = cotrace.Store(path)
    wrong = store.ingest(pings_of([(1, FIRST, (0, 0)), (5, FIRST, (0, 0))]))
    right = pings_of([(1, FIRST, (1, 0)), (1, FIRST + 60, (1, 0))])
    done = store.ingest(right, replaces=wrong.batch)
    assert store.stays().devices.to_pylist() == [1]
    assert store.stays().counts.rows == 2
    again = store.ingest(right, replaces=wrong.batch)
    assert (again.already, again.version) == (True, done.version)
    back = store.ingest(pings_of([(5, FIRST, (0, 0)), (1, FIRST, (0, 0))]))
    assert (back.already, back.replaced_by, back.version) == (True, done.batch, done.version)
    assert "replaced by" in repr(back)
    with pytest.raises(OptionError, match=r"replaced by .* already"):
        store.ingest(pings_of([(9, FIRST, (0, 0))]), replaces=wrong.batch)
    with pytest.raises(OptionError, match="none of the 1 batches"):
        store.ingest(right, replaces="f" * 64)


def test_versions(path: Path) -> None:
    store = three_days(path, buckets=1)
    old = store.as_of(1)
    assert len(old.stays()) < len(store.stays())
    for write in (
        lambda: old.ingest(city(5)),
        lambda: old.forget(device=[1]),
        lambda: old.compact(),
    ):
        with pytest.raises(StoreError, match="as of version 1"):
            write()
    with pytest.raises(StoreVersionError):
        store.as_of(17)
    with pytest.raises(CotraceTypeError):
        store.as_of("1")  # type: ignore[arg-type]
    # what another reader holds is not removed under it
    done = store.compact()
    assert 1 not in done.versions
    assert len(old.stays()) > 0
    old.close()
    store.compact()
    with pytest.raises(StoreVersionError):
        store.as_of(1)


def test_a_reader_keeps_its_version_until_it_is_refreshed(path: Path) -> None:
    store = three_days(path, buckets=1)
    with cotrace.Store(path) as reader:
        before = reader.stays()
        store.ingest(city(3))
        assert reader.stays().to_arrow().equals(before.to_arrow())
        assert reader.refresh().version == 4
        assert len(reader.stays()) > len(before)


def test_forgetting_waits_for_readers_and_says_what_is_left(path: Path) -> None:
    store = cotrace.Store(path, buckets=1, wait=0.1)
    for day in range(2):
        store.ingest(city(day, 20))
    reader = cotrace.Store(path).as_of(1)
    with pytest.raises(StoreBusyError, match=r"version 3 forgets .* version 1 is still being read.*compact"):
        store.forget(device=[3 * 1_000_003])
    assert 3 * 1_000_003 not in store.stays().devices.to_pylist()
    reader.close()
    assert 1 in store.compact().versions


def test_wrong_arguments(path: Path) -> None:
    with pytest.raises(StorePathError):
        cotrace.Store(path, create=False)
    with pytest.raises(OptionError, match="buckets"):
        cotrace.Store(path, buckets=0)
    with pytest.raises(CotraceTypeError, match="buckets"):
        cotrace.Store(path, buckets=1.0)  # type: ignore[arg-type]
    with pytest.raises(CotraceTypeError, match="StayOptions"):
        cotrace.Store(path, {"max_gap": 1})  # type: ignore[arg-type]
    store = cotrace.Store(path)
    with pytest.raises(OptionError, match="not both"):
        store.forget()
    with pytest.raises(OptionError, match="not both"):
        store.forget(before=FIRST, device=[1])
    with pytest.raises(OptionError, match="number of versions"):
        store.compact(keep=-1)


def test_the_same_bytes_whatever_the_threads_and_the_order_of_rows(path: Path) -> None:
    rows = [(d, FIRST + t * 300 + d, (t // 3 % 2, d % 3)) for d in range(60) for t in range(80)]
    rng = np.random.default_rng(3)
    names = []
    for k, threads in enumerate((1, 2, 3)):
        shuffled = [rows[i] for i in rng.permutation(len(rows))]
        columns = {"device": [r[0] for r in shuffled], "time": [r[1] for r in shuffled]}
        columns |= {name: [r[2][i] * 800.0 + 1 for r in shuffled] for i, name in enumerate("xy")}
        file = path.parent / f"{k}.parquet"
        pa.parquet.write_table(pa.table(columns), file, row_group_size=700)
        store = cotrace.Store(path.parent / f"store-{k}", threads=threads)
        store.ingest(cotrace.read_pings(file, unit="s"))
        names.append(sorted(e.name for e in store.snapshot.version.files))
        assert list(store.batches) == list(cotrace.Store(path.parent / "store-0").batches)
    assert names[0] == names[1] == names[2]


def test_pings_that_do_not_fit_memory_go_to_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cotrace.store.ingest as ingesting

    whole = cotrace.Store(path.parent / "whole", buckets=2)
    whole.ingest(city(0, 60))
    reading = ingesting.read_incoming
    monkeypatch.setattr(ingesting, "read_incoming", lambda *given: reading(*given, limit=1000))
    monkeypatch.setattr(ingesting, "HELD", 1000)
    store = cotrace.Store(path, buckets=2)
    store.ingest(city(0, 60))
    names = [sorted(e.name for e in s.snapshot.version.files) for s in (whole, store)]
    assert names[0] == names[1]


def test_warnings_as_in_one_pass(path: Path) -> None:
    hourly = [(1, FIRST + k * 4500, (0, 0)) for k in range(9)]
    with pytest.warns(CotraceWarning, match="within 10 % of max_gap"):
        cotrace.Store(path).ingest(pings_of(hourly))
    twice = [(1, FIRST + k * 60, (j, 0)) for k in range(9) for j in range(2)]
    with pytest.warns(CotraceWarning, match="share their second"):
        cotrace.Store(path).ingest(pings_of(twice))


def test_a_store_does_not_grow_in_memory_with_its_queries(path: Path) -> None:
    store = three_days(path, buckets=2)
    store.stays(devices=[7 * 1_000_003])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tracemalloc.start()
        for k in range(20):
            store.stays(devices=[k * 1_000_003])
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert grown < 1_000_000


def test_what_is_not_pings_is_refused_and_the_mend_is_said(path: Path) -> None:
    store = cotrace.Store(path, buckets=2)
    with pytest.raises(CotraceTypeError, match=r"str is not Pings: read it with cotrace.read_pings\(\)"):
        store.ingest("pings.parquet")  # type: ignore[arg-type]
    assert store.version == 0
