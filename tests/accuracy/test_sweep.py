"""sweep() and shifted_grids(): held to single runs and to the oracle on made worlds, and by hand."""

from __future__ import annotations

import random
import warnings
from typing import Any

import pytest
from tests import naive, naive_accuracy
from tests.accuracy.made import AS_OF, ids_of, pings_of
from tests.properties.through import arrow_pings, cases_of, options_of, rows_of, rule_of
from tests.properties.worlds import seeded

import cotrace

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
ANY = cotrace.CompanionRule(min_cumulative=None)


# ---- shifted grids -------------------------------------------------------------------------------------------


def companions_of(world: Any, dx: float, dy: float) -> set[Any]:
    """Return the oracle's companions with the edges moved by (dx, dy)."""
    moved = [(d, t, x - dx, y - dy) for d, t, x, y in world.pings]
    found = naive.answer(moved, world.cases, world.rule, world.making)
    return {(r["case_id"], r["as_of"], r["companion_id"]) for r in found.companions}


@pytest.mark.parametrize("chunk", range(2))
def test_shifted_grids_are_the_oracles(chunk):
    seen = 0
    for number in range(chunk, 60, 2):
        world = seeded(5, number)
        if world.by_tower or world.size != "small":
            continue
        cases, keywords = cases_of(world.cases)
        found = cotrace.shifted_grids(
            cotrace.read_pings(arrow_pings(world.pings, False), unit="s"),
            cases,
            3,
            rule=rule_of(world.rule),
            options=options_of(world.making),
            threads=1,
            **keywords,
        )
        wanted = naive_accuracy.shifted_grids(
            lambda dx, dy, world=world: companions_of(world, dx, dy), 3, world.making.cell_m
        )
        got = [
            ((r["case_id"], r["as_of"], r["companion_id"]), r["in_base"], r["remains_in"])
            for r in rows_of(found)
        ]
        assert got == wanted, number
        seen += len(got)
    assert seen > 10


def test_who_is_a_companion_by_the_edges_alone():
    # 2 m apart over an edge, and at two far corners of one cell
    pings = pings_of({1: (799.0, 5.0), 2: (801.0, 5.0), 3: (1.0, 799.0), 4: (400.0, 400.0)})
    base = cotrace.find_companions(pings, [1], as_of=AS_OF, rule=ANY)
    assert ids_of(base) == [3, 4]
    rows = {
        r["companion_id"]: r for r in rows_of(cotrace.shifted_grids(pings, [1], 64, as_of=AS_OF, rule=ANY))
    }
    assert [(d, rows[d]["in_base"]) for d in sorted(rows)] == [(2, False), (3, True), (4, True)]
    assert rows[2]["remains_in"] == 64
    # two devices dx and dy apart are in one cell of a share (1 - dx/s)(1 - dy/s) of all grids
    assert rows[3]["share"] == pytest.approx((1 - 798 / 800) * (1 - 794 / 800), abs=0.03)
    assert rows[4]["share"] == pytest.approx((1 - 399 / 800) * (1 - 395 / 800), abs=0.06)


