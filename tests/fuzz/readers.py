"""Every reader of files from elsewhere, with good files to start from: a reader more is a line in ``READERS``.

Whatever the bytes, a reader gives an answer or one of the documented errors. Anything else is a fault of the library.
"""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

import cotrace
from cotrace.audit import AuditLog, verify
from cotrace.errors import CotraceError
from cotrace.keys import Key, key_from_file

__all__ = ["READERS", "Reader", "check"]

ROWS = {
    "device": ["+8613800138000", "b", "b", None],
    "time": ["2021-11-01T08:00:00+08:00", "2021-11-01T08:30:00Z", "2021-11-01 09:00:00.5+08:00", "x"],
    "lon": [104.06, 104.07, -180.0, None],
    "lat": [30.66, 30.67, 90.0, 0.0],
}
INTERVALS = {
    "started_at": ["2021-11-01T08:00:00+08:00"] * 2,
    "finished_at": ["2021-11-01T09:00:00+08:00"] * 2,
}
KEY = Key(lambda: bytes(range(32)))


@dataclass(frozen=True)
class Reader:
    """A reader: what its files are called, good ones to start from, and how one is read to its end."""

    name: str
    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]

    @property
    def native(self) -> bool:
        """Whether it is mostly compiled code that reads, which could crash."""
        return self.name.endswith((".parquet", ".arrow"))


def _csv(columns: dict[str, list[Any]], sep: str = ",") -> bytes:
    rows = [
        sep.join(columns),
        *(sep.join("" if v is None else str(v) for v in r) for r in zip(*columns.values(), strict=True)),
    ]
    return ("\n".join(rows) + "\n").encode()


def _arrow_types() -> pa.Table:
    table = pa.table(ROWS)
    stamps = pa.array([1_635_724_800, 1_635_724_860, None, 0]).cast(pa.timestamp("s", tz="Asia/Shanghai"))
    return table.set_column(1, "time", stamps).set_column(0, "device", table["device"].dictionary_encode())


def _parquet() -> list[bytes]:
    seeds = []
    for table, how in (
        (pa.table(ROWS), {}),
        (_arrow_types(), {"compression": "none", "write_page_checksum": True}),
    ):
        file = io.BytesIO()
        pq.write_table(table, file, row_group_size=2, **how)
        seeds.append(file.getvalue())
    return seeds


def _ipc() -> list[bytes]:
    seeds = []
    for table in (pa.table(ROWS), _arrow_types()):
        for make in (pa.ipc.new_file, pa.ipc.new_stream):
            file = io.BytesIO()
            with make(file, table.schema) as writer:
                writer.write_table(table)
            seeds.append(file.getvalue())
    file = io.BytesIO()
    feather.write_feather(pa.table(ROWS), file, compression="lz4")
    return [*seeds, file.getvalue()]


def _geojson() -> list[bytes]:
    ring = [[104.0, 30.6], [104.1, 30.6], [104.1, 30.7], [104.0, 30.6]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"name": "west"}, "geometry": shape}
    made = [
        {"type": "FeatureCollection", "features": [feature, {**feature, "id": 7, "properties": None}]},
        shape,
    ]
    return [json.dumps(one).encode() for one in made]


@cache
def _logs() -> list[tuple[bytes, bytes]]:
    """Make two logs, with a key and without, and their heads."""
    made = []
    for key in (None, KEY):
        with tempfile.TemporaryDirectory() as folder:
            log = AuditLog(Path(folder) / "log", key=key)
            for whom in ([7], "all"):
                log.record(who="li", what="trajectory", whom=whom, purpose="case 17", rows=3)
            made.append((log.path.read_bytes(), log.head_path.read_bytes()))
    return made


def _pings(**how: Any) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        pings = cotrace.read_pings(path, **how)
        return [len(batch) for batch in pings.batches()], pings.refused, repr(pings), pings.describe()

    return read


def _places(path: Path) -> object:
    """Ask who was in a place, and draw zones of units, both from a file."""
    from cotrace.cli.query import read_frame

    stays = _stays()
    text = read_frame(str(path))
    asked = cotrace.visitors(stays, text, "2021-11-01T00:00:00Z", "2021-11-02T00:00:00Z")
    return asked, cotrace.zones(stays, ["a"], text, as_of="2021-11-02T00:00:00Z")


@cache
def _stays() -> cotrace.Stays:
    time = [1_635_724_800, 1_635_728_000] * 2
    columns = {"device": ["a", "a", "b", "b"], "time": time, "lon": [104.06] * 4, "lat": [30.66] * 4}
    return cotrace.find_stays(cotrace.read_pings(columns, unit="s"))


