"""How time and memory grow: with pings, cases, devices, crowd and gaps.

    python benchmarks/growth.py --up-to 10_000_000 [--axes pings cases ...] [--record]

Along one axis everything else stays as it is: the other axes have ``--rows`` pings. Devices grow at the price of
days, crowd by a smaller city, gaps by long silences of more devices. Each point is the median of ``--repeat`` whole
processes, beside mere decoding of the same files in the same rounds. ``--record`` keeps the points in
``benchmarks/results/growth.json``; of the axis of pings those of this machine stay that were not measured again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from math import log
from pathlib import Path
from typing import Any, NamedTuple

import data as of
from common import number, read_json
from measure import RESULTS, about_run, counted, describe_machine, failures, in_turn, keep, middle, run_tool

PINGS = tuple(n * 1_000_000 for n in (1, 3, 10, 30, 100, 200))


class Axis(NamedTuple):
    """What is on the axis, the data of its points for so many pings, and the number that a point stands at."""

    says: str
    points: Callable[[int], list[of.Data]]
    at: Callable[[dict[str, Any]], float]


def along(name: str, values: tuple[float, ...]) -> Callable[[int], list[of.Data]]:
    """Return what makes the data of an axis: one value after the other, the rest as usual."""
    return lambda rows: [of.Data(**{"rows": rows, name: value}) for value in values]  # type: ignore[arg-type]


AXES = {
    "pings": Axis(
        "pings", lambda up_to: [of.Data(rows=n) for n in PINGS if n <= up_to], lambda a: a["made_rows"]
    ),
    "cases": Axis("cases", along("cases", (1, 10, 100, 1_000, 10_000)), lambda a: a["cases"]),
    "devices": Axis("devices", along("days", (14, 7, 4, 2, 1)), lambda a: a["devices"]),
    "crowd": Axis(
        "devices a km²", along("city_km", (60.0, 30.0, 15.0, 8.0)), lambda a: a["devices"] / a["city_km"] ** 2
    ),
    "gaps": Axis("share of time silent", along("gaps", (0.0, 0.25, 0.5, 0.75)), lambda a: a["gaps"]),
}
COSTS = ("wall_s", "cpu_s", "peak_bytes")


def slope(points: list[dict[str, Any]], cost: str) -> float | None:
    """Return the slope of a straight line through the logarithms, by least squares; 1 is proportional growth."""
    pairs = [(log(p["x"]), log(p["cotrace"][cost])) for p in points if p["x"] > 0]
    if len(pairs) < 2:
        return None
    x, y = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    return sum((a - x) * (b - y) for a, b in pairs) / sum((a - x) ** 2 for a, _ in pairs)


def measure(axis: Axis, data: of.Data, made: of.Made, repeat: int) -> dict[str, Any]:
    """Measure one point."""
    tools = ("cotrace", "decoding")
    runs = in_turn({t: partial(run_tool, t, made, of.tool_arguments(t, data, made)) for t in tools}, repeat)
    if failed := failures(runs):
        sys.exit("\n".join(failed))
    costs = {tool: {cost: middle(runs, tool, cost) for cost in COSTS} for tool in tools}
    ranges = [run["wall_s"] for run in counted(runs, "cotrace")]
    found = counted(runs, "cotrace")[-1]["rows"]
    more = {"data": made.about, "companions": found, "walls": [min(ranges), max(ranges)]}
    return {"x": axis.at(made.about), **costs, **more, **about_run()}


def show(point: dict[str, Any]) -> None:
    """Print a line for a point."""
    mine, decoding = point["cotrace"], point["decoding"]["wall_s"]
    cost = f"{mine['wall_s']:8.2f} s, decoding {decoding:.2f} s, {mine['peak_bytes'] / 2**20:,.0f} MiB"
    print(f"  {number(point['x']):>14s}: {cost}, {point['companions']:,} companions", flush=True)


def merged(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return new points beside old ones that were made on this machine and not measured again."""
    taken, machine = {point["x"] for point in new}, new[0]["machine"]
    kept = [p for p in old if p["x"] not in taken and p["machine"] == machine]
    return sorted(kept + new, key=lambda point: point["x"])


def walk(name: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure all points of an axis; data made for a point are removed after it."""
    axis, points = AXES[name], []
    print(f"over {axis.says}:", flush=True)
    for data in axis.points(args.up_to if name == "pings" else args.rows):
        is_base = of.pings_label(data) == of.pings_label(of.Data(rows=args.rows))
        made = of.make(data, args.data)
        if data.cases <= made.about["devices"]:
            points.append(measure(axis, data, made, args.repeat))
            show(points[-1])
        if made.is_new and not is_base:
            of.remove(made)
    return points


def arguments() -> argparse.Namespace:
    """Return the command's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--up-to", type=int, default=10_000_000, help="the most pings of the axis of pings")
    parser.add_argument("--rows", type=int, default=10_000_000, help="pings of the other axes")
    parser.add_argument("--axes", nargs="+", choices=tuple(AXES), default=list(AXES))
    parser.add_argument("--repeat", type=int, default=3, help="rounds of a point that count")
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where pings and results go")
    parser.add_argument("--record", action="store_true", help="keep the result in benchmarks/results too")
    return parser.parse_args()


def main() -> None:
    """Measure the axes that are asked for, and print the slopes."""
    args = arguments()
    print(f"growth: {describe_machine()}", flush=True)
    known = (read_json(RESULTS / "growth.json") or {"axes": {}})["axes"] if args.record else {}
    for name in args.axes:
        new = walk(name, args)
        if not new:
            continue
        # on the other axes a point is one of so many pings: old ones may be of others
        points = merged(known.get(name, {}).get("points", []), new) if name == "pings" else new
        slopes = {cost: slope(points, cost) for cost in COSTS}
        known[name] = {"says": AXES[name].says, "points": points, "slopes": slopes}
        if slopes["wall_s"] is not None and name != "gaps":
            print(
                f"  slope of log-log: time {slopes['wall_s']:.2f}, memory {slopes['peak_bytes']:.2f}",
                flush=True,
            )
        keep("growth", {"question": "growth", "axes": known}, args.data, args.record)


if __name__ == "__main__":
    main()
