"""The bytes of data files: digested and summed on their way out, held to their sums on their way in."""

from __future__ import annotations

import hashlib
import os
import sys
import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cotrace.errors import StoreDamagedError

__all__ = ["BLOCK", "Sink", "Source", "block_sums", "file_digest"]

#: bytes that one CRC-32 stands for: small, so that little is read and summed beside a row group of 96 KiB
BLOCK = 1 << 14
#: bytes that are written at a time: a whole number of blocks
_PIECE = 1 << 20


def _packed(sums: array[int]) -> bytes:
    if sys.byteorder == "big":
        sums.byteswap()
    return sums.tobytes()


def block_sums(blocks: bytes) -> array[int]:
    """Return CRC-32 by block, as they are kept (four bytes each, the least significant first)."""
    sums = array("I", blocks)
    if sys.byteorder == "big":
        sums.byteswap()
    return sums


class Sink:
    """Takes the bytes of a new file: writes them, and keeps their digest and a CRC-32 for each 16 KiB.

    What is summed is what was handed over, not what a disk gives back: what goes wrong on the way is found.

    Parameters
    ----------
    fd : int
        Descriptor of an empty file, open for writing; the caller closes it.
    """

    closed = False

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._held = bytearray()
        self._digest = hashlib.blake2b(digest_size=32)
        self._sums = array("I")
        self.bytes = 0

    def write(self, data: Any) -> int:
        """Take some bytes; they are written a mebibyte at a time."""
        self._held += data
        if len(self._held) >= _PIECE:
            self._put(len(self._held) // BLOCK * BLOCK)
        return len(data)

    def _put(self, size: int) -> None:
        with memoryview(self._held) as held:
            for lo in range(0, size, BLOCK):
                self._sums.append(zlib.crc32(held[lo : min(lo + BLOCK, size)]))
            self._digest.update(held[:size])
            done = 0
            while done < size:
                done += os.write(self._fd, held[done:size])
        del self._held[:size]
        self.bytes += size

    def tell(self) -> int:
        """Return how many bytes were taken."""
        return self.bytes + len(self._held)

    def flush(self) -> None:
        """Do nothing: bytes are put out when there are enough of them."""

    def close(self) -> None:
        """Do nothing: the descriptor is the caller's."""

    def finished(self) -> tuple[str, bytes]:
        """Write what is left; return the digest (64 hexadecimal digits) and the sums."""
        self._put(len(self._held))
        return self._digest.hexdigest(), _packed(self._sums)


class Source:
    """A data file as pyarrow reads it: of each block that is touched, the CRC-32 is held to the manifest's first.

    Each read opens the file, reads whole blocks into memory of its own, checks them, and hands out a view: what was
    checked is what is used, a file that changes or is cut while it is open is found, and no descriptor is kept.

    Parameters
    ----------
    opened : callable
        Gives a descriptor of the file, which is closed after each read.
    size : int
        Its bytes.
    blocks : bytes
        CRC-32 by block of 16 KiB.
    what : str
        The file's name in errors.
    """

    mode = "rb"
    closed = False

    def __init__(self, opened: Callable[[], int], size: int, blocks: bytes, what: str) -> None:
        self._opened = opened
        self._size = size
        self._sums = block_sums(blocks)
        self._what = what
        self._at = 0
        self._fd: int | None = None

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Open the file once for all that is read within."""
        self._fd = self._opened()
        try:
            yield
        finally:
            os.close(self._fd)
            self._fd = None

    def read(self, n: int = -1) -> memoryview:
        """Return the next ``n`` bytes (fewer at the end of the file; all that are left: -1)."""
        lo = self._at
        hi = self._size if n is None or n < 0 else min(lo + n, self._size)
        if hi <= lo:
            return memoryview(b"")
        self._at = hi
        return self.between(lo, hi)

    def between(self, lo: int, hi: int) -> memoryview:
        """Return the bytes ``[lo, hi)``, checked."""
        first = lo // BLOCK
        return self._checked(first, -(-hi // BLOCK))[lo - first * BLOCK : hi - first * BLOCK]

    def _checked(self, first: int, last: int) -> memoryview:
        """Return the bytes of these blocks (the last is left out), checked."""
        import numpy as np

        size = min(last * BLOCK, self._size) - first * BLOCK
        data = np.empty(size, np.uint8).data  # not filled with noughts first, as a bytearray is
        fd = self._opened() if self._fd is None else self._fd
        try:
            done = 0
            while done < size:
                got = os.preadv(fd, [data[done:]], first * BLOCK + done)
                if got == 0:
                    raise self._damaged(first + done // BLOCK, "is cut off")
                done += got
        except OSError as error:
            raise self._damaged(first, f"cannot be read ({os.strerror(error.errno or 0)})") from error
        finally:
            if fd != self._fd:
                os.close(fd)
        for block in range(first, last):
            lo = (block - first) * BLOCK
            if zlib.crc32(data[lo : lo + BLOCK]) != self._sums[block]:
                raise self._damaged(block, "is not what was written")
        return data

    def _damaged(self, block: int, how: str) -> StoreDamagedError:
        return StoreDamagedError(
            f"block {block} (of 16 KiB) of {self._what} {how}: nothing of it was used; look at the disk, then "
            "restore the store from a copy, or make it anew from the pings"
        )

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place in the file."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        """Return the place in the file."""
        return self._at

    def size(self) -> int:
        """Return the bytes of the file."""
        return self._size

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return False."""
        return False

    def flush(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing: no descriptor is kept."""


def file_digest(fd: int) -> str:
    """Return the BLAKE2b-256 of all bytes of an open file, as 64 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=32)
    at = 0
    while piece := os.pread(fd, _PIECE, at):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest()
