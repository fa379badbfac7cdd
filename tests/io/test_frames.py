from __future__ import annotations

import datetime as dt
import gc
import os
import tempfile
import warnings
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.io.helpers import arrow, read, refused, rows_of, table

import cotrace
from cotrace.errors import CotraceTypeError, OptionError, ReadError, SchemaError, TimeError

EXPECTED = read(table(), unit="s")[0]


class Stream:
    """Anything that speaks the Arrow stream protocol, once."""

    def __init__(self, data: pa.Table, size: int = 4) -> None:
        self._reader = pa.RecordBatchReader.from_batches(data.schema, data.to_batches(max_chunksize=size))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._reader.__arrow_c_stream__(requested_schema)


def ways() -> dict[str, object]:
    made = arrow()
    return {
        "dict": table(),
        "numpy": {k: np.array(v) for k, v in table().items()},
        "series": {k: pd.Series(v) for k, v in table().items()},
        "polars series": {k: pl.Series(v) for k, v in table().items()},
        "arrow arrays": {k: pa.array(v) for k, v in table().items()},
        "tuples": {k: tuple(v) for k, v in table().items()},
        "pandas": pd.DataFrame(table(), index=[5] * 6),
        "pandas nullable": pd.DataFrame(table()).convert_dtypes(),
        "polars": pl.DataFrame(table()),
        "table": made,
        "record batch": made.to_batches()[0],
        "reader": pa.RecordBatchReader.from_batches(made.schema, made.to_batches(max_chunksize=2)),
        "stream": Stream(made),
        "duckdb": duckdb.sql("SELECT * FROM made ORDER BY time"),
    }


@pytest.mark.parametrize("way", ways())
@pytest.mark.parametrize("threads", [1, 2])
def test_every_table_gives_the_same(way: str, threads: int):
    pings = cotrace.read_pings(ways()[way], unit="s")
    assert pings.n_rows == 6
    for _ in range(2):  # a source that can be read again
        assert rows_of(pings.scan(threads=threads)) == EXPECTED
    assert pings.device_type == pa.int64()
    assert pings.counts is not None
    assert (pings.counts.rows, pings.counts.used) == (6, 6)


def spooled() -> set[str]:
    return {f for f in os.listdir(tempfile.gettempdir()) if f.startswith("cotrace-")}


def test_streams_are_kept_in_a_file_for_as_long_as_the_pings():
    before = spooled()
    data = arrow().append_column("note", pa.array(["x" * 1000] * 6))
    pings = cotrace.read_pings(Stream(data), unit="s")
    (path,) = spooled() - before
    assert "note" not in pa.ipc.open_stream(os.path.join(tempfile.gettempdir(), path)).schema.names
    assert "kept in a temporary file" in pings.describe()
    batch = next(iter(pings.batches()))
    del pings
    gc.collect()
    assert spooled() == before
    assert batch.time[0] == 1_635_724_800  # what was handed out stays valid


def test_dictionaries_may_change_within_a_stream():
    batches = [
        pa.record_batch({**table(2), "device": pa.array(ids).dictionary_encode()})
        for ids in (["a", "b"], ["c", "a"])
    ]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)
    assert [r[1] for r in read(reader, unit="s")[0]] == ["a", "b", "c", "a"]


def test_a_stream_that_breaks_off():
    made = arrow(4)

    def batches():
        yield made.to_batches()[0]
        raise OSError("the line went dead")

    with pytest.raises(ReadError, match="the Arrow stream broke off after 4 rows"):
        cotrace.read_pings(pa.RecordBatchReader.from_batches(made.schema, batches()), unit="s")


@pytest.mark.parametrize("source", [3, None, object(), 2.5])
def test_what_is_no_source(source: object):
    with pytest.raises(
        CotraceTypeError, match=f"cannot read pings from a {type(source).__name__}: give a path"
    ):
        cotrace.read_pings(source)


def test_lazy_frames_are_collected_by_the_caller():
    with pytest.raises(CotraceTypeError, match=r"LazyFrame is not a table yet: pass lazy.collect\(\)"):
        cotrace.read_pings(pl.DataFrame(table()).lazy())


