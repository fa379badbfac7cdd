"""The oracle of footprints and certainty, in plain Python: loops over points, towers, stays and pairs of cells.

It imports nothing of cotrace. Towers are dictionaries; a footprint is a dictionary from cell (col, row) to probability.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

Cell = tuple[int, int]
Foot = dict[Cell, float]
Stay = tuple[Any, Any, int, int]  # device, tower, start, end
LOWEST = 1e-3


# ---- footprints ------------------------------------------------------------------------------------------------------


def off_axis(dx: float, dy: float, azimuth: float | None) -> float:
    if azimuth is None:
        return 0.0
    off = abs(math.atan2(dx, dy) - math.radians(azimuth)) % (2 * math.pi)
    return min(off, 2 * math.pi - off)


def shares(
    x: float, y: float, towers: list[dict[str, Any]], model: str, radio: dict[str, float]
) -> list[float]:
    """Return the weight of each tower at a point; all are of one generation."""
    places = [(x - t["x"], y - t["y"]) for t in towers]
    distance = [math.sqrt(dx * dx + dy * dy) for dx, dy in places]
    off = [off_axis(*place, t.get("azimuth")) for place, t in zip(places, towers, strict=True)]
    if model == "disc":
        return [
            float(d <= t["radius"] and o <= math.pi / 3)
            for d, o, t in zip(distance, off, towers, strict=True)
        ]
    if model == "voronoi":
        best = min(range(len(towers)), key=lambda k: (places[k][0] ** 2 + places[k][1] ** 2, off[k], k))
        return [float(k == best) for k in range(len(towers))]
    scale = radio["shadow_db"] * math.sqrt(6) / math.pi
    reach = radio["reach"] * max(t["radius"] for t in towers)
    strong = []
    for d, o, t in zip(distance, off, towers, strict=True):
        db = 10 * radio["exponent"] * math.log10(t["radius"] / max(d, 10.0))
        db -= min(12 * (o / math.radians(radio["beam_deg"])) ** 2, radio["back_db"])
        strong.append(math.exp(db / scale) if d <= reach else 0.0)
    return [s / (1 + sum(strong)) for s in strong]


def footprints(
    towers: list[dict[str, Any]],
    cell_m: float,
    model: str,
    radio: dict[str, float],
    density: dict[Cell, float] | None,
    nobody: float,
    samples: int,
    cut: float,
) -> dict[Any, Foot]:
    """Return the footprint of each tower."""
    found: dict[Any, Foot] = {}
    for generation in sorted({t["generation"] for t in towers}):
        some = [t for t in towers if t["generation"] == generation]
        reach = max(t["radius"] for t in some) * (radio["reach"] if model == "bayes" else 1)
        cols, rows = (
            range(
                math.floor((min(t[axis] for t in some) - reach) / cell_m),
                math.ceil((max(t[axis] for t in some) + reach) / cell_m),
            )
            for axis in ("x", "y")
        )
        weights: dict[Any, Foot] = {t["tower"]: {} for t in some}
        for cell in itertools.product(cols, rows):
            people = 1.0 if density is None else density.get(cell, nobody)
            for i, j in itertools.product(range(samples), repeat=2):
                x = (cell[0] + (i + 0.5) / samples) * cell_m
                y = (cell[1] + (j + 0.5) / samples) * cell_m
                for tower, share in zip(some, shares(x, y, some, model, radio), strict=True):
                    if share:
                        foot = weights[tower["tower"]]
                        foot[cell] = foot.get(cell, 0.0) + share * people
        for tower in some:
            own = (math.floor(tower["x"] / cell_m), math.floor(tower["y"] / cell_m))
            found[tower["tower"]] = cut_off(weights[tower["tower"]] or {own: 1.0}, cut)
    return found


def cut_off(weights: Foot, cut: float) -> Foot:
    """Normalise, and leave out the least likely cells that have no more than ``cut`` together."""
    total = sum(weights.values())
    kept, before = {}, 0.0
    for cell in sorted(weights, key=lambda c: (-weights[c], c)):
        if before < 1 - cut - 1e-12:
            kept[cell] = weights[cell] / total
        before += weights[cell] / total
    rest = sum(kept.values())
    return {cell: p / rest for cell, p in kept.items()}


# ---- haunts ----------------------------------------------------------------------------------------------------------


def cosine(a: Foot, b: Foot) -> float:
    both = sum(a[c] * b[c] for c in a if c in b)
    return both / math.sqrt(sum(p * p for p in a.values()) * sum(p * p for p in b.values()))


def haunts_of(stays: list[Stay], feet: dict[Any, Foot], flap: int, alike: float) -> dict[Any, Any]:
    """Return the head of each tower's haunt, for the stays of one device in the order of time."""
    stays = [(i, s) for i, s in enumerate(stays) if s[1] in feet]  # type: ignore[misc]
    dwell: dict[Any, int] = {}
    for _, (_, tower, a, b) in stays:  # type: ignore[misc]
        dwell[tower] = dwell.get(tower, 0) + b - a
    seen_first = list(dwell)
    head: dict[Any, Any] = {}
    for tower in sorted(seen_first, key=lambda t: (-dwell[t], seen_first.index(t))):
        if tower in head:
            continue
        head[tower] = tower
        mine = [k for k, (_, s) in enumerate(stays) if s[1] == tower]  # type: ignore[misc]
        for k, after in itertools.pairwise(mine):
            if stays[after][1][2] - stays[k][1][3] <= flap:  # type: ignore[index]
                for _, between in stays[k + 1 : after]:  # type: ignore[misc]
                    other = between[1]
                    if other not in head and cosine(feet[tower], feet[other]) >= alike:
                        head[other] = tower
    return head


