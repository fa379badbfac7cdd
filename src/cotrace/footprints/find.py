"""From a table of towers to where their devices are: the public function."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import CotraceTypeError, OptionError
from cotrace.footprints.options import MODELS, RADIO, Model, Radio
from cotrace.footprints.population import Population
from cotrace.footprints.result import Footprints
from cotrace.footprints.towers import Sites, read_sites
from cotrace.grid import BAD_CELL, Grid

__all__ = ["find_footprints"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
#: points of a lattice that are laid at a time at most
_MOST_POINTS = 40_000_000
_ROWS = 1 << 18


def find_footprints(
    towers: Any,
    grid: Grid,
    *,
    model: Model = "bayes",
    radio: Radio = RADIO,
    population: Any = None,
    samples: int = 10,
    cut: float = 0.001,
) -> Footprints:
    """Find where a device may be that a tower serves: for each tower, a distribution over the cells of a grid.

    Parameters
    ----------
    towers : table, dict or path
        Columns ``tower``, ``lon`` and ``lat`` (WGS 84) or ``x`` and ``y`` (metres of the grid), and where known
        ``radius_m``, ``generation`` and ``azimuth`` (degrees clockwise from north; a sector). A tower without a radius
        has that of its generation; one without a place has no footprint.
    grid : Grid
        The grid of the cells.
    model : {"bayes", "voronoi", "disc"}
        ``"disc"``: anywhere within the radius. ``"voronoi"``: where no other tower of the generation is nearer.
        ``"bayes"``: by how often the tower would be the strongest of its generation at each place; see Notes.
    radio : Radio
        How signals fade, for ``"bayes"``.
    population : frame, optional
        ``cell`` and ``population``: how many devices there usually are. Without it all places are alike.
    samples : int
        Points that are looked at along each side of a cell.
    cut : float
        The least likely cells of a tower are left out that together have no more than this.

    Returns
    -------
    Footprints
        With ``table`` (columns: :ref:`data-model-footprints`).

    Raises
    ------
    SchemaError
        When a column is missing, an id is there twice, or a tower has no radius.
    GridError
        When the towers' places do not fit the grid.
    OptionError
        When an option cannot be.

    Notes
    -----
    ``"bayes"``: at a point *d* metres from tower *t* of radius *R* its mean signal, over that at the edge of coverage,
    is ``m_t = 10 n log10(R / d) - A`` dB, *A* being the loss off a sector's axis (``min(12 (angle / beam)^2, back)``).
    With Gumbel shadowing of scale *s* it is the strongest of all, and strong enough, for the share
    ``exp(m_t / s) / (1 + sum_u exp(m_u / s))`` of the time: McFadden's logit. A footprint is that, summed over the
    points of each cell, times the population, normalised: Bayes' rule. A phone that is served by one generation is
    taken to compare towers of that generation only.

    O(points and towers within reach of each).

    References
    ----------
    That more than 60 % of connections are outside the Voronoi polygon of their tower: arXiv 2109.02154. The pattern of
    sectors: 3GPP TR 36.814, table A.2.1.1-2. The logit: D. McFadden, *Conditional logit analysis of qualitative choice
    behavior*, 1974.

    Examples
    --------
    >>> import cotrace
    >>> towers = {"tower": ["a", "b"], "x": [400.0, 2800.0], "y": [400.0, 400.0], "radius_m": [1500.0, 1500.0]}
    >>> found = cotrace.find_footprints(towers, cotrace.Grid.planar(800), model="voronoi")
    >>> found.of("a")["cell_col"].to_pylist()[:3]
    [-2, -2, -2]
    """
    if not isinstance(grid, Grid):
        raise CotraceTypeError(f"grid={grid!r} is not a Grid: Grid.geographic(), .projected() or .planar()")
    if not isinstance(radio, Radio):
        raise CotraceTypeError(f"radio={radio!r} is not a Radio(exponent=..., shadow_db=...)")
    if model not in MODELS:
        raise OptionError(f"model={model!r} is not one of {', '.join(map(repr, MODELS))}")
    if isinstance(samples, bool) or not isinstance(samples, int) or not 1 <= samples <= 100:
        raise OptionError(f"samples={samples!r} is no whole number from 1 to 100")
    if not 0 <= cut < 0.5:
        raise OptionError(f"cut={cut!r} is no share from 0 to 0.5")
    sites = read_sites(towers, grid)
    people = Population.of(population)
    parts = [
        _of_generation(sites, np.array(which, dtype=np.int64), grid, model, radio, samples)
        for which in _by_generation(sites)
    ]
    tower, cell, weight = (np.concatenate(p) for p in zip(*parts, strict=True)) if parts else _nothing()
    lo, cell, p = _normalised(tower, cell, weight * people.density(cell), len(sites.ids), cut)
    return Footprints(
        sites.ids, lo, cell, p, grid=grid, model=model, radio=radio, people=people, unplaced=sites.unplaced
    )


def _nothing() -> tuple[Ints, Ints, Floats]:
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)


def _by_generation(sites: Sites) -> list[list[int]]:
    """Return the numbers of the towers of each generation."""
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(sites.generation):
        groups.setdefault(name, []).append(i)
    return [groups[name] for name in sorted(groups)]


def _of_generation(
    sites: Sites, which: Ints, grid: Grid, model: Model, radio: Radio, samples: int
) -> tuple[Ints, Ints, Floats]:
    """Return tower, cell and weight of all cells of towers that compete."""
    from cotrace.kernels.footprints import weigh_cells

    n = which.size
    towers = np.stack([v[which] for v in (sites.x, sites.y, sites.radius, sites.azimuth)], axis=1)
    reach = float(towers[:, 2].max()) * (radio.reach if model == "bayes" else 1.0)
    points, cells, cell_lo = _lattice(sites, towers, grid, reach, samples)
    order, bucket_lo, shape, place = _buckets(towers, points, reach, model)
    which, towers = which[order], np.ascontiguousarray(towers[order])
    shadow = (
        radio.exponent,
        radio.scale_db,
        float(np.radians(radio.beam_deg)),
        radio.back_db,
        radio.unserved,
    )
    scratch = np.zeros(n), np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    out, weight = np.empty((n + _ROWS, 2), np.int64), np.empty(n + _ROWS)
    found, first = [_nothing()], 0
    while first < cells.size:
        first, filled = weigh_cells(
            points,
            cell_lo,
            first,
            towers,
            bucket_lo,
            shape,
            place,
            MODELS_AS[model],
            shadow,
            *scratch,
            out,
            weight,
        )
        found.append((which[out[:filled, 1]], cells[out[:filled, 0]], weight[:filled].copy()))
    tower, cell, weight = (np.concatenate(p) for p in zip(*found, strict=True))
    return _with_their_own(sites, which, tower, cell, weight)


MODELS_AS = {"disc": 0, "voronoi": 1, "bayes": 2}


def _with_their_own(
    sites: Sites, which: Ints, tower: Ints, cell: Ints, weight: Floats
) -> tuple[Ints, Ints, Floats]:
    """Add the cell that a tower stands in where no point of the lattice is the tower's."""
    alone = np.setdiff1d(which, tower[weight > 0])
    own = sites.cells(sites.x[alone], sites.y[alone])
    return (
        np.concatenate([tower, alone]),
        np.concatenate([cell, own]),
        np.concatenate([weight, np.ones(alone.size)]),
    )


