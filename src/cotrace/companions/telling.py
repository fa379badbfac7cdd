"""What a companion is told of why it is on a list: nothing of the case, and nothing that it does not know itself.

A companion is told the reading of the rule, and of its *own* stays the cell, the first and the last day of those in
which it kept the case company. It is never told the case's id, ``as_of``, dwell or observation, how often or how long
the two were together, nor when within its own stay.

A cell is named only where the rule would be met there whatever the case's dwell: the companion's own dwell in it meets
the cumulative clause, or there is none. In any other cell it is the case that has the dwell, which is to say that the
case lives or works there; such cells are never named. Nor is any, where the rule's own wording would tell it: where
``dwell_of`` asks for the case's dwell too, or where more than an hour together is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cotrace.companions.words import _how_near, _matched, _rows_of, case_number
from cotrace.errors import CaseError
from cotrace.tables import instants

if TYPE_CHECKING:
    from cotrace.companions.result import Companions

__all__ = ["told"]

#: together for longer than this, somebody is not passing by
_BRIEF = 3600
_SAID = (
    "Only your own places and days are named here, and never a place that could tell where somebody else lives or "
    "works: not all that counted is named."
)
_REVIEW = (
    "This says that two devices were in one place, not that two people met. Nothing follows from it without a review, "
    "and you can ask for one."
)


def told(found: Companions, case: Any, companion: Any, as_of: Any) -> str:
    """See :meth:`cotrace.companions.result.Companions.explain`."""
    coverage = found.coverage.to_arrow().slice(case_number(found, case, as_of), 1).to_pylist()[0]
    other = _matched(found, companion)
    if other == _matched(found, case):
        raise CaseError("a case is not its own companion: companion= is the case itself")
    if not _rows_of(found.companions.to_arrow(), coverage, other):
        return "\n".join(
            [
                "This device is not on the list of this case. That is not to say that it was not exposed.",
                _REVIEW,
            ]
        )
    lines = [
        "This device is on a list of candidates, from co-location alone.",
        f"Rule: {found.rule.describe()}.",
    ]
    lines += _places(found, _rows_of(found.evidence.to_arrow(), coverage, other), other)
    return "\n".join([*lines, _SAID, *_how_near(found), _REVIEW])


def _places(found: Companions, evidence: list[dict[str, Any]], other: Any) -> list[str]:
    cells: dict[Any, list[dict[str, Any]]] = {}
    for episode in evidence:
        if _may_be_named(found, episode["companion_dwell_s"]):
            cells.setdefault(episode["cell"], []).append(episode)
    own = _own_stays(found, other, set(cells))
    lines = []
    for cell, episodes in cells.items():
        where = found.cells.said(cell)
        if (first := episodes[0])["cell_lon"] is not None:
            where += f" (around lon {first['cell_lon']:.5f}, lat {first['cell_lat']:.5f})"
        stays = [
            s for s in own[cell] if any(s[0] < e["finished_at"] and e["started_at"] <= s[1] for e in episodes)
        ]
        days = [day for start, end in stays for day in (start, end)]
        lines.append(
            (min(days), f"In {where}: your stays from {min(days):%Y-%m-%d} to {max(days):%Y-%m-%d}.")
        )
    return [line for _, line in sorted(lines)]


def _may_be_named(found: Companions, own_dwell_s: int) -> bool:
    rule, least = found.rule, found.rule.least_cumulative_s
    if rule.min_shared_s > _BRIEF:
        return False
    if least is None:
        return True
    return own_dwell_s >= least and (rule.dwell_of in ("either", "companion") or rule.combine == "or")


def _own_stays(found: Companions, other: Any, cells: set[Any]) -> dict[Any, list[tuple[Any, Any]]]:
    import pyarrow as pa

    stays = found.stays
    code = stays.devices.index(pa.scalar(other, stays.devices.type)).as_py()
    rows = stays.rows[stays.rows[:, 0] == code]
    where = stays.cells.values.take(pa.array(rows[:, 1])).to_pylist()
    # the last second that belongs to a stay, so that one which ends at midnight does not name the next day
    begins, lasts = (
        instants(rows[:, k], stays.base - less, stays.tz).to_pylist() for k, less in ((2, 0), (3, 1))
    )
    own: dict[Any, list[tuple[Any, Any]]] = {cell: [] for cell in cells}
    for cell, begin, last in zip(where, begins, lasts, strict=True):
        if cell in own:
            own[cell].append((begin, last))
    return own
