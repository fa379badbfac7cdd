"""Every result draws itself: what is drawn are its rows, and what is written says rule and counts."""

from __future__ import annotations

import matplotlib.colors
import numpy as np
import pytest
from matplotlib import pyplot

import cotrace
from cotrace import CompanionRule, Grid, StayOptions, synth
from cotrace.accuracy.ranked import list_sizes
from cotrace.errors import OptionError
from cotrace.view import plot, plot_companions, plot_counts, plot_intervals, plot_occupancy, plot_ranked

from .conftest import AS_OF, RULE, WORLD, pings, texts

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
OPTIONS = StayOptions(grid=Grid.planar(10))
MEET = CompanionRule(min_shared="1h", min_cumulative=None, lookback="1d")


@pytest.fixture(scope="module")
def stays():
    return cotrace.find_stays(pings(WORLD), options=OPTIONS)


def names(ax) -> list[str]:
    return [t.get_text() for t in ax.get_yticklabels()]


def said(ax) -> str:
    return " ".join(" ".join([ax.get_title(loc="left"), *texts(ax)]).split())


def spans(ax, colour: str) -> list[tuple[int, float, float]]:
    """Return (lane, from hour, to hour) of the bars of a colour."""
    wanted, found = matplotlib.colors.to_rgba(colour), []
    for collection in ax.collections:
        if len(collection.get_paths()) and tuple(collection.get_facecolor()[0]) == wanted:
            for path in collection.get_paths():
                low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
                found.append(
                    (round((low[1] + high[1]) / 2), *np.round([low[0] * 24, high[0] * 24], 6).tolist())
                )
    return sorted(found)


def test_a_case_and_its_companions(found):
    ax = found.plot(1)
    assert names(ax) == ["case 1", "2", "3"]
    assert spans(ax, "#0072B2") == [(0, 24, 30), (0, 31, 40), (0, 41, 42)]
    assert spans(ax, "#E69F00") == [(1, 25, 27), (1, 35, 38), (2, 36, 37)]
    assert spans(ax, "#000000") == [(1, 25, 27), (1, 35, 38), (2, 36, 37)]
    assert "Case 1: 2 companions" in said(ax)
    assert "in one cell at least 1 h together" in said(ax)
    assert [t for t in texts(ax) if t.endswith(" h")] == ["5.0 h", "1.0 h"]
    few = plot_companions(found, 1, most=1)
    assert "2 companions, the 1 with the rarest meetings drawn" in few.get_title(loc="left")
    assert names(found.plot()) == names(ax)  # the case with the most companions
    with pytest.raises(OptionError, match="at least one"):
        plot_companions(found, 1, most=0)


def test_the_funnel_and_the_lists(found):
    ax = found.funnel.plot()
    assert names(ax) == ["1", "5"]
    assert [p.get_width() for p in ax.patches][:2] == found.funnel["together"].to_pylist()
    ax = found.companions.plot()
    assert [round(p.get_width(), 3) for p in ax.patches] == sorted(
        (s / 3600 for s in found.companions["shared_s"].to_pylist()), reverse=True
    )
    assert ax.get_xlabel() == "total length of the qualifying episodes, h"
    assert f"companions: {len(found)} rows, by shared_s" in said(ax)
    assert found.companions.plot(by="crowd").get_xlabel() == "the smallest crowd of its evidence, devices"
    with pytest.raises(OptionError, match="no column of numbers of companions: n_episodes"):
        found.companions.plot(by="as_of")
    assert len(plot_ranked(found.companions, most=1).patches) == 1


def test_intervals_are_lanes_by_device_or_by_cell(found, stays):
    ax = found.evidence.plot()
    assert names(ax)[0] == "2"
    assert (0, 35, 38) in spans(ax, "#0072B2")
    alone = cotrace.trajectory(stays, 1).plot()
    assert names(alone)[:2] == ["1, 0", "0, 0"]
    assert alone.get_ylabel() == "cell"
    assert "nothing is known" in names(alone)
    assert spans(alone, "#DDDDDD") == [(3, 30, 31), (3, 40, 41)]
    both = cotrace.trajectory(stays, [1, 2]).plot(most=1)
    assert names(both) == ["1"]
    assert "the 1 of 2 with the most time are drawn" in said(both)


