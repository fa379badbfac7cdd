"""On a map: the layers hold the rows, nothing is loaded unless asked for, and without lonboard there is a picture."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest
import shapely

import cotrace
from cotrace import StayOptions
from cotrace.errors import CotraceWarning, OptionError
from cotrace.view.explore import _layers_of, explore

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
AS_OF = "1970-01-02T00:00:00Z"


@pytest.fixture(scope="module")
def read():
    rows = {
        "device": [1, 1, 1, 1, 2, 2],
        "time": [0, 3600, 7200, 9000, 0, 3600],
        "lon": [104.0, 104.0, 104.1, 104.1, 104.0, 104.0],
        "lat": [30.0] * 6,
    }
    return cotrace.read_pings(rows, unit="s", tz="UTC")


@pytest.fixture(scope="module")
def stays(read):
    return cotrace.find_stays(read)


@pytest.fixture(scope="module")
def found(read):
    rule = cotrace.CompanionRule(min_cumulative=None, lookback="1d")
    with pytest.warns(CotraceWarning):
        return cotrace.find_companions(read, [1], as_of=AS_OF, rule=rule)


def shapes(table) -> list:
    return list(shapely.from_wkb(table["geometry"].to_pylist()))


def test_stays_are_cells_with_their_figures(stays):
    ((kind, table, colours),) = _layers_of(stays, None)
    assert kind == "polygons"
    assert table["devices"].to_pylist() == [2, 1]
    assert table["dwell_h"].to_pylist() == [2.0, 0.5]
    assert shapes(table)[0].equals(stays.grid.polygon(table["cell"][0].as_py()))
    assert colours.shape == (2, 4)
    assert colours[0].sum() < colours[1].sum()  # darker with more devices
    assert table.schema.field("geometry").metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"


def test_one_device_has_its_way(stays):
    cells, (kind, table, _) = _layers_of(stays, 1)
    assert cells[1]["dwell_h"].to_pylist() == [1.0, 0.5]
    assert kind == "path"
    assert len(shapes(table)[0].coords) == 2


def test_companions_are_the_cells_of_the_cases(found):
    ((_, table, _),) = _layers_of(found, None)
    assert table["companions"].to_pylist() == [1, 0]
    assert len(_layers_of(found, 1)) == 2


def test_rows_with_a_place_are_points(stays, found):
    ((kind, table, _),) = _layers_of(found.evidence, None)
    assert kind == "points"
    assert shapes(table)[0].x == pytest.approx(found.evidence["cell_lon"][0].as_py())
    ((_, table, _),) = _layers_of(cotrace.trajectory(stays, 1), None)
    assert table.num_rows == 2  # the gap is nowhere
    with pytest.raises(OptionError, match="funnel has no column cell_lon"):
        found.funnel.explore()
    with pytest.raises(OptionError, match="dict is nowhere"):
        explore({})


def test_towers_are_points_and_zones_are_polygons(stays):
    log = {"device": [1, 1], "tower": [1, 1], "time": [0, 3600]}
    towers = {"tower": [1], "lon": [104.0], "lat": [30.0]}
    read = cotrace.read_pings(log, unit="s", tz="UTC", tower="tower", towers=towers)
    at_towers = cotrace.find_stays(read, options=StayOptions(by="tower", fill="forward"))
    assert _layers_of(at_towers, None)[0][0] == "points"
    zones = cotrace.zones(stays, [1], as_of=AS_OF)
    ((kind, table, _),) = _layers_of(zones, None)
    assert (kind, table.num_rows) == ("polygons", len(zones))


def test_the_map_of_lonboard_loads_nothing_unless_asked(stays, found):
    pytest.importorskip("lonboard")
    shown = stays.explore()
    assert type(shown).__name__ == "Map"
    assert shown.basemap is None
    assert pa.table(shown.layers[0].table).num_rows == 2
    assert stays.explore(basemap=True).basemap is not None
    assert [type(layer).__name__ for layer in found.explore(device=1).layers] == ["PolygonLayer", "PathLayer"]
    assert type(found.evidence.explore().layers[0]).__name__ == "ScatterplotLayer"


def test_without_lonboard_there_is_a_picture(stays, monkeypatch):
    monkeypatch.setitem(sys.modules, "lonboard", None)
    with pytest.warns(CotraceWarning, match=r"pip install 'cotrace\[map\]'") as caught:
        ax = stays.explore(device=1)
    assert caught[0].message.kind == "positions"
    assert "of device 1" in ax.get_title(loc="left")


def test_in_a_plane_there_is_a_picture():
    rows = {"device": [1, 1], "time": [0, 3600], "x": [1.0, 1.0], "y": [1.0, 1.0]}
    stays = cotrace.find_stays(cotrace.read_pings(rows, unit="s", tz="UTC"))
    with pytest.warns(CotraceWarning, match="nothing of it has a longitude"):
        ax = stays.explore()
    assert np.isfinite(ax.get_xlim()).all()