def test_shifts_fill_the_cell_evenly():
    from cotrace.accuracy.shifted import grid_shifts

    shifts = grid_shifts(256, 800.0)
    assert shifts == naive_accuracy.shifts(256, 800.0)
    for k in range(2):
        parts = [sum(int(s[k] // 100) == part for s in shifts) for part in range(8)]
        assert min(parts) >= 28
        assert max(parts) <= 36
    assert (0.0, 0.0) not in shifts


def test_an_origin_of_ones_own_is_the_base():
    pings = pings_of({1: (799.0, 5.0), 2: (801.0, 5.0)})
    moved = cotrace.StayOptions(grid=cotrace.Grid.planar(800, origin=(400, 0)))
    found = cotrace.shifted_grids(pings, [1], 8, as_of=AS_OF, rule=ANY, options=moved)
    assert found["in_base"].to_pylist() == [True]


def test_what_cannot_be_shifted():
    pings = pings_of({1: (5.0, 5.0)})
    with pytest.raises(cotrace.CotraceError, match="cells of stays cannot be shifted"):
        cotrace.shifted_grids(cotrace.find_stays(pings), [1], as_of=AS_OF)
    with pytest.raises(cotrace.CotraceError, match="n=0"):
        cotrace.shifted_grids(pings, [1], 0, as_of=AS_OF)
    log = cotrace.read_pings({"device": [1], "time": [0], "tower": [1]}, unit="s")
    with pytest.raises(cotrace.CotraceError, match="no grid to change"):
        cotrace.shifted_grids(log, [1], as_of=AS_OF, options=cotrace.StayOptions(by="tower", fill="forward"))


def test_nobody_shared_anything():
    pings = pings_of({1: (5.0, 5.0), 2: (9005.0, 5.0)})
    found = cotrace.shifted_grids(pings, [1], 4, as_of=AS_OF, rule=ANY)
    assert len(found) == 0
    assert found.columns[0] == "case_id"


# ---- sweep ---------------------------------------------------------------------------------------------------


def test_every_run_is_what_one_gets_by_itself():
    for number in (1, 4, 7, 12, 15):
        world = seeded(6, number)
        if world.by_tower:
            continue
        pings = cotrace.read_pings(arrow_pings(world.pings, False), unit="s")
        cases, keywords = cases_of(world.cases)
        rule, options = rule_of(world.rule), options_of(world.making)
        rng = random.Random(number)
        devices = sorted({row[0] for row in world.pings})
        truth = [(c.device, d) for c in world.cases for d in devices if d != c.device and rng.random() < 0.5]
        if len({c.device for c in world.cases}) < len({(c.device, c.as_of) for c in world.cases}):
            continue
        over = {
            "dwell_of": ["either", "both"],
            "fill": ["same_cell", "forward"],
            "smooth": [None, "5min"],
            "cell_m": [400.0, 800.0],
            "origin": [(0.0, 0.0), (100.0, 50.0)],
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = cotrace.sweep(
                pings,
                cases,
                truth,
                over=over,
                rule=rule,
                options=options,
                replicates=10,
                threads=1,
                **keywords,
            )
            check_runs(found, pings, cases, truth, rule, options, keywords)


def check_runs(
    found: Any, pings: Any, cases: Any, truth: Any, rule: Any, options: Any, keywords: dict[str, Any]
) -> None:
    from dataclasses import replace

    rows = rows_of(found.table)
    assert [r["run"] for r in rows] == list(range(11))
    for row in rows:
        name, choice = row["varied"], row["choice"]
        mine, theirs = rule, options
        if name == "dwell_of":
            mine = replace(rule, dwell_of=choice)
        elif name == "fill":
            theirs = replace(options, fill=choice)
        elif name == "smooth":
            theirs = replace(options, smooth=None if choice == "none" else cotrace.PingPong(choice))
        elif name == "cell_m":
            theirs = replace(options, grid=cotrace.Grid.planar(float(choice)))
        elif name == "origin":
            dx, dy = (float(v) for v in choice.strip("()").split(", "))
            theirs = replace(options, grid=replace(options.grid, origin=(dx, dy)))
        alone = cotrace.find_companions(pings, cases, rule=mine, options=theirs, threads=1, **keywords)
        wanted = cotrace.evaluate(alone, truth, replicates=10).as_dict()
        for column in (
            "cases",
            "listed",
            "hits",
            "true_pairs",
            "found",
            "precision",
            "recall",
            "f1_low",
            "lift_high",
        ):
            assert row[column] == wanted[column], (name, choice, column)


def small() -> Any:
    return pings_of({1: (5.0, 5.0), 2: (9.0, 5.0), 3: (500.0, 5.0), 4: (5000.0, 5.0)})


def test_sources_are_one_more_option():
    found = cotrace.sweep(
        {"5G": small(), "4G": pings_of({1: (5.0, 5.0), 2: (900.0, 5.0)})},
        [1],
        [(1, 2)],
        as_of=AS_OF,
        rule=ANY,
        over={"min_shared": ["10min", "3h"]},
    )
    rows = rows_of(found.table)
    assert [(r["varied"], r["choice"], r["source"], r["hits"]) for r in rows] == [
        ("none", "", "5G", 1),
        ("source", "5G", "5G", 1),
        ("source", "4G", "4G", 0),
        ("min_shared", "10min", "5G", 1),
        ("min_shared", "3h", "5G", 0),
    ]
    assert rows[0]["warned"] == "cases"
    assert "source=4G: precision -, recall 0.000, 0 listed" in repr(found)


def test_all_combinations():
    done = []
    found = cotrace.sweep(
        small(),
        [1],
        [(1, 2)],
        as_of=AS_OF,
        rule=ANY,
        over={"cell_m": [400.0, 800.0], "strict": [False, True]},
        cross=True,
        progress=lambda n, of: done.append((n, of)),
    )
    rows = rows_of(found.table)
    assert [r["choice"] for r in rows] == ["", "400, False", "400, True", "800, False", "800, True"]
    assert {r["varied"] for r in rows[1:]} == {"cell_m, strict"}
    assert [r["listed"] for r in rows] == [2, 1, 1, 2, 2]
    assert done[-1] == (5, 5)


def test_truth_that_hangs_on_the_reading():
    asked = []

    def truth(rule, options):
        asked.append((rule.min_shared, options.grid.cell_m))
        return [(1, 2)] if options.grid.cell_m < 800 else [(1, 2), (1, 3)]

    found = cotrace.sweep(small(), [1], truth, as_of=AS_OF, rule=ANY, over={"cell_m": [400.0, 800.0]})
    assert found.table["recall"].to_pylist() == [1.0, 1.0, 1.0]
    assert sorted(asked) == [("10min", 400.0), ("10min", 800.0)]


def test_stays_vary_in_rules_alone():
    stays = cotrace.find_stays(small())
    found = cotrace.sweep(stays, [1], [(1, 2)], as_of=AS_OF, rule=ANY, over={"min_shared": ["1min"]})
    assert found.table["listed"].to_pylist() == [2, 2]
    with pytest.raises(cotrace.CotraceError, match="give pings instead of stays"):
        cotrace.sweep(stays, [1], [], as_of=AS_OF, over={"max_gap": ["1h"]})


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"min_share": ["1min"]}, "over has 'min_share', which is no option; there are source, min_shared"),
        ({"min_shared": "1min"}, "give a list"),
        ({"min_shared": []}, "give a list"),
        ({"source": ["x"]}, "the pings given are ''"),
        ({"dwell_of": ["nobody"]}, "dwell_of='nobody'"),
    ],
)
def test_what_cannot_be_varied(over, said):
    with pytest.raises(cotrace.CotraceError, match=said):
        cotrace.sweep(small(), [1], [], as_of=AS_OF, over=over)