def test_occupancy_is_a_mean_by_local_hour(stays):
    ax = cotrace.occupancy(stays).plot()
    mesh = ax.collections[0]
    values = mesh.get_array().reshape(len(names(ax)), 24)
    assert "hour of the day (Asia/Shanghai)" in ax.get_xlabel()
    row = names(ax).index("0, 0")
    table = cotrace.occupancy(stays).to_pandas()
    mine = table[(table["cell_col"] == 0) & (table["cell_row"] == 0)]
    days = table["window_started_at"].dt.date.nunique()
    for hour, devices in mine.groupby(mine["window_started_at"].dt.hour)["devices"].sum().items():
        assert values[row][hour] == pytest.approx(devices / days)
    quarter = plot_occupancy(cotrace.occupancy(stays, window="15min"))
    assert quarter.collections[0].get_array().max() <= values.max() + 1e-9
    six = plot_occupancy(cotrace.occupancy(stays, window="6h"))
    assert len([t for t in six.get_xticklabels() if t.get_text()]) == 3 or six.get_xlabel().startswith("hour")
    daily = plot_occupancy(cotrace.occupancy(stays, window="1d"), most=2)
    assert daily.get_xlabel() == "start of the window (Asia/Shanghai)"
    assert "the 2 fullest are drawn" in said(daily)


def test_rings_and_tiers(stays):
    rings = cotrace.rings(stays, [1], as_of=AS_OF, rule=MEET, depth=2)
    ax = rings.plot()
    n = len(rings)
    at = np.concatenate(
        [c.get_offsets() for c in ax.collections if len(c.get_offsets()) and c.get_label()[0] != "_"]
    )
    assert len(at) == n
    radius = np.round(np.hypot(*at.T), 6).tolist()
    assert sorted(radius) == sorted(float(r) for r in rings["ring"].to_pylist())
    assert "cases: 1, ring 1: 2" in said(ax)
    assert rings.note.split(".")[0] in said(ax)
    ax = cotrace.tiers(stays, [1], as_of=AS_OF, rule=MEET).plot()
    assert "contact candidate: 2" in said(ax)
    assert rings.sizes.plot().get_xlabel() == "devices in it, devices"
    none = cotrace.rings(stays, [99], as_of=AS_OF, rule=MEET).plot()
    assert "cases: 1" in said(none)


def test_trees(found):
    links = cotrace.read_links(
        {
            "infected": [1, 2, 3, 4],
            "infector": [None, 1, 1, 2],
            "at": ["2015-05-11", "2015-05-18", "2015-05-20", "2015-05-22"],
        },
        tz="Asia/Seoul",
    )
    ax = links.plot()
    assert "Who infected whom: 4 devices, 1 without a known infector" in said(ax)
    sizes = {t.get_text() for t in ax.get_legend().get_texts()}
    assert sizes == {"generation 0: 1", "generation 1: 2", "generation 2: 1"}
    assert len(ax.lines) == 3
    town = synth.city(seed=1, area_km2=2, population=500, stations=4, days=7)
    made = synth.outbreak(town, seed=1)
    ax = made.plot()
    assert f"{len(made.infections):,} devices" in said(ax)
    assert len(ax.lines) == made.infections["infector"].length() - made.infections["infector"].null_count
    with pytest.raises(OptionError, match="Companions is no tree"):
        cotrace.view.plot_tree(found)


