"""Which edges and options a made world really reaches, by the oracle's own reckoning."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tests import naive
from tests.naive import Case
from tests.properties import worlds
from tests.properties.worlds import World


def edges(world: World, tracks: naive.Tracks, answer: naive.Answer) -> set[str]:
    """Return the names of the edges and options that this world hits."""
    hit = _threshold_edges(world, answer) | _input_edges(world, tracks) | _case_edges(world, answer)
    hit |= _gap_edges(world, tracks) | _smoothing_edges(world)
    if answer.companions:
        hit |= {f"{name}={getattr(world.rule, name)}" for name in ("dwell_of", "strict", "shared", "combine")}
        hit |= {
            f"fill={world.making.fill}",
            f"form={world.form}",
            f"clock={world.clock}",
            f"size={world.size}",
        }
        hit |= {f"dwell_met_by={row['dwell_met_by']}" for row in answer.companions}
        hit |= {"per" if world.rule.per else "no per", "towers" if world.by_tower else "grid"}
        hit.add("no cumulative clause" if world.rule.min_cumulative is None else "cumulative clause")
        hit |= {f"crowd={min(row['crowd'], 4)}" for row in answer.companions}
        hit |= {"several episodes" for row in answer.companions if row["n_episodes"] > 1}
        hit |= {"several cells" for row in answer.companions if row["n_cells"] > 1}
    return hit


def _threshold_edges(world: World, answer: naive.Answer) -> set[str]:
    hit = set()
    rule = world.rule
    for meeting in answer.meetings:
        off = meeting["together"] - rule.min_shared
        if abs(off) <= 1:
            hit.add(f"min_shared{off:+d}")
            if rule.min_shared == 600:
                hit.add(f"600 s{off:+d}")
            if rule.per:
                hit.add(f"min_shared in per{off:+d}")
        if rule.min_cumulative is not None and abs(meeting["asked"] - rule.min_cumulative) <= 1:
            off = meeting["asked"] - rule.min_cumulative
            hit.add(f"min_cumulative{off:+d}")
            if rule.min_cumulative == 108_000:
                hit.add(f"30 h{off:+d}")
        if rule.combine == "or" and meeting["shared"] != meeting["cumulative"]:
            hit.add("or: only shared" if meeting["shared"] else "or: only cumulative")
    return hit


def _gap_edges(world: World, tracks: naive.Tracks) -> set[str]:
    hit = set()
    for seen in tracks.seen.values():
        order = sorted(seen)
        for one, two in pairwise(order):
            off = two - one - world.making.max_gap
            if abs(off) <= 1 and seen[one] == seen[two]:
                hit.add(f"max_gap{off:+d}")
    return hit


def _smoothing_edges(world: World) -> set[str]:
    within = world.making.smooth
    if within is None:
        return set()
    raw = naive.tracks(world.pings, naive.Making(**{**vars(world.making), "smooth": None}))
    hit = set()
    for seen in raw.seen.values():
        after, changed = naive.smoothed(seen, within)
        if changed:
            hit.add("smoothing relabels")
        for off in (-1, 1):
            if naive.smoothed(seen, within + off)[0] != after:
                hit.add("within+0" if off < 0 else "within+1")
    return hit


def _input_edges(world: World, tracks: naive.Tracks) -> set[str]:
    hit = {f"{type(row[0]).__name__} ids" for row in world.pings}
    hit |= {"negative time" for row in world.pings if row[1] < 0}
    hit |= {"fraction" for row in world.pings if row[1] % 1}
    hit |= {"negative fraction" for row in world.pings if row[1] < 0 and row[1] % 1}
    hit |= {f"{type(row[2]).__name__} towers" for row in world.pings if world.by_tower}
    counts = {
        "refused": tracks.refused,
        "conflict": tracks.conflicts,
        "duplicate": tracks.collapsed - tracks.conflicts,
    }
    hit |= {name for name, n in counts.items() if n}
    if not world.by_tower:
        for value in (v for row in world.pings for v in row[2:]):
            hit |= _coordinate_edges(value, world.making.cell_m or 1.0)
    return hit


def _coordinate_edges(value: float, cell_m: float) -> set[str]:
    hit = set()
    if cell_m == 800 and value in (799.999999, 800.0):
        hit.add(f"x={value}")
    if value == 0 and str(value) == "-0.0":
        hit.add("x=-0.0")
    if value in (-1e-9, -5e-324):
        hit.add(f"x={value}")
    return hit


def _case_edges(world: World, answer: naive.Answer) -> set[str]:
    hit = set()
    devices = {row[0] for row in world.pings}
    cases = set(world.cases)
    if len(cases) < len(world.cases):
        hit.add("equal cases")
    if len({c.device for c in cases}) < len(cases):
        hit.add("several as_of")
    if any(c.device not in devices for c in cases):
        hit.add("case never seen")
    hit |= {
        "case is a companion" for row in answer.companions if row["companion_id"] in {c.device for c in cases}
    }
    hit |= {
        "case seen, but not in its lookback"
        for c, row in _with(cases, answer.coverage)
        if _missed(c, row, devices)
    }
    for case, row in _with(cases, answer.evidence):
        begin, end = naive.lookback(case, world.rule)
        hit |= {"lookback begins an episode"} if row["started_at"] == begin else set()
        hit |= {"as_of ends an episode"} if row["finished_at"] == end == case.as_of else set()
        hit |= {"isolated_at ends an episode"} if row["finished_at"] == case.isolated_at else set()
        hit |= {"infectious_from begins an episode"} if row["started_at"] == case.infectious_from else set()
        if row["started_at"] // 3600 != (row["finished_at"] - 1) // 3600:
            hit.add("episode in two hours")
        if row["finished_at"] % 3600 == 0:
            hit.add("episode ends with the hour")
    return hit


def _with(cases: set[Case], rows: list[naive.Row]) -> list[tuple[Case, naive.Row]]:
    of = {(c.device, c.as_of): c for c in cases}
    return [(of[row["case_id"], row["as_of"]], row) for row in rows]


def _missed(case: Case, row: naive.Row, devices: set[Any]) -> bool:
    return case.device in devices and not row["pings"]


#: what the made worlds have to reach between them
REQUIRED = frozenset(
    {
        *(
            f"{name}{off}"
            for name in ("min_shared", "min_cumulative", "max_gap", "600 s", "30 h")
            for off in ("-1", "+0", "+1")
        ),
        *(f"min_shared in per{off}" for off in ("-1", "+0", "+1")),
        *("x=799.999999", "x=800.0", "x=-0.0", "x=-1e-09", "x=-5e-324"),
        *("negative time", "fraction", "negative fraction", "duplicate", "conflict", "refused"),
        *("several as_of", "equal cases", "case never seen", "case is a companion"),
        *("case seen, but not in its lookback", "smoothing relabels", "within+0", "within+1"),
        *("towers", "int towers", "str towers", "grid", "int ids", "str ids"),
        *("lookback begins an episode", "as_of ends an episode"),
        *("isolated_at ends an episode", "infectious_from begins an episode"),
        *("episode in two hours", "episode ends with the hour", "several episodes", "several cells"),
        *(
            "or: only shared",
            "or: only cumulative",
            "no cumulative clause",
            "cumulative clause",
            "per",
            "no per",
        ),
        *(f"dwell_of={who}" for who in ("either", "both", "case", "companion", "pair")),
        *(f"strict={how}" for how in (False, True, "shared", "cumulative")),
        *("shared=unbroken", "shared=cumulative", "combine=and", "combine=or"),
        *("fill=same_cell", "fill=forward", "crowd=2", "crowd=3", "crowd=4"),
        *(f"dwell_met_by={who}" for who in ("case", "companion", "both", "neither")),
        *(f"form={form}" for form in worlds.FORMS),
        *(f"clock={clock}" for clock in worlds.CLOCKS),
        *(f"size={size}" for size in worlds.SCALES),
    }
)
