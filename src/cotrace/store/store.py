"""The daily store: each day's pings once, every query from then on."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cotrace.errors import CotraceTypeError, OptionError, StoreError
from cotrace.options import StayOptions
from cotrace.stays.passes import usable_threads
from cotrace.store import manifest
from cotrace.store.asking import asked_instant, asked_values
from cotrace.store.forget import (
    Forgotten,
    close_days,
    forget_before,
    forget_devices,
    midnight_day,
    still_held,
)
from cotrace.store.ingest import Ingested, ingest
from cotrace.store.ledger import Ledger
from cotrace.store.reading import Snapshot
from cotrace.store.settings import Settings, arrow_type
from cotrace.tables import not_taken

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.audit.log import AuditLog
    from cotrace.audit.view import AuditedStore
    from cotrace.io.pings import Pings
    from cotrace.stays.passes import Progress
    from cotrace.tables import Stays

__all__ = ["Store"]


class Store:
    """A folder that takes each day's pings once, and answers every query from then on.

    One process writes at a time, any number read; a reader keeps the version that it opened until :meth:`refresh`.

    Parameters
    ----------
    path : path
        The folder: made when it is not there.
    options : StayOptions, optional
        How stays are made. Kept in the store; when it is opened again ``StayOptions()`` stands for its own.
    buckets : int, optional
        Into how many parts devices are dealt; settled when the store is made.
    create : bool
        Whether to make the store when there is none.
    wait : float
        Seconds to wait for another writer.
    encryption : object, optional
        Gives pyarrow's encryption properties: see :doc:`/howto/store`.
    threads : int, optional
        How many to use; all by default.

    Raises
    ------
    OptionError
        When the store was made with other options; the message names the difference.
    StorePathError, StoreDamagedError, StoreVersionError
        When there is no store, when it is not what was written, or when a newer cotrace made it.

    Examples
    --------
    >>> import cotrace, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> store = cotrace.Store(folder)
    >>> pings = cotrace.read_pings(
    ...     {"device": [7, 7, 7], "time": [0, 600, 900], "x": [10.0, 20.0, 900.0], "y": [0.0, 0.0, 0.0]}, unit="s"
    ... )
    >>> store.ingest(pings).version
    1
    >>> len(store.stays())
    1
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        options: StayOptions = StayOptions(),
        *,
        buckets: int = 16,
        create: bool = True,
        wait: float = 10.0,
        encryption: Any = None,
        threads: int | None = None,
    ) -> None:
        asked = Settings.asked(options, buckets)
        root = Path(path)
        if create and not os.path.lexists(root / manifest.NAME):
            self._ledger = Ledger.create(root, asked.as_dict(), encryption)
        else:
            self._ledger = Ledger.open(root, encryption)
        self._options, self._wait, self._threads = options, wait, usable_threads(threads)
        self._as_of: int | None = None
        self._snapshot: Snapshot | None = None
        try:
            Settings.from_dict(self.snapshot.version.settings).check_opened_with(options)
        except BaseException:
            self.close()
            raise

    # ---- which version -----------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        """The version that is read."""
        if self._snapshot is None:
            self._snapshot = Snapshot(self._ledger.files, self._ledger.pin(self._as_of), self._threads)
        return self._snapshot

    @property
    def version(self) -> int:
        """The number of the version that is read; 0 is the empty store."""
        return self.snapshot.version.number

    @property
    def path(self) -> Path:
        """The folder."""
        return self._ledger.root

    @property
    def options(self) -> StayOptions:
        """How stays are made; grid and fill are filled in once pings have come."""
        return self.snapshot.options

    @property
    def device_type(self) -> pa.DataType:
        """The Arrow type of device ids."""
        return self.snapshot.device_type

    @property
    def batches(self) -> dict[str, dict[str, Any]]:
        """What was taken in: by batch its rows, the refused ones, and its days (since 1970-01-01)."""
        return dict(self.snapshot.version.batches)

    def refresh(self) -> Store:
        """Read the newest version from now on; return this store."""
        if self._as_of is None:
            before = self._snapshot
            self._snapshot = Snapshot(self._ledger.files, self._ledger.pin(), self._threads, before)
            if before is not None:
                before.close()
        return self

    def as_of(self, version: int) -> Store:
        """Return the store as it was at a version that is still kept; it can be read, and not written.

        Raises
        ------
        StoreVersionError
            When there is no such version, or it was removed.
        """
        if isinstance(version, bool) or not isinstance(version, int):
            raise CotraceTypeError(f"version={version!r} is not a whole number")
        other = object.__new__(Store)
        other._ledger, other._options, other._wait = self._ledger, self._options, self._wait
        other._threads, other._as_of, other._snapshot = self._threads, version, None
        _ = other.snapshot
        return other

    def close(self) -> None:
        """Let go of the version that is read; a store that is used again pins the newest."""
        if self._snapshot is not None:
            self._snapshot.close()
            self._snapshot = None

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        snapshot = self.snapshot
        days, n = snapshot.days, len(snapshot.version.batches)
        held = f"{len(days)} day{'' if len(days) == 1 else 's'}, {n} batch{'' if n == 1 else 'es'}"
        return f"<Store: version {self.version}, {held}; {snapshot.options.describe()}>"

    # ---- writing -----------------------------------------------------------------------------------------

    def _check_writable(self) -> None:
        if self._as_of is not None:
            raise StoreError(
                f"this is the store as of version {self._as_of}, which is not written: use the store that it came from"
            )

    def ingest(
        self,
        pings: Pings,
        day: Any = None,
        replaces: str | None = None,
        *,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> Ingested:
        """Take pings in: those of a new day, a late file, or a corrected one.

        The same content a second time changes nothing, whatever order its rows are in and however it was interrupted.
        Without ``replaces`` files add up. Any order and split of ingests gives the stays of one pass over everything.

        Parameters
        ----------
        pings : Pings
            From :func:`cotrace.read_pings`.
        day : str or date, optional
            The calendar day, in the pings' time zone, that the file is of: rows of other days are refused.
        replaces : str, optional
            The batch, from an earlier report, that this one is the correction of: its pings are taken out.
        threads : int, optional
        progress : callable, optional
            Called with the rows done and the rows there are (None if unknown).

        Returns
        -------
        Ingested
            The batch's id, what was refused, which days were made anew.

        Raises
        ------
        OptionError
            When the pings do not fit what is in the store: other ids, another time zone, no such batch.
        StoreBusyError
            When another process writes.
        StoreWriteError
            When it could not be written; the store is what it was.

        Warns
        -----
        CotraceWarning
            As :func:`cotrace.find_stays`; and rows outside the day, or of days that are closed.
        """
        self._check_writable()
        if not hasattr(pings, "scan"):
            raise not_taken(pings, "Pings", "read it with cotrace.read_pings(), then ingest it")
        with self._ledger.write(self._wait) as writer:
            report = ingest(
                writer,
                pings,
                self._options,
                day=day,
                replaces=replaces,
                threads=threads or self._threads,
                progress=progress,
            )
        self.refresh()
        return report

    # ---- reading -----------------------------------------------------------------------------------------

    def stays(self, start: Any = None, end: Any = None, devices: Any = None, cells: Any = None) -> Stays:
        """Return stays as a table; only what is asked for is read.

        Parameters
        ----------
        start, end : instant, optional
            Stays are clipped to ``[start, end)``. ISO text or a datetime with a time zone, or unix seconds.
        devices : id or ids, optional
            Of these devices alone. Those that the store knows are in ``stays.devices`` even without stays.
        cells : cell or cells, optional
            In these cells alone: packed cells, or tower ids.

        Returns
        -------
        Stays
            Without arguments what :func:`cotrace.find_stays` makes of everything; counts and span are always those
            of the whole store.
        """
        return self.read_stays(start=start, end=end, devices=devices, cells=cells)

    def read_stays(
        self,
        *,
        what: str = "stays",
        start: Any = None,
        end: Any = None,
        devices: Any = None,
        cells: Any = None,
    ) -> Stays:
        """Return stays for a query called ``what``; see :meth:`stays`."""
        snapshot = self.snapshot
        settings = snapshot.settings
        first, last = asked_instant(start, "start"), asked_instant(end, "end")
        kind = arrow_type(settings.cell_type) if settings.fixed else snapshot.cells.values.type
        return snapshot.stays(
            first,
            last,
            asked_values(devices, snapshot.device_type, "devices"),
            asked_values(cells, kind, "cells"),
        )

    # ---- keeping house ---------------------------------------------------------------------------------------

    def forget(self, before: Any = None, device: Any = None) -> Forgotten:
        """Forget devices, or everything before an instant: out of every file, and off the disk.

        Old versions go too, with their files, and what was unfinished. What is left is as if what is forgotten had
        never come, except for batches' ids (a digest each), by which the same file is known when it comes again.

        Parameters
        ----------
        before : instant, optional
            A midnight UTC, with its zone. Days before it take no pings any more.
        device : id or ids, optional
            Cells where nobody else ever was are forgotten with them.

        Returns
        -------
        Forgotten
            What was removed.

        Raises
        ------
        OptionError
            When neither or both are given, or ``before`` is no midnight UTC.
        StoreBusyError
            When another process writes; or when another reader still holds an old version after ``wait`` seconds:
            the forgetting is done then, and the message says what is left to do.
        """
        self._check_writable()
        if (before is None) == (device is None):
            raise OptionError(
                "name what to forget: before= an instant, or device= an id or several, not both"
            )
        edge = asked_instant(before, "before")
        with self._ledger.write(self._wait) as writer:
            if edge is not None:
                done = forget_before(writer, midnight_day(edge, "before"), self._threads)
            else:
                done = forget_devices(writer, device, self._threads)
            self.refresh()
            removed = writer.collect(wait=self._wait)
        done = done.with_removed(removed)
        if removed.held:
            raise still_held(done, removed)
        return done

    def compact(self, close_before: Any = None, keep: int = 0) -> Forgotten:
        """Remove old versions and unfinished files; and close days to late files.

        Parameters
        ----------
        close_before : instant, optional
            A midnight UTC, with its zone. The pings of days before it are dropped, their stays are kept: late files for
            them are refused from then on.
        keep : int, optional
            How many versions before the newest stay.

        Returns
        -------
        Forgotten
            What was removed. Versions that others still read stay until the next time.

        Raises
        ------
        OptionError
            When stays are smoothed: days cannot be closed then.
        """
        self._check_writable()
        edge = asked_instant(close_before, "close_before")
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 0:
            raise OptionError(f"keep={keep!r} is no number of versions")
        with self._ledger.write(self._wait) as writer:
            done = Forgotten(writer.base.number)
            if edge is not None:
                done = close_days(writer, midnight_day(edge, "close_before"), self._threads)
            self.refresh()
            removed = writer.collect(keep=keep, wait=0.0)
        return done.with_removed(removed)

    def audited(self, log: AuditLog, *, who: str, purpose: str, case: str | None = None) -> AuditedStore:
        """Return a view of the store that queries take as they take the store, and that leaves a line for each.

        Parameters
        ----------
        log : cotrace.audit.AuditLog
            Where the lines go: each is on disk before rows are given, and without it none are.
        who, purpose, case
            Who asks, what for, and for which case: as in :meth:`cotrace.audit.AuditLog.record`.
        """
        from cotrace.audit.view import AuditedStore

        return AuditedStore(self, log, who=who, purpose=purpose, case=case)

    def verify(self) -> list[StoreError]:
        """Read every byte and hold it to its digest; return what is wrong, one error a thing."""
        return self._ledger.verify()
