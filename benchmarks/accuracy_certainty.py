"""Are probabilities what they say? Certainty on made cities, and the fit of its calibration on others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import cotrace
from accuracy_worlds import GRID, NETWORKS, World, network, pairs_of, world
from cotrace import synth
from cotrace.footprints.calibration import fit_calibration
from measure import about_run

__all__ = ["MODELS", "certainty", "fit", "sure_pairs"]

#: models of footprints; those with a population prior have the number of residents of each cell, as a census would
ALONE = " without population"
MODELS = ("bayes", "voronoi", "disc", "bayes" + ALONE)
FITTED = (*MODELS, "voronoi" + ALONE, "disc" + ALONE)
CALIBRATION = Path(__file__).resolve().parents[1] / "src" / "cotrace" / "data" / "calibration.json"
#: city, 5G stations a km2, network, feed: what is fitted on, and what is not looked at when fitting
FIT = (
    ("xian", 6.0, "5G", "sparse"),
    ("xian", 15.0, "5G", "full"),
    ("shanghai", 40.0, "5G", "sparse"),
    ("shanghai", 90.0, "5G", "full"),
    ("xian", 12.0, "mixed", "sparse"),
    ("shanghai", 50.0, "mixed", "full"),
    ("xian", 8.0, "4G", "sparse"),
)
TEST = (
    ("xian", 8.606, "5G", "sparse"),
    ("xian", 8.606, "5G", "full"),
    ("shanghai", 68.906, "5G", "sparse"),
    ("shanghai", 68.906, "5G", "full"),
    ("xian", 8.606, "mixed", "sparse"),
    ("shanghai", 68.906, "mixed", "full"),
    ("xian", 8.606, "4G", "sparse"),
)
FEEDS = {"sparse": synth.SPARSE, "full": synth.FULL}
#: seeds of the cities for fitting begin here; those of the tests are the usual one and the next ones
_FIT_SEED = 7_000


def sure_pairs(of: World, net: Any, feed: Any, models: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return by model, for each pair that is given a probability: raw, probability, true, case, expected seconds."""
    true = pairs_of(of.city.shared_cells(of.cases, grid=GRID).to_arrow(), "a", "b")
    source = synth.signals(of.city, net, seed=of.city.seed + 3, options=feed, positions=False)
    pings = cotrace.read_pings(source.to_arrow())
    stays = cotrace.find_stays(pings, options=cotrace.StayOptions(by="tower", fill="forward"))
    towers = net.table().to_arrow().drop_columns(["lon", "lat"])
    found = {}
    for model in models:
        people = None if model.endswith(ALONE) else residents(of)
        prints = cotrace.find_footprints(towers, GRID, model=model.removesuffix(ALONE), population=people)  # type: ignore[arg-type]
        sure = cotrace.find_companions(
            stays, of.cases, as_of=of.as_of, certainty=True, footprints=prints
        ).certainty.to_arrow()
        keys = [t["case_id"].to_numpy() << 32 | t["companion_id"].to_numpy() for t in (sure, true)]
        found[model] = {
            "kind": prints.kind,
            "raw": sure["uncalibrated"].to_numpy(),
            "p": sure["probability"].to_numpy(),
            "expected_s": sure["expected_shared_s"].to_numpy(),
            "together_s": sure["together_s"].to_numpy(),
            "case": sure["case_id"].to_numpy(),
            "companion": sure["companion_id"].to_numpy(),
            "true": np.isin(keys[0], keys[1]),
            "true_pairs": true.num_rows,
        }
    return found


def residents(of: World) -> dict[str, Any]:
    """Return how many of the sample live in each cell: what a census would know."""
    city = of.city
    x, y = (np.asarray(v, np.float64)[city.home] for v in (city.venue_x, city.venue_y))
    cells, counts = np.unique(GRID.cell(x=x, y=y), return_counts=True)
    return {"cell": cells, "population": counts.astype(np.float64)}


def _one(
    at: int, asked: tuple[str, float, str, str], size: dict[str, int], seed: int, models: tuple[str, ...]
) -> Any:
    preset, density, name, feed = asked
    area = size["certainty_km2"]
    of = world(
        preset, area, size["certainty_devices"], size["certainty_cases"], seed=seed + at,
        stations=round(density * synth.PRESETS[preset].area_km2),
    )  # fmt: skip
    found = sure_pairs(of, network(of, NETWORKS[name], seed + at + 50), FEEDS[feed], models)
    print(f"    {preset} {density} {name} {feed}", flush=True)
    return of, found


