"""The companion query in Polars, lazy and on the streaming engine, as fast as we know how to write it.

    python benchmarks/compare/polars_companions.py FOLDER CASES

The steps are those of ``duckdb_companions.py``: a ping is a device and one word of second, column and row; only
cells in which a case stayed long enough go on; dwell is summed before intervals are merged; stays are joined
within slices of time. The one that costs is to bring the pings of a device together: a list a device, sorted,
beat ``sort`` with ``shift`` over all pings (4 times the CPU) and window expressions.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import common
from common import Stages

#: Stays are joined within slices of time of this length.
SLICE_S = 6 * 3600
WORD = 2**32


class Places:
    """Where pings are: how a lazy frame of pings gets one word of column and row; ``shift`` is that of columns.

    ``grid`` and ``towers`` are the tables that ``places.py`` makes.
    """

    def __init__(self, pl: Any, grid: Path | None = None, towers: Path | None = None) -> None:
        self.pl, self.grid, self.towers = pl, common.read_json(grid) if grid else None, towers
        self.shift = 0 if grid or towers else 32_768

    def word(self, pings: Any) -> tuple[Any, Any]:
        """Return the pings with what is looked up for them, and the expression of the word."""
        pl, c = self.pl, self.pl.col
        if self.towers:
            known = pl.scan_csv(self.towers).select(
                "tower", w=c("cell_col") * 65_536 + c("cell_row") + 32_768
            )
            return pings.join(known, on="tower"), c("w")
        if not self.grid:
            column, row = ((c(a) / common.CELL_M).floor().cast(pl.Int64) + 32_768 for a in ("x", "y"))
            return pings, column * 65_536 + row
        lists = {name: values for name, values in self.grid.items() if isinstance(values, list)}
        known = pl.LazyFrame(lists).with_columns(c("above", "below").cast(pl.Float64))
        bins = ((c("lat") - self.grid["south"]) * self.grid["per_degree"]).floor().cast(pl.Int64)
        below = c("lat") < c("edge")
        columns = pl.when(below).then("below").otherwise("above")
        column = ((c("lon") + 180) / 360 * columns).floor().cast(pl.Int64)
        joined = pings.with_columns(bin=bins).join(known, on="bin")
        return joined, column * 65_536 + c("row") + 32_768 - below.cast(pl.Int64)

    def packed(self) -> Any:
        """Return the expression of a word's cell as cotrace packs it."""
        cell = self.pl.col("cell")
        return (cell // 65_536 - self.shift) * WORD + cell % 65_536 - 32_768


def keys(pl: Any, files: str, first: int, last: int, places: Places) -> Any:
    """Return the pings as a lazy frame of device and word."""
    time = pl.col("time").dt.epoch("us")
    inside = pl.col("time").is_between(datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC))
    pings, word = places.word(pl.scan_parquet(files).filter(inside))
    return pings.select("device", k=((time - first * 1_000_000) // 1_000_000) * WORD + word)


def intervals(pl: Any, pings: Any, max_gap: int, wanted: Any | None, same_cell: bool) -> Any:
    """Return every interval [t, u) of a device in a (wanted) cell, still unmerged, as a lazy frame."""
    k = pl.col("k").sort()
    if same_cell:
        # of several rows of one second only the greatest may be left: its cell is compared
        k = k.filter((k // WORD).ne_missing(k.shift(-1) // WORD))
    listed = pings.group_by("device").agg(k).with_columns(k2=pl.col("k").list.shift(-1))
    rows = listed.explode("k", "k2")
    if same_cell:
        rows = rows.filter(pl.col("k") % WORD == pl.col("k2") % WORD)
    made = rows.select("device", cell=pl.col("k") % WORD, t=pl.col("k") // WORD, u=pl.col("k2") // WORD)
    made = made.filter((pl.col("u") - pl.col("t")).is_between(1, max_gap))
    return made if wanted is None else made.join(wanted.lazy(), on="cell", how="semi")


def merged(pl: Any, made: Any, min_shared: int) -> Any:
    """Join touching intervals to stays [a, b) and keep those that are long enough for any episode."""
    c = pl.col
    same = (
        (c("device") == c("device").shift(1))
        & (c("cell") == c("cell").shift(1))
        & (c("t") == c("u").shift(1))
    )
    ordered = made.sort("device", "cell", "t").with_columns(begins=~same.fill_null(False))
    ends = c("begins").shift(-1).fill_null(True)
    edges = ordered.with_columns(ends=ends).filter(c("begins") | c("ends"))
    last = pl.when(c("ends")).then(c("u")).otherwise(c("u").shift(-1))
    return (
        edges.with_columns(b=last)
        .filter(c("begins"))
        .select("device", "cell", a="t", b="b")
        .filter(c("b") - c("a") >= min_shared)
    )


def sliced(pl: Any, stays: Any) -> Any:
    """Repeat each stay for every slice of time that it touches."""
    slices = pl.int_ranges(pl.col("a") // SLICE_S, (pl.col("b") - 1) // SLICE_S + 1)
    return stays.with_columns(slice=slices).explode("slice")


def of_cases(pl: Any, cases: Any, made: Any, rule: dict[str, int]) -> Any:
    """Return the stays of the cases in their lookbacks, long enough, each with the case's dwell in its cell."""
    c = pl.col
    inside = made.join(cases, on="device").with_columns(
        t=pl.max_horizontal("t", "since"), u=pl.min_horizontal("u", "as_of")
    )
    dwell = inside.filter(c("t") < c("u")).group_by("case_no", "cell").agg(case_dwell=(c("u") - c("t")).sum())
    stays = merged(pl, made.lazy(), rule["min_shared"]).collect().join(cases, on="device")
    stays = stays.with_columns(a=pl.max_horizontal("a", "since"), b=pl.min_horizontal("b", "as_of"))
    return stays.filter(c("b") - c("a") >= rule["min_shared"]).join(dwell, on=["case_no", "cell"])


def episodes(pl: Any, stays: Any, case_stays: Any, min_shared: int) -> Any:
    """Join the stays with those of the cases: what they share, long enough, from ``a`` to ``b``."""
    c = pl.col
    both = sliced(pl, stays.lazy()).join(sliced(pl, case_stays.lazy()), on=["cell", "slice"], suffix="_case")
    both = both.filter(c("device") != c("device_case")).with_columns(
        a=pl.max_horizontal("a", "a_case"), b=pl.min_horizontal("b", "b_case")
    )
    return both.filter(c("b") - c("a") >= min_shared, c("a") // SLICE_S == c("slice"))


def by_cells(pl: Any, met: Any) -> Any:
    """Sum episodes up by case, device and cell."""
    c = pl.col
    long = c("b") - c("a")
    return met.group_by("case_no", "as_of", "device", "cell").agg(
        c("case_dwell").first(),
        n=pl.len().cast(pl.Int64),
        shared=long.sum(),
        longest=long.max(),
        a=c("a").min(),
        b=c("b").max(),
    )


def write_evidence(
    pl: Any, path: Path, met: Any, qualified: Any, names: Any, packed: Any, first: int
) -> None:
    """Write the episodes of the cells that qualify."""
    c = pl.col

    def instant(seconds: Any) -> Any:
        return ((seconds + first) * 1_000_000).cast(pl.Datetime("us", "UTC"))

    chosen = met.join(qualified, on=["case_no", "device", "cell"], how="semi").join(names, on="case_no")
    chosen.select(
        "case_id",
        as_of=instant(c("as_of")),
        companion_id="device",
        cell=packed,
        started_at=instant(c("a")),
        finished_at=instant(c("b")),
        shared_s=c("b") - c("a"),
    ).sink_parquet(path, compression="zstd")


def summed(pl: Any, qualified: Any, names: Any, first: int) -> Any:
    """Sum up the cells that qualify by case and companion."""
    c = pl.col
    found = qualified.group_by("case_no", "device").agg(
        c("n").sum(),
        pl.len().cast(pl.Int64).alias("n_cells"),
        c("shared").sum(),
        c("longest").max(),
        c("a").min() + first,
        c("b").max() + first,
        c("case_dwell").max(),
        c("dwell").max(),
    )
    order = ("case_id", "at", "device", "n", "n_cells", "shared", "longest", "a", "b", "case_dwell", "dwell")
    return found.join(names, on="case_no").select(*order).with_columns(c("case_id", "device").cast(pl.Int64))


def run(
    pl: Any,
    files: str,
    listed: list[tuple[Any, int]],
    stages: Stages,
    same_cell: bool = False,
    places: Places | None = None,
    evidence: Path | None = None,
) -> list[tuple[int, ...]]:
    """Run the query and return the rows of the result."""
    c, stream = pl.col, {"engine": "streaming"}
    rule = {"min_shared": max(1, common.MIN_SHARED_S), "enough": common.MIN_CUMULATIVE_S}
    gap, lookback = common.MAX_GAP_S, common.LOOKBACK_S
    first = min(t for _, t in listed) - lookback - gap
    places = places or Places(pl)
    with stages("cases"):
        rows = [(n, d, t - first, t - first - lookback) for n, (d, t) in enumerate(sorted(set(listed)))]
        cases = pl.DataFrame(rows, ["case_no", "device", "as_of", "since"], orient="row")
        pings = keys(pl, files, first, max(t for _, t in listed) + gap, places)
        mine = pings.join(cases.lazy().select("device"), on="device", how="semi")
        case_stays = of_cases(pl, cases, intervals(pl, mine, gap, None, same_cell).collect(**stream), rule)
        wanted = case_stays.group_by("cell", "as_of", "since").agg(
            alone=(c("case_dwell") >= rule["enough"]).any()
        )
    with stages("intervals"):
        cells = wanted.select("cell").unique()
        made = intervals(pl, pings, gap, cells, same_cell).collect(**stream)
    with stages("dwell"):
        inside = made.lazy().join(wanted.lazy(), on="cell").filter(c("t") < c("as_of"), c("u") > c("since"))
        spent = pl.min_horizontal("u", "as_of") - pl.max_horizontal("t", "since")
        dwell = inside.group_by("device", "cell", "as_of").agg(dwell=spent.sum(), alone=c("alone").any())
        dwell = dwell.filter(c("alone") | (c("dwell") >= rule["enough"])).drop("alone").collect(**stream)
    with stages("merge"):
        few = made.lazy().join(dwell.lazy(), on=["device", "cell"], how="semi")
        stays = merged(pl, few, rule["min_shared"]).collect(**stream)
    with stages("join"):
        columns = ("case_no", "as_of", "device", "cell", "a", "b", "case_dwell")
        met = episodes(pl, stays, case_stays.select(*columns), rule["min_shared"])
        met = met.collect(**stream).lazy() if evidence else met
        qualified = by_cells(pl, met).join(dwell.lazy(), on=["device", "cell", "as_of"])
        qualified = qualified.filter(pl.max_horizontal("case_dwell", "dwell") >= rule["enough"])
        qualified = qualified.collect(**stream).lazy()
        names = cases.lazy().select("case_no", case_id="device", at=c("as_of") + first)
        result = summed(pl, qualified, names, first).collect(**stream)
    if evidence:
        with stages("evidence"):
            write_evidence(pl, evidence, met, qualified, names, places.packed(), first)
    with stages("fetch"):
        return result.rows()


def main() -> None:
    """Run as a process and print one line of JSON."""
    stages = Stages()
    parser = common.tool_parser(__doc__)
    parser.add_argument("--grid", type=Path, help="rows of the geographic grid, for lon and lat")
    args = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = str(args.threads)
    with stages("import"):
        import polars as pl
    cases = common.read_cases(args.cases, args.text_ids)
    places = Places(pl, args.grid, args.towers)
    files, same_cell = str(args.folder / "*.parquet"), args.fill == "same_cell"
    rows = run(pl, files, cases, stages, same_cell, places, args.evidence)
    with stages("hash"):
        digest = common.hash_rows(rows)
    common.report("polars", rows=len(rows), digest=digest, stages=stages, version=pl.__version__)


if __name__ == "__main__":
    main()
