"""Questions to the rule on made logs: generations, readings, fills, smoothing, filters, shifted grids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import cotrace
from accuracy_time import invented, right_cell, seen, together
from accuracy_worlds import (
    GRID,
    MIXED,
    NETWORKS,
    World,
    exact,
    judged,
    logged,
    network,
    options,
    world,
)
from cotrace import synth

__all__ = ["edges", "fills", "filters", "generations", "readings", "smoothing"]

_SAMPLES = 400


def generations(size: dict[str, int]) -> dict[str, Any]:
    """Hold the rule to the truth by generation of stations, in networks as dense as Xi'an's and Shanghai's."""
    rows, worlds = [], []
    for preset in ("xian", "shanghai"):
        of = world(preset, size["wide_km2"], size["wide_devices"], size["cases"])
        worlds.append(of.describe())
        truth = of.told_by_rule()
        rows.append(_row(of, preset, "true positions", truth, truth, of.true_stays))
        for name, asked in NETWORKS.items():
            net = network(of, asked)
            pings, source = logged(of, net, synth.FULL)
            kept: dict[str, Any] = {"stations": net.n_stations, "rows": source.counts["logged"]}
            for by in ("grid", "tower"):
                how = options() if by == "grid" else cotrace.StayOptions(by="tower", fill="forward")
                stays = cotrace.find_stays(pings, options=how)
                found = cotrace.find_companions(stays, of.cases, as_of=of.as_of)
                row = _row(of, preset, name, found, truth, stays if by == "grid" else None)
                rows.append(row | kept | {"cells": by})
                print(
                    f"    {preset} {name} by {by}: {row['rule']['precision']} {row['rule']['recall']}",
                    flush=True,
                )
            del pings, source, stays
    return {"worlds": worlds, "rows": rows, "options": synth.FULL.as_dict() | {"rhythm": None}}


def _row(of: World, preset: str, name: str, found: Any, truth: Any, stays: Any) -> dict[str, Any]:
    return {
        "city": preset,
        "network": name,
        "cells": "grid",
        "rule": judged(found, truth, of, replicates=_SAMPLES),
        "met": judged(found, of.met, of, replicates=_SAMPLES, cases=found.cases),
        "place": None if stays is None else right_cell(stays, of.true_stays),
    }


#: what each sweep varies, beside run 0
OVER: dict[str, list[Any]] = {
    "dwell_of": ["either", "case", "companion", "both", "pair"],
    "min_cumulative": [None, "10h", "30h", "60h"],
    "combine": ["and", "or"],
    "min_shared": ["5min", "10min", "15min", "30min", "1h"],
    "fill": ["same_cell", "forward"],
    "max_gap": ["30min", "60min", "75min", "2h", "4h"],
    "smooth": [None, "5min", "15min", "30min"],
    "cell_m": [200.0, 400.0, 800.0, 1600.0],
    "origin": [(0.0, 0.0), (400.0, 0.0), (0.0, 400.0), (400.0, 400.0)],
}


def readings(size: dict[str, int]) -> dict[str, Any]:
    """Hold every option to the pairs that met, and to what the same reading says of the true stays."""
    of = world("xian", size["town_km2"], size["sweep_devices"], size["cases"])
    sources = {}
    for name, kind, feed in (("mixed, 40 a day", MIXED, synth.SPARSE), ("5G, full", ("5G",), synth.FULL)):
        sources[name] = logged(of, network(of, kind), feed)[0]
    keep: dict[str, Any] = {}

    def by_rule(rule: Any, made: Any) -> Any:
        key = repr((made.grid, rule))
        if key not in keep:
            stays = of.true_stays if made.grid == GRID else of.city.stays(grid=made.grid)
            keep[key] = of.told_by_rule(rule, stays)
        return keep[key]

    tables = {}
    for name, truth in (("met", of.met), ("rule", by_rule)):
        done = cotrace.sweep(
            sources, of.cases, truth, over=OVER, as_of=of.as_of, options=options(), replicates=_SAMPLES,
            progress=lambda n, m, name=name: print(f"    {name} {n} of {m}", end="\r", flush=True),
        )  # fmt: skip
        tables[name] = [_plain(row) for row in done.table.to_arrow().to_pylist()]
    perfect = [
        {"dwell_of": d, "min_cumulative": c}
        | judged(found, of.met, of, replicates=_SAMPLES, cases=found.cases)
        for d, c in (*((d, "30h") for d in OVER["dwell_of"]), ("either", None))
        for found in [of.told_by_rule(cotrace.CompanionRule(dwell_of=d, min_cumulative=c))]
    ]
    return {"world": of.describe(), "tables": tables, "perfect": perfect}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}


