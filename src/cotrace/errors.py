"""Errors and warnings of cotrace.

Every error is a :class:`CotraceError`, which is a :class:`ValueError`; where the *type* of an argument is
wrong it is a :class:`CotraceTypeError` too, which is also a :class:`TypeError`. A message says what was wrong,
how many rows, which first (by row number, never by device id), and how to mend it.
"""

from __future__ import annotations

__all__ = [
    "AuditError",
    "BookDamagedError",
    "CaseError",
    "CodeError",
    "CotraceError",
    "CotraceTypeError",
    "CotraceWarning",
    "GridError",
    "OptionError",
    "PositionError",
    "PrivacyError",
    "ReadError",
    "RefusedRowsError",
    "SchemaError",
    "SnapshotDamagedError",
    "SnapshotError",
    "StoreBusyError",
    "StoreDamagedError",
    "StoreError",
    "StorePathError",
    "StoreVersionError",
    "StoreWriteError",
    "TimeError",
]


#: Letters of a message: it fits on a screen, whatever was given.
_LONGEST = 1_800


class CotraceError(ValueError):
    """Anything that cotrace refuses. Catch this to catch them all."""

    def __init__(self, *said: object) -> None:
        if said and isinstance(said[0], str) and len(said[0]) > _LONGEST:
            text, half = said[0], _LONGEST // 2
            left_out = f" [... {len(text) - 2 * half:,} letters ...] "
            said = (text[:half] + left_out + text[-half:], *said[1:])
        super().__init__(*said)


class CotraceTypeError(CotraceError, TypeError):
    """An argument of a type that cannot be used."""


class SchemaError(CotraceError):
    """A table lacks a column, has two that fit, or has one of a type that cannot be used."""


class ReadError(CotraceError):
    """A source cannot be read: no such file, an empty folder, a damaged or truncated file."""


class TimeError(CotraceError):
    """Times without a zone, without a unit, in several zones, or in a unit that cannot be meant."""


class PositionError(CotraceError):
    """Positions that are no positions: outside their range, not finite, in an unknown CRS."""


class RefusedRowsError(CotraceError):
    """Rows that cannot be used, where the caller asked for ``errors="raise"`` or where none is left."""


class OptionError(CotraceError):
    """An option that cannot be, or two that contradict each other."""


class CaseError(CotraceError):
    """Cases without ``as_of``, with ids that do not fit the pings, or with dates that contradict."""


class GridError(CotraceError):
    """Results on different grids were about to be mixed, or a grid does not fit its input."""


class CodeError(CotraceError):
    """Events that no book of codes can take: unknown ones, decisions of nobody, or two that contradict each other."""


class BookDamagedError(CotraceError):
    """The file of a book of codes is not what was written: a line was changed, dropped or moved."""


class SnapshotError(CotraceError):
    """A snapshot of codes cannot answer: none is there, of another version, or asked about a time before it."""


class SnapshotDamagedError(SnapshotError):
    """A snapshot of codes is not what was written: nothing is answered from what does not fit its check."""


class StoreError(CotraceError):
    """A store that cannot be used as asked. Catch this to catch what the kinds below say."""


class StoreBusyError(StoreError):
    """Another process is writing the store, or still reads a version that is to go: try again later."""


class StoreDamagedError(StoreError):
    """What is read is not what was written: a changed, cut or missing file. Nothing of it was used."""


class StorePathError(StoreError):
    """No store there, a folder of something else, a symbolic link, or a path that leaves the store."""


class StoreVersionError(StoreError):
    """A version that is not there (any more), or a store made by a newer cotrace."""


class StoreWriteError(StoreError):
    """The store could not be written (disk full, read-only, an error of the disk); what it was, it still is."""


class PrivacyError(CotraceError):
    """A key that is none, too short or not to be had; ids or counts that cannot be protected as asked."""


class AuditError(CotraceError):
    """A line of the audit log that could not be written, so that no answer is given; or a log that was altered."""


class CotraceWarning(UserWarning):
    """What may be meant, but should be looked at. The message has the figures.

    Parameters
    ----------
    message : str
        What was seen, with its counts, and what it means for the answer.
    kind : str
        One word to filter by: ``coverage``, ``crowd``, ``resolution``, ``modal_gap``, ``conflicts``,
        ``refused``, ``cases``, ``threshold``, ``area_of_use``, ``unit``, ``zones``,
        ``positions``, ``elsewhere`` or ``links``.
    figures : dict
        The same figures as values.
    """

    def __init__(self, message: str, kind: str = "", **figures: object) -> None:
        super().__init__(message)
        self.kind = kind
        self.figures = figures
