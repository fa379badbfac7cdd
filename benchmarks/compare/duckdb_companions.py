"""The companion query in DuckDB SQL, as fast as we know how to write it.

    python benchmarks/compare/duckdb_companions.py FOLDER CASES

FOLDER holds Parquet files with ``device``, ``time`` (timestamp), ``x`` and ``y`` in metres (or ``lon`` and ``lat``
with ``--grid``, or ``tower`` with ``--towers``: tables made beforehand by ``places.py``); CASES is a CSV file with
``device`` and ``as_of``. What makes it fast, each step measured against the plain way:

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

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import common
from common import Stages

#: Stays are joined within slices of time of this length.
SLICE_S = 6 * 3600

KEYS = """
    SELECT device, (((epoch_us(time) - {first_us}) // 1000000) << 32) | {word} AS k
    FROM read_parquet('{files}') {places}
    WHERE time >= make_timestamptz({first_us}) AND time < make_timestamptz({last_us}) {only}
"""

#: The column and row of a position as one word; columns in a plane may be negative.
PLANE = "((floor(x / {cell_m})::BIGINT + 32768) << 16) | (floor(y / {cell_m})::BIGINT + 32768)"
TOWERS = """
    CREATE TEMP TABLE towers AS
    SELECT tower, (cell_col::BIGINT << 16) | (cell_row::BIGINT + 32768) AS word FROM read_csv('{path}')
"""
#: In a bin of latitude one edge decides about the row, and the row about the number of columns.
GRID = """
    CREATE TEMP TABLE grid AS
    SELECT unnest(bin)::INT AS bin, unnest("row") AS "row", unnest(edge) AS edge,
        unnest(above)::DOUBLE AS above, unnest(below)::DOUBLE AS below
    FROM read_json('{path}', maximum_object_size = 100000000)
"""
EARTH = """
    CASE WHEN lat >= edge THEN (floor((lon + 180) / 360 * above)::BIGINT << 16) | ("row" + 32768)
    ELSE (floor((lon + 180) / 360 * below)::BIGINT << 16) | ("row" + 32767) END
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

#: The stays of everybody, with cells as cotrace packs them.
STAYS = """
    COPY (
        SELECT device, ((cell >> 16) - {shift}) * 4294967296 + (cell & 65535) - 32768 AS cell,
            make_timestamptz(a * 1000000) AS started_at, make_timestamptz(b * 1000000) AS finished_at
        FROM ({merged})
    ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
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

EPISODES = """
    SELECT c.case_no, c.as_of, c.cell, c.dwell AS case_dwell, s.device,
        greatest(c.a, s.a) AS a, least(c.b, s.b) AS b
    FROM (SELECT *, unnest(range(a // {slice}, (b - 1) // {slice} + 1)) AS slice FROM stays) s
    JOIN (SELECT *, unnest(range(a // {slice}, (b - 1) // {slice} + 1)) AS slice FROM case_stays) c
        ON s.cell = c.cell AND s.slice = c.slice AND s.device <> c.device
    WHERE least(c.b, s.b) - greatest(c.a, s.a) >= {min_shared}
        AND greatest(c.a, s.a) // {slice} = c.slice
"""

RESULT = """
    CREATE TEMP TABLE result AS
    WITH cells AS (
        SELECT case_no, as_of, device, cell, any_value(case_dwell) AS case_dwell, count(*) AS n,
            sum(b - a) AS shared, max(b - a) AS longest, min(a) AS a, max(b) AS b
        FROM {episodes} GROUP BY case_no, as_of, device, cell
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


EVIDENCE = """
    COPY (
        SELECT c.device AS case_id, make_timestamptz((e.as_of + {t0}) * 1000000) AS as_of, e.device AS companion_id,
            ((e.cell >> 16) - {shift}) * 4294967296 + (e.cell & 65535) - 32768 AS cell,
            make_timestamptz((a + {t0}) * 1000000) AS started_at,
            make_timestamptz((b + {t0}) * 1000000) AS finished_at, b - a AS shared_s
        FROM episodes e
        JOIN dwell d ON d.device = e.device AND d.cell = e.cell AND d.as_of = e.as_of
        JOIN cases c ON c.case_no = e.case_no
        WHERE {clause}
    ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""


def located(con: Any, towers: Path | None, grid: Path | None) -> dict[str, str | int]:
    """Make the tables that positions are looked up in, and return how: word, join, and shift of columns."""
    if towers is not None:
        con.execute(TOWERS.format(path=towers))
        return {"word": "word", "places": "JOIN towers USING (tower)", "shift": 0}
    if grid is None:
        return {"word": PLANE, "places": "", "shift": 32768}
    con.execute(GRID.format(path=grid))
    lines = common.read_json(grid)
    bins = f"floor((lat - {lines['south']!r}) * {lines['per_degree']!r})::INT"
    return {"word": EARTH, "places": f"JOIN grid ON grid.bin = {bins}", "shift": 0}


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
    evidence = options.get("evidence")
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
    rule |= located(con, options.get("towers"), options.get("grid"))
    rule["word"] = str(rule["word"]).format(**rule)
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
        found = EPISODES.format(**rule)
        if evidence is not None:
            con.execute("CREATE TEMP TABLE episodes AS " + found)
            found = "SELECT * FROM episodes"
        con.execute(RESULT.format(episodes=f"({found})", **rule))
    if evidence is not None:
        with stages("evidence"):
            con.execute(EVIDENCE.format(path=evidence, **rule))
    with stages("fetch"):
        fetched: list[tuple[int, ...]] = con.execute(FETCH.format(**rule)).fetchall()
    return fetched


def write_stays(con: Any, files: str, path: Path, fill: str, grid: Path | None, towers: Path | None) -> None:
    """Write the stays of everybody to a Parquet file."""
    same = "AND (xor(k, k2) & 4294967295) = 0" if fill == "same_cell" else ""
    rule: dict[str, Any] = {"files": files, "cell_m": float(common.CELL_M), "max_gap": common.MAX_GAP_S}
    rule |= {"min_shared": 1, "same": same, "path": path, "first_us": 0, "last_us": 2**31 * 1_000_000}
    rule |= located(con, towers, grid)
    rule["word"] = str(rule["word"]).format(**rule)
    pings = (SAME_CELL if same else FORWARD).format(keys=KEYS.format(only="", **rule))
    con.execute("CREATE TEMP TABLE intervals AS " + INTERVALS.format(ordered=pings, **rule))
    con.execute(STAYS.format(merged=MERGED.format(intervals="intervals", **rule), **rule))


def main() -> None:
    """Run as a process and print one line of JSON."""
    stages = Stages()
    parser = common.tool_parser(__doc__)
    parser.add_argument("--grid", type=Path, help="rows of the geographic grid, for lon and lat")
    parser.add_argument("--stays", type=Path, help="only write the stays of everybody to this Parquet file")
    args = parser.parse_args()
    with stages("import"):
        import duckdb
    con = duckdb.connect()
    con.execute(f"SET threads = {args.threads}; SET preserve_insertion_order = false")
    files, version = str(args.folder / "*.parquet"), duckdb.__version__
    if args.stays:
        with stages("stays"):
            write_stays(con, files, args.stays, args.fill, args.grid, args.towers)
        common.report("duckdb", rows=0, digest=None, stages=stages, version=version)
        return
    cases = common.read_cases(args.cases, args.text_ids)
    given = {"fill": args.fill, "evidence": args.evidence, "grid": args.grid, "towers": args.towers}
    rows = run(con, files, cases, stages, **given)
    with stages("hash"):
        digest = common.hash_rows(rows)
    common.report("duckdb", rows=len(rows), digest=digest, stages=stages, version=version)


if __name__ == "__main__":
    main()