def fills(size: dict[str, int]) -> dict[str, Any]:
    """Say how much of true half hours and hours each fill sees, and how much time together it invents."""
    of = world("xian", size["town_km2"], size["town_devices"], size["fill_cases"])
    true = together(of.true_stays, of.cases, of.as_of)
    rows, counts = [], {}
    for feed_name, feed in (("40 a day", synth.SPARSE), ("full", synth.FULL)):
        source = synth.signals(of.city, network(of, MIXED), seed=of.city.seed + 3, options=feed)
        table = source.to_arrow()
        counts[feed_name] = {
            "rows": table.num_rows,
            "a_day": round(table.num_rows / of.devices / of.city.days, 1),
        }
        for where, pings in (("exact", exact(of, table)), ("towers", cotrace.read_pings(table))):
            for fill in ("same_cell", "forward"):
                for gap in ("75min", "2h") if where == "exact" else ("75min",):
                    stays = cotrace.find_stays(pings, options=options(fill, max_gap=gap))
                    observed = together(stays, of.cases, of.as_of)
                    rows.append(
                        {
                            "feed": feed_name,
                            "positions": where,
                            "fill": fill,
                            "max_gap": gap,
                            "half": seen(observed, true, 1500, 2100),
                            "hour": seen(observed, true, 3000, 4200),
                            **invented(observed, true),
                            **right_cell(stays, of.true_stays),
                        }
                    )
                    print(
                        f"    {feed_name} {where} {fill} {gap}: {rows[-1]['half']['seen_share']}", flush=True
                    )
                    if feed_name == "full" and where == "towers":
                        break
            del pings
    return {"world": of.describe(), "feeds": counts, "rows": rows}


def smoothing(size: dict[str, int]) -> dict[str, Any]:
    """Hold networks that flap to the truth, before and after smoothing."""
    of = world("xian", size["town_km2"], size["sweep_devices"], size["cases"])
    truth = of.told_by_rule()
    rows = []
    for name in ("5G", "mixed"):
        net = network(of, NETWORKS[name])
        for flapping in (0.03, 0.15):
            pings, source = logged(of, net, replace(synth.FULL, flapping=flapping))
            for within in (None, "5min", "15min", "30min"):
                smooth = None if within is None else cotrace.PingPong(within)
                stays = cotrace.find_stays(pings, options=options(smooth=smooth))
                found = cotrace.find_companions(stays, of.cases, as_of=of.as_of)
                rows.append(
                    {
                        "network": name,
                        "flapping": flapping,
                        "flap_share": round(source.counts["flap"] / source.counts["logged"], 5),
                        "within": within,
                        "stays": len(stays),
                        "true_stays": len(of.true_stays),
                        "relabelled": stays.counts.relabelled,
                        "rule": judged(found, truth, of, replicates=_SAMPLES),
                        "met": judged(found, of.met, of, replicates=_SAMPLES, cases=found.cases),
                        **right_cell(stays, of.true_stays),
                    }
                )
            print(f"    {name} flapping {flapping}", flush=True)
    return {"world": of.describe(), "rows": rows}


def filters(size: dict[str, int]) -> dict[str, Any]:
    """Say how many of the flagged are left when columns filter, and how many of the pairs that met."""
    import pyarrow.compute as pc

    of = world("xian", size["town_km2"], size["town_devices"], size["cases"])
    pings, _ = logged(of, network(of, MIXED), synth.FULL)
    stays = cotrace.find_stays(pings, options=options())
    found = cotrace.find_companions(stays, of.cases, as_of=of.as_of)
    table = _with_columns(of, stays, found)
    crowd = table["crowd"].to_numpy()
    halves = [int(np.quantile(crowd, q)) for q in (0.1, 0.25, 0.5)]
    asked: list[tuple[str, str, Any]] = [("all", "", None)]
    asked += [
        ("setting", f"the case's {s}", pc.equal(table["setting"], s)) for s in ("home", "work", "other")
    ]
    asked += [
        ("dwell_met_by", f"`{d}`", pc.equal(table["dwell_met_by"], d)) for d in ("both", "case", "companion")
    ]
    asked += [
        ("crowd", f"the least {q:.0%} (at most {h})", pc.less_equal(table["crowd"], h))
        for q, h in zip((0.1, 0.25, 0.5), halves, strict=True)
    ]
    asked += [
        ("usual_s", words, pc.and_(pc.greater_equal(table["usual_s"], low), pc.less(table["usual_s"], high)))
        for words, low, high in (
            ("never together before", 0, 1),
            ("up to 10 h before", 1, 36_000),
            ("over 10 h before", 36_000, 2**40),
        )
    ]
    asked += [
        ("longest_s", words, pc.greater_equal(table["longest_s"], s))
        for words, s in (("an hour at once", 3600), ("eight hours at once", 28_800))
    ]
    asked += [("shared_s", "30 h in all", pc.greater_equal(table["shared_s"], 108_000))]
    rows = []
    for column, words, mask in asked:
        left = table if mask is None else table.filter(mask)
        row = judged(left, of.met, of, replicates=_SAMPLES)
        row |= {
            "left_share": left.num_rows / table.num_rows,
            "kept_share": row["hits"] / max(1, rows[0]["hits"] if rows else row["hits"]),
        }
        rows.append({"column": column, "words": words, **row})
    return {"world": of.describe(), "rows": rows}