def test_no_source():
    with pytest.raises(cotrace.CotraceError, match="without a source"):
        cotrace.sweep({}, [1], [], as_of=AS_OF, over={})
    with pytest.raises(TypeError, match="is not Pings or Stays: read it"):
        cotrace.sweep([1], [1], [], as_of=AS_OF, over={})


def test_settings_of_companions_by_anchors():
    hours = range(49)
    columns = {"device": [], "time": [], "x": [], "y": []}
    for device, home in ((1, 5.0), (2, 9.0), (3, 9005.0), (4, 90_005.0)):
        for h in hours:
            columns["device"].append(device)
            columns["time"].append(3600 * h)
            columns["x"].append(5000.0 if 8 <= h % 24 < 18 and device != 4 else home)
            columns["y"].append(5.0)
    pings = cotrace.read_pings(columns, unit="s")
    found = cotrace.find_companions(pings, [1], as_of="1970-01-03T01:00:00+00:00", rule=ANY)
    anchors = cotrace.anchors(found.stays)
    judged = cotrace.evaluate(found, found, anchors=anchors)
    rows = {r["part"]: r["listed"] for r in rows_of(judged.table)}
    assert rows == {None: 2, "home": 1, "work": 1}
    assert judged.f1 == 1.0
    assert judged.as_dict()["lift"] == pytest.approx(2 / (2 * 2 / 3))
    with pytest.raises(cotrace.CotraceError, match=r"give what cotrace\.anchors"):
        cotrace.evaluate(found, found, anchors=found.companions)


def test_tiers_belong_to_the_case_that_their_path_begins_with():
    # 1 meets 2, then 2 meets 3; 4 is with nobody
    columns = {"device": [], "time": [], "x": [], "y": []}
    for device, at in ((1, {0: 5.0}), (2, {0: 5.0, 7200: 5000.0}), (3, {7200: 5000.0}), (4, {0: 90_000.0})):
        for start, x in at.items():
            for t in range(start, start + 3601, 600):
                for name, value in zip(columns, (device, t, x, 5.0), strict=True):
                    columns[name].append(value)
    stays = cotrace.find_stays(cotrace.read_pings(columns, unit="s"))
    found = cotrace.tiers(stays, [1], as_of=AS_OF)
    judged = cotrace.evaluate(found, {"case_id": [1, 1], "companion_id": [2, 4]}, cases=[1], devices=4)
    rows = {r["part"]: (r["listed"], r["hits"]) for r in rows_of(judged.table) if r["grouping"] != "setting"}
    assert rows == {None: (2, 1), "contact_candidate": (1, 1), "contact_of_contact": (1, 0)}
    assert judged.recall == 0.5
    rings = cotrace.rings(stays, [1], as_of=AS_OF)
    assert cotrace.evaluate(rings, [(1, 2), (1, 3)]).f1 == 1.0
