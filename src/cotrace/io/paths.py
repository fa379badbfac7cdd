"""Which files a caller means: one, many, a folder, a glob; of which format; in which order by name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cotrace.errors import CotraceTypeError, ReadError
from cotrace.io.columns import listed

__all__ = ["FoundFile", "find_files", "is_path", "natural"]

_SUFFIXES = {
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".parq": "Parquet",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".arrow": "Arrow",
    ".feather": "Arrow",
    ".ipc": "Arrow",
    ".arrows": "Arrow",
}
_COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
_MAGIC = {b"PAR1": "Parquet", b"ARRO": "Arrow", b"FEA1": "Arrow"}


@dataclass(frozen=True)
class FoundFile:
    """A file with its format: ``Parquet``, ``CSV`` or ``Arrow``; and how it is compressed as a whole."""

    path: str
    format: str
    compression: str | None = None


def is_path(source: Any) -> bool:
    """Tell whether something names a file."""
    return isinstance(source, (str, os.PathLike))


def natural(path: str) -> list[tuple[int, int, str]]:
    """Return a sort key by which ``part-2`` comes before ``part-10``."""
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"([0-9]+)", path) if p]


def find_files(source: Any, notes: list[str]) -> tuple[list[FoundFile], bool]:
    """Find the files of a path, folder, glob, or a list of these.

    Returns
    -------
    list of FoundFile, bool
        The files, and whether their order is the caller's own (a list) rather than that of their names.
    """
    if is_path(source):
        files = _expand(source, notes)
        return files, False
    files = []
    for item in source:
        if not is_path(item):
            raise CotraceTypeError(
                f"a list of sources holds paths or tables, not both: one is a {type(item).__name__}"
            )
        files.extend(_expand(item, notes))
    if not files:
        raise ReadError("the list of paths is empty: name at least one file")
    _check_once(files)
    return _same(files, "the files of the list"), True


def _check_once(files: list[FoundFile]) -> None:
    """Refuse a file that is named twice, by whatever path: its pings would be read twice."""
    seen: set[str] = set()
    again = []
    for file in files:
        real = os.path.realpath(file.path)
        if real in seen:
            again.append(file.path)
        seen.add(real)
    if again:
        there = "1 file is" if len(again) == 1 else f"{len(again):,} files are"
        raise ReadError(
            f"{there} in the list more than once ({listed(again[:5])}): their pings would be read twice; name each "
            "file once, and not beside its folder"
        )


def _expand(source: Any, notes: list[str]) -> list[FoundFile]:
    path = os.path.expanduser(os.fspath(source))
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", path):
        raise ReadError(
            f"{path!r} is not on this machine: open it with pyarrow or DuckDB and pass that table"
        )
    if os.path.isdir(path):
        return _folder(path, notes)
    if os.path.exists(path):
        return [_known(path)]
    if any(c in path for c in "*?["):
        return _glob(path, notes)
    near = _neighbours(path)
    raise ReadError(f"there is no file or folder {path!r}{near}")


def _neighbours(path: str) -> str:
    from difflib import get_close_matches

    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f": the folder {folder!r} is not there either"
    close = get_close_matches(os.path.basename(path), os.listdir(folder), 3)
    return f"; did you mean {listed(close)}?" if close else ""


def _hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _folder(path: str, notes: list[str]) -> list[FoundFile]:
    if os.path.isdir(os.path.join(path, "_delta_log")):
        raise ReadError(
            f"{path!r} is a Delta Lake table, whose folder also holds rows that were deleted since: read it "
            "with deltalake and pass its Arrow table"
        )
    inside: list[str] = []
    for folder, folders, names in os.walk(path):
        folders[:] = [f for f in folders if not _hidden(f)]
        inside.extend(os.path.join(folder, n) for n in names if not _hidden(n))
    return _of_one_format(sorted(inside, key=natural), f"the folder {path!r}", notes)


def _glob(pattern: str, notes: list[str]) -> list[FoundFile]:
    from glob import glob

    fixed = os.path.dirname(re.split(r"[*?\[]", pattern, maxsplit=1)[0])
    matches = sorted((m for m in glob(pattern, recursive=True) if _asked(m, fixed, pattern)), key=natural)
    if not matches:
        raise ReadError(f"no file matches {pattern!r}")
    files = [m for m in matches if os.path.isfile(m)]
    found = _of_one_format(files, f"the files of {pattern!r}", notes) if files else []
    if "**" not in pattern:
        # a glob of day=* folders means what is in them; with ** the files are matched themselves
        found += [file for match in matches if os.path.isdir(match) for file in _folder(match, notes)]
    return _same(found, f"the files of {pattern!r}")


def _asked(match: str, fixed: str, pattern: str) -> bool:
    """Tell whether a match is meant: hidden files and folders are not, unless the pattern names them so."""
    *folders, name = match[len(fixed) :].strip(os.sep).split(os.sep)
    return not any(map(_hidden, folders)) and (_hidden(os.path.basename(pattern)) or not _hidden(name))


def _of_one_format(paths: Iterable[str], where: str, notes: list[str]) -> list[FoundFile]:
    paths = list(paths)
    maybe = [(p, _format(p)) for p in paths]
    files = [f for _, f in maybe if f is not None]
    aside = [os.path.basename(p) for p, f in maybe if f is None]
    if not files:
        there = f"only {listed(aside)}" if aside else "nothing"
        raise ReadError(
            f"{where}: {there} there to read; pings come from Parquet, CSV (.gz too) or Arrow files"
        )
    if aside:
        notes.append(f"{len(aside)} files of other kinds left aside: {listed(aside[:5])}")
    return _same(files, where)


def _same(files: list[FoundFile], where: str) -> list[FoundFile]:
    formats = sorted({f.format for f in files})
    if len(formats) > 1:
        counts = ", ".join(f"{sum(f.format == k for f in files)} {k}" for k in formats)
        raise ReadError(
            f"{where} are of several formats ({counts}): are these the same pings twice? Name one of them"
        )
    return files


def _known(path: str) -> FoundFile:
    found = _format(path)
    if found is None:
        raise ReadError(
            f"{path!r} is of no format that is known by its name or its first bytes: pings come from Parquet, CSV "
            "(.csv, .tsv, .txt; also .gz, .bz2, .zst, .lz4) or Arrow files (.arrow, .feather); unpack .zip and .xz"
        )
    return found


def _format(path: str) -> FoundFile | None:
    stem, suffix = os.path.splitext(path.lower())
    compression = _COMPRESSED.get(suffix)
    if compression:
        suffix = os.path.splitext(stem)[1]
    kind = _SUFFIXES.get(suffix)
    if compression and kind == "CSV":
        return FoundFile(path, "CSV", compression)
    if kind and not compression:
        return FoundFile(path, kind)
    if compression:
        return None
    with open(path, "rb") as file:
        magic = _MAGIC.get(file.read(4))
    return FoundFile(path, magic) if magic else None
