"""The tables of zones that were drawn: the zones, their cases, and the devices that they concern."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import repeated, take
from cotrace.companions.cases import Cases
from cotrace.durations import seconds
from cotrace.exposure.asked import Asked
from cotrace.exposure.common import bools, ints, table
from cotrace.exposure.drawing import KINDS, CaseDwell, Drawn, _joined
from cotrace.exposure.visitors import find_meets
from cotrace.options import ZoneRule
from cotrace.schema_places import ZONE_CASES, ZONE_DEVICES, ZONES
from cotrace.tables import Stays, Table, instants

__all__ = ["concerned_devices", "table_of_cases", "table_of_zones"]

Int64 = NDArray[np.int64]


def table_of_cases(stays: Stays, drawn: Drawn, dwell: CaseDwell, cases: Cases, note: str) -> Table:
    """Return the dwell of each case in each zone that was drawn."""
    at, row = _joined(drawn.met.cell, dwell.cell)
    zone, case = drawn.met.place[at], dwell.case[row]
    once, which = np.unique(zone * (len(cases) + 1) + case, return_inverse=True)
    total, home = np.zeros(once.size, dtype=np.int64), np.zeros(once.size, dtype=np.bool_)
    np.add.at(total, which, dwell.dwell[row])
    np.logical_or.at(home, which, dwell.home[row])
    zone, case = once // (len(cases) + 1), once % (len(cases) + 1)
    columns = {
        **_zone_columns(drawn, zone),
        "case_id": take(cases.ids, case),
        "as_of": instants(cases.as_of[case], 0, stays.tz),
        "dwell_s": ints(total),
        "at_home": bools(home),
    }
    return table(ZONE_CASES, columns, stays, note)


def _zone_columns(drawn: Drawn, zone: Int64) -> dict[str, Any]:
    import pyarrow as pa

    names = pa.array(drawn.names, pa.string()).take(pa.array(zone, pa.int64()))
    return {"zone": names, "zone_kind": repeated(KINDS, drawn.kind[zone])}


class Devices:
    """The devices that zones concern, by zone and device."""

    def __init__(self, stays: Stays, drawn: Drawn, keys: Int64) -> None:
        self._stays, self._drawn = stays, drawn
        self.keys = keys
        self.zone, self.device = keys // (len(stays.devices) + 1), keys % (len(stays.devices) + 1)
        n = keys.size
        self.home, self.present = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        self.dwell, self.last = np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.int64)
        self.share = np.full(n, -1.0)

    def at(self, zone: Int64, device: Int64) -> Int64:
        return np.searchsorted(self.keys, zone * (len(self._stays.devices) + 1) + device).astype(np.int64)

    def table(self, note: str) -> Table:
        import pyarrow as pa

        seen = self.dwell > 0
        stays = self._stays
        micros = (np.where(seen, self.last, 0) + stays.base) * 1_000_000
        columns = {
            **_zone_columns(self._drawn, self.zone),
            "device": take(stays.devices, self.device),
            "at_home": bools(self.home),
            "dwell_s": ints(self.dwell),
            "present_now": bools(self.present),
            "last_seen_at": pa.array(micros, pa.timestamp("us", tz=stays.tz), mask=~seen),
            "certainty": pa.array(self.share, pa.float64(), mask=self.share < 0),
        }
        return table(ZONE_DEVICES, columns, stays, f"Devices, not people. {note}")


def concerned_devices(stays: Stays, drawn: Drawn, homes: Int64, rule: ZoneRule, now: int) -> Devices:
    """Find who is at home in the zones, who visited them in the lookback, and who is there ``now`` (unix seconds)."""
    met, n = drawn.met, len(drawn.names)
    begin = np.full(n, now - seconds(rule.lookback, "lookback"))
    visits = find_meets(stays, Asked(met, [None] * n, begin, np.full(n, now)))
    at_home, resident = _joined(met.cell, homes)
    last = _last_before(stays, now, seconds(rule.present_within, "present_within"))
    at_last, present = _joined(met.cell, stays.rows[last, 1].astype(np.int64))
    here = stays.rows[last, 0].astype(np.int64)[present]
    width = len(stays.devices) + 1
    keys = [
        visits.request * width + visits.device,
        met.place[at_home] * width + resident,
        met.place[at_last] * width + here,
    ]
    found = Devices(stays, drawn, np.unique(np.concatenate(keys)))
    at = found.at(visits.request, visits.device)
    np.add.at(found.dwell, at, visits.end - visits.start - visits.overlap)
    np.maximum.at(found.last, at, visits.end)
    for rows, share in ((at, visits.share), (found.at(met.place[at_home], resident), met.share[at_home])):
        np.maximum.at(found.share, rows, np.where(np.isnan(share), -1.0, share))
    found.home[found.at(met.place[at_home], resident)] = True
    spot = found.at(met.place[at_last], here)
    found.present[spot] = True
    np.maximum.at(found.share, spot, np.nan_to_num(met.share[at_last], nan=-1.0))
    return found


def _last_before(stays: Stays, now: int, within: int) -> Int64:
    """Return the number of each device's last stay before ``now``, where it ended no longer before than this."""
    rows = np.flatnonzero(stays.rows[:, 2] < now - stays.base)
    device = stays.rows[rows, 0]
    last = rows[np.append(device[1:] != device[:-1], True)] if rows.size else rows
    recent = stays.rows[last, 3] >= now - stays.base - within
    return np.asarray(last[recent], dtype=np.int64)


def table_of_zones(stays: Stays, drawn: Drawn, evidence: Table, devices: Devices, note: str) -> Table:
    """Return the zones, with what the tables of their cases and devices come to."""
    import pyarrow as pa

    n = len(drawn.names)
    place = {
        (kind, name): k for k, (kind, name) in enumerate(zip(drawn.kind.tolist(), drawn.names, strict=True))
    }
    rows = evidence.to_arrow()
    kinds = [KINDS.index(kind) for kind in rows["zone_kind"].to_pylist()]
    zone = np.array([place[key] for key in zip(kinds, rows["zone"].to_pylist(), strict=True)], dtype=np.int64)
    dwell = np.zeros(n, dtype=np.int64)
    np.add.at(dwell, zone, np.array(rows["dwell_s"].to_pylist(), dtype=np.int64))
    share = np.full(n, -1.0)
    np.maximum.at(share, drawn.met.place, np.nan_to_num(drawn.met.share, nan=-1.0))

    def count(which: NDArray[np.bool_]) -> pa.Array:
        return ints(np.bincount(devices.zone[which], minlength=n))

    columns = {
        **_zone_columns(drawn, np.arange(n)),
        "why": pa.array(drawn.why, pa.string()),
        "cases": ints(np.bincount(zone, minlength=n)),
        "case_dwell_s": ints(dwell),
        "n_cells": ints(drawn.n_cells),
        "at_home": count(devices.home),
        "visitors": count((devices.dwell > 0) & ~devices.home),
        "present_now": count(devices.present),
        "certainty": pa.array(share, pa.float64(), mask=share < 0),
    }
    return table(ZONES, columns, stays, note)
