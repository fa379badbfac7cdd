"""Data files of a store: written whole or not at all, named by their digest, checked wherever they are read."""

from __future__ import annotations

import os
import secrets
import stat
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotrace.errors import StoreDamagedError, StoreError, StorePathError
from cotrace.store.blocks import Sink, Source, file_digest
from cotrace.store.paths import could_not_read, could_not_write, folder, object_path, plain_file, settled

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FileEntry", "Files"]

#: what FileEntry.blocks is: within that class, "bytes" is a number
Sums = bytes


@dataclass(frozen=True)
class FileEntry:
    """What the manifest knows of one data file.

    Attributes
    ----------
    kind : str
        What is in it: ``pings``, ``stays``, ``index``, …
    day, bucket, batch : int, int, str, or None
        What part of that: days since 1970-01-01, bucket of devices, id of a batch.
    name : str
        BLAKE2b-256 of its bytes, 64 hexadecimal digits: also its name in the folder.
    rows, bytes : int
        Its size.
    blocks : bytes
        CRC-32 of each block of 16 KiB, four bytes each.
    meta : dict
        What the writer says of it; of what JSON has.
    """

    kind: str
    day: int | None
    bucket: int | None
    batch: str | None
    name: str
    rows: int
    bytes: int
    blocks: Sums = field(repr=False)
    meta: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def what(self) -> str:
        """What it is called in errors: no id and no place is in that."""
        of = "" if self.day is None else f" of day {self.day}"
        return f"the {self.kind} file{of} {self.name[:12]}…"


