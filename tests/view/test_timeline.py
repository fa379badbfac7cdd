"""The timeline shows the stays, the shared time and the lookback, and says what it is."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from matplotlib import pyplot

import cotrace
from cotrace import Grid, StayOptions
from cotrace.errors import CaseError
from cotrace.view import plot_timeline

from .conftest import AS_OF, RULE, WORLD, pings, texts

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
OPTIONS = StayOptions(grid=Grid.planar(10))


def bars(ax, colour: str) -> list[tuple[float, float, float]]:
    """Return (lane, from hour, to hour) of the bars of a colour."""
    import matplotlib.colors as colors

    wanted = colors.to_rgba(colour)
    found = []
    for collection in ax.collections:
        if tuple(collection.get_facecolor()[0]) == wanted:
            for path in collection.get_paths():
                low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
                found.append((round((low[1] + high[1]) / 2), *np.round([low[0] * 24, high[0] * 24], 6)))
    return sorted(found)


def test_both_devices_and_their_shared_time(found):
    ax = plot_timeline(found, 1, 2)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["1, 0", "0, 0", "0, 3"]
    assert bars(ax, "#0072B2") == [(0, 31, 40), (1, 24, 30), (2, 41, 42)]
    assert bars(ax, "#E69F00") == [(0, 35, 38), (1, 25, 27)]
    assert bars(ax, "#000000") == [(0, 35, 38), (1, 25, 27)]


def test_it_says_what_it_is(found):
    ax = plot_timeline(found, 1, 2)
    assert ax.get_title(loc="left") == "2 beside case 1: 2 qualifying episodes, 5.0 h together"
    said = " ".join(" ".join(texts(ax)).split())
    assert "Candidates from co-location, not contacts: in one cell at least 1 h together" in said
    assert "10 m planar" in said
    assert "time (Asia/Shanghai)" in ax.get_xlabel()
    assert [t.get_text() for t in ax.get_legend().get_texts()] == [
        "case 1",
        "companion 2",
        "together (qualifying episode)",
    ]
    assert "9.0 h" in texts(ax)


def test_one_episode_is_not_episodes(found):
    assert "1 qualifying episode, 1.0 h together" in plot_timeline(found, 1, 3).get_title(loc="left")


def test_a_device_that_is_no_companion_can_be_drawn_too(found):
    ax = plot_timeline(found, 1, 4)
    assert ax.get_title(loc="left") == "4 beside case 1: no qualifying episode"
    assert bars(ax, "#E69F00") == []
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["case 1", "device 4"]


def test_a_case_beside_itself_is_refused(found):
    for same in (1, np.int64(1)):
        with pytest.raises(CaseError, match="name another device to draw beside it"):
            plot_timeline(found, 1, same)


@pytest.mark.parametrize(
    ("as_of", "lookback", "ticks", "year"),
    [
        ("2021-11-03T00:00:00+08:00", "14d", ["21 Oct", "23 Oct", "31 Oct", "2 Nov"], "2021;"),
        ("2022-01-03T00:00:00+08:00", "14d", ["21 Dec", "31 Dec", "2 Jan"], "2021 to 2022;"),
        ("2021-11-03T00:00:00+08:00", "2d", ["1 Nov", "12:00", "2 Nov"], "2021;"),
        ("2021-11-03T00:00:00+08:00", "730d", ["1 Jan 2020", "1 Apr 2020"], "2019 to 2021;"),
    ],
)
def test_the_time_axis_names_days(as_of, lookback, ticks, year):
    rule = cotrace.CompanionRule(min_cumulative=None, lookback=lookback)
    ax = plot_timeline(
        cotrace.find_companions(pings(WORLD), [1], as_of=as_of, rule=rule, options=OPTIONS), 1, 2
    )
    ax.figure.canvas.draw()
    written = [t.get_text() for t in ax.get_xticklabels()]
    assert ax.get_xlabel().startswith(f"time (Asia/Shanghai), {year}")
    assert set(ticks) <= set(written), written
    assert len(written) <= 10


def overlap(a, b) -> bool:
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1


@pytest.mark.parametrize("own", [True, False], ids=["own axes", "given axes"])
@pytest.mark.parametrize("hours", [("00:30", "23:30"), ("10:00", "10:30"), ("23:00", "23:30")])
def test_nothing_is_cut_off_and_no_title_covers_another(own, hours):
    cases = {"device": [1]} | {
        name: [f"1970-01-02T{hour}:00+00:00"]
        for name, hour in zip(("infectious_from", "isolated_at"), hours, strict=True)
    }
    found = cotrace.find_companions(pings(WORLD), cases, as_of=AS_OF, rule=RULE, options=OPTIONS)
    ax = plot_timeline(found, 1, 2, ax=None if own else pyplot.subplots()[1])
    ax.figure.canvas.draw()
    boxes = {t.get_text(): t.get_window_extent() for t in ax.texts if t.get_position()[1] > 2}
    boxes["title"] = ax._left_title.get_window_extent()
    reading = next(box for text, box in boxes.items() if text.startswith("Candidates"))
    assert boxes["title"].y1 < ax.figure.bbox.y1
    assert not overlap(boxes["title"], reading)
    assert not overlap(boxes["infectious_from"], reading)
    assert not overlap(boxes["isolated_at"], reading)
    assert ax.get_legend().get_window_extent().y0 >= 0


def test_cells_of_other_cases_are_not_shown(found):
    ax = plot_timeline(found, 1, 5)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["1, 0", "0, 0", "0, 3"]
    assert bars(ax, "#E69F00") == [(1, 40.5, 42)]  # at 40 h it was seen in two cells, and the greater is used


def test_the_lookback_is_marked_and_fills_the_axis(found):
    ax = plot_timeline(found, 1, 2)
    edges = sorted(
        {round(float(line.get_xdata()[0]), 9) for line in ax.lines if line.get_linestyle() == "--"}
    )
    assert edges == [1.0, 2.0]
    low, high = ax.get_xlim()
    assert 0.95 < low < 1 < 2 < high < 2.05


def test_dates_that_cut_the_lookback_are_marked():
    cases = {
        "device": [1],
        "infectious_from": ["1970-01-02T10:00:00+00:00"],
        "isolated_at": ["1970-01-02T13:00:00+00:00"],
    }
    ax = plot_timeline(
        cotrace.find_companions(pings(WORLD), cases, as_of=AS_OF, rule=RULE, options=OPTIONS), 1, 2
    )
    dotted = sorted(
        round(float(line.get_xdata()[0]) * 24) for line in ax.lines if line.get_linestyle() == ":"
    )
    assert dotted == [34, 37]
    assert {"infectious_from", "isolated_at"} <= set(texts(ax))
    assert bars(ax, "#0072B2")[0] == (0, 31, 37)


def test_many_cells_share_the_last_lane():
    rows = [(1, 24 + k, 24 + k + 0.5, 15 * k, 5) for k in range(20)] + [(1, 46, 47, 5, 5), (2, 46, 47, 5, 5)]
    rule = cotrace.CompanionRule(min_shared="30min", min_cumulative=None, lookback="1d")
    found = cotrace.find_companions(pings(rows), [1], as_of=AS_OF, rule=rule, options=OPTIONS)
    ax = plot_timeline(found, 1, 2)
    lanes = [t.get_text() for t in ax.get_yticklabels()]
    assert len(lanes) == 8
    assert lanes[0] == "0, 0"
    assert lanes[-1] == "13 other cells"
    assert len(bars(ax, "#0072B2")) == 21


def test_axes_that_are_given_are_drawn_on_and_returned(found):
    _, (ax, other) = pyplot.subplots(1, 2)
    assert found.plot_timeline(1, 2, ax=ax) is ax
    assert not other.collections


def test_towers_as_cells_and_an_offset_for_a_zone():
    log = {"device": ["a", "a", "b", "b"], "tower": ["x-1", "x-1", "x-1", "x-1"]}
    log["time"] = [f"1970-01-02T0{h}:00:00+05:30" for h in (1, 2, 1, 2)]
    options = StayOptions(by="tower", fill="forward")
    rule = cotrace.CompanionRule(min_cumulative=None, lookback="2d")
    found = cotrace.find_companions(cotrace.read_pings(log), ["a"], as_of=AS_OF, rule=rule, options=options)
    ax = plot_timeline(found, "a", "b")
    ax.figure.canvas.draw()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["tower x-1"]
    assert ax.get_ylabel() == "cell"
    assert f"time ({found.tz})" in ax.get_xlabel()


def test_which_case(found):
    with pytest.raises(CaseError, match="no case of this result"):
        plot_timeline(found, 2, 1)
    with pytest.raises(CaseError, match="not of the type"):
        plot_timeline(found, 1, "two")
    cases = {"device": [1, 1], "as_of": ["1970-01-02T12:00:00+00:00", AS_OF]}
    both = cotrace.find_companions(pings(WORLD), cases, rule=RULE, options=OPTIONS)
    with pytest.raises(CaseError, match="name one with as_of="):
        plot_timeline(both, 1, 2)
    assert "3.0 h together" in plot_timeline(both, 1, 2, as_of=cases["as_of"][0]).get_title(loc="left")
    assert "5.0 h together" in plot_timeline(both, 1, 2, AS_OF).get_title(loc="left")


def test_a_case_that_was_not_seen():
    found = cotrace.find_companions(pings(WORLD), [99], as_of=AS_OF, rule=RULE, options=OPTIONS)
    ax = plot_timeline(found, 99, 2)
    assert "the case was not observed in its lookback" in texts(ax)
    ax.figure.canvas.draw()


def test_without_matplotlib_the_extra_is_named(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'cotrace\[viz\]'"):
        plot_timeline(found, 1, 2)
