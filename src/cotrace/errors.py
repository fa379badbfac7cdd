"""Errors and warnings of cotrace.

Every error is a :class:`CotraceError`, which is a :class:`ValueError`; where the *type* of an argument is
wrong it is a :class:`CotraceTypeError` too, which is also a :class:`TypeError`. A message says what was wrong,
how many rows, which first (by row number, never by device id), and how to mend it.
"""

from __future__ import annotations

__all__ = [
    "CaseError",
    "CotraceError",
    "CotraceTypeError",
    "CotraceWarning",
    "GridError",
    "OptionError",
    "PositionError",
    "ReadError",
    "RefusedRowsError",
    "SchemaError",
    "StoreBusyError",
    "StoreDamagedError",
    "StoreError",
    "StorePathError",
    "StoreVersionError",
    "StoreWriteError",
    "TimeError",
]


class CotraceError(ValueError):
    """Anything that cotrace refuses. Catch this to catch them all."""


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
