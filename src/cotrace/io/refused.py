"""The rows that cannot be used: counted by reason, the first of them kept with the input's own columns."""

from __future__ import annotations

import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cotrace.counts import Counts
from cotrace.errors import CotraceWarning, RefusedRowsError
from cotrace.io.batches import CODES
from cotrace.io.reasons import CLOSED_DAY, REASONS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Refusals", "code_of", "empty_refused", "outside", "refused_schema"]

#: what is between the caller's code and what warns: a cached property is Python of its own
_OURS = ("cotrace", "functools")
_SWAPPED = "; in {n:,} of them latitude is beyond 90 while longitude is not: are lon and lat swapped?"


def refused_schema() -> list[tuple[str, Any]]:
    """Return the first columns of the table of refused rows, as schema.REFUSED has them."""
    from cotrace.schema import REFUSED

    arrow = REFUSED.arrow()
    return [(field.name, field.type) for field in arrow]


def empty_refused(schema: pa.Schema) -> pa.Table:
    """Return the table of no refused rows, for input columns of these types."""
    import pyarrow as pa

    return pa.schema([*(pa.field(*head) for head in refused_schema()), *schema]).empty_table()


class Refusals:
    """Collects refused rows during one pass; stages may add to it from several threads."""

    def __init__(self, counts: Counts, cap: int, strict: bool, hints: dict[str, str]) -> None:
        self.counts = counts
        self.cap = cap
        self.kept = 0
        self._strict = strict
        self._hints = hints
        self._parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8], Any]] = []
        self._first: int | None = None
        self._swapped = 0
        self._warned = 0
        self._lock = threading.Lock()

    def add(
        self,
        source: pa.RecordBatch,
        at: npt.NDArray[np.int64],
        codes: npt.NDArray[np.uint8],
        row: int,
        swapped: int,
        used: int = 0,
    ) -> None:
        """Add rows ``at`` of a batch of the input, whose first row has number ``row``; ``used`` were counted so."""
        if not len(at):
            return
        with self._lock:
            self._swapped += swapped
            self.counts.used -= used
            first = row + int(at[0])
            self._first = first if self._first is None else min(self._first, first)
            if self._strict:
                raise RefusedRowsError(
                    f"row {first} cannot be used: {REASONS[codes[0] - 1]}{self._hint(REASONS[codes[0] - 1])}; "
                    "errors='collect' counts such rows and goes on without them"
                )
            for code, n in enumerate(np.bincount(codes, minlength=len(REASONS) + 1).tolist()):
                if n:
                    reason = REASONS[code - 1]
                    self.counts.refused[reason] = self.counts.refused.get(reason, 0) + n
            room = min(self.cap - self.kept, len(at))
            if room > 0:
                import pyarrow as pa

                self._parts.append((at[:room] + row, codes[:room], source.take(pa.array(at[:room]))))
                self.kept += room

    def merge(self, later: Refusals) -> None:
        """Add what was refused of a later part of the source; of its rows as many are kept as there is room for."""
        self._swapped += later._swapped
        if self._first is None:
            self._first = later._first
        for reason, n in later.counts.refused.items():
            self.counts.refused[reason] = self.counts.refused.get(reason, 0) + n
        for rows, codes, source in later._parts:
            room = min(self.cap - self.kept, len(rows))
            if room > 0:
                self._parts.append((rows[:room], codes[:room], source.slice(0, room)))
                self.kept += room

    def _hint(self, reason: str) -> str:
        if reason == "position out of range" and self._swapped:
            return " (latitude is beyond 90 while longitude is not: are lon and lat swapped?)"
        return f" ({self._hints[reason]})" if reason in self._hints else ""

    def report(self) -> None:
        """Warn of the refused rows, once; raise when there are no others."""
        counts, n = self.counts, self.counts.n_refused
        if n == self._warned:
            return
        self._warned = n
        reasons = ", ".join(f"{k:,} {r}{self._reason_hint(r)}" for r, k in sorted(counts.refused.items()))
        swapped = _SWAPPED.format(n=self._swapped) if self._swapped else "."
        # rows of closed days were read as they should be, so there is nothing to mend in the reading
        if n == counts.rows and CLOSED_DAY not in counts.refused:
            raise RefusedRowsError(
                f"none of the {n:,} rows can be used: {reasons} (first: row {self._first}){swapped} "
                "pings.refused has them; were the right columns read, in the right unit?"
            )
        cap = (
            f"; only the first {self.kept:,} of them are kept there, the others are counted"
            if n > self.kept
            else ""
        )
        warnings.warn(
            CotraceWarning(
                f"{n:,} of {counts.rows:,} rows cannot be used: {reasons} (first: row {self._first}){swapped} "
                f"pings.refused has them, with their reasons{cap}",
                "refused",
                rows=counts.rows,
                refused=dict(counts.refused),
                first_row=self._first,
                kept=self.kept,
                swapped=self._swapped,
            ),
            stacklevel=outside(),
        )

    def _reason_hint(self, reason: str) -> str:
        return f" ({self._hints[reason]})" if reason in self._hints else ""

    def table(self, schema: pa.Schema) -> pa.Table:
        """Return the kept rows by their numbers: row, reason, and the input's columns."""
        import pyarrow as pa

        heads = refused_schema()
        names = np.array(["", *REASONS], dtype=object)
        if not self._parts:
            return empty_refused(schema)
        rows = np.concatenate([part[0] for part in self._parts])
        codes = np.concatenate([part[1] for part in self._parts])
        own = _stacked([part[2] for part in self._parts])
        order = pa.array(np.argsort(rows, kind="stable"))
        columns = [pa.array(rows, heads[0][1]), pa.array(names[codes], heads[1][1])]
        table = pa.table(columns, names=[h[0] for h in heads])
        for name in own.column_names:
            table = table.append_column(name, own.column(name))
        return table.take(order)


def _stacked(batches: list[pa.RecordBatch]) -> pa.Table:
    """Put batches of different files under one another; types that do not fit become text."""
    import pyarrow as pa

    tables = [pa.Table.from_batches([b]) for b in batches]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.concat_tables([_as_text(t) for t in tables])


def _as_text(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    from cotrace.arrays import plain

    return pa.table([plain(c).cast(pa.large_string()) for c in table.columns], names=table.column_names)


def outside() -> int:
    """Return the stack level of the caller's own code, which is what a warning should point at."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).split(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    return level


def code_of(reason: str) -> int:
    """Return the code of a reason, or refuse one that is not known."""
    if reason not in CODES:
        raise ValueError(f"{reason!r} is not one of {', '.join(map(repr, REASONS))}")
    return CODES[reason]