def _lattice(
    sites: Sites, towers: Floats, grid: Grid, reach: float, samples: int
) -> tuple[Floats, Ints, Ints]:
    """Return the points within reach, those of one cell together; the cells, in order, and their first points."""
    step = grid.cell_m / samples
    (x0, x1), (y0, y1) = (
        (np.floor((v.min() - shift - reach) / grid.cell_m), np.ceil((v.max() - shift + reach) / grid.cell_m))
        for v, shift in zip((towers[:, 0], towers[:, 1]), grid.origin, strict=True)
    )
    n_x, n_y = int(x1 - x0) * samples, int(y1 - y0) * samples
    if n_x * n_y > _MOST_POINTS:
        raise OptionError(
            f"{n_x * n_y:,} points for towers over {n_x * step / 1000:,.0f} by {n_y * step / 1000:,.0f} km: give fewer "
            "samples=, or make footprints region by region"
        )
    # whole cells of a grid of a plane: its shift is the lattice's
    x = x0 * grid.cell_m + grid.origin[0] + (np.arange(n_x) + 0.5) * step
    y = y0 * grid.cell_m + grid.origin[1] + (np.arange(n_y) + 0.5) * step
    points = np.stack([np.repeat(x, n_y), np.tile(y, n_x)], axis=1)
    cell = sites.cells(np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1]))
    order = np.argsort(cell, kind="stable")
    order = order[cell[order] != BAD_CELL]
    cells, counts = np.unique(cell[order], return_counts=True)
    return points[order], cells, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _buckets(
    towers: Floats, points: Floats, reach: float, model: str
) -> tuple[Ints, Ints, tuple[int, int], tuple[float, float, float]]:
    """Return the order of towers by bucket, where each begins, how many there are, and where they lie."""
    low, high = points.min(axis=0), points.max(axis=0)
    low, high = np.minimum(low, towers[:, :2].min(axis=0)), np.maximum(high, towers[:, :2].max(axis=0))
    side = reach
    if model == "voronoi":  # about one tower in each
        side = float(max(np.sqrt(np.prod(high - low) / len(towers)), np.max(high - low) / 2000, 1.0))
    n_x, n_y = (int(size // side) + 1 for size in high - low)
    i, j = (((towers[:, k] - low[k]) // side).astype(np.int64) for k in (0, 1))
    bucket = i * n_y + j
    order = np.argsort(bucket, kind="stable")
    lo = np.searchsorted(bucket[order], np.arange(n_x * n_y + 1))
    return order, lo.astype(np.int64), (n_x, n_y), (float(low[0]), float(low[1]), side)


def _normalised(tower: Ints, cell: Ints, weight: Floats, n: int, cut: float) -> tuple[Ints, Ints, Floats]:
    """Return where each tower begins, its cells in order and their probabilities, without the least likely."""
    order = np.lexsort((cell, -weight, tower))
    tower, cell, weight = tower[order], cell[order], weight[order]
    total = np.bincount(tower, weight, minlength=n)
    p = weight / total[tower]
    before = np.cumsum(p) - p
    first = np.searchsorted(tower, np.arange(n))
    before -= before[first[tower]]
    keep = (before < 1.0 - cut) & (p > 0)
    tower, cell, p = tower[keep], cell[keep], p[keep]
    order = np.lexsort((cell, tower))
    tower, cell, p = tower[order], cell[order], p[order]
    p /= np.bincount(tower, p, minlength=n)[tower]
    return np.searchsorted(tower, np.arange(n + 1)).astype(np.int64), cell, p
