"""The companion query in pandas, as one writes it: columns, sorts, shifts, groups and merges.

    python benchmarks/compare/pandas_companions.py FOLDER CASES

The steps are those of ``duckdb_companions.py``, as far as they come naturally: stays of everybody, those of the cases,
a merge on the cell and a slice of time. All pings are held in memory, and one core does the work. For integer ids, x
and y.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import common
from common import Stages

#: Stays are joined within slices of time of this length.
SLICE_S = 6 * 3600


def read(pd: Any, folder: Path) -> Any:
    """Return the pings, one a device and second: of several the one in the greatest cell."""
    pings = pd.read_parquet(folder, columns=["device", "time", "x", "y"])
    pings["t"] = pings.pop("time").astype("int64") // 1_000_000
    column, row = ((pings.pop(axis) // common.CELL_M).astype("int64") for axis in ("x", "y"))
    pings["cell"] = column * 2**32 + row
    return pings.sort_values(["device", "t", "cell"]).drop_duplicates(["device", "t"], keep="last")


def stays_of(pings: Any, same_cell: bool) -> Any:
    """Return the stays of everybody."""
    following = pings.shift(-1)
    bridged = (following.device == pings.device) & (following.t - pings.t <= common.MAX_GAP_S)
    if same_cell:
        bridged &= following.cell == pings.cell
    made = pings.assign(u=following.t)[bridged].astype({"u": "int64"})
    before = made.shift(1)
    begins = (before.device != made.device) | (before.cell != made.cell) | (before.u != made.t)
    grouped = made.groupby(begins.cumsum())
    return grouped.agg(device=("device", "first"), cell=("cell", "first"), a=("t", "first"), b=("u", "last"))


def sliced(stays: Any) -> Any:
    """Repeat each stay for every slice of time that it touches."""
    first, last = stays.a // SLICE_S, (stays.b - 1) // SLICE_S
    repeated = stays.loc[stays.index.repeat(last - first + 1)]
    return repeated.assign(slice=repeated.a // SLICE_S + repeated.groupby(level=0).cumcount())


def clipped(stays: Any) -> Any:
    """Cut stays to the lookback of the case beside them."""
    cut = stays.assign(a=stays[["a", "since"]].max(axis=1), b=stays[["b", "as_of"]].min(axis=1))
    return cut[cut.a < cut.b].reset_index(drop=True)


def dwell_of(stays: Any, by: list[str], name: str) -> Any:
    """Sum up the length of stays."""
    return (stays.b - stays.a).groupby([stays[key] for key in by]).sum().rename(name).reset_index()


def met(cases: Any, stays: Any) -> Any:
    """Return all episodes that are long enough, with the dwell of both in the cell."""
    mine = clipped(stays.merge(cases, on="device"))
    mine = mine.merge(dwell_of(mine, ["case_id", "as_of", "cell"], "case_dwell"))
    others = stays[stays.cell.isin(mine.cell.unique())].reset_index(drop=True)
    wanted = mine[["cell", "as_of", "since"]].drop_duplicates()
    dwell = dwell_of(clipped(others.merge(wanted, on="cell")), ["device", "cell", "as_of"], "companion_dwell")
    mine, others = (s[s.b - s.a >= common.MIN_SHARED_S].reset_index(drop=True) for s in (mine, others))
    columns = ["case_id", "as_of", "cell", "slice", "a", "b", "case_dwell"]
    both = sliced(others).merge(sliced(mine)[columns], on=["cell", "slice"], suffixes=("", "_case"))
    both["a"], both["b"] = both[["a", "a_case"]].max(axis=1), both[["b", "b_case"]].min(axis=1)
    long = (both.b - both.a >= common.MIN_SHARED_S) & (both.a // SLICE_S == both.slice)
    return both[long & (both.device != both.case_id)].merge(dwell)


def companions(episodes: Any) -> Any:
    """Hold the episodes to the cumulative clause and sum them up."""
    enough = episodes[["case_dwell", "companion_dwell"]].max(axis=1) >= common.MIN_CUMULATIVE_S
    qualified = episodes[enough].assign(shared=lambda e: e.b - e.a)
    return (
        qualified.groupby(["case_id", "as_of", "device"])
        .agg(
            n_episodes=("a", "size"),
            n_cells=("cell", "nunique"),
            shared_s=("shared", "sum"),
            longest_s=("shared", "max"),
            first=("a", "min"),
            last=("b", "max"),
            case_dwell=("case_dwell", "max"),
            companion_dwell=("companion_dwell", "max"),
        )
        .reset_index()
    )


def main() -> None:
    """Run as a process and print one line of JSON."""
    stages = Stages()
    args = common.tool_parser(__doc__).parse_args()
    with stages("import"):
        import pandas as pd
    listed = common.read_cases(args.cases)
    cases = pd.DataFrame(sorted(set(listed)), columns=["device", "as_of"])
    cases = cases.assign(case_id=cases.device, since=cases.as_of - common.LOOKBACK_S)
    with stages("read"):
        pings = read(pd, args.folder)
    with stages("stays"):
        stays = stays_of(pings, args.fill == "same_cell")
    with stages("join"):
        episodes = met(cases, stays)
    with stages("sum up"):
        found = companions(episodes)
    with stages("hash"):
        digest = common.hash_columns([found[name] for name in found.columns])
    common.report("pandas", rows=len(found), digest=digest, stages=stages, version=pd.__version__)


if __name__ == "__main__":
    main()