class Files:
    """The data files in a store's folder.

    Parameters
    ----------
    root : Path
        The store's folder.
    encryption : object, optional
        With methods ``encrypting()`` and ``decrypting()`` that give pyarrow's ``FileEncryptionProperties`` and
        ``FileDecryptionProperties`` (Parquet modular encryption); each is called for each file.

    Notes
    -----
    The sums of blocks cover every byte of a file, footer and page headers too, and those of the pages but a part of
    them; so page checksums are written (for other programs) and not verified a second time here.
    """

    def __init__(self, root: Path, encryption: Any = None) -> None:
        self.root = Path(root)
        self.encryption = encryption
        self._unsettled: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()

    def write(
        self,
        table: pa.Table,
        *,
        kind: str,
        day: int | None = None,
        bucket: int | None = None,
        batch: str | None = None,
        meta: dict[str, Any] | None = None,
        **how: Any,
    ) -> FileEntry:
        """Write a table as a new file, and fsync it; the same content gives the same file.

        Parameters
        ----------
        table : pyarrow.Table
            The rows.
        kind, day, bucket, batch, meta
            As in :class:`FileEntry`.
        **how
            Further arguments of ``pyarrow.parquet.write_table``.

        Returns
        -------
        FileEntry
            To be given to ``Writer.add``. Until that is committed nobody sees the file, and ``collect`` removes it.

        Raises
        ------
        StoreWriteError
            When it cannot be written (disk full, read-only); what was begun is removed.

        Notes
        -----
        The folder that it is renamed into is fsynced by :meth:`settle`, once for all files of a commit.
        """
        name = secrets.token_hex(16)
        try:
            with folder(self.root, "tmp", make=True) as tmp:
                fd = plain_file(name, tmp, "a new file", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                try:
                    sink = Sink(fd)
                    self._put(table, sink, how)
                    digest, blocks = sink.finished()
                    os.fsync(fd)
                    self._named(name, tmp, digest)
                except BaseException:
                    with suppress(OSError):
                        os.unlink(name, dir_fd=tmp)
                    raise
                finally:
                    os.close(fd)
        except OSError as error:
            raise could_not_write(error, f"a {kind} file") from error
        return FileEntry(
            kind, day, bucket, batch, digest, table.num_rows, sink.bytes, blocks, dict(meta or {})
        )

    def _put(self, table: pa.Table, sink: Sink, how: dict[str, Any]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self.encryption is not None:
            how = {**how, "encryption_properties": self.encryption.encrypting()}
        out = pa.PythonFile(sink, mode="w")
        pq.write_table(table, out, write_page_checksum=True, **how)

    def _named(self, name: str, tmp: int, digest: str) -> None:
        # a file of that name that is there already is replaced: should it be damaged, it is whole after this
        steps = object_path(digest)
        with folder(self.root, *steps[:2], make=True) as to:
            os.rename(name, steps[2], src_dir_fd=tmp, dst_dir_fd=to)
        with self._lock:
            # "objects" too: who made the folder in it may have been stopped before that was fsynced
            self._unsettled |= {steps[:1], steps[:2]}

    def settle(self) -> None:
        """Fsync the folders of the files written so far: their names are there after a loss of power too."""
        with self._lock:
            folders, self._unsettled = self._unsettled, set()
        settled(self.root, folders)

    def open(self, entry: FileEntry, metadata: Any = None) -> Any:
        """Open a file for reading; each block is checked before any of its bytes is used.

        Parameters
        ----------
        entry : FileEntry
            From a version's ``files``.
        metadata : pyarrow.parquet.FileMetaData, optional
            Its footer, when it was read before: saves reading it again.

        Returns
        -------
        pyarrow.parquet.ParquetFile
            No descriptor stays open. What it raises while it reads is a StoreDamagedError.

        Raises
        ------
        StoreDamagedError
            When the file is missing, of another size, or its footer is not what was written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        source = self.source(entry)
        unlocked = None if self.encryption is None else self.encryption.decrypting()
        try:
            return pq.ParquetFile(
                pa.PythonFile(source, mode="r"), metadata=metadata, decryption_properties=unlocked
            )
        except StoreError:
            raise
        except (OSError, ValueError) as error:
            raise self._undecoded(entry, error) from error

    def source(self, entry: FileEntry) -> Source:
        """Return the bytes of a file, of which each block is checked before it is used."""
        object_path(entry.name)
        return Source(lambda: self._opened(entry), entry.bytes, entry.blocks, entry.what)

    def read(
        self,
        entry: FileEntry,
        columns: Sequence[str] | None = None,
        row_groups: Sequence[int] | None = None,
        metadata: Any = None,
        use_threads: bool = True,
    ) -> pa.Table:
        """Read a file, or some of its columns and row groups; only the blocks that hold them are read and checked."""
        file = self.open(entry, metadata)
        try:
            asked = None if columns is None else list(columns)
            if row_groups is None:
                return file.read(columns=asked, use_threads=use_threads)
            return file.read_row_groups(list(row_groups), columns=asked, use_threads=use_threads)
        except StoreError:
            raise
        except (OSError, ValueError) as error:
            raise self._undecoded(entry, error) from error

    def _undecoded(self, entry: FileEntry, error: Exception) -> StoreError:
        locked = "" if self.encryption is None else " (is it the key that it was written with?)"
        return StoreDamagedError(
            f"{entry.what} cannot be decoded: {type(error).__name__}{locked}; open the store with the key that it was "
            "written with, or restore it from a copy"
        )

    def _opened(self, entry: FileEntry) -> int:
        steps = object_path(entry.name)
        try:
            with folder(self.root, *steps[:2]) as within:
                fd = plain_file(steps[2], within, entry.what)
        except StorePathError:
            raise
        except FileNotFoundError as error:
            raise StoreDamagedError(
                f"{entry.what} is missing: restore the store from a copy, or make it anew from the pings"
            ) from error
        except OSError as error:
            raise could_not_read(error, entry.what) from error
        size = os.fstat(fd).st_size
        if size != entry.bytes:
            os.close(fd)
            raise StoreDamagedError(
                f"{entry.what} has {size} bytes and had {entry.bytes} when it was written: nothing of it was used; "
                "restore the store from a copy, or make it anew from the pings"
            )
        return fd

    def check(self, entry: FileEntry) -> None:
        """Read every byte of a file and hold it to its digest.

        Raises
        ------
        StoreDamagedError
            When it is missing, of another size, or of another content.
        """
        fd = self._opened(entry)
        try:
            same = file_digest(fd) == entry.name
            private = stat.S_IMODE(os.fstat(fd).st_mode) & 0o077 == 0
        except OSError as error:
            raise could_not_read(error, entry.what) from error
        finally:
            os.close(fd)
        if not same:
            raise StoreDamagedError(
                f"{entry.what} is not what was written: restore the store from a copy, or make it anew from the pings"
            )
        if not private:
            raise StorePathError(f"{entry.what} may be read by other users: chmod it to 0600")
