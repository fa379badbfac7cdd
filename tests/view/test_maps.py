"""Stays on a map: the cells, the dwell, the way in time, and what is said where nothing has a place."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot

import cotrace
from cotrace import Grid, StayOptions
from cotrace.errors import OptionError
from cotrace.view import plot_footprints, plot_stays

from .conftest import WORLD, pings, texts

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


@pytest.fixture(scope="module")
def stays():
    return cotrace.find_stays(pings(WORLD), options=StayOptions(grid=Grid.planar(10)))


def squares(ax) -> list[tuple[float, float]]:
    """Return the lower left corners of the squares."""
    return sorted(tuple(p.vertices.min(axis=0)) for p in ax.collections[0].get_paths())


def test_one_device_with_its_way(stays):
    ax = plot_stays(stays, 1)
    assert squares(ax) == [(0, 0), (0, 30), (10, 0)]
    assert [t for t in texts(ax) if ": " in t][:3] == ["1: 6.0 h", "2: 9.0 h", "3: 1.0 h"]
    arrows = next(c for c in ax.collections if hasattr(c, "U"))
    assert list(zip(arrows.X, arrows.Y, arrows.U, arrows.V, strict=True)) == [(5, 5, 10, 0), (15, 5, -10, 30)]
    assert "3 stays in 3 cells of device 1" in ax.get_title(loc="left")
    said = " ".join(" ".join(texts(ax)).split())
    assert "not where people were" in said
    assert "Cells: 10 m planar; fill='same_cell'" in said
    assert ax.get_xlabel().startswith("x, m")
    assert ax.get_ylabel() == "y, m"


def test_all_devices(stays):
    ax = stays.plot()
    assert len(squares(ax)) == 5
    assert not [c for c in ax.collections if hasattr(c, "U")]
    assert f"{len(stays)} stays in 5 cells of 5 devices" in ax.get_title(loc="left")
    darkest = np.argmin(ax.collections[0].get_facecolor()[:, :3].sum(axis=1))
    path = ax.collections[0].get_paths()[darkest]
    assert tuple(path.vertices.min(axis=0)) == (0, 0)  # three devices were there


def test_an_axes_is_taken_and_given_back(stays):
    _, axes = pyplot.subplots(1, 2)
    assert plot_stays(stays, 1, ax=axes[1]) is axes[1]
    assert not axes[0].has_data()


def test_nothing_to_draw(stays):
    assert "no stay to draw" in texts(plot_stays(stays, 77))
    with pytest.raises(OptionError, match="not of the type of these ids"):
        plot_stays(stays, "one")


def test_towers_without_a_position_are_bars():
    log = {"device": [1, 1, 1], "tower": ["$a$", "$a$", "b"], "time": [0, 3600, 7200]}
    options = StayOptions(by="tower", fill="forward")
    stays = cotrace.find_stays(cotrace.read_pings(log, unit="s", tz="UTC", tower="tower"), options=options)
    ax = plot_stays(stays, 1)
    ax.figure.canvas.draw()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["tower $a$"]
    assert "their positions are not known" in ax.get_title(loc="left")
    assert [round(p.get_width()) for p in ax.patches] == [2]


def test_towers_with_a_position_are_points():
    log = {"device": [1, 1, 1], "tower": [1, 2, 2], "time": [0, 3600, 7200]}
    towers = {"tower": [1, 2], "lon": [104.0, 104.1], "lat": [30.0, 30.0]}
    options = StayOptions(by="tower", fill="forward")
    read = cotrace.read_pings(log, unit="s", tz="UTC", tower="tower", towers=towers)
    ax = plot_stays(cotrace.find_stays(read, options=options), 1)
    assert ax.collections[0].get_offsets().tolist() == [[104.0, 30.0], [104.1, 30.0]]


def test_footprints():
    towers = {"tower": [1, 2], "lon": [104.0, 104.01], "lat": [30.0, 30.0], "radius_m": [2000.0, 900.0]}
    made = cotrace.find_footprints(towers, Grid.geographic(400))
    ax = plot_footprints(made)
    assert len(ax.collections[0].get_paths()) == np.diff(made.lo).max()
    assert ax.get_title(loc="left").startswith("Where a device may be at tower 1: ")
    assert made.plot(2).get_title(loc="left").startswith("Where a device may be at tower 2: ")