def fit(size: dict[str, int]) -> dict[str, Any]:
    """Fit the calibration of every model, and write it where the library reads it."""
    gathered: dict[str, list[Any]] = {}
    worlds = []
    for at, asked in enumerate(FIT):
        of, found = _one(at, asked, size, _FIT_SEED, FITTED)
        worlds.append(of.describe() | {"network": asked[2], "feed": asked[3]})
        for pairs in found.values():
            told = [pairs[k] for k in ("raw", "expected_s", "together_s", "true")]
            gathered.setdefault(pairs["kind"], []).append(told)
    models = {}
    for model, parts in gathered.items():
        *told, true = (np.concatenate(p) for p in zip(*parts, strict=True))
        models[model] = fit_calibration(*told, true) | {"pairs": int(true.size), "true": int(true.sum())}
    record = {
        "made_by": "python benchmarks/accuracy.py --fit",
        "what": "pairs of made cities: uncalibrated probability, and the share that shared a cell for ten minutes",
        "certainty": cotrace.Certainty(calibrated=False).describe(),
        "worlds": worlds,
        "models": models,
        **about_run(),
    }
    CALIBRATION.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return record


def certainty(size: dict[str, int]) -> dict[str, Any]:
    """Hold probabilities to the truth, on cities that were not used for fitting."""
    gathered: dict[str, list[dict[str, Any]]] = {model: [] for model in MODELS}
    rows = []
    for at, asked in enumerate(TEST):
        of, found = _one(
            at, asked, size, of_seed(size), MODELS if at % 2 == 0 else ("bayes", "bayes" + ALONE)
        )
        for model, pairs in found.items():
            pairs["group"] = pairs["case"] + (at << 32)
            gathered[model].append(pairs)
            rows.append(
                {
                    "model": model,
                    "network": asked[2],
                    "feed": asked[3],
                    **of.describe(),
                    **_told([pairs], 200),
                }
            )
    whole = {model: _told(parts, 500, bins=True) for model, parts in gathered.items()}
    return {"rows": rows, "models": whole, "fitted_on": _fitted()}


def of_seed(size: dict[str, int]) -> int:
    """Return the seed of the first test city."""
    return int(size.get("certainty_seed", 20_211_101))


def _told(parts: list[dict[str, Any]], draws: int, bins: bool = False) -> dict[str, Any]:
    p, raw, true, group = (
        np.concatenate([part[name] for part in parts]) for name in ("p", "raw", "true", "group")
    )
    told = cotrace.reliability(p, true, groups=group, draws=draws)
    row: dict[str, Any] = {
        "pairs": int(p.size),
        "true_share": round(float(true.mean()), 5),
        "listed_share": round(float(true.sum() / max(1, sum(part["true_pairs"] for part in parts))), 5),
        "error": round(told.error, 5),
        "error_low": round(told.interval[0], 5),
        "error_high": round(told.interval[1], 5),
        "brier": round(told.brier, 5),
        "raw_error": round(cotrace.reliability(raw, true, draws=2).error, 5),
        "base_brier": round(float(true.mean() * (1 - true.mean())), 5),
        "ranked_right": round(_ranked_right(p, true), 5),
    }
    if bins:
        row["bins"] = [
            {k: round(v, 5) if isinstance(v, float) else v for k, v in one.items()}
            for one in told.to_arrow().to_pylist()
        ]
    return row


def _ranked_right(p: Any, true: Any) -> float:
    """Return how often a true pair has the greater probability of two, ties counting half."""
    order = np.argsort(p, kind="stable")
    values, first, counts = np.unique(p[order], return_index=True, return_counts=True)
    rank = (first + (counts + 1) / 2)[np.searchsorted(values, p)]
    n = int(true.sum())
    return float((rank[true].sum() - n * (n + 1) / 2) / max(1, n * (p.size - n)))


def _fitted() -> dict[str, Any]:
    record = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    return {
        "worlds": record.get("worlds", []),
        "models": {m: v.get("pairs") for m, v in record["models"].items()},
    }