def test_zones(stays):
    zones = cotrace.zones(stays, [1], as_of=AS_OF)
    ax = zones.plot()
    kinds = zones.zones["zone_kind"].to_pylist()
    drawn = [p.get_label() for p in ax.patches]
    assert set(drawn) == set(kinds)
    assert f"{kinds.count('lockdown')} lockdown" in said(ax)
    assert ax.get_xlabel() == "x, m"
    looks = {p.get_label(): p.get_hatch() for p in ax.patches}
    assert len(set(looks.values())) == len(looks)  # told apart without colour


def test_how_right(found):
    truth = {"case_id": [1, 5, 5], "companion_id": [2, 4, 3]}
    ax = cotrace.evaluate(found, truth).plot()
    assert "1 of 2 pairs listed are true" in said(ax)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["precision", "recall"]
    precision, recall = (line for line in ax.lines if line.get_linestyle() == "None")
    assert precision.get_xdata()[0] == pytest.approx(1 / 2)
    assert recall.get_xdata()[0] == pytest.approx(1 / 3)
    sizes = list_sizes([0.9, 0.8, 0.1], [True, False, True], population=10)
    ax = sizes.plot()
    assert list(ax.lines[0].get_xdata()) == sizes["list_size"].to_pylist()
    assert "2 true pairs" in said(ax)
    share = cotrace.reliability(np.linspace(0, 1, 50), np.arange(50) % 2 == 0).plot()
    assert share.get_xlabel().startswith("probability")


def test_counts(found):
    ax = plot_counts(found.evidence, "dwell_met_by")
    assert sum(p.get_width() for p in ax.patches) == len(found.evidence)


def test_what_has_no_picture_is_said():
    with pytest.raises(OptionError, match="there is no picture of dict; there are of"):
        plot({})


def test_empty_results_draw_empty_axes(stays):
    found = cotrace.find_companions(pings(WORLD), [99], as_of=AS_OF, rule=RULE, options=OPTIONS)
    for table in (found.companions, found.evidence, found.companions):
        ax = table.plot()
        ax.figure.canvas.draw()
        assert "no row to draw" in texts(ax)
    found.plot(99).figure.canvas.draw()
    found.funnel.plot().figure.canvas.draw()
    found.coverage.plot().figure.canvas.draw()


def test_every_picture_takes_axes_and_gives_them_back(found, stays):
    tables = [found, found.companions, found.evidence, found.funnel, found.coverage, cotrace.occupancy(stays)]
    tables += [
        stays,
        cotrace.rings(stays, [1], as_of=AS_OF, rule=MEET),
        cotrace.zones(stays, [1], as_of=AS_OF),
    ]
    tables += [cotrace.pairs(stays), cotrace.evaluate(found, {"case_id": [1], "companion_id": [2]})]
    for table in tables:
        _, axes = pyplot.subplots(1, 2, figsize=(14, 6))
        assert table.plot(ax=axes[0]) is axes[0]
        assert axes[0].get_title(loc="left")
        pyplot.close("all")


@pytest.mark.parametrize("name", ["$\\frac{1}$ <b>&\n\u202e=1", "_" + "x" * 300])
def test_hostile_names_are_drawn_as_they_are_written(name):
    rows = {"device": [name] * 3 + ["b"] * 3, "time": [0, 1800, 3600] * 2, "x": [5.0] * 6, "y": [5.0] * 6}
    read = cotrace.read_pings(rows, unit="s", tz="UTC")
    rule = CompanionRule(min_cumulative=None, lookback="1d")
    found = cotrace.find_companions(read, [name], as_of="1970-01-02T00:00:00Z", rule=rule, options=OPTIONS)
    other = cotrace.find_companions(read, ["b"], as_of="1970-01-02T00:00:00Z", rule=rule, options=OPTIONS)
    drawn = [found.plot(), other.plot_timeline("b", name), found.plot_cells(name), other.companions.plot()]
    drawn += [plot_intervals(other.evidence), found.stays.plot(name)]
    for ax in drawn:
        ax.figure.canvas.draw()
        for text in (*names(ax), ax.get_title(loc="left")):
            assert "\u202e" not in text
            assert len(max(text.split("\n"), key=len)) < 130
