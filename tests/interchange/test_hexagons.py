from __future__ import annotations

import h3
import numpy as np
import pytest
import shapely

import cotrace
from cotrace.demo import city_pings
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.interchange import h3_cells, to_h3


@pytest.mark.parametrize("resolution", [6, 8, 9, None])
@pytest.mark.parametrize(
    "grid",
    [cotrace.Grid.geographic(800), cotrace.Grid.projected(800, crs="EPSG:32648")],
    ids=lambda g: g.kind,
)
def test_a_cell_is_shared_out_whole(grid: cotrace.Grid, resolution: int | None) -> None:
    cells = grid.cell(lon=np.array([104.0, 104.01, 104.3]), lat=np.array([30.6, 30.6, 30.9]))
    rows = h3_cells(cells, grid, resolution).to_pandas()
    assert np.allclose(rows.groupby("cell")["share"].sum(), 1, atol=1e-12)
    for cell, met in rows.groupby("cell"):
        outline = grid.polygon(cell)
        hexagons = [shapely.Polygon([(x, y) for y, x in h3.cell_to_boundary(name)]) for name in met["h3"]]
        # nothing of the outline is outside the hexagons, so the shares are of the whole
        assert shapely.area(shapely.difference(outline, shapely.union_all(hexagons))) < 1e-9 * outline.area
        middle = grid.centre(cell)
        assert h3.latlng_to_cell(middle[1], middle[0], h3.get_resolution(met["h3"].iloc[0])) in set(met["h3"])
    assert rows["share_of_h3"].between(0, 1 + 1e-9).all()
    assert list(zip(rows["cell"], rows["h3"], strict=True)) == sorted(
        zip(rows["cell"], rows["h3"], strict=True)
    )


def test_dwell_adds_up_and_the_loss_is_said() -> None:
    stays = cotrace.find_stays(cotrace.read_pings(city_pings(30)))
    out = to_h3(stays)
    ours, theirs = stays.to_pandas(), out.to_pandas()
    seconds = (ours["finished_at"] - ours["started_at"]).dt.total_seconds().groupby(ours["device"]).sum()
    assert np.allclose(theirs.groupby("device")["dwell_s"].sum(), seconds)
    note = out.schema.metadata[b"cotrace"].decode()
    assert "resolution 8" in note
    assert "an export with a loss" in note


def test_nothing_gives_an_empty_table() -> None:
    none = cotrace.find_stays(
        cotrace.read_pings({"device": [1], "time": [0], "lon": [1.0], "lat": [1.0]}, unit="s")
    )
    assert to_h3(none).schema.names == ["device", "h3", "dwell_s"]
    assert to_h3(none).num_rows == 0


def test_the_default_is_the_nearest_in_size() -> None:
    for side, expected in ((200, 9), (800, 8), (5000, 6)):
        grid = cotrace.Grid.geographic(side)
        found = h3_cells(grid.cell(lon=10.0, lat=50.0), grid)["h3"][0].as_py()
        assert h3.get_resolution(found) == expected


def test_what_cannot_be_laid_over() -> None:
    plane = cotrace.find_stays(
        cotrace.read_pings({"device": [1], "time": [0], "x": [1.0], "y": [1.0]}, unit="s")
    )
    with pytest.raises(OptionError, match="cells of a plane are nowhere on earth"):
        to_h3(plane)
    with pytest.raises(OptionError, match="resolution=16: H3 has resolutions from 0 to 15"):
        h3_cells([0], cotrace.Grid.geographic(), 16)
    with pytest.raises(CotraceTypeError, match="dict is not Stays"):
        to_h3({})  # type: ignore[arg-type]
    with pytest.raises(CotraceTypeError, match="is not a Grid"):
        h3_cells([0], None)  # type: ignore[arg-type]
    log = {"device": [1, 1], "time": [0, 60], "tower": [5, 5]}
    towers = cotrace.find_stays(
        cotrace.read_pings(log, unit="s"), options=cotrace.StayOptions(by="tower", fill="same_cell")
    )
    with pytest.raises(OptionError, match="where towers are the cells"):
        to_h3(towers)
