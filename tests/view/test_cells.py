"""The map of a case's cells: companions by colour, dwell by figure; towers as points or bars."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import colormaps, pyplot
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_rgba

import cotrace
from cotrace import Grid, StayOptions
from cotrace.view import plot_cells
from cotrace.view.labels import place
from cotrace.view.style import hours

from .conftest import AS_OF, RULE, WORLD, pings, texts

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


def squares(ax) -> PolyCollection:
    return next(c for c in ax.collections if isinstance(c, PolyCollection))


def points(ax) -> PathCollection:
    return next(c for c in ax.collections if isinstance(c, PathCollection))


def test_cells_by_companions_with_the_dwell_of_the_case(found):
    ax = plot_cells(found, 1)
    corners = [path.vertices.min(axis=0).tolist() for path in squares(ax).get_paths()]
    assert corners == [[0, 0], [0, 30], [10, 0]]
    one, two = (colormaps["viridis_r"](v) for v in (0.0, 1.0))
    faces = [tuple(face) for face in squares(ax).get_facecolor()]
    assert faces == [one, to_rgba("#F2F2F2"), two]
    assert {"1\n6.0 h", "1.0 h", "2\n9.0 h"} <= set(texts(ax))
    assert ax.get_title(loc="left") == "Case 1: 2 companions from 2 of 3 cells that it was in"
    said = " ".join(" ".join(texts(ax)).split())
    assert "Candidates from co-location, not contacts: in one cell at least 1 h together" in said
    assert ax.get_xlabel().startswith("x, m")
    assert ax.get_aspect() == 1


@pytest.mark.parametrize("own", [True, False], ids=["own axes", "given axes"])
def test_no_title_is_cut_off(found, own):
    ax = plot_cells(found, 1, ax=None if own else pyplot.subplots()[1])
    ax.figure.canvas.draw()
    box = ax._left_title.get_window_extent()
    assert box.y1 < ax.figure.bbox.y1 - 4
    assert box.x1 < ax.figure.bbox.x1
    assert ax.child_axes[0].yaxis.label.get_window_extent().x1 <= ax.figure.bbox.x1


def test_a_long_title_has_several_lines():
    rows = {"device": ["a" * 30] * 2, "time": [0, 1800], "x": [0.0, 0.0], "y": [0.0, 0.0]}
    found = cotrace.find_companions(cotrace.read_pings(rows, unit="s"), ["a" * 30], as_of=AS_OF, rule=RULE)
    ax = plot_cells(found, "a" * 30)
    ax.figure.canvas.draw()
    assert "\n" in ax.get_title(loc="left")
    assert ax._left_title.get_window_extent().x1 < ax.figure.bbox.x1


def test_the_colour_bar_is_in_whole_companions(found):
    ax = plot_cells(found, 1)
    ax.figure.canvas.draw()
    bar = ax.child_axes[0]
    assert bar.get_ylabel() == "companions that the cell brings (light grey: none)"
    assert all(float(t) == int(float(t)) for t in bar.get_yticks())


def test_axes_that_are_given_are_drawn_on_and_returned(found):
    _, (ax, other) = pyplot.subplots(1, 2)
    assert found.plot_cells(1, ax=ax) is ax
    assert not other.collections


def test_a_degree_of_longitude_is_as_wide_as_it_is():
    source = cotrace.read_pings(
        {"device": [1, 1, 2, 2], "time": [0, 1800, 0, 1800], "lon": [10.0] * 4, "lat": [60.0] * 4}, unit="s"
    )
    rule = cotrace.CompanionRule(min_cumulative=None)
    for grid in (Grid.geographic(800), None):
        found = cotrace.find_companions(source, [1], as_of=AS_OF, rule=rule, options=StayOptions(grid=grid))
        ax = plot_cells(found, 1)
        assert ax.get_aspect() == pytest.approx(2.0, rel=1e-3)
        assert ax.get_ylabel() == "latitude, degrees"
        assert "Case 1: 1 companion from 1 of 1 cells" in ax.get_title(loc="left")


def test_cells_too_small_to_see_are_points_with_labels_beside():
    far = [(1, 24 + k / 2, 24.4 + k / 2, 1_000 * k, 5 * k) for k in range(3)]
    together = [(1, 30, 33, 5, 5), (2, 30, 33, 5, 5)]
    options = StayOptions(grid=Grid.planar(10))
    found = cotrace.find_companions(
        pings([*far, (1, 26, 27, 2_000, 5), *together]), [1], as_of=AS_OF, rule=RULE, options=options
    )
    ax = plot_cells(found, 1)
    assert len(points(ax).get_offsets()) == 2
    assert not any(isinstance(c, PolyCollection) for c in ax.collections)
    assert {"1\n3.0 h", "1.0 h"} <= set(texts(ax))


def test_small_cells_are_squares_with_labels_beside():
    rows = [(1, 24, 26, 5, 5), (1, 26.5, 28, 405, 5), (2, 24, 26, 5, 5)]
    options = StayOptions(grid=Grid.planar(10))
    found = cotrace.find_companions(pings(rows), [1], as_of=AS_OF, rule=RULE, options=options)
    ax = plot_cells(found, 1)
    assert len(squares(ax).get_paths()) == 2
    label = next(t for t in ax.texts if t.get_text() == "1\n2.0 h")
    assert tuple(label.xy) == (5, 5)
    assert np.hypot(*label.get_position()) > 5


def tower_log(towers=None):
    log = {"device": [], "time": [], "tower": []}
    for device, start, end, x, _ in WORLD:
        for second in range(int(start * 3600), int(end * 3600) + 1, 1800):
            log["device"].append(device)
            log["time"].append(second)
            log["tower"].append(f"t{x:.0f}")
    source = cotrace.read_pings(log, unit="s", towers=towers)
    options = StayOptions(by="tower", fill="forward")
    return cotrace.find_companions(source, [1], as_of=AS_OF, rule=RULE, options=options)


def test_towers_without_positions_are_bars():
    ax = plot_cells(tower_log(), 1)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["tower t15", "tower t5"]
    assert [bar.get_width() for bar in ax.patches] == [2, 2]
    assert " 2  (case 10 h)" in texts(ax)
    assert "companions that the cell brings" in ax.get_xlabel()


def test_towers_with_positions_are_points_and_the_others_are_counted():
    ax = plot_cells(tower_log({"tower": ["t15", "t500"], "lon": [104.0, 105.0], "lat": [30.0, 30.0]}), 1)
    offsets = np.ma.filled(points(ax).get_offsets(), np.nan)
    assert offsets[np.isfinite(offsets).all(axis=1)].tolist() == [[104.0, 30.0]]
    assert "1 of the case's towers have no position and are not drawn" in texts(ax)


def test_a_case_that_was_not_seen():
    found = cotrace.find_companions(pings(WORLD), [99], as_of=AS_OF, rule=RULE)
    ax = plot_cells(found, 99)
    assert "the case was not observed in its lookback" in texts(ax)
    assert "Case 99: 0 companions from 0 of 0 cells" in ax.get_title(loc="left")


def test_labels_cover_neither_points_nor_each_other():
    crowd = np.array([[0.0, 0.0], [12.0, 0.0], [0.0, 12.0], [12.0, 12.0], [200.0, 200.0]])
    offsets = place(crowd, ["1\n2 h"] * 5, half=5.0)
    assert offsets[4] == (0, 5 + 9.5 + 1.5)
    assert len(offsets) == 5
    boxes = [(*(p + o - (6.9, 9.5)), *(p + o + (6.9, 9.5))) for p, o in zip(crowd, offsets, strict=True) if o]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]
    dense = np.array([[3.0 * i, 3.0 * j] for i in range(9) for j in range(9)])
    assert place(dense, ["10 h"] * 81, half=5.0)[40] is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "60 min"),
        (3_600, "1.0 h"),
        (5_400, "1.5 h"),
        (36_000, "10 h"),
    ],
)
def test_lengths_of_time(seconds, text):
    assert hours(seconds) == text


def test_a_place_from_elsewhere_is_named_and_not_drawn():
    rows = {"device": [1, 1, 2, 2], "time": [0, 3600, 0, 3600], "lon": [104.0] * 4, "lat": [30.0] * 4}
    visits = {"device": [1, 2], "place": ["the cinema"] * 2, "source": ["tickets"] * 2}
    visits["started_at"], visits["finished_at"] = ["1970-01-01T05:00:00Z"] * 2, ["1970-01-01T07:00:00Z"] * 2
    stays = cotrace.find_stays(cotrace.read_pings(rows, unit="s", tz="UTC"))
    both = cotrace.with_visits(stays, cotrace.read_visits(visits))
    rule = cotrace.CompanionRule(min_cumulative=None, lookback="1d")
    found = cotrace.find_companions(both, [1], as_of="1970-01-02T00:00:00Z", rule=rule)
    ax = plot_cells(found, 1)
    ax.figure.canvas.draw()
    assert "1 of its cells are places without a position, and not drawn" in texts(ax)
    assert ax.get_title(loc="left") == "Case 1: 1 companion from 2 of 2 cells that it was in"
    assert "the cinema" in [t.get_text() for t in found.plot_timeline(1, 2).get_yticklabels()]
    assert "2 stays in 2 cells" in both.plot(1).get_title(loc="left")
    assert '"the cinema"' in cotrace.view.report_html(found)