def _with_columns(of: World, stays: Any, found: Any) -> Any:
    """Return the companions with setting (what the cell is to the case) and usual_s (before the last four days)."""
    import pyarrow as pa

    from accuracy_worlds import pairs_of
    from cotrace.accuracy.settings import with_settings

    table = found.companions.to_arrow()
    key = ["case_id", "companion_id"]
    setting = with_settings(found, cotrace.anchors(stays, of.cases)).select([*key, "setting"])
    until = of.as_of.timestamp() - 4 * 86_400
    spent = together(stays, of.cases, of.as_of)
    spent = spent[spent[:, 1] < until]
    spent[:, 2] = np.minimum(spent[:, 2], int(until))
    pairs, which = np.unique(spent[:, 0], return_inverse=True)
    usual = np.bincount(which.reshape(-1), spent[:, 2] - spent[:, 1], pairs.size).astype(np.int64)
    before = pa.table({"case_id": pairs >> 32, "companion_id": pairs & (2**32 - 1), "usual_s": usual})
    assert pairs_of(table, *key).num_rows == table.num_rows
    whole = table.join(setting, key).join(before, key)
    at = whole.column_names.index("usual_s")
    return whole.set_column(at, "usual_s", whole["usual_s"].fill_null(0))


def edges(size: dict[str, int]) -> dict[str, Any]:
    """Say in how many shifted grids companions remain companions, and how many of them met."""
    of = world("xian", size["town_km2"], size["sweep_devices"], size["cases"])
    source = synth.signals(of.city, network(of, ("5G",)), seed=of.city.seed + 3, options=synth.SPARSE)
    rows = []
    for where, pings in (
        ("exact", exact(of, source.to_arrow())),
        ("towers", cotrace.read_pings(source.to_arrow())),
    ):
        found = cotrace.shifted_grids(
            pings,
            of.cases,
            size["shifts"],
            as_of=of.as_of,
            options=options("same_cell" if where == "exact" else "forward"),
        )
        table, n = found.to_arrow(), size["shifts"]
        in_base, remains = table["in_base"].to_numpy(), table["remains_in"].to_numpy()
        met = _among(table, of.met)
        for words, low, high in _parts(n):
            for base in (True, False):
                mask = (in_base == base) & (remains >= low) & (remains <= high)
                rows.append(
                    {
                        "positions": where,
                        "in_base": base,
                        "words": words,
                        "low": low,
                        "high": high,
                        "pairs": int(mask.sum()),
                        "share": round(float(mask.sum() / max(1, (in_base == base).sum())), 5),
                        "met": int(met[mask].sum()),
                        "met_share": round(float(met[mask].mean()), 6) if mask.any() else None,
                    }
                )
    return {"world": of.describe(), "shifts": size["shifts"], "met_pairs": of.met.num_rows, "rows": rows}


def _parts(n: int) -> list[tuple[str, int, int]]:
    return [
        ("all", n, n),
        ("nearly all (9 in 10)", -(-9 * n // 10), n - 1),
        ("more than half", n // 2 + 1, -(-9 * n // 10) - 1),
        ("up to half", 1, n // 2),
        ("none", 0, 0),
    ]


def _among(table: Any, pairs: Any) -> Any:
    keys = [
        np.asarray(t["case_id"].to_numpy()) << 32 | np.asarray(t["companion_id"].to_numpy())
        for t in (table, pairs)
    ]
    return np.isin(keys[0], keys[1])
