from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from tests.io.helpers import read, refused, table

import cotrace
from cotrace.errors import SchemaError

EXPECTED = read(table(), unit="s")[0]


def csv(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "p.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_ids_of_csv_are_text(tmp_path: Path):
    rows, pings = read(
        csv(
            tmp_path,
            "device,time,lon,lat\n0044,2021-11-01T00:00:00Z,116.5,39.5\n44,2021-11-01T00:00:00Z,1,2\n",
        )
    )
    assert [r[1] for r in rows] == ["0044", "44"]
    assert pings.device_type == pa.large_string()


def test_csv_of_every_dress(tmp_path: Path):
    for text in (
        "device;time;x;y\n0;1;2;3\n",
        "device\ttime\tx\ty\n0\t1\t2\t3\n",
        "device|time|x|y\n0|1|2|3\n",
        "\ufeffdevice,time,x,y\r\n0,1,2,3\r\n",
        '"device","time","x","y"\n"0","1","2","3"\n',
        "device,time,x,y\n\n0,1,2,3",
        "note,y,x,time,device\nhello,3,2,1,0\n",
    ):
        assert read(csv(tmp_path, text), unit="s")[0] == [(0, "0", 1, 2.0, 3.0, None)]


def test_what_csv_has_for_nothing(tmp_path: Path):
    text = "device,time,x,y\nNULL,1,2,3\na,,2,3\na,1,NA,3\na,1,2,\na,1,2,3\n"
    rows, pings = read(csv(tmp_path, text), unit="s")
    assert [r[0] for r in rows] == [4]
    assert [r for _, r in refused(pings)] == ["no device", "no time", "no position", "no position"]


@pytest.mark.parametrize("text", ["device,time,x,y\n", "device,time,x,y", "device,time,x,y\r\n\r\n"])
@pytest.mark.parametrize("threads", [1, 2])
def test_csv_without_rows(tmp_path: Path, text: str, threads: int):
    rows, pings = read(csv(tmp_path, text), unit="s", threads=threads)
    assert (rows, pings.n_rows) == ([], 0)


def test_csv_without_a_header(tmp_path: Path):
    with pytest.raises(SchemaError, match=r"its first line looks like data, .* add a header line") as e:
        cotrace.read_pings(csv(tmp_path, "0044,2021-11-01T00:00:00Z,116.5,39.5\n"))
    assert "0044" not in str(e.value)


def test_csv_of_many_blocks(tmp_path: Path):
    n = 300_000
    lines = "".join(f"{i % 7:03},{i},{i}.5,0.25\n" for i in range(n))
    rows, pings = read(csv(tmp_path, "device,time,x,y\n" + lines), unit="s", threads=2)
    assert len(rows) == n
    assert rows[-1] == (n - 1, f"{(n - 1) % 7:03}", n - 1, n - 0.5, 0.25, None)
    assert pings.n_rows == n


def test_a_header_longer_than_what_is_read_at_once(tmp_path: Path):
    wide = ",".join(f"column_{i}" for i in range(9000))
    values = "," * 8999
    rows, _ = read(csv(tmp_path, f"device,time,x,y,{wide}\n0,1,2,3,{values}\n"), unit="s")
    assert len(rows) == 1


def test_other_compressions(tmp_path: Path):
    import bz2

    path = tmp_path / "p.csv.bz2"
    path.write_bytes(bz2.compress(b"device,time,x,y\n0,1,2,3\n"))
    assert len(read(path, unit="s")[0]) == 1
    for suffix in ("zstd", "lz4"):
        path = tmp_path / f"p.csv.{suffix.replace('zstd', 'zst')}"
        with pa.output_stream(path, compression=suffix) as out:
            out.write(b"device,time,x,y\n0,1,2,3\n")
        assert len(read(path, unit="s")[0]) == 1
