"""What is forgotten is nowhere: every byte of the folder is searched, and every table that can be decoded."""

from __future__ import annotations

import io
import sqlite3
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.store.through import folder

import cotrace
from cotrace.store.slices import rows_of_column

DAY = 86_400
FIRST = 18_932 * DAY
HERMIT = 987_654_321_012_345_678
#: a cell where nobody else ever was: column 77, row -1234
DEN = 77 * 2**32 - 1234


@pytest.fixture
def path() -> Iterator[Path]:
    with folder() as made:
        yield made


def day_of_all(day: int, text: bool) -> cotrace.Pings:
    """A day of six devices, one of which was at home, where nobody else ever came, and among the others."""
    columns: dict[str, list[Any]] = {"device": [], "time": [], "x": [], "y": []}
    for device in (HERMIT, 1, 2, 3, 4, 5):
        for step in range(0, 24 * 60, 20):
            home = device == HERMIT and step < 600
            columns["device"].append(f"<{device}>" if text else device)
            columns["time"].append(FIRST + day * DAY + step * 60 + device % 50)
            columns["x"].append(77 * 800.0 + 3 if home else device % 5 * 800.0)
            columns["y"].append(-1234 * 800.0 + 3 if home else day * 800.0)
    return cotrace.read_pings(columns, unit="s")


def a_store(path: Path, text: bool, **how: Any) -> cotrace.Store:
    store = cotrace.Store(path, buckets=3, **how)
    for day in range(3):
        store.ingest(day_of_all(day, text))
    return store


def every_file(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()]


def traces(path: Path, needles: list[Any]) -> list[str]:
    """Return where something is found: in the bytes of files, in what their columns decode to, in SQLite's pages."""
    found = []
    for file in every_file(path):
        data = file.read_bytes()
        for needle in needles:
            for form in _forms(needle):
                if form in data:
                    found.append(f"{file.name}: {needle!r} as bytes")
        if data[:4] == b"PAR1":
            table = pq.read_table(io.BytesIO(data))
            for name in table.column_names:
                values = set(table[name].to_pylist())
                found += [f"{file.name}: {needle!r} in {name}" for needle in needles if needle in values]
        if data[:6] == b"SQLite":
            with sqlite3.connect(file) as db:
                dump = "\n".join(db.iterdump())
            found += [f"{file.name}: {needle!r} in a dump" for needle in needles if str(needle) in dump]
    return found


def _forms(needle: Any) -> list[bytes]:
    """Return a value as it may stand in a file: text, and eight bytes."""
    if isinstance(needle, str):
        return [needle.encode()]
    return [
        str(needle).encode(),
        needle.to_bytes(8, "little", signed=True),
        needle.to_bytes(8, "big", signed=True),
    ]


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("closed", [True, False])
def test_a_device_and_its_own_cells_are_nowhere(path: Path, text: bool, closed: bool) -> None:
    store = a_store(path, text)
    hermit = f"<{HERMIT}>" if text else HERMIT
    if closed:
        store.compact(close_before=FIRST + 2 * DAY)
    code = int(store.snapshot.devices.encode(pa.array([hermit], store.snapshot.device_type))[0])
    den = int(store.snapshot.cells.values.to_pylist().index(DEN))
    assert traces(path, [hermit])  # the search finds what is there
    assert traces(path, [DEN])
    (path / "tmp" / ("0" * 32)).write_bytes(b"left by a crash: " + str(hermit).encode())
    done = store.forget(device=hermit)
    assert (done.devices, done.cells) == (1, 1)
    assert done.pings == 3 * 72
    assert done.stays > 0
    assert done.kinds["stays"]["files"] >= 3
    assert traces(path, [hermit, DEN]) == []
    # codes say who it was to somebody who has an old dictionary: they are gone too
    for entry in store.snapshot.version.files:
        table = store.snapshot.files.read(entry)
        for name in {"device", "devices"} & set(table.column_names) if entry.kind != "devices" else ():
            assert code not in table[name].to_pylist(), entry.kind
        for name in {"cell", "cells"} & set(table.column_names) if entry.kind != "cells" else ():
            assert den not in table[name].to_pylist(), entry.kind
        if entry.kind == "index":
            assert code not in rows_of_column(table["row"])[:, 0]
        if entry.kind == "stays":
            assert den not in rows_of_column(table["row"])[:, 0]
    assert len(store.stays(devices=[hermit])) == 0
    # the same file again does not bring it back, and a new one is a new device
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert store.ingest(day_of_all(2, text)).already
    assert traces(path, [hermit, DEN]) == []
    assert store.verify() == []


def test_days_before_an_instant_are_nowhere(path: Path) -> None:
    store = a_store(path, True)
    columns = {"device": ["early bird"] * 2, "time": [FIRST, FIRST + 900], "x": [5e6] * 2, "y": [1.0] * 2}
    store.ingest(cotrace.read_pings(columns, unit="s"))
    cell = cotrace.Grid.planar(800).cell(x=5e6, y=1.0)
    assert traces(path, ["early bird"])
    assert traces(path, [cell])
    done = store.forget(before="2021-11-02T00:00:00+00:00")
    assert (done.days, done.devices) == (1, 1)
    assert traces(path, ["early bird", cell]) == []
    assert {e.day for e in store.snapshot.version.files if e.day is not None} == {18_933, 18_934}
    assert store.stays().to_arrow()["started_at"].to_pylist()[0].timestamp() >= FIRST + DAY


def test_reports_and_errors_hold_no_ids_and_no_places(path: Path) -> None:
    store = a_store(path, True)
    hermit = f"<{HERMIT}>"
    said = [repr(store), repr(store.snapshot.version), repr(store.ingest(day_of_all(4, True)))]
    said += [repr(store.batches), repr(store.snapshot.read)]
    reader = store.as_of(1)
    store._wait = 0.0
    with pytest.raises(cotrace.CotraceError) as error:
        store.forget(device=hermit)
    reader.close()
    said += [str(error.value), repr(store.compact())]
    with pytest.raises(cotrace.CotraceError) as error:
        store.ingest(cotrace.read_pings({"device": [7], "time": [FIRST], "x": [1.0], "y": [1.0]}, unit="s"))
    said.append(str(error.value))
    assert not [text for text in said if str(HERMIT) in text or str(DEN) in text]
