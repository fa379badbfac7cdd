"""What a result says of itself, in words and as tables."""

from __future__ import annotations

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.companions.helpers import AS_OF, HOUR, example, pings_of, stay

import cotrace
from cotrace import CompanionRule, StayOptions
from cotrace.errors import CaseError, SchemaError
from cotrace.schema import COMPANIONS, COVERAGE, EVIDENCE, FUNNEL

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


@pytest.fixture
def found() -> cotrace.Companions:
    return cotrace.find_companions(example(), ["A"], as_of=AS_OF)


def test_it_begins_with_what_it_is(found: cotrace.Companions) -> None:
    lines = " ".join(repr(found).split())
    assert lines.startswith(
        "Candidates from co-location, not contacts: in one cell at least 10 min together without a break and either "
        "of the two at least 30 h there in all, in the 14 days before as_of. Cells: 800 m planar; fill='same_cell', "
        "max_gap='75min'. 66 rows, 66 used; streamed case A: 1 device in one cell with it at all, 1 long "
        "enough, 1 companion (0 with dwell_of='both'); it was in 1 cell, and 100% of its companions come from one of "
        "them, column 0, row 0 "
        "1 companion, rarest meetings first:"
    )
    assert max(len(line) for line in repr(found).splitlines()[:5]) <= 110


def test_the_rarest_meetings_come_first() -> None:
    crowd = [stay(f"C{k}", 0, 2 * HOUR) for k in range(4)]
    alone = stay("Z", 20 * HOUR, 21 * HOUR)
    found = cotrace.find_companions(pings_of(stay("A", 0, 31 * HOUR), *crowd, alone), ["A"], as_of=AS_OF)
    assert repr(found).splitlines()[-5].split()[3] == "Z"


def test_nobody_found_is_not_nobody_exposed() -> None:
    found = cotrace.find_companions(example(60), ["A"], as_of=AS_OF)
    assert repr(found).splitlines()[-1] == (
        "No companions. Not flagged is not the same as not exposed: see coverage."
    )
    assert len(found) == 0
    assert "<p>No companions." in found._repr_html_()


def test_many_cases_are_summed_up() -> None:
    homes = [stay(f"case{k:02}", 0, 31 * HOUR) for k in range(12)]
    found = cotrace.find_companions(pings_of(*homes), [f"case{k:02}" for k in range(12)], as_of=AS_OF)
    assert "... and 2 more cases; 132 companions of all" in repr(found)
    assert "the 10 rarest meetings first" in repr(found)


def test_html_escapes_what_comes_from_the_data() -> None:
    wicked = "<script>alert(1)</script>"
    found = cotrace.find_companions(
        pings_of(stay("A", 0, 31 * HOUR), stay(wicked, 0, HOUR)), ["A"], as_of=AS_OF
    )
    for html in (found._repr_html_(), found.companions._repr_html_(), found.evidence._repr_html_()):
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


def test_explain(found: cotrace.Companions) -> None:
    text = found.explain("A", "B")
    assert "Device B is a candidate companion of case A (as of 2021-11-11T00:00:00+00:00)" in text
    assert "from co-location alone" in text
    assert (
        "the case was there 31 h in the lookback, the companion 10 min; the case has the cumulative dwell"
        in text
    )
    assert "2021-11-01T09:00:00+00:00 to 2021-11-01T09:10:00+00:00: 10 min, with up to 2 devices" in text
    assert "Not observed: the case has a cell for 9% of its lookback (14 days), from 63 pings" in text
    assert "up to 1,131 m apart" in text


