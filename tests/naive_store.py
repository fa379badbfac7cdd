"""The oracle of the daily store, in plain Python: a dictionary of batches, and stays made of all of them anew.

It imports nothing of cotrace. A row is (device, second, cell); a cell of None cannot be used. A batch's content is its
rows in any order; days begin at midnight UTC.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.naive import Making, smoothed

DAY = 86_400

Row = tuple[Any, int, Any]
Content = tuple[Any, ...]
Stay = tuple[Any, Any, int, int]


def content_of(rows: list[Row]) -> Content:
    """Return what a batch says, whatever the order of its rows."""
    return tuple(sorted(rows, key=repr))


@dataclass
class NaiveStore:
    """What a store holds: the rows of each batch that is live, and which batches were replaced by which."""

    making: Making
    live: dict[Content, list[Row]] = field(default_factory=dict)
    refused: dict[Content, Counter[str]] = field(default_factory=dict)
    replaced: dict[Content, Content] = field(default_factory=dict)
    days: dict[Content, set[int]] = field(default_factory=dict)
    closed: int | None = None

    def ingest(self, rows: list[Row], replaces: Content | None = None) -> str:
        """Take rows in; return ``new``, ``already`` or ``cannot``."""
        content = content_of(rows)
        if all(row[2] is None for row in rows):
            return "cannot"
        if replaces is not None and replaces not in self.live:
            return "already" if self.replaced.get(replaces) == content else "cannot"
        if content in self.live and replaces in (None, content):
            return "already"
        if content in self.replaced and replaces is None:
            return "already"
        if replaces is not None:
            if self.closed is not None and any(day < self.closed // DAY for day in self.days[replaces]):
                return "cannot"
            del self.live[replaces], self.refused[replaces]
            self.replaced[replaces] = content
        if content not in self.live:
            usable = [row for row in rows if row[2] is not None]
            self.live[content] = [row for row in usable if not self._is_closed(row)]
            self.refused[content] = Counter(
                {"no position": len(rows) - len(usable), "closed day": len(usable) - len(self.live[content])}
            )
            self.days[content] = {row[1] // DAY for row in self.live[content]}
            self.replaced.pop(content, None)
        return "new"

    def _is_closed(self, row: Row) -> bool:
        return self.closed is not None and row[1] < self.closed

    def close(self, before: int) -> None:
        """Take no rows before an instant any more."""
        self.closed = max(before, self.closed or before)

    def forget_before(self, before: int) -> None:
        """Forget all rows before an instant; a batch that has none left is nothing but known."""
        for content, rows in self.live.items():
            self.live[content] = [row for row in rows if row[1] >= before]
            left = {day for day in self.days[content] if day >= before // DAY}
            if self.days[content] and not left:
                self.refused[content] = Counter()
            self.days[content] = left
        self.close(before)

    def forget_devices(self, devices: set[Any]) -> None:
        """Forget all rows of devices."""
        for content, rows in self.live.items():
            self.live[content] = [row for row in rows if row[0] not in devices]

    def rows(self) -> list[Row]:
        """Return all rows that there are."""
        return [row for rows in self.live.values() for row in rows]

    def seen(self) -> tuple[dict[Any, dict[int, Any]], dict[str, int]]:
        """Return where each device was in each second that it was seen in, and the counts."""
        in_second: dict[tuple[Any, int], list[Any]] = defaultdict(list)
        for device, second, cell in self.rows():
            in_second[device, second].append(cell)
        seen: dict[Any, dict[int, Any]] = {}
        collapsed = conflicts = relabelled = 0
        for (device, second), cells in sorted(in_second.items()):
            seen.setdefault(device, {})[second] = max(cells)
            collapsed += len(cells) - 1
            conflicts += sum(cell != max(cells) for cell in cells)
        if self.making.smooth is not None:
            for device, cells_of in seen.items():
                seen[device], changed = smoothed(cells_of, self.making.smooth)
                relabelled += changed
        refused = sum((dict_ for dict_ in self.refused.values()), Counter())
        counts = {
            "rows": len(self.rows()) + sum(refused.values()),
            "used": len(in_second),
            "collapsed": collapsed,
            "conflicts": conflicts,
            "refused": {reason: n for reason, n in sorted(refused.items()) if n},
            "relabelled": relabelled,
        }
        return seen, counts

    def stays(self) -> list[Stay]:
        """Return the stays (device, cell, start, end), by device and start."""
        found = []
        for device, seen in self.seen()[0].items():
            order = sorted(seen)
            mine: list[Stay] = []
            for one, two in pairwise(order):
                if two - one > self.making.max_gap:
                    continue
                if self.making.fill != "forward" and seen[one] != seen[two]:
                    continue
                if mine and mine[-1][1] == seen[one] and mine[-1][3] == one:
                    mine[-1] = (device, seen[one], mine[-1][2], two)
                else:
                    mine.append((device, seen[one], one, two))
            found += mine
        return found


def clipped(stays: list[Stay], start: int, end: int) -> list[Stay]:
    """Return the parts of stays in ``[start, end)``."""
    cut = [(d, c, max(a, start), min(b, end)) for d, c, a, b in stays]
    return [stay for stay in cut if stay[3] > stay[2]]
