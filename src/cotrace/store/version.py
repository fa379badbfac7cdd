"""One version of a store, as a reader has it."""

from __future__ import annotations

from types import TracebackType

from cotrace.store.files import FileEntry
from cotrace.store.locks import Lease
from cotrace.store.manifest import Contents

__all__ = ["Version"]


class Version:
    """One version of a store, pinned: as long as it is not closed, nothing of it is removed.

    Attributes
    ----------
    number : int
        0 is the empty store.
    made_at : str
        When it was committed, by the writer's clock.
    what : dict
        What the writer said it did.
    settings : dict
    files : tuple of FileEntry
    batches : dict
        What was said of each live batch, by its id.
    replaced : dict
        Batches that were taken out for another, and for which.
    leased : bool
        False where the folder is read-only and no lock can be had: then a writer elsewhere may remove files.
    """

    def __init__(self, contents: Contents, lease: Lease | None) -> None:
        self.number = contents.number
        self.made_at = contents.made_at
        self.what = contents.what
        self.settings = contents.settings
        self.files = tuple(contents.files)
        self.batches = contents.batches
        self.replaced = contents.replaced
        self._lease = lease
        self._by_kind: dict[tuple[str, int | None], list[FileEntry]] = {}
        for entry in self.files:
            self._by_kind.setdefault((entry.kind, entry.day), []).append(entry)

    @property
    def leased(self) -> bool:
        """Whether removal waits for this reader."""
        return self._lease is not None and self._lease.held

    def of(
        self, kind: str, day: int | None = None, bucket: int | None = None, batch: str | None = None
    ) -> list[FileEntry]:
        """Return the files of a kind, and of a day, bucket and batch where these are given; in their order."""
        if day is None:
            found = [entry for entry in self.files if entry.kind == kind]
        else:
            found = self._by_kind.get((kind, day), [])
        return [
            entry
            for entry in found
            if (bucket is None or entry.bucket == bucket) and (batch is None or entry.batch == batch)
        ]

    def close(self) -> None:
        """Let go of the version; what is in memory stays readable, its files may be removed."""
        if self._lease is not None:
            self._lease.close()

    def __enter__(self) -> Version:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Version {self.number}: {len(self.files)} files, {len(self.batches)} batches>"
