"""What became of every row: used, collapsed, refused or skipped. Nothing is lost, and the counts say so."""

from __future__ import annotations

from dataclasses import dataclass, field

from cotrace.errors import CotraceError

__all__ = ["Counts"]


@dataclass
class Counts:
    """What became of the rows of one pass over a source.

    ``rows`` = ``used`` + ``collapsed`` + refused + ``skipped``, always.

    Parameters
    ----------
    rows : int
        Rows of the source.
    used : int
        Rows that the result was made from.
    collapsed : int
        Rows left out because another row of the same device and second was used.
    conflicts : int
        Of the collapsed rows, those that were in another cell.
    refused : dict
        Rows that cannot be used, by reason.
    skipped : int
        Rows in whole row groups outside the time asked, counted from the files' footers and never read.
    relabelled : int
        Pings that smoothing gave another cell; they are used all the same.
    order : str
        How the pings were brought in order: ``""`` (not asked), ``"streamed"``, ``"sorted in memory"`` or
        ``"sorted on disk"``.
    """

    rows: int = 0
    used: int = 0
    collapsed: int = 0
    conflicts: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    skipped: int = 0
    relabelled: int = 0
    order: str = ""

    @property
    def n_refused(self) -> int:
        """Rows that cannot be used, all reasons together."""
        return sum(self.refused.values())

    def check(self) -> None:
        """Make sure that every row is accounted for.

        Raises
        ------
        CotraceError
            When rows were lost or counted twice: a fault of cotrace, not of the input.
        """
        accounted = self.used + self.collapsed + self.n_refused + self.skipped
        if accounted != self.rows:
            raise CotraceError(
                f"{self.rows:,} rows came in, but {accounted:,} are accounted for ({self.describe()}): "
                "this is a fault of cotrace, please report it"
            )

    def as_dict(self) -> dict[str, object]:
        """Return the counts by name, with the refused rows' total beside the reasons."""
        return {
            "rows": self.rows,
            "used": self.used,
            "collapsed": self.collapsed,
            "conflicts": self.conflicts,
            "refused": dict(sorted(self.refused.items())),
            "n_refused": self.n_refused,
            "skipped": self.skipped,
            "relabelled": self.relabelled,
            "order": self.order,
        }

    def describe(self) -> str:
        """Say it in one line of text."""
        parts = [f"{self.rows:,} rows", f"{self.used:,} used"]
        if self.collapsed:
            conflicts = f" ({self.conflicts:,} in another cell)" if self.conflicts else ""
            parts.append(f"{self.collapsed:,} collapsed{conflicts}")
        if self.n_refused:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(self.refused.items()))
            parts.append(f"{self.n_refused:,} refused ({reasons})")
        if self.skipped:
            parts.append(f"{self.skipped:,} skipped")
        if self.relabelled:
            parts.append(f"{self.relabelled:,} relabelled")
        text = ", ".join(parts)
        return f"{text}; {self.order}" if self.order else text
