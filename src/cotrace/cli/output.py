"""Writing results, whole or not at all: beside their place first, then put there in one step."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cotrace.errors import OptionError

__all__ = ["FORMATS", "check_file", "check_folder", "is_file", "write_file", "write_folder", "write_table"]

FORMATS = ("parquet", "csv")
RUN = "run.json"
_TABLES = ("companions", "evidence", "funnel", "coverage", "cases", "refused", "stays")
_OURS = {f"{table}.{suffix}" for table in _TABLES for suffix in FORMATS} | {RUN}
_BATCH_ROWS = 100_000
#: What ends so is meant as a file: ``.xlsx``, ``.CSV``; and not ``.11``.
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]*")


def check_folder(out: Path) -> None:
    """Refuse a place that is a file, or a folder that holds anything but an earlier result.

    Called before the work, so that a wrong ``--out`` costs no hours.
    """
    if out.is_dir():
        names = sorted(p.name for p in out.iterdir())
        run = _run_in(out)
        written = {*_OURS, *run.get("files", ())}
        others = [name for name in names if name not in written or _own_cases(name, run)]
        if others or (names and not run):
            raise OptionError(
                f"--out {out} is a folder with other files ({len(others or names)}, first "
                f"{(others or names)[0]!r}): only a new or empty folder, or an earlier result, is replaced"
            )
    elif out.exists() or out.is_symlink():
        raise OptionError(f"--out {out} is a file: name a folder")
    elif _ENDING.fullmatch(out.suffix):
        raise OptionError(
            f"--out {out} ends in {out.suffix}, as files do: name a folder, without an ending, and choose the "
            "tables with --format parquet or csv"
        )
    _check_writable(out)


def _own_cases(name: str, run: Mapping[str, Any]) -> bool:
    # somebody's own file of cases may lie beside a result; the result's own is counted in its run.json
    return name.startswith("cases.") and "cases" not in run.get("rows", {})


def is_file(out: Path, suffix: str | None) -> bool:
    """Tell a file (it ends in ``.parquet`` or ``.csv``) from a folder; ``--format`` must not contradict."""
    named = out.suffix.lstrip(".")
    if named not in FORMATS:
        if _ENDING.fullmatch(out.suffix) and not out.is_dir():
            raise OptionError(
                f"--out {out} ends in {out.suffix}, which is not written: a file ends in .parquet or .csv, "
                "and a folder has no ending"
            )
        return False
    if suffix not in (None, named):
        raise OptionError(f"--out {out} ends in .{named}, and --format says {suffix}: leave one out")
    return True


def check_file(out: Path, *, overwrite: bool = False) -> None:
    """Refuse a place for a file that cannot be written, or that holds what is no earlier result.

    Parquet and a report say of themselves whether they are one; of CSV nothing is known: it takes ``overwrite``.
    """
    if out.is_dir():
        raise OptionError(f"--out {out} is a folder")
    if out.exists() and not overwrite:
        if out.suffix == ".csv":
            raise OptionError(
                f"--out {out} is there already, and CSV does not tell whether it is an earlier result: "
                "name another file, or give --overwrite to replace it"
            )
        if not (_is_page(out) if out.suffix == ".html" else _is_table(out)):
            raise OptionError(
                f"--out {out} is there already, and is no earlier result of cotrace: name another file, or "
                "give --overwrite to replace it"
            )
    _check_writable(out)


def _is_table(file: Path) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return b"cotrace" in (pq.read_schema(file).metadata or {})
    except (pa.ArrowException, OSError):
        return False


def _is_page(file: Path) -> bool:
    try:
        with file.open("rb") as page:
            return b'<meta name="generator" content="cotrace">' in page.read(4096)
    except OSError:
        return False


def _run_in(out: Path) -> dict[str, Any]:
    """Return what ``run.json`` of a folder says; nothing where there is none, or another program's."""
    try:
        run = json.loads((out / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return run if isinstance(run, dict) and "cotrace" in run else {}


def _check_writable(out: Path) -> None:
    parent = out.resolve().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise OptionError(f"--out {out} cannot be written: {parent} is no folder that may be written to")


def write_folder(out: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write into a new folder beside ``out``, then put that in its place in one step."""
    check_folder(out)
    out = out.resolve()  # a link to a folder stays, and what it points to is replaced
    out.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        fill(new)
        new.chmod(0o777 & ~_umask())  # mkdtemp makes folders that only their owner may read
        _put(new, out)
    finally:
        shutil.rmtree(new, ignore_errors=True)  # what was half written, or what was replaced


def write_file(out: Path, fill: Callable[[Path], None], *, overwrite: bool = False) -> None:
    """Let ``fill`` write a new file beside ``out``, then put that in its place in one step."""
    check_file(out, overwrite=overwrite)
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        new = folder / out.name
        fill(new)
        new.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(new: Path, out: Path) -> None:
    if not out.exists():
        new.rename(out)
    elif not _exchange(new, out):
        _swap(new, out)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two folders in one step where the system can (Linux, most file systems)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        call = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(call(here, os.fsencode(a), here, os.fsencode(b), exchange) == 0)


def _swap(new: Path, out: Path) -> None:
    """Replace a folder in two renames; the old one is put back when the second fails."""
    old = new.with_suffix(".old")
    out.rename(old)
    try:
        new.rename(out)
    except BaseException:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_table(table: Any, file: Path, says: Mapping[str, str]) -> None:
    """Write one Arrow table as Parquet or as CSV, by the file's suffix.

    Parquet carries what the result says of itself in its metadata, and checksums of its pages. CSV is plain:
    instants as ISO 8601 with their offset, text in quotes, nulls empty; what a spreadsheet would take for a
    formula is left as it is.
    """
    if file.suffix == ".csv":
        _write_csv(table, file)
        return
    import pyarrow.parquet as pq

    kept = table.schema.metadata or {}
    marks = {f"cotrace.{key}".encode(): value.encode() for key, value in says.items()}
    table = table.replace_schema_metadata({**kept, **marks})
    pq.write_table(table, file, compression="zstd", write_page_checksum=True)


def _write_csv(table: Any, file: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv as pacsv

    texts = [
        pa.field(f.name, pa.string()) if pa.types.is_timestamp(f.type) else _plain(f) for f in table.schema
    ]
    schema = pa.schema(texts)
    with pacsv.CSVWriter(str(file), schema) as writer:
        for start in range(0, table.num_rows, _BATCH_ROWS):
            part = table.slice(start, _BATCH_ROWS)
            columns = [
                _iso(part[f.name]) if pa.types.is_timestamp(f.type) else part[f.name].cast(g.type)
                for f, g in zip(table.schema, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def _plain(field: Any) -> Any:
    import pyarrow as pa

    return pa.field(field.name, field.type.value_type) if pa.types.is_dictionary(field.type) else field


def _iso(column: Any) -> Any:
    """Write instants as ``2021-11-03T09:00:00+08:00``; refused rows may have fractions, or no zone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type.tz is None:
        return column.cast(pa.string())
    text = pc.strftime(column, format="%Y-%m-%dT%H:%M:%S%z")
    text = pc.replace_substring_regex(text, pattern=r"\.0+([+-]\d{4})$", replacement=r"\1")
    return pc.replace_substring_regex(text, pattern=r"([+-]\d\d)(\d\d)$", replacement=r"\1:\2")