def test_dicts_of_what_is_no_array():
    with pytest.raises(SchemaError, match="differ in length: 'device' 2, 'time' 6"):
        cotrace.read_pings(table(device=[1, 2]), unit="s")
    with pytest.raises(CotraceTypeError, match="column 'device' of the dict is a str, not a list"):
        cotrace.read_pings(table(device="abcdef"), unit="s")
    with pytest.raises(CotraceTypeError, match="column 'x' of the dict is a float"):
        cotrace.read_pings(table(x=1.0), unit="s")
    with pytest.raises(CotraceTypeError, match="column 'x' of the dict has 2 dimensions"):
        cotrace.read_pings(table(x=np.zeros((6, 2))), unit="s")


@pytest.mark.parametrize(
    "frame", [dict, lambda t: pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in t.items()})]
)
def test_one_column_of_several_types(frame):
    with pytest.raises(
        SchemaError, match=r"the values of 'device' are not of one type that can be read: .*ids all integers"
    ) as e:
        cotrace.read_pings(frame(table(2, device=[1, "secret"])), unit="s")
    assert "secret" not in str(e.value)


EAST = dt.timezone(dt.timedelta(hours=8))
NAIVE_FIRST = [dt.datetime(2021, 1, 1, 8), dt.datetime(2021, 1, 1, tzinfo=dt.UTC), None]
AWARE_FIRST = [NAIVE_FIRST[1], NAIVE_FIRST[0], None]
TWO_ZONES = [dt.datetime(2021, 1, 1, tzinfo=dt.UTC), dt.datetime(2021, 1, 1, 8, tzinfo=EAST), None]


def as_text(stamps):
    return [None if s is None else s.isoformat() for s in stamps]


def as_objects(made):
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in made.items()})


@pytest.mark.parametrize("frame", [dict, as_objects])
@pytest.mark.parametrize("written", [list, as_text])
@pytest.mark.parametrize("stamps", [NAIVE_FIRST, AWARE_FIRST, TWO_ZONES])
def test_times_of_several_zones_are_one_matter_as_objects_and_as_text(frame, written, stamps):
    made = frame(table(3, time=written(stamps)))
    message = "several offsets" if stamps is TWO_ZONES else "without an offset|have no offset while others"
    with pytest.raises(TimeError, match=message):
        list(cotrace.read_pings(made).batches())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        (batch,) = cotrace.read_pings(made, tz="Asia/Shanghai").batches()
    assert batch.time.tolist() == [1_609_459_200] * 2
    zones = [w.message for w in said if w.message.kind == "zones"]
    if stamps is TWO_ZONES:
        assert zones == []
    else:
        assert str(zones[0]).startswith(
            "times without an offset (1) were read by the clock of Asia/Shanghai, beside times with one (1)"
        )
        assert zones[0].figures == {"by_clock": 1, "with_offset": 1, "zone": "Asia/Shanghai"}


def test_one_zone_with_two_offsets_is_one_zone():
    berlin = ZoneInfo("Europe/Berlin")
    stamps = [dt.datetime(2021, 1, 1, tzinfo=berlin), dt.datetime(2021, 7, 1, tzinfo=berlin), pd.NaT]
    rows, pings = read(as_objects(table(3, time=stamps)))
    assert (len(rows), pings.tz) == (2, "Europe/Berlin")


def test_objects_of_one_type_are_fine():
    stamps = pd.Series([dt.datetime(2021, 1, 1, tzinfo=dt.UTC)] * 2, dtype=object)
    frame = pd.DataFrame({**table(2), "device": pd.Series(["a", "b"], dtype=object), "time": stamps})
    assert [r[1] for r in read(frame)[0]] == ["a", "b"]


def test_the_index_of_pandas_is_no_column():
    with pytest.raises(SchemaError, match="no column for the device"):
        cotrace.read_pings(pd.DataFrame(table()).set_index("device"), unit="s")


def test_columns_that_are_not_used_may_be_anything():
    frame = pd.DataFrame({**table(), "junk": [object()] * 6, 7: 0})
    assert read(frame, unit="s")[0] == EXPECTED