def posterior(head: Any, dwell: dict[Any, int], feet: dict[Any, Foot]) -> Foot:
    """Return where the haunt of these towers may be; ``dwell`` is that of its towers."""
    total = sum(dwell.values())
    if len(dwell) == 1 or not total:
        return dict(feet[head])
    product = {
        cell: math.prod(max(feet[t].get(cell, 0.0), LOWEST) ** (d / total) for t, d in dwell.items())
        for cell in feet[head]
    }
    whole = sum(product.values())
    return {cell: p / whole for cell, p in product.items()}


def sojourns_of(stays: list[Stay], head: dict[Any, Any], start: int, end: int) -> list[tuple[Any, int, int]]:
    """Return the unbroken times in one haunt, within a window."""
    found: list[list[Any]] = []
    for _, tower, a, b in stays:
        a, b = max(a, start), min(b, end)
        if tower not in head or a >= b:
            continue
        if found and found[-1][0] == head[tower] and found[-1][2] == a:
            found[-1][2] = b
        else:
            found.append([head[tower], a, b])
    return [(h, a, b) for h, a, b in found]


# ---- certainty -------------------------------------------------------------------------------------------------------


def no_meeting(ours: Foot, theirs: Foot, lengths: list[int], options: dict[str, Any]) -> float:
    """Return how likely two haunts have no meeting: every pair of cells, and every spell, one by one."""
    same = sum(p * q for (a, p), (b, q) in itertools.product(ours.items(), theirs.items()) if a == b)
    none = 0.0
    for (a, p), (b, q) in itertools.product(ours.items(), theirs.items()):
        nothing = 1.0
        for length in lengths:
            real = 1 - math.exp(-length / options["blur"])
            if a == b:
                nothing *= 1 - real
            else:
                for _ in range(max(1, length // options["spell"])):
                    nothing *= 1 - options["roaming"] * same * real
        none += p * q * nothing
    return none


def certainty(
    stays: list[Stay],
    feet: dict[Any, Foot],
    cases: list[tuple[Any, int, int]],
    least: int,
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    """Return every pair of a case (device, start, end) and a device that may have met."""
    devices = sorted({s[0] for s in stays})
    of_device = {d: sorted((s for s in stays if s[0] == d), key=lambda s: s[2]) for d in devices}
    heads = {d: haunts_of(of_device[d], feet, options["flap"], options["alike"]) for d in devices}
    places = {}
    for d in devices:
        for h in set(heads[d].values()):
            dwell = {t: 0 for t in heads[d] if heads[d][t] == h}
            for _, tower, a, b in of_device[d]:
                if tower in dwell:
                    dwell[tower] += b - a
            places[d, h] = posterior(h, dwell, feet)
    found = []
    for (case, start, end), device in itertools.product(cases, devices):
        if case == device or case not in of_device:
            continue
        ours = sojourns_of(of_device[case], heads[case], start, end)
        theirs = sojourns_of(of_device[device], heads[device], -(10**12), 10**12)
        none, expected, times, longest, every = 1.0, 0.0, 0, 0, 0
        for g, h in itertools.product(dict.fromkeys(s[0] for s in ours), dict.fromkeys(s[0] for s in theirs)):
            here, there = places[case, g], places[device, h]
            q = sum(p * there.get(cell, 0.0) for cell, p in here.items())
            if q < 1e-9:
                continue
            together = [
                min(b, d) - max(a, c)
                for (x, a, b), (y, c, d) in itertools.product(ours, theirs)
                if x == g and y == h and min(b, d) > max(a, c)
            ]
            enough = [length for length in together if length >= least]
            expected += q * sum(enough)
            if enough:
                none *= no_meeting(here, there, enough, options)
                times += len(enough)
                every += sum(enough)
                longest = max(longest, *enough)
        if times and 1 - none >= options["least"]:
            found.append(
                {
                    "case_id": case,
                    "as_of": end,
                    "companion_id": device,
                    "uncalibrated": 1 - none,
                    "expected_shared_s": expected,
                    "n_episodes": times,
                    "longest_s": longest,
                    "together_s": every,
                }
            )
    return sorted(found, key=lambda row: (row["case_id"], row["as_of"], row["companion_id"]))


def weighted(stays: list[Stay], feet: dict[Any, Foot], options: dict[str, Any] | None) -> Any:
    """Return rows (device, tower, start, end, cell, weight): by haunts, or by single towers without options."""
    rows = []
    for d in sorted({s[0] for s in stays}):
        mine = sorted((s for s in stays if s[0] == d), key=lambda s: s[2])
        head = {s[1]: s[1] for s in mine if s[1] in feet}
        if options is not None:
            head = haunts_of(mine, feet, options["flap"], options["alike"])
        for _, tower, a, b in mine:
            if tower not in head:
                rows.append((d, tower, a, b, None, 1.0))
                continue
            members = [t for t in head if head[t] == head[tower]]
            dwell = {t: sum(y - x for _, u, x, y in mine if u == t) for t in members}
            foot = posterior(head[tower], dwell, feet)
            rows += [(d, tower, a, b, cell, foot[cell]) for cell in sorted(foot)]
    return rows