def _links(path: Path) -> object:
    return cotrace.read_links(
        pq.read_table(path) if path.suffix == ".parquet" else _columns(path), tz="Asia/Seoul"
    )


def _columns(path: Path) -> dict[str, list[str]]:
    """Read a CSV as plain text columns, as a caller would."""
    import csv

    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        rows = [row for row in csv.reader(line.replace("\0", "") for line in file) if row]
    head = rows[0] if rows else []
    return {name: [row[k] if k < len(row) else "" for row in rows[1:]] for k, name in enumerate(head)}


def _cases(path: Path) -> object:
    from cotrace.cli.build import read_cases

    return cotrace.places(_stays(), read_cases(str(path)).frame)


def _audit(path: Path) -> object:
    head = path.with_name("good.head")
    head.write_bytes(_logs()[0][1])
    found = str(verify(path, head=head)), str(verify(path, key=KEY, head=head))
    AuditLog(path, head=head).record(who="li", what="zones", purpose="p")
    return found


def _head(path: Path) -> object:
    log = path.with_name("good.log")
    log.write_bytes(_logs()[0][0])
    found = str(verify(log, head=path)), str(verify(log, key=KEY, head=path))
    AuditLog(log, head=path).record(who="li", what="zones", purpose="p")
    return found


CASES = {
    "device": ["a", "b"],
    "as_of": ["2021-11-03T00:00:00+08:00"] * 2,
    "isolated_at": ["", "2021-11-02T00:00:00Z"],
}
LINKS = {
    "infected": [1, 2, 3],
    "infector": ["", 1, 2],
    "at": ["2015-05-11", "2015-05-18", "2015-05-20T00:00:00Z"],
}
TOWERS = {
    "tower": [1, 2],
    "lon": [104.06, 104.07],
    "lat": [30.66, 30.67],
    "radius_m": [500, ""],
    "generation": ["4G", ""],
}
LOG = {"device": [1, 2], "time": [0, 60], "tower": [1, 2]}
DIGITS = {**LOG, "time": [20211020000002] * 2}
DEVICES = {"device": [1, 2], "person": ["x", ""], "kind": ["person", ""]}
VISITS = {"device": [1, 2], "place": ["p", "q"], **INTERVALS}
SECRET = bytes(range(32))
HERE = "Asia/Shanghai"

READERS = {
    reader.name: reader
    for reader in (
        Reader("pings.csv", lambda: [_csv(ROWS), _csv(ROWS, ";")], _pings(tz=HERE)),
        Reader("pings.csv.gz", lambda: [gzip.compress(_csv(ROWS), mtime=0)], _pings(tz=HERE)),
        Reader("log.csv", lambda: [_csv(LOG)], _pings(unit="s")),
        Reader("digits.csv", lambda: [_csv(DIGITS)], _pings(time_format="%Y%m%d%H%M%S", tz="UTC")),
        Reader("pings.parquet", _parquet, _pings(tz=HERE)),
        Reader("pings.arrow", _ipc, _pings(tz=HERE)),
        Reader("towers.csv", lambda: [_csv(TOWERS)], lambda p: _pings(towers=p, unit="s")(_beside(p))),
        Reader("places.geojson", _geojson, _places),
        Reader("cases.csv", lambda: [_csv(CASES)], _cases),
        Reader(
            "contacts.csv", lambda: [_csv({"a": [1, 2], "b": [2, 3], **INTERVALS})], cotrace.read_contacts
        ),
        Reader("visits.csv", lambda: [_csv(VISITS)], cotrace.read_visits),
        Reader("devices.csv", lambda: [_csv(DEVICES)], cotrace.read_devices),
        Reader("links.csv", lambda: [_csv(LINKS)], _links),
        Reader("audit.log", lambda: [log for log, _ in _logs()], _audit),
        Reader("audit.head", lambda: [head for _, head in _logs()], _head),
        Reader("secret.key", lambda: [SECRET, SECRET.hex().encode()], lambda p: key_from_file(p).id),
    )
}


def _beside(path: Path) -> Path:
    log = path.with_name("good_log.csv")
    log.write_bytes(_csv(LOG))
    return log


def check(reader: Reader, data: bytes, folder: Path) -> str:
    """Read these bytes; return what came of it.

    Raises
    ------
    Exception
        Whatever is not documented: a fault.
    """
    path = folder / reader.name
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader.read(path)
        except CotraceError as error:
            return type(error).__name__
    return "read"
