"""What the library writes for itself, and may find changed: snapshots of codes, a store's manifest and data files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cotrace
from cotrace.codes.lookup import Snapshot
from cotrace.codes.snapshot import write_snapshot
from cotrace.store.store import Store

__all__ = ["looked_up", "snapshots", "store_file", "with_file"]

AT = 1_635_724_800
IDS = {"string": ["+8613800138000", "b", "c", "d"], "int": [7, 8, 2**40, 9]}


@cache
def snapshots() -> list[bytes]:
    """Return snapshots of codes: ids that are text, and whole numbers."""
    made = []
    for ids in IDS.values():
        with tempfile.TemporaryDirectory() as folder:
            rows = {"device": ids, "code": ["red", "yellow", "green", "red"], "reason": ["x", "y", "z", "x"]}
            write_snapshot(Path(folder) / "codes", {**rows, "since": [AT] * 4}, at="2021-11-01T00:00:00Z")
            made.append((Path(folder) / "codes").read_bytes())
    return made


def looked_up(path: Path) -> object:
    """Look up in a snapshot that nobody verified, and verify it then."""
    opened = Snapshot(path)
    ids = IDS["string" if opened.head["kind"] == "string" else "int"]
    found = (
        [opened.one(one, AT + 60) for one in (*ids, ids[0] * 2)],
        opened.many(ids * 40, AT + 60).to_arrow(),
    )
    opened.verify()
    return found


@cache
def _folder() -> Path:
    """Return a store of two days, made once."""
    folder = Path(tempfile.mkdtemp()) / "store"
    time = [AT + 600 * k for k in range(200)]
    columns = {
        "device": ["+8613800138000", "b"] * 100,
        "time": time,
        "lon": [104.0612345] * 200,
        "lat": [30.66] * 200,
    }
    with Store(folder, buckets=2) as store:
        store.ingest(cotrace.read_pings(columns, unit="s"))
    return folder


@cache
def _stays() -> Any:
    with Store(_folder(), create=False) as store:
        return store.stays().to_arrow()


def _names(what: str) -> list[Path]:
    found = [p for p in sorted(_folder().rglob("*")) if p.is_file() and p.suffix == what]
    return [p.relative_to(_folder()) for p in found]


def store_file(what: str) -> Callable[[], list[bytes]]:
    """Return what gives the files of a store that end so."""
    return lambda: [(_folder() / name).read_bytes() for name in _names(what)]


def with_file(what: str) -> Callable[[Path], object]:
    """Return what reads a store in which one file was changed."""

    def read(path: Path) -> object:
        data, copy = path.read_bytes(), path.with_name("a store")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(_folder(), copy)
        name = min(_names(what), key=lambda n: abs((_folder() / n).stat().st_size - len(data)))
        (copy / name).write_bytes(data)
        with Store(copy, create=False) as store:
            found = store.verify()
            stays = store.stays().to_arrow()
            if not stays.equals(_stays()):
                raise AssertionError("a changed file was read as other data")
            return found, store.batches, repr(store)

    return read
