"""The companion query in DuckDB SQL, as fast as we know how to write it.

    python benchmarks/compare/duckdb_companions.py FOLDER CASES

FOLDER holds Parquet files with ``device``, ``time`` (timestamp), ``x`` and ``y`` in metres; CASES is a CSV file
with ``device`` and ``as_of``. What makes it fast, each step measured against the plain way:

* a ping is two integers, the device and one word made of second, column and row; nothing else is sorted;
* one sort by (device, word) and one streaming ``lead()`` instead of a window function a device; of several rows
  of one second the ones that are not the greatest cell get a length of zero, so that nothing need be grouped;
* only cells in which a case stayed long enough go on; dwell is summed before intervals are merged, and merged
  are only those of devices and cells that can still meet the rule;
* the join of stays is on the cell and a slice of time, not on the cell alone.

The word has 31 bits of seconds from the start of the lookback and 16 bits each of column and row: 68 years, and
26,000 km of 800 m cells.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import common
from common import Stages

#: Stays are joined within slices of time of this length.
SLICE_S = 6 * 3600

KEYS = """
    SELECT device, (((epoch_us(time) - {first_us}) // 1000000) << 32)
        | ((floor(x / {cell_m})::BIGINT + 32768) << 16) | (floor(y / {cell_m})::BIGINT + 32768) AS k
    FROM read_parquet('{files}')
    WHERE time >= make_timestamptz({first_us}) AND time < make_timestamptz({last_us}) {only}
"""

#: Every interval [t, u) of a device in a cell, out of KEYS; still unmerged.
INTERVALS = """
    SELECT device, k & 4294967295 AS cell, k >> 32 AS t, k2 >> 32 AS u
    FROM (
        SELECT device, k, lead(k) OVER () AS k2, lead(device) OVER () AS device2
        FROM {ordered}
    )
    WHERE device = device2 AND (k2 >> 32) - (k >> 32) BETWEEN 1 AND {max_gap} {same}
"""

#: For fill="forward": the second of a ping is all that the one before it needs.
FORWARD = "({keys} ORDER BY device, k)"

#: For fill="same_cell" its cell too: of several rows of one second only the greatest may be left.
SAME_CELL = """(
    SELECT device, k
    FROM (
        SELECT device, k, lead(k) OVER () AS k2, lead(device) OVER () AS device2
        FROM ({keys} ORDER BY device, k)
    )
    WHERE device2 IS DISTINCT FROM device OR k2 >> 32 <> k >> 32
)"""

#: Touching intervals become one stay: keep the first and the last of each run, and look from one to the other.
MERGED = """
    SELECT device, cell, t AS a, CASE WHEN ends THEN u ELSE run_u END AS b
    FROM (
        SELECT *, lead(u) OVER (PARTITION BY device, cell ORDER BY t) AS run_u
        FROM (
            SELECT *, lag(u) OVER w IS DISTINCT FROM t AS begins, lead(t) OVER w IS DISTINCT FROM u AS ends
            FROM {intervals}
            WINDOW w AS (PARTITION BY device, cell ORDER BY t)
        )
        WHERE begins OR ends
    )
    WHERE begins AND b - a >= {min_shared}
"""

CASE_CELLS = """
    CREATE TEMP TABLE case_dwell AS
    SELECT c.case_no, c.as_of, i.cell, sum(least(i.u, c.as_of) - greatest(i.t, c.since))::BIGINT AS dwell
    FROM case_intervals i JOIN cases c ON i.device = c.device AND i.t < c.as_of AND i.u > c.since
    GROUP BY ALL;

    CREATE TEMP TABLE case_stays AS
    SELECT c.case_no, c.device, c.as_of, s.cell, greatest(s.a, c.since) AS a, least(s.b, c.as_of) AS b, d.dwell
    FROM ({merged}) s
    JOIN cases c ON s.device = c.device AND s.a < c.as_of AND s.b > c.since
    JOIN case_dwell d ON d.case_no = c.case_no AND d.cell = s.cell
    WHERE least(s.b, c.as_of) - greatest(s.a, c.since) >= {min_shared};

    -- a (cell, as_of) in which a case can meet anybody, and whether a case alone meets the cumulative clause there
    CREATE TEMP TABLE wanted AS
    SELECT cell, as_of, as_of - {lookback} AS since, bool_or({case_enough}) AS enough
    FROM case_stays GROUP BY cell, as_of;
"""

DWELL = """
    CREATE TEMP TABLE dwell AS
    SELECT i.device, i.cell, w.as_of, sum(least(i.u, w.as_of) - greatest(i.t, w.since))::BIGINT AS dwell
    FROM intervals i JOIN wanted w ON i.cell = w.cell AND i.t < w.as_of AND i.u > w.since
    GROUP BY i.device, i.cell, w.as_of, w.enough
    HAVING {device_may};
"""

RESULT = """
    CREATE TEMP TABLE result AS
    WITH case_slices AS (
        SELECT *, unnest(range(a // {slice}, (b - 1) // {slice} + 1)) AS slice FROM case_stays
    ), stay_slices AS (
        SELECT *, unnest(range(a // {slice}, (b - 1) // {slice} + 1)) AS slice FROM stays
    ), episodes AS (
        SELECT c.case_no, c.as_of, c.cell, c.dwell AS case_dwell, s.device,
            greatest(c.a, s.a) AS a, least(c.b, s.b) AS b
        FROM stay_slices s
        JOIN case_slices c ON s.cell = c.cell AND s.slice = c.slice AND s.device <> c.device
        WHERE least(c.b, s.b) - greatest(c.a, s.a) >= {min_shared}
            AND greatest(c.a, s.a) // {slice} = c.slice
    ), cells AS (
        SELECT case_no, as_of, device, cell, any_value(case_dwell) AS case_dwell, count(*) AS n,
            sum(b - a) AS shared, max(b - a) AS longest, min(a) AS a, max(b) AS b
        FROM episodes GROUP BY case_no, as_of, device, cell
    )
    SELECT e.case_no, e.device, sum(n)::BIGINT AS n_episodes, count(*) AS n_cells, sum(shared)::BIGINT AS shared_s,
        max(longest) AS longest_s, min(a) AS a, max(b) AS b, max(case_dwell) AS case_dwell_s,
        max(d.dwell) AS companion_dwell_s
    FROM cells e JOIN dwell d ON d.device = e.device AND d.cell = e.cell AND d.as_of = e.as_of
    WHERE {clause}
    GROUP BY e.case_no, e.device;
"""

FETCH = """
    SELECT c.device::BIGINT, c.as_of + {t0}, r.device::BIGINT, n_episodes, n_cells, shared_s, longest_s,
        a + {t0}, b + {t0}, case_dwell_s, companion_dwell_s
    FROM result r JOIN cases c USING (case_no)
"""


def clauses(dwell_of: str, least: int) -> dict[str, str]:
    """Return the cumulative clause in SQL: of a pair, of the case alone, and what a device must have for it."""
    pair = {
        "either": f"greatest(case_dwell, d.dwell) >= {least}",
        "both": f"least(case_dwell, d.dwell) >= {least}",
        "case": f"case_dwell >= {least}",
        "companion": f"d.dwell >= {least}",
    }[dwell_of]
    if dwell_of in ("both", "companion"):
        may = f"sum(least(i.u, w.as_of) - greatest(i.t, w.since)) >= {least}"
    else:
        may = f"w.enough OR sum(least(i.u, w.as_of) - greatest(i.t, w.since)) >= {least}"
    return {"clause": pair, "case_enough": f"dwell >= {least}", "device_may": may}


def run(
    con: Any, files: str, cases: list[tuple[Any, int]], stages: Stages, **options: Any
) -> list[tuple[int, ...]]:
    """Run the query and return the rows of the result."""
    same = options.get("fill") == "same_cell"
    ordered = SAME_CELL if same else FORWARD
    rule = {
        "min_shared": max(1, options.get("min_shared", common.MIN_SHARED_S)),
        "lookback": options.get("lookback", common.LOOKBACK_S),
        "max_gap": options.get("max_gap", common.MAX_GAP_S),
        "cell_m": float(options.get("cell_m", common.CELL_M)),
        "same": "AND (xor(k, k2) & 4294967295) = 0" if same else "",
        "slice": SLICE_S,
        "files": files,
    }
    rule |= clauses(options.get("dwell_of", "either"), options.get("min_cumulative", common.MIN_CUMULATIVE_S))
    first = min(as_of for _, as_of in cases) - rule["lookback"] - rule["max_gap"]
    last = max(as_of for _, as_of in cases) + rule["max_gap"]
    rule |= {"t0": first, "first_us": first * 1_000_000, "last_us": last * 1_000_000}
    with stages("cases"):
        kind = "VARCHAR" if isinstance(cases[0][0], str) else "BIGINT"
        con.execute(f"CREATE TEMP TABLE cases (case_no INT, device {kind}, as_of BIGINT, since BIGINT)")
        rows = [
            (n, d, t - first, t - first - rule["lookback"]) for n, (d, t) in enumerate(sorted(set(cases)))
        ]
        values = ", ".join(f"({n}, '{d}', {t}, {s})" for n, d, t, s in rows)
        con.execute(f"INSERT INTO cases VALUES {values}")
        pings = ordered.format(keys=KEYS.format(only="AND device IN (SELECT device FROM cases)", **rule))
        con.execute("CREATE TEMP TABLE case_intervals AS " + INTERVALS.format(ordered=pings, **rule))
        merged = MERGED.format(intervals="case_intervals", **rule)
        con.execute(CASE_CELLS.format(merged=merged, **rule))
    with stages("intervals"):
        wanted = " AND (k & 4294967295) IN (SELECT cell FROM wanted)"
        pings = ordered.format(keys=KEYS.format(only="", **rule))
        con.execute("CREATE TEMP TABLE intervals AS " + INTERVALS.format(ordered=pings, **rule) + wanted)
    with stages("dwell"):
        con.execute(DWELL.format(**rule))
    with stages("merge"):
        few = "(SELECT * FROM intervals i SEMI JOIN dwell d ON i.device = d.device AND i.cell = d.cell)"
        con.execute("CREATE TEMP TABLE stays AS " + MERGED.format(intervals=few, **rule))
    with stages("join"):
        con.execute(RESULT.format(**rule))
    with stages("fetch"):
        fetched: list[tuple[int, ...]] = con.execute(FETCH.format(**rule)).fetchall()
    return fetched


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
    with stages("import"):
        import duckdb
    con = duckdb.connect()
    con.execute(f"SET threads = {args.threads}; SET preserve_insertion_order = false")
    cases = common.read_cases(args.cases)
    rows = run(con, str(args.folder / "*.parquet"), cases, stages, fill=args.fill)
    with stages("hash"):
        digest = common.hash_rows(rows)
    common.report("duckdb", rows=len(rows), digest=digest, stages=stages, version=duckdb.__version__)


if __name__ == "__main__":
    main()
