"""Kernels of the exposure queries, timed through the queries that call them; elements are the stays asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np

import kernel_inputs as given

#: The query, and the kernels that it times.
Queries = dict[str, Callable[[], Callable[[], object]]]


def cases() -> list[Any]:
    """Return the devices that are cases."""
    return list(given.case_ids().to_pylist())


def end() -> Any:
    """Return the moment that closes all lookbacks."""
    from exposure import end_of

    return end_of(given.stays())


def long() -> Any:
    """Return a rule that few contacts meet."""
    import cotrace

    return cotrace.CompanionRule(min_shared="6h", min_cumulative=None)


def anchors() -> Callable[[], object]:
    import cotrace

    return lambda: cotrace.anchors(given.stays())


def visitors() -> Callable[[], object]:
    from exposure_places import many

    return many(given.stays())


def tiers() -> Callable[[], object]:
    import cotrace

    # of one case: with more nobody of this small town is left for the last tier
    return lambda: cotrace.tiers(given.stays(), cases()[:1], as_of=end(), rule=long())


def contacts() -> Callable[[], object]:
    import cotrace

    rule = cotrace.CompanionRule(min_cumulative=None, shared="cumulative")
    seen = {"device": cases()[:1], "place": ["theatre"], "started_at": [end() - timedelta(hours=3)]}
    visits = cotrace.read_visits(seen | {"finished_at": [end()], "source": ["tickets"]})
    stays = cotrace.with_visits(given.stays(), visits)
    return lambda: cotrace.contacts(stays, cases(), as_of=end(), rule=rule)


def linked() -> Callable[[], object]:
    import cotrace

    some, late = cases(), end() - timedelta(days=1)
    table = {
        "a": some[:-1],
        "b": some[1:],
        "started_at": [late] * (len(some) - 1),
        "finished_at": [end()] * (len(some) - 1),
    }
    known = cotrace.read_contacts(table)
    return lambda: cotrace.rings(given.stays(), some[:5], as_of=end(), depth=2, contacts=known)


def pairs() -> Callable[[], object]:
    import cotrace

    return lambda: sum(1 for _ in cotrace.pairs(given.stays(), max_crowd=40))


def sources() -> Callable[[], object]:
    import cotrace

    some = cases()[:10]
    onsets = {"device": some, "onset": [end() - timedelta(days=k % 3) for k in range(10)]}
    return lambda: cotrace.common_sources(given.stays(), onsets).places


def significance() -> Callable[[], object]:
    import cotrace

    some = cases()
    return lambda: cotrace.significance(given.stays(), list(zip(some[::2], some[1::2], strict=True)))


def travel() -> Callable[[], object]:
    import cotrace

    made = given.pings()
    table = {"device": made.device, "time": made.time, "x": made.x, "y": made.y}
    pings = cotrace.read_pings(table, unit="s")
    return lambda: cotrace.co_travel(pings, cases()[:5], options=given.options())


def towers() -> Callable[[], object]:
    import cotrace

    return lambda: cotrace.find_footprints(_masts(), cotrace.Grid.planar(800))


def certainty() -> Callable[[], object]:
    import cotrace

    made = given.pings()
    table = {"device": made.device, "time": made.time, "tower": made.cells[made.cell]}
    options = cotrace.StayOptions(by="tower", fill="forward")
    stays = cotrace.find_stays(cotrace.read_pings(table, unit="s"), options=options)
    footprints = cotrace.find_footprints(_masts(), cotrace.Grid.planar(800))
    asked = {"as_of": end(), "certainty": True, "footprints": footprints, "threads": 1}
    return lambda: cotrace.find_companions(stays, cases(), **asked).certainty


def _masts() -> dict[str, Any]:
    """Return a tower in the middle of every cell."""
    import cotrace

    cells = given.pings().cells
    x, y = cotrace.Grid.planar(800).centre(cells)
    return {"tower": cells, "x": x, "y": y, "radius_m": np.full(cells.size, 600.0)}


TIERS = (
    "meetings_in_cells",
    "most_seeds",
    "fold_first",
    "fold_spans",
    "keep_pairs",
    "meetings_in_windows",
    "add_visits",
    "overlap_of_pairs",
)

QUERIES: Queries = {
    "weigh_cells": towers,
    "count_haunts+fill_haunts+meet_haunts": certainty,
    "device_slices+most_dwell": anchors,
    "count_meets+fill_meets": visitors,
    "+".join(TIERS): tiers,
    "sum_spans+source_bits_at": contacts,
    "meetings_in_links": linked,
    "order_cells+pairs_of_devices+count_cut+fill_cut": pairs,
    "judge_sources+count_visitors": sources,
    "count_pieces+fill_pieces+hash_times+count_crowds+pair_meetings+judge_pairs": significance,
    "count_passes+fill_passes+chain+count_close+fill_close": travel,
}
