"""What a cluster warns of: what one machine does, once, as soon as the job has shown it."""

from __future__ import annotations

import re
import warnings

import pyarrow as pa
import pytest
from tests.engine.test_queries import made

import cotrace
from cotrace.engine import spark as on_spark

OPTIONS = cotrace.StayOptions(max_gap="50min", fill="forward")
ASKED = {"options": OPTIONS, "rule": cotrace.CompanionRule(min_cumulative="2h")}
#: two that the data cover, one with a lookback before them, one long after, one that nobody has seen
LATER = "2021-11-03T12:00:00Z"
CASES = {
    "device": ["d003", "d007", "d011", "d012", "nobody"],
    "as_of": [LATER, "2021-10-20T00:00:00Z", "2022-03-01T00:00:00Z", "2021-11-02T00:00:00Z", LATER],
}
SHORT = {"rule": cotrace.CompanionRule(lookback="2d", min_cumulative="2h"), "options": OPTIONS}


@pytest.fixture(scope="module")
def pings(spark):
    return on_spark.read_pings(spark.createDataFrame(made(devices=30)).repartition(3).persist())


def said(ask) -> list[tuple[str, str]]:
    """Return kind and text of all that is warned of, in any order."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ask()
    found = [w.message for w in caught if isinstance(w.message, cotrace.CotraceWarning)]
    return sorted((w.kind, str(w)) for w in found)


@pytest.mark.parametrize(("asked", "first"), [(ASKED, "companions"), (ASKED, "counts"), (SHORT, "funnel")])
def test_of_pings(pings, asked, first):
    local = cotrace.read_pings(made(devices=30))
    wanted = said(lambda: cotrace.find_companions(local, CASES, **asked))
    found = []
    at_once = said(lambda: found.append(on_spark.find_companions(pings, CASES, **asked)))
    with_tables = said(lambda: getattr(found[0], first))
    assert sorted(at_once + with_tables) == wanted
    assert any("outside the data" in text for _, text in with_tables)
    assert any("less than half" in text for _, text in with_tables) == (asked is ASKED)
    assert any("never seen" in text for _, text in at_once)
    assert said(lambda: [found[0].companions, found[0].evidence, found[0].funnel, found[0].counts]) == []
    found[0].unpersist()


@pytest.mark.parametrize("asked", [ASKED, SHORT], ids=["two weeks", "two days"])
def test_of_stays(pings, asked):
    here = cotrace.find_stays(cotrace.read_pings(made(devices=30)), options=OPTIONS)
    wanted = said(lambda: cotrace.find_companions(here, CASES, **asked))
    stays = on_spark.find_stays(pings, options=OPTIONS)
    found = []
    told = said(lambda: found.append(on_spark.find_companions(stays, CASES, **asked)))
    told += said(lambda: found[0].companions)
    assert sorted(told) == wanted
    assert any("outside the data" in text for _, text in wanted)
    found[0].unpersist()


def test_stays_are_not_asked_where_the_cases_own_leave_no_doubt(pings, monkeypatch):
    from cotrace.engine.spark.source import Where

    stays = on_spark.find_stays(pings, options=OPTIONS)
    cases = {"device": ["d003", "d007"], "as_of": ["2021-11-02T12:00:00Z"] * 2}
    monkeypatch.setattr(Where, "span", None)  # whoever calls it fails
    found = on_spark.find_companions(stays, cases, **SHORT)
    assert said(lambda: found.funnel) == []
    found.unpersist()


def test_a_crowd_is_warned_of(spark):
    rows = [(device, 1_635_724_800 + 600 * k, 5.0, 5.0) for device in range(140) for k in range(20)]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    table = pa.table(columns, names=["device", "time", "x", "y"])
    asked = {"as_of": "2021-11-02T00:00:00Z", "rule": cotrace.CompanionRule(min_cumulative="1h")}
    wanted = said(lambda: cotrace.find_companions(cotrace.read_pings(table, unit="s"), [3], **asked))
    assert "crowd" in [kind for kind, _ in wanted]
    pings = on_spark.read_pings(spark.createDataFrame(table), unit="s")
    found = []
    told = said(lambda: found.append(on_spark.find_companions(pings, [3], **asked)))
    told += said(lambda: found[0].companions)
    assert sorted(told) == wanted
    found[0].unpersist()


# ---- rows that cannot be used ----------------------------------------------------------------------------------------


def spoilt() -> pa.Table:
    """Return pings of which some cannot be used, among them all of one device, and rows of no device."""
    table = made(devices=30)
    device, x = table["device"].to_pylist(), table["x"].to_pylist()
    for row in range(0, len(device), 97):
        device[row] = None
    x = [None if name == "d005" else value for name, value in zip(device, x, strict=True)]
    columns = [pa.array(device), table["time"], pa.array(x, pa.float64()), table["y"]]
    return pa.table(columns, names=table.column_names)


@pytest.mark.parametrize("partitions", [1, 64], indirect=True)
def test_refused_rows_are_kept(spark, partitions):
    table = spoilt()
    local_pings = cotrace.read_pings(table)
    wanted = cotrace.find_companions(local_pings, CASES, **ASKED)
    pings = on_spark.read_pings(spark.createDataFrame(table).repartition(5))
    found = on_spark.find_companions(pings, CASES, **ASKED)
    told = said(lambda: found.companions)
    assert found.counts.refused == wanted.counts.refused
    assert [kind for kind, _ in told].count("refused") == 1
    text = dict(told)["refused"]
    assert f"{wanted.counts.n_refused:,} of {len(table):,} rows cannot be used" in text
    assert "no device" in text

    def rows(refused):
        names = ["reason", *table.column_names]
        return sorted(map(str, refused.select(names).to_pylist()))

    kept = found.refused.toArrow()
    assert kept.column_names == ["row", "reason", *table.column_names]
    assert rows(kept.cast(local_pings.refused.schema)) == rows(local_pings.refused)
    found.unpersist()


def test_refused_rows_are_capped(spark):
    pings = on_spark.read_pings(spark.createDataFrame(spoilt()).repartition(5), refused_cap=7)
    found = on_spark.find_companions(pings, CASES, **ASKED)
    assert found.refused.count() == 7
    assert found.counts.n_refused > 7
    found.unpersist()
    stays = on_spark.find_stays(pings, options=OPTIONS)
    assert on_spark.find_companions(stays, CASES, **ASKED).refused.count() == 0


@pytest.mark.parametrize("partitions", [3], indirect=True)
def test_no_row_can_be_used(spark, partitions):
    table = made(devices=3).set_column(2, "x", pa.nulls(540, pa.float64()))
    with pytest.raises(cotrace.CotraceError, match=r"none of the 540 rows can be used: 540 no position"):
        cotrace.find_stays(cotrace.read_pings(table))
    pings = on_spark.read_pings(spark.createDataFrame(table))
    with pytest.raises(cotrace.CotraceError, match=r"none of the 540 rows can be used: 540 no position"):
        on_spark.count_pings(pings)
    found = on_spark.find_companions(pings, ["d001"], as_of="2021-11-02T00:00:00Z", rule=ASKED["rule"])
    for _ in range(2):
        with pytest.raises(cotrace.CotraceError, match="none of the 540 rows can be used"):
            _ = found.companions


def test_no_fix_and_a_fine_grid_are_warned_of(spark):
    table = made(devices=20)
    lon, lat = (
        [base + m / 100_000 for m in table[name].to_pylist()] for name, base in (("x", 104), ("y", 30))
    )
    for row in range(0, len(lon), 50):
        lon[row], lat[row] = 0.0, 0.0
    accuracy = [900.0 if row % 3 else 20.0 for row in range(len(lon))]
    columns = [table["device"], table["time"], *map(pa.array, (lon, lat, accuracy))]
    table = pa.table(columns, names=["device", "time", "lon", "lat", "accuracy"])
    wanted = said(lambda: cotrace.find_stays(cotrace.read_pings(table, accuracy="accuracy"), options=OPTIONS))
    pings = on_spark.read_pings(spark.createDataFrame(table).repartition(3), accuracy="accuracy")
    assert {"positions", "resolution"} <= {kind for kind, _ in wanted}
    # rows have no numbers on a cluster
    plain = sorted((kind, re.sub(r" \(first: row \d+\)", "", text)) for kind, text in wanted)
    assert said(lambda: on_spark.count_pings(pings, options=OPTIONS)) == plain
    found = on_spark.find_companions(pings, ["d003"], as_of=LATER, **ASKED)
    assert set(plain) <= set(said(lambda: found.counts))
    found.unpersist()


def test_degrees_and_units_are_warned_of(spark):
    degrees = {"device": [1, 1, 2], "time": [1_635_724_000, 1_635_725_000, 1_635_730_000]}
    degrees |= {"x": [104.061234, 104.062345, 104.063456], "y": [30.651234, 30.652345, 30.653456]}
    wanted = said(lambda: cotrace.find_stays(cotrace.read_pings(degrees, unit="ms")))
    assert {"positions", "unit"} <= {kind for kind, _ in wanted}
    pings = on_spark.read_pings(spark.createDataFrame(pa.table(degrees)), unit="ms")
    assert said(lambda: on_spark.count_pings(pings)) == wanted
