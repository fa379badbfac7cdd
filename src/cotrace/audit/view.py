"""A store seen through the log: nothing is read without a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotrace.audit.log import AuditLog
    from cotrace.tables import Stays

__all__ = ["AuditedStore"]


class AuditedStore:
    """A view of a store for one person and purpose; every query takes it where it takes stays.

    Made by ``store.audited(log, who=, purpose=, case=)``. Each reading writes its line before it gives a row.

    Parameters
    ----------
    store : Store
        What is read.
    log : AuditLog
        Where the lines go.
    who, purpose, case
        As in :meth:`AuditLog.record`.
    """

    def __init__(self, store: Any, log: AuditLog, *, who: str, purpose: str, case: str | None = None) -> None:
        self._store, self._log = store, log
        self.who, self.purpose, self.case = who, purpose, case

    @property
    def options(self) -> Any:
        """The options of the store's stays."""
        return self._store.options

    @property
    def tz(self) -> str:
        """The time zone of results."""
        return str(self._store.tz)

    @property
    def span(self) -> Any:
        """Unix seconds of the first ping and of the last."""
        return self._store.span

    @property
    def counts(self) -> Any:
        """What became of every row that the store took in."""
        return self._store.counts

    @property
    def device_type(self) -> Any:
        """The type of device ids."""
        return self._store.device_type

    @property
    def version(self) -> int:
        """The version of the store that is read."""
        return int(self._store.version)

    @property
    def snapshot(self) -> Any:
        """The version that is read, for queries that say themselves what they gave: see :meth:`answered`."""
        return self._store.snapshot

    def answered(self, what: str, whom: Any, rows: int) -> None:
        """Write the line of an answer that was made of the snapshot; it is given when this returns.

        Raises
        ------
        AuditError
            When the line cannot be written: nothing is given then.
        """
        self.record(what, whom if len(whom) else 0, rows=rows)

    def read_stays(
        self,
        what: str,
        *,
        start: int | None = None,
        end: int | None = None,
        devices: Any = None,
        cells: Any = None,
    ) -> Stays:
        """Read stays as the store does, and give them when their line is on disk.

        Raises
        ------
        AuditError
            When the line cannot be written: nothing is given then.
        """
        asked = {"start": start, "end": end, "devices": devices, "cells": cells}
        whom = "all" if devices is None else devices if len(devices) else 0
        try:
            stays: Stays = self._store.read_stays(what=what, **asked)
        except Exception as error:
            self.record(what, whom, failed=type(error).__name__)
            raise
        self.record(what, whom, rows=len(stays))
        return stays

    def record(self, what: str, whom: Any, rows: int | None = None, failed: str | None = None) -> None:
        """Write a line for something that is read past :meth:`read_stays`, before it is given."""
        self._log.record(
            who=self.who,
            what=what,
            whom=whom,
            purpose=self.purpose,
            case=self.case,
            rows=rows,
            version=self.version,
            failed=failed,
        )

    def __repr__(self) -> str:
        return f"<audited view of {self._store!r}, for {self.who!r}>"