def test_explain_who_is_no_companion(found: cotrace.Companions) -> None:
    nobody = found.explain("A", "nobody")
    assert nobody.startswith("Device nobody is no companion of case A")
    assert "never seen in the pings" in nobody
    with pytest.raises(CaseError, match="no case of this result"):
        found.explain("B", "A")
    away = pings_of(stay("A", 0, 31 * HOUR), stay("B", 0, 300, step=60), stay("C", 0, HOUR, x=900.0))
    short = cotrace.find_companions(away, ["A"], as_of=AS_OF)
    assert "shared one cell was 5 min, 5 min in all, in column 0, row 0" in short.explain("A", "B")
    assert "the case was there 31 h, the device 5 min" in short.explain("A", "B")
    assert "never in one cell at one time" in short.explain("A", "C")


def test_a_case_is_not_its_own_companion(found: cotrace.Companions) -> None:
    with pytest.raises(CaseError, match="the case itself"):
        found.explain("A", "A")
    assert found.explain("A", found.companions["companion_id"][0]).startswith("Device B is a candidate")


def test_cases_are_kept_as_they_were_used() -> None:
    cases = {"device": ["B", "A"], "as_of": [AS_OF, AS_OF], "isolated_at": [None, "2021-11-05T00:00:00Z"]}
    rows = cotrace.find_companions(example(), cases).cases.to_arrow().to_pylist()
    assert [r["case_id"] for r in rows] == ["A", "B"]
    assert [r["isolated_at"] is None for r in rows] == [False, True]
    assert [r["infectious_from"] for r in rows] == [None, None]


def test_explain_says_what_cut_the_lookback_short() -> None:
    cases = {"device": ["A"], "as_of": [AS_OF], "isolated_at": ["2021-11-02T06:30:00Z"]}
    text = cotrace.find_companions(example(), cases, rule=CompanionRule(lookback="252h")).explain("A", "B")
    assert "of its lookback (252 h, cut short by isolated_at)" in text


def test_explain_wants_the_as_of_of_a_case_with_several() -> None:
    cases = {"device": ["A", "A"], "as_of": [AS_OF, "2021-11-10T00:00:00Z"]}
    found = cotrace.find_companions(example(), cases)
    with pytest.raises(CaseError, match="has 2 as_of"):
        found.explain("A", "B")
    assert "as of 2021-11-10T00:00:00+00:00" in found.explain("A", "B", as_of="2021-11-10T00:00:00Z")
    numbers = cotrace.find_companions(
        cotrace.read_pings({"device": [1], "time": [0], "x": [0.0], "y": [0.0]}, unit="s"),
        [1],
        as_of="1970-01-02T00:00:00Z",
    )
    with pytest.raises(CaseError, match="no exact counterpart"):
        numbers.explain(1, "B")


def test_explain_shortens_long_lists() -> None:
    a, b = [], []
    for k in range(24):
        a += stay("A", k * 2 * HOUR, k * 2 * HOUR + HOUR, x=1.0 + 900 * (k % 12))
        b += stay("B", k * 2 * HOUR, k * 2 * HOUR + HOUR, x=1.0 + 900 * (k % 12))
    found = cotrace.find_companions(
        pings_of(a, b), ["A"], as_of=AS_OF, rule=CompanionRule(min_cumulative=None)
    )
    assert "... and 2 more cells: see evidence." in found.explain("A", "B")
    assert "no cumulative dwell is asked for here" in found.explain("A", "B")


@pytest.mark.parametrize(
    ("name", "schema"),
    [("companions", COMPANIONS), ("evidence", EVIDENCE), ("funnel", FUNNEL), ("coverage", COVERAGE)],
)
def test_tables_speak_every_dialect(found: cotrace.Companions, name: str, schema: object) -> None:
    rows = getattr(found, name)
    assert rows.schema is schema
    arrow = rows.to_arrow()
    assert isinstance(arrow, pa.Table)
    assert arrow.schema == schema.arrow(device=pa.large_string(), tz="UTC")
    assert rows.columns == tuple(arrow.column_names)
    assert isinstance(rows.to_pandas(), pd.DataFrame)
    assert isinstance(rows.to_polars(), pl.DataFrame)
    assert pa.table(rows).equals(arrow)
    assert pl.DataFrame(rows).height == len(rows) == arrow.num_rows
    assert duckdb.sql("select count(*) from rows").fetchall() == [(len(rows),)]
    assert rows["case_id"].to_pylist() == ["A"]
    assert rows.to_arrow().to_pandas().isna().sum().sum() <= 4
    with pytest.raises(SchemaError, match="has no column 'nothing'; it has case_id"):
        rows["nothing"]


