"""Snapshots of codes: the file, and what writes it. How it is laid out stands in docs/howto/lookups.md."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.codes.machine import COLOURS
from cotrace.errors import CodeError, CotraceTypeError, SchemaError, SnapshotDamagedError, SnapshotError

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.codes.book import Book

__all__ = ["Laid", "head_of", "lay_out", "write_snapshot"]

UInt64 = NDArray[np.uint64]
Int64 = NDArray[np.int64]
MAGIC, VERSION = b"COTRCODE", 1
_PAGE, _FIXED = 4096, 48
#: devices of a bucket, on average
_FULL = 2
_LATEST = 2**32 - 1
_MOST_REASONS = 2**12
KINDS = ("int64", "uint64", "string")


@dataclass(frozen=True)
class Laid:
    """Ids in whole words, as kernels take them."""

    kind: str
    words: UInt64
    begins: Int64
    sizes: Int64

    def hashes(self, seed: int) -> UInt64:
        """Return the hash of each."""
        from cotrace.kernels.lookups import hash_words

        out = np.empty(self.sizes.size, dtype=np.uint64)
        hash_words(self.words, self.begins, self.sizes, np.uint64(seed), out)
        return out


def lay_out(devices: Any) -> Laid:
    """Lay ids out in words: a NumPy or Arrow array, or a list, of 64-bit integers or of strings.

    Raises
    ------
    CotraceTypeError
        For anything else.
    """
    if isinstance(devices, np.ndarray) and devices.dtype.kind in "iu":
        return _lay_ints(devices)
    import pyarrow as pa

    if not isinstance(devices, pa.Array | pa.ChunkedArray):
        try:
            devices = pa.array(devices)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            raise CotraceTypeError(
                "ids of devices are integers of 64 bits or strings, all of one kind"
            ) from None
    if isinstance(devices, pa.ChunkedArray):
        devices = devices.combine_chunks()
    if devices.null_count:
        raise SchemaError(f"{devices.null_count:,} devices are missing: take these rows out")
    if pa.types.is_integer(devices.type):
        return _lay_ints(devices.to_numpy(zero_copy_only=False))
    if pa.types.is_null(devices.type):
        return _lay_ints(np.empty(0, dtype=np.int64))
    if pa.types.is_string(devices.type) or pa.types.is_large_string(devices.type):
        return _lay_strings(devices.cast(pa.large_string()))
    raise CotraceTypeError(f"ids are {devices.type}: ids of devices are integers of 64 bits or strings")


def _lay_ints(values: NDArray[Any]) -> Laid:
    kind = "uint64" if values.dtype == np.uint64 else "int64"
    words = np.ascontiguousarray(values.astype(kind, copy=False)).view(np.uint64)
    return Laid(kind, words, np.arange(words.size + 1), np.full(words.size, 8))


def _lay_strings(values: pa.Array) -> Laid:
    from cotrace.kernels.ids import hash_strings

    n = len(values)
    _, offsets_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[values.offset : values.offset + n + 1]
    if not n:
        return Laid("string", np.empty(0, np.uint64), np.zeros(1, np.int64), np.empty(0, np.int64))
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer else np.empty(0, np.uint8)
    if data.ctypes.data % 8:
        data = data.copy()
    words = data[: data.size // 8 * 8].view("<u8")
    keys, begins = np.empty(n, dtype=np.int64), np.empty(n + 1, dtype=np.int64)
    padded = np.empty(int(offsets[-1] - offsets[0]) // 8 + n, dtype=np.uint64)
    hash_strings(offsets, data, words, keys, padded, begins)
    sizes = np.diff(offsets)
    if int(sizes.max()) >= 2**16:
        raise CotraceTypeError("an id has 65,536 bytes and more: that is no id")
    return Laid("string", padded[: int(begins[-1])], begins, sizes)


# ---- writing


def write_snapshot(
    path: str | Path, source: Book | Any, *, at: Any = None, rules: str = ""
) -> dict[str, Any]:
    """Write the codes that hold at an instant, and those that follow by time alone, as a file to look up in.

    Parameters
    ----------
    path : str or Path
        The new file; what is there is replaced in one step. Only its owner may read it: it holds ids.
    source : Book, or a table
        A table has ``device, code, reason, since``, and where wanted ``until, then_code, then_reason``: what the code
        becomes when ``until`` has come (``unknown`` unless it is said).
    at : instant
        What the codes are as of. Nothing can be asked about the time before.
    rules : str
        Name of the rules, for a table; a book has its own.

    Returns
    -------
    dict
        What the head of the file says: devices, counts by code, as_of, digest.

    Raises
    ------
    CodeError
        For a device that is there twice, a code that is none, an instant outside 1970 to 2106, and without ``at``.
    SchemaError
        When a column is missing.
    """
    from cotrace.codes.book import Book
    from cotrace.codes.told import _moment

    if sys.byteorder != "little":
        raise SnapshotError("snapshots are written and read on machines that store the little end first")
    if at is None:
        raise CodeError("at= is missing: say what the codes are as of")
    end = _moment(at, "a snapshot", "at", 0)
    laid, steps, step_lo, reasons = (
        _of_book(source, end) if isinstance(source, Book) else _of_table(source, end)
    )
    if not 0 <= end < _LATEST:
        raise CodeError("a snapshot holds instants from 1970 to 2106")
    seed = int.from_bytes(os.urandom(8), "little")
    directory, records = _place(laid, steps, step_lo, seed)
    first = (steps[step_lo[:-1]] >> np.uint64(32)) & np.uint64(3)
    counts = np.bincount(first.astype(np.int64), minlength=4).tolist()
    head = {
        "kind": laid.kind,
        "devices": int(laid.sizes.size),
        "buckets": int(directory.size),
        "words": int(records.size),
        "as_of": end,
        "seed": f"{seed:016x}",
        "rules": source.rules.id if isinstance(source, Book) else str(rules),
        "reasons": reasons,
        "counts": {colour: counts[n] for n, colour in enumerate(COLOURS)},
    }
    body = [part.view(np.uint8).data for part in (directory, records) if part.size]
    digest = hashlib.blake2b(digest_size=32)
    for part in body:
        digest.update(part)
    head["digest"] = digest.hexdigest()
    _write_file(Path(path), (_head_bytes(head), *body))
    return head


def _place(laid: Laid, steps: UInt64, step_lo: Int64, seed: int) -> tuple[UInt64, UInt64]:
    from cotrace.kernels.lookups import place_records

    n = laid.sizes.size
    hashes = laid.hashes(seed)
    order = np.argsort(hashes, kind="stable").astype(np.int64, copy=False)
    directory = np.empty(max(1, n // _FULL), dtype=np.uint64)
    records = np.empty(n + laid.begins[-1] + steps.size, dtype=np.uint64)
    ids = laid.words, laid.begins, laid.sizes
    wrong = place_records(order, hashes, *ids, steps, step_lo, np.uint64(seed), directory, records)
    if wrong > 0:
        raise CodeError(f"the device in row {wrong - 1:,} is there twice: one code a device")
    if wrong < 0:
        raise CodeError("too many ids have one hash: write it again")  # the seed is another one then
    return directory, records


def _of_book(book: Book, at: int) -> tuple[Laid, UInt64, Int64, list[str]]:
    import pyarrow as pa

    devices, counts, rows = [], [0], []
    reasons: dict[str, int] = {}
    for device, steps in book.standings(at):
        devices.append(device)
        for since, colour, reason in steps:
            number = reasons.setdefault(reason, len(reasons))
            rows.append(_in_range(since) | COLOURS.index(colour) << 32 | number << 34)
        counts.append(len(rows))
    laid = lay_out(pa.array(devices, book._kind()))
    return laid, np.array(rows, dtype=np.uint64), np.array(counts, dtype=np.int64), list(reasons)


def _in_range(second: int) -> int:
    if not 0 <= second < _LATEST:
        raise CodeError("a snapshot holds instants from 1970 to 2106")
    return second


def _of_table(table: Any, at: int) -> tuple[Laid, UInt64, Int64, list[str]]:
    import pyarrow as pa

    rows = pa.table(table) if isinstance(table, dict) or not hasattr(table, "column_names") else table
    rows = rows if isinstance(rows, pa.Table) else pa.table(rows)
    for name in ("device", "code", "reason", "since"):
        if name not in rows.column_names:
            raise SchemaError(f"the codes have no column {name!r}; they have {', '.join(rows.column_names)}")
    n = rows.num_rows
    laid = lay_out(rows["device"])
    reasons: dict[str, int] = {}
    word = _step_words(rows, "code", "reason", "since", reasons)
    if "until" not in rows.column_names:
        return laid, word, np.arange(n + 1), list(reasons)
    more = ~np.asarray(rows["until"].is_null())
    known = rows.filter(pa.array(more))
    for name in ("then_code", "then_reason"):
        if name not in known.column_names:
            default = "unknown" if name == "then_code" else ""
            known = known.append_column(name, pa.array([default] * known.num_rows, pa.string()))
    after = _step_words(known, "then_code", "then_reason", "until", reasons)
    step_lo = np.concatenate([[0], np.cumsum(1 + more.astype(np.int64))])
    steps = np.empty(int(step_lo[-1]), dtype=np.uint64)
    steps[step_lo[:-1]] = word
    steps[step_lo[:-1][more] + 1] = after
    return laid, steps, step_lo, list(reasons)


def _step_words(rows: pa.Table, code: str, reason: str, second: str, reasons: dict[str, int]) -> UInt64:
    """Return step words of columns; reasons that are new get the next numbers."""
    colours = _numbers(
        rows[code], {c: i for i, c in enumerate(COLOURS)}, f"a {code} is none of {', '.join(COLOURS)}"
    )
    named = _numbers(rows[reason], reasons, None)
    if len(reasons) > _MOST_REASONS:
        raise CodeError(f"there are {len(reasons):,} reasons: at most {_MOST_REASONS:,} words, not sentences")
    at = _seconds(rows[second], second)
    if at.size and not (int(at.min()) >= 0 and int(at.max()) < _LATEST):
        raise CodeError("a snapshot holds instants from 1970 to 2106")
    words: UInt64 = at.astype(np.uint64) | colours << np.uint64(32) | named << np.uint64(34)
    return words


def _numbers(column: pa.ChunkedArray, known: dict[str, int], refuse: str | None) -> UInt64:
    import pyarrow as pa

    coded = column.unify_dictionaries().combine_chunks()
    if not pa.types.is_dictionary(coded.type):
        coded = coded.cast(pa.string()).dictionary_encode()
    if coded.null_count:
        raise CodeError(f"{coded.null_count:,} rows have no code or no reason")
    words = [str(word) for word in coded.dictionary.to_pylist()]
    if refuse is not None and not set(words) <= set(known):
        raise CodeError(refuse)
    of = np.array([known.setdefault(word, len(known)) for word in words], dtype=np.uint64)
    return np.asarray(of[coded.indices.to_numpy(zero_copy_only=False)], dtype=np.uint64).reshape(-1)


def _seconds(column: pa.ChunkedArray, name: str) -> Int64:
    import pyarrow as pa

    if column.null_count:
        raise CodeError(f"{column.null_count:,} rows have no {name}")
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise CodeError(f"{name} has no time zone: give timestamps with one, or unix seconds")
        column = column.cast(pa.timestamp("s", tz=column.type.tz), safe=False).cast(pa.int64())
    if not pa.types.is_integer(column.type):
        raise CodeError(f"{name} is {column.type}: give timestamps with a time zone, or unix seconds")
    found: Int64 = column.to_numpy().astype(np.int64)
    return found


# ---- the head


def _head_bytes(head: dict[str, Any]) -> bytes:
    text = json.dumps(head, separators=(",", ":"), sort_keys=True).encode()
    size = -(-(_FIXED + len(text)) // _PAGE) * _PAGE
    start = MAGIC + VERSION.to_bytes(4, "little") + size.to_bytes(4, "little")
    rest = text.ljust(size - _FIXED, b"\0")
    return start + hashlib.blake2b(start + rest, digest_size=32).digest() + rest


def head_of(data: Any) -> tuple[dict[str, Any], int]:
    """Return what the head of a file says, and its bytes.

    Raises
    ------
    SnapshotError
        When it is no snapshot, or one of another version.
    SnapshotDamagedError
        When it is not what was written.
    """
    start = bytes(data[:16])
    if len(data) < _PAGE or start[:8] != MAGIC:
        raise SnapshotError("the file is no snapshot of codes, or a part of one")
    version, size = int.from_bytes(start[8:12], "little"), int.from_bytes(start[12:16], "little")
    if version != VERSION:
        raise SnapshotError(
            f"the snapshot is of version {version}; this cotrace reads version {VERSION}: write it again"
        )
    if size > len(data) or size % _PAGE:
        raise SnapshotDamagedError("the snapshot's head is damaged: write it again, or take the one before")
    rest = bytes(data[_FIXED:size])
    if hashlib.blake2b(start + rest, digest_size=32).digest() != bytes(data[16:_FIXED]):
        raise SnapshotDamagedError("the snapshot's head is damaged: write it again, or take the one before")
    head = json.loads(rest.rstrip(b"\0"))
    if size + 8 * (head["buckets"] + head["words"]) != len(data):
        raise SnapshotDamagedError(
            "the snapshot is not as long as its head says: write it again, or take the one before"
        )
    return head, size


def _write_file(path: Path, parts: tuple[Any, ...]) -> None:
    """Write a file under another name, bring it to the disk, and rename it."""
    new = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.part")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "wb", buffering=0) as file:
            for part in parts:
                left = memoryview(part)
                while left:
                    left = left[file.write(left) :]
            os.fsync(handle)
        os.rename(new, path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