# device ids


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_integers_of_every_size_become_one_type(kind: str):
    rows, pings = read(table(3, device=np.array([1, 2, 3], kind)), unit="s")
    assert [r[1] for r in rows] == [1, 2, 3]
    assert pings.device_type == pa.int64()


def test_unsigned_only_where_a_value_needs_it():
    big = np.array([2**63, 1, 2**64 - 1], "uint64")
    rows, pings = read(table(3, device=big), unit="s")
    assert pings.device_type == pa.uint64()
    assert [r[1] for r in rows] == [2**63, 1, 2**64 - 1]


@pytest.mark.parametrize(
    "ids",
    [
        pa.array(["a", "007", "é"], pa.string()),
        pa.array(["a", "007", "é"], pa.large_string()),
        pa.array(["a", "007", "é"], pa.string_view()),
    ],
)
def test_strings_of_every_kind(ids: pa.Array):
    rows, pings = read(table(3, device=ids), unit="s")
    assert [r[1] for r in rows] == ["a", "007", "é"]
    assert pings.device_type == pa.large_string()


def test_dictionaries_are_kept_where_they_are_of_strings():
    ids = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(["a", "b"]))
    (batch,) = cotrace.read_pings(table(2, device=ids[:2]), unit="s").batches()
    assert batch.device.type == pa.dictionary(pa.int32(), pa.large_string())
    rows, pings = read(table(3, device=ids), unit="s")
    assert [r[1] for r in rows] == ["a", "b"]
    assert refused(pings) == [(2, "no device")]
    holes = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int8()), pa.array(["a", None, "b"]))
    rows, pings = read(table(3, device=holes), unit="s")
    assert ([r[1] for r in rows], refused(pings)) == (["a", "b"], [(1, "no device")])
    numbers = pa.array([5, 6, 5]).dictionary_encode()
    assert [r[1] for r in read(table(3, device=numbers), unit="s")[0]] == [5, 6, 5]


def test_run_end_encoding_is_undone():
    ids = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([7, 8]))
    assert [r[1] for r in read(table(3, device=ids), unit="s")[0]] == [7, 7, 8]


def test_floats_that_are_integers():
    frame = pd.DataFrame(table(4, device=[1, None, 3, 4]))
    rows, pings = read(frame, unit="s")
    assert pings.device_type == pa.int64()
    assert [r[:2] for r in rows] == [(0, 1), (2, 3), (3, 4)]
    assert refused(pings) == [(1, "no device")]


@pytest.mark.parametrize("bad", [1.5, float(2**53), np.inf])
def test_floats_that_are_not(bad: float):
    with pytest.raises(
        SchemaError, match=r"ids as floats, and 1 of these 6 rows \(first: row 2\) are no whole numbers"
    ):
        read(table(device=[1.0, 2.0, bad, 4.0, 5.0, 6.0]), unit="s")


@pytest.mark.parametrize("ids", [[True] * 6, [b"a"] * 6, [dt.date(2021, 1, 1)] * 6, [[1]] * 6])
def test_types_that_are_no_ids(ids: list[object]):
    with pytest.raises(SchemaError, match="ids are integers or strings: cast the column"):
        cotrace.read_pings(table(device=ids), unit="s")


# nothing


@pytest.mark.parametrize("make", [dict, pd.DataFrame, lambda t: pa.table(t), lambda t: Stream(pa.table(t))])
def test_no_rows(make):
    rows, pings = read(make(table(0)), unit="s")
    assert rows == []
    assert pings.counts.as_dict()["rows"] == 0
    assert pings.refused.column_names == ["row", "reason", "device", "time", "x", "y"]
    assert pings.n_rows == 0


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        ({"errors": "ignore"}, OptionError, "errors='ignore' is not one of 'collect', 'raise'"),
        ({"refused_cap": -1}, OptionError, "refused_cap=-1 is negative"),
        ({"refused_cap": 1.5}, CotraceTypeError, "refused_cap=1.5 is not a whole number of rows"),
        ({"refused_cap": True}, CotraceTypeError, "refused_cap=True"),
    ],
)
def test_options_that_are_none(option: dict[str, object], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        cotrace.read_pings(table(), unit="s", **option)  # type: ignore[arg-type]