def test_evidence_adds_up_to_companions() -> None:
    rows = [
        stay(k, h * HOUR, h * HOUR + 1800, x=1.0 + 900 * (h % 3))
        for k in range(4)
        for h in range(0, 40, k + 1)
    ]
    found = cotrace.find_companions(
        pings_of(*rows), [0, 1], as_of=AS_OF, rule=CompanionRule(min_cumulative="1h")
    )
    evidence = found.evidence.to_pandas()
    summed = evidence.groupby(["case_id", "as_of", "companion_id"], as_index=False).agg(
        n_episodes=("cell", "size"),
        n_cells=("cell", "nunique"),
        shared_s=("shared_s", "sum"),
        longest_s=("shared_s", "max"),
        first_started_at=("started_at", "min"),
        last_finished_at=("finished_at", "max"),
        case_dwell_s=("case_dwell_s", "max"),
        companion_dwell_s=("companion_dwell_s", "max"),
        crowd=("crowd", "min"),
    )
    listed = found.companions.to_pandas().drop(columns="dwell_met_by")
    pd.testing.assert_frame_equal(listed, summed, check_dtype=False)
    assert len(listed) > 3
    order = ["case_id", "as_of", "companion_id", "started_at", "cell"]
    pd.testing.assert_frame_equal(evidence, evidence.sort_values(order, ignore_index=True))


def test_results_carry_the_zone_of_the_input() -> None:
    frame = pd.DataFrame(
        {
            "device": ["A", "B"] * 2,
            "time": pd.to_datetime(
                ["2021-11-01 08:00", "2021-11-01 08:00", "2021-11-01 09:00", "2021-11-01 09:00"]
            ),
            "x": [1.0] * 4,
            "y": [1.0] * 4,
        }
    )
    pings = cotrace.read_pings(frame, tz="Asia/Shanghai")
    found = cotrace.find_companions(pings, ["A"], as_of=AS_OF, rule=CompanionRule(min_cumulative=None))
    assert str(found.evidence.to_arrow().schema.field("started_at").type.tz) == "Asia/Shanghai"
    assert found.evidence.to_pandas()["started_at"][0].isoformat() == "2021-11-01T08:00:00+08:00"
    assert found.companions["as_of"].to_pylist()[0].utcoffset().total_seconds() == 8 * HOUR


def test_an_empty_input_gives_empty_typed_tables() -> None:
    pings = cotrace.read_pings(
        pd.DataFrame(
            {"device": pd.Series([], dtype="int64"), "time": pd.Series([], dtype="int64"), "x": [], "y": []}
        ),
        unit="s",
    )
    found = cotrace.find_companions(pings, [1], as_of=AS_OF)
    assert len(found.companions) == len(found.evidence) == 0
    assert found.companions.to_arrow().schema == COMPANIONS.arrow()
    assert found.evidence.to_arrow().schema == EVIDENCE.arrow()
    assert found.funnel.to_arrow().to_pylist()[0]["together"] == 0
    assert len(cotrace.find_stays(pings)) == 0
    assert len(cotrace.occupancy(cotrace.find_stays(pings))) == 0
    none = cotrace.find_companions(example(), [], as_of=AS_OF)
    assert len(none.funnel) == 0
    assert "No companions" in repr(none)


def test_stays_of_the_cells_of_the_cases(found: cotrace.Companions) -> None:
    assert found.stays["device"].to_pylist() == ["A", "B"]
    assert found.options == StayOptions(grid=cotrace.Grid.planar(800), fill="same_cell")
    assert found.rule == CompanionRule()
    assert found.counts.rows == 66
