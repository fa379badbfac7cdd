"""The companion query in Polars, lazy and on the streaming engine, as fast as we know how to write it.

    python benchmarks/compare/polars_companions.py FOLDER CASES

The steps are those of ``duckdb_companions.py``: a ping is a device and one word of second, column and row; only
cells in which a case stayed long enough go on; dwell is summed before intervals are merged; stays are joined
within slices of time. The one that costs is to bring the pings of a device together: a list a device, sorted,
beat ``sort`` with ``shift`` over all pings (4 times the CPU) and window expressions.
"""

from __future__ import annotations

import argparse
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


def keys(pl: Any, files: str, first: int, last: int, cell_m: float) -> Any:
    """Return the pings as a lazy frame of device and word."""
    time = pl.col("time").dt.epoch("us")
    column, row = ((pl.col(a) / cell_m).floor().cast(pl.Int64) + 32_768 for a in ("x", "y"))
    word = ((time - first * 1_000_000) // 1_000_000) * WORD + column * 65_536 + row
    inside = pl.col("time").is_between(datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC))
    return pl.scan_parquet(files).filter(inside).select("device", k=word)


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
    """Join the stays with those of the cases: what they share, by case, device and cell."""
    c = pl.col
    both = sliced(pl, stays.lazy()).join(sliced(pl, case_stays.lazy()), on=["cell", "slice"], suffix="_case")
    both = both.filter(c("device") != c("device_case")).with_columns(
        a=pl.max_horizontal("a", "a_case"), b=pl.min_horizontal("b", "b_case")
    )
    long = c("b") - c("a")
    both = both.filter(long >= min_shared, c("a") // SLICE_S == c("slice"))
    return both.group_by("case_no", "as_of", "device", "cell").agg(
        c("case_dwell").first(),
        n=pl.len().cast(pl.Int64),
        shared=long.sum(),
        longest=long.max(),
        a=c("a").min(),
        b=c("b").max(),
    )


def run(
    pl: Any, files: str, listed: list[tuple[int, int]], stages: Stages, same_cell: bool = False
) -> list[tuple[int, ...]]:
    """Run the query and return the rows of the result."""
    c, stream = pl.col, {"engine": "streaming"}
    rule = {"min_shared": max(1, common.MIN_SHARED_S), "enough": common.MIN_CUMULATIVE_S}
    gap, lookback = common.MAX_GAP_S, common.LOOKBACK_S
    first = min(t for _, t in listed) - lookback - gap
    with stages("cases"):
        rows = [(n, d, t - first, t - first - lookback) for n, (d, t) in enumerate(sorted(set(listed)))]
        cases = pl.DataFrame(rows, ["case_no", "device", "as_of", "since"], orient="row")
        pings = keys(pl, files, first, max(t for _, t in listed) + gap, float(common.CELL_M))
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
        by_cell = episodes(
            pl,
            stays,
            case_stays.select("case_no", "as_of", "device", "cell", "a", "b", "case_dwell"),
            rule["min_shared"],
        )
        by_cell = by_cell.join(dwell.lazy(), on=["device", "cell", "as_of"])
        by_cell = by_cell.filter(pl.max_horizontal("case_dwell", "dwell") >= rule["enough"])
        found = by_cell.group_by("case_no", "device").agg(
            c("n").sum(),
            pl.len().cast(pl.Int64).alias("n_cells"),
            c("shared").sum(),
            c("longest").max(),
            c("a").min() + first,
            c("b").max() + first,
            c("case_dwell").max(),
            c("dwell").max(),
        )
        names = cases.lazy().select("case_no", case_id="device", at=c("as_of") + first)
        result = (
            found.join(names, on="case_no")
            .select(
                "case_id",
                "at",
                "device",
                "n",
                "n_cells",
                "shared",
                "longest",
                "a",
                "b",
                "case_dwell",
                "dwell",
            )
            .collect(**stream)
        )
    with stages("fetch"):
        return result.rows()


def main() -> None:
    """Run as a process and print one line of JSON."""
    stages = Stages()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fill", choices=("forward", "same_cell"), default="forward")
    args = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = str(args.threads)
    with stages("import"):
        import polars as pl
    rows = run(
        pl, str(args.folder / "*.parquet"), common.read_cases(args.cases), stages, args.fill == "same_cell"
    )
    with stages("hash"):
        digest = common.hash_rows(rows)
    common.report("polars", rows=len(rows), digest=digest, stages=stages, version=pl.__version__)


if __name__ == "__main__":
    main()
