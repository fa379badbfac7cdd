from __future__ import annotations

import gzip
import itertools
import os
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from tests.io.helpers import arrow, read, refused, rows_of, table

import cotrace
from cotrace.errors import CotraceTypeError, CotraceWarning, ReadError, SchemaError

EXPECTED = read(table(), unit="s")[0]


def write(path: Path, data: pa.Table | None = None) -> Path:
    """Write pings in the format that the name says."""
    data = arrow() if data is None else data
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".parquet", ".pq"):
        pq.write_table(data, path, row_group_size=2)
    elif path.suffix == ".arrow":
        with pa.ipc.new_file(path, data.schema) as file:
            file.write_table(data, max_chunksize=4)
    elif path.suffix == ".arrows":
        with pa.ipc.new_stream(path, data.schema) as file:
            file.write_table(data, max_chunksize=4)
    elif path.suffix == ".feather":
        feather.write_feather(data, path)
    else:
        columns = data.to_pydict()
        lines = [
            ",".join(columns),
            *(",".join("" if v is None else str(v) for v in r) for r in zip(*columns.values(), strict=True)),
        ]
        text = "\n".join(lines) + "\n"
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def textual(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [(r[0], str(r[1]), *r[2:]) for r in rows]


@pytest.mark.parametrize(
    "name", ["p.parquet", "p.pq", "p.arrow", "p.arrows", "p.feather", "p.csv", "p.csv.gz", "p.txt"]
)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_format_gives_the_same(tmp_path: Path, name: str, threads: int):
    path = write(tmp_path / name)
    for source in (path, str(path), [path], tmp_path, tmp_path / "p.*"):
        rows, pings = read(source, unit="s", threads=threads)
        assert rows == (textual(EXPECTED) if ".csv" in name or ".txt" in name else EXPECTED)
        assert pings.files == (str(path),)
        assert pings.n_rows == 6
        assert repr(pings).startswith(f"<Pings: {name}, 6 rows; device='device'")


def test_known_by_its_first_bytes(tmp_path: Path):
    for name in ("p.parquet", "p.arrow"):
        bare = tmp_path / name.replace(".", "-")
        write(tmp_path / name).rename(bare)
        assert read(bare, unit="s")[0] == EXPECTED


def test_home_and_bytes_are_paths_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "p.parquet")
    assert read("~/p.parquet", unit="s")[0] == EXPECTED


def test_names_with_brackets(tmp_path: Path):
    assert read(write(tmp_path / "p[1].parquet"), unit="s")[0] == EXPECTED


# which files


def split(tmp_path: Path, suffix: str, names: list[str], n: int = 6) -> list[Path]:
    whole = arrow(n)
    each = n // len(names)
    return [write(tmp_path / f"{name}{suffix}", whole.slice(i * each, each)) for i, name in enumerate(names)]


def test_folders_as_others_write_them(tmp_path: Path):
    for day in (1, 2):
        part = arrow().slice(3 * (day - 1), 3)
        write(tmp_path / f"day=2021-11-0{day}" / "part-0.parquet", part)
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part-0.parquet.crc").write_bytes(b"x")
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "p.parquet").write_bytes(b"broken")
    (tmp_path / "notes.md").write_text("hello")
    for source in (
        tmp_path,
        tmp_path / "day=*",
        tmp_path / "**" / "*.parquet",
        [tmp_path / "day=2021-11-02", tmp_path / "day=2021-11-01"],
    ):
        assert read(source, unit="s")[0] == EXPECTED
    assert "files of other kinds left aside: 'notes.md'" in cotrace.read_pings(tmp_path, unit="s").describe()


def test_names_are_ordered_as_people_do(tmp_path: Path):
    names = ["p10", "p9", "p1"]
    split(tmp_path, ".csv", names)
    pings = cotrace.read_pings(tmp_path, unit="s")
    assert [Path(f).name for f in pings.files] == ["p1.csv", "p9.csv", "p10.csv"]
    given = [tmp_path / f"{n}.csv" for n in names]
    # a list without statistics keeps its order
    assert [Path(f).stem for f in cotrace.read_pings(given, unit="s").files] == names


def test_parquet_files_are_ordered_by_their_first_times(tmp_path: Path):
    paths = split(tmp_path, ".parquet", ["c", "a", "b"])
    for given in itertools.permutations(paths):
        rows, pings = read(list(given), unit="s")
        assert rows == EXPECTED
        assert [Path(f).stem for f in pings.files] == ["c", "a", "b"]
    assert read(tmp_path, unit="s")[0] == EXPECTED


def test_parquet_files_that_overlap_are_ordered_by_name(tmp_path: Path):
    for name, shift in (("b", 0), ("a", 1)):
        write(tmp_path / f"{name}.parquet", arrow(time=[60 * i + shift for i in range(6)]))
    for given in ([tmp_path / "b.parquet", tmp_path / "a.parquet"], tmp_path):
        assert [Path(f).stem for f in cotrace.read_pings(given, unit="s").files] == ["a", "b"]


def test_parquet_without_statistics(tmp_path: Path):
    for i, name in enumerate(("b", "a")):
        pq.write_table(arrow().slice(3 * i, 3), tmp_path / f"{name}.parquet", write_statistics=False)
    given = [tmp_path / "b.parquet", tmp_path / "a.parquet"]
    assert read(given, unit="s")[0] == EXPECTED
    assert [Path(f).stem for f in cotrace.read_pings(tmp_path, unit="s").files] == ["a", "b"]


@pytest.mark.parametrize(
    "kind",
    [
        pa.timestamp("s", "UTC"),
        pa.timestamp("ms", "UTC"),
        pa.timestamp("us", "UTC"),
        pa.timestamp("ns", "UTC"),
    ],
)
def test_order_by_timestamps_of_several_units(tmp_path: Path, kind: pa.DataType):
    whole = arrow()
    stamps = whole["time"].cast(pa.timestamp("s", "UTC"))
    for i, (name, one) in enumerate((("b", kind), ("a", pa.timestamp("ms", "UTC")))):
        part = whole.set_column(1, "time", stamps.cast(one)).slice(3 * i, 3)
        write(tmp_path / f"{name}.parquet", part)
    assert read(tmp_path)[0] == EXPECTED


def test_files_without_rows_do_not_disturb(tmp_path: Path):
    split(tmp_path, ".parquet", ["c", "b"])
    write(tmp_path / "a.parquet", arrow(0))
    rows, pings = read(tmp_path, unit="s", threads=2)
    assert rows == EXPECTED
    assert len(pings.files) == 3


def test_formats_are_not_mixed(tmp_path: Path):
    write(tmp_path / "p.parquet")
    write(tmp_path / "p.csv")
    for source in (tmp_path, tmp_path / "p.*"):
        with pytest.raises(
            ReadError, match=r"are of several formats \(1 CSV, 1 Parquet\): are these the same pings"
        ):
            cotrace.read_pings(source, unit="s")


def test_what_is_not_there(tmp_path: Path):
    write(tmp_path / "pings.parquet")
    with pytest.raises(
        ReadError, match=r"there is no file or folder '.*ping.parquet'; did you mean 'pings.parquet'\?"
    ):
        cotrace.read_pings(tmp_path / "ping.parquet")
    with pytest.raises(ReadError, match=r"the folder '.*nowhere' is not there either"):
        cotrace.read_pings(tmp_path / "nowhere" / "p.parquet")
    with pytest.raises(ReadError, match=r"no file matches '.*\*.csv'"):
        cotrace.read_pings(tmp_path / "*.csv")
    with pytest.raises(ReadError, match="the list of paths is empty"):
        cotrace.read_pings([])
    with pytest.raises(
        ReadError, match=r"'s3://bucket/p.parquet' is not on this machine: open it with pyarrow"
    ):
        cotrace.read_pings("s3://bucket/p.parquet")
    with pytest.raises(CotraceTypeError, match="a list of sources holds paths, but one is a dict"):
        cotrace.read_pings([table()])


def test_folders_with_nothing_to_read(tmp_path: Path):
    with pytest.raises(
        ReadError, match=r"the folder '.*': nothing there to read; pings come from Parquet, CSV"
    ):
        cotrace.read_pings(tmp_path)
    (tmp_path / "readme.md").write_text("hello")
    with pytest.raises(ReadError, match=r"only 'readme.md' there to read"):
        cotrace.read_pings(tmp_path)
    with pytest.raises(ReadError, match="is of no format that is known by its name"):
        cotrace.read_pings(tmp_path / "readme.md")
    (tmp_path / "p.zip").write_bytes(b"PK")
    (tmp_path / "p.parquet.gz").write_bytes(b"x")
    for name in ("p.zip", "p.parquet.gz"):
        with pytest.raises(ReadError, match=r"unpack .zip and .xz"):
            cotrace.read_pings(tmp_path / name)


def test_delta_tables_are_not_read_as_folders(tmp_path: Path):
    write(tmp_path / "p.parquet")
    (tmp_path / "_delta_log").mkdir()
    with pytest.raises(ReadError, match="is a Delta Lake table"):
        cotrace.read_pings(tmp_path)


def test_files_that_cannot_be_opened(tmp_path: Path):
    (tmp_path / "p.parquet").symlink_to(tmp_path / "gone")
    with pytest.raises(ReadError, match="cannot be opened: No such file"):
        cotrace.read_pings(tmp_path)


# damage


@pytest.mark.parametrize("name", ["p.parquet", "p.csv", "p.csv.gz", "p.arrow", "p.arrows"])
def test_empty_files(tmp_path: Path, name: str):
    (tmp_path / name).touch()
    for source in (tmp_path / name, tmp_path):
        with pytest.raises(ReadError, match=r"is empty \(0 bytes\), not even column names: write it again"):
            cotrace.read_pings(source, unit="s")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("p.parquet", "Parquet"),
        ("p.arrow", "an Arrow file"),
        ("p.arrows", "an Arrow file"),
        ("p.feather", "an Arrow file"),
        ("p.csv.gz", "CSV"),
    ],
)
def test_files_cut_off(tmp_path: Path, name: str, word: str):
    path = write(tmp_path / name, arrow(2000, x=np.random.default_rng(0).random(2000)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(
        ReadError, match=rf"{name}' cannot be read as {word} .*it is damaged.*write or copy it again"
    ):
        read(path, unit="s")
    path.write_bytes(b"no such thing as this")
    with pytest.raises(ReadError, match=f"cannot be read as {word}"):
        read(path, unit="s")


@pytest.mark.parametrize("threads", [1, 2])
def test_parquet_with_a_damaged_page(tmp_path: Path, threads: int):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(5000), path, row_group_size=1000, write_page_checksum=True, compression="zstd")
    data = bytearray(path.read_bytes())
    chunk = pq.ParquetFile(path).metadata.row_group(3).column(2)
    data[chunk.data_page_offset + chunk.total_compressed_size // 3] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ReadError, match=r"p.parquet' cannot be read as Parquet"):
        read(path, unit="s", threads=threads)


def test_csv_with_a_row_cut_off(tmp_path: Path):
    path = tmp_path / "p.csv"
    path.write_text("device,time,x,y\n0044,1,2,3\n0045,1,2")
    with pytest.raises(
        ReadError, match=r"p.csv': line 3 has 3 fields, and the header 4: the file was cut off there"
    ) as e:
        read(path, unit="s")
    assert "0045" not in str(e.value)
    path.write_text("device,time,x,y\n0044,1,2,3,4\n")
    with pytest.raises(ReadError, match="line 2 has 5 fields"):
        read(path, unit="s", threads=2)


def test_csv_in_another_encoding(tmp_path: Path):
    path = tmp_path / "p.csv"
    path.write_bytes("device,time,x,y\n手机,1,2,3\n".encode("gbk"))
    with pytest.raises(ReadError, match="is not in UTF-8: convert it, with iconv"):
        read(path, unit="s")
    path.write_bytes("设备,time,x,y\n1,1,2,3\n".encode("gbk"))
    with pytest.raises(ReadError, match="is not in UTF-8"):
        read(path, unit="s")


# CSV


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


# types across files


def test_small_and_large_integers_are_one_type(tmp_path: Path):
    for i, kind in enumerate(("int32", "int64", "uint64", "float64")):
        write(tmp_path / f"{i}.parquet", arrow(2, device=np.array([1, 2], kind), time=[2 * i, 2 * i + 1]))
    rows, pings = read(tmp_path, unit="s")
    assert pings.device_type == pa.int64()
    assert [r[1] for r in rows] == [1, 2] * 4


@pytest.mark.parametrize("statistics", [True, False])
def test_unsigned_ids_across_files(tmp_path: Path, statistics: bool):
    for i, ids in enumerate((np.array([1, 2]), np.array([3, 2**63], "uint64"))):
        pq.write_table(arrow(2, device=ids), tmp_path / f"{i}.parquet", write_statistics=statistics)
    rows, pings = read(tmp_path, unit="s")
    assert pings.device_type == pa.uint64()
    assert [r[1] for r in rows] == [1, 2, 3, 2**63]
    pq.write_table(arrow(2, device=[-1, 2]), tmp_path / "0.parquet", write_statistics=statistics)
    with pytest.raises(SchemaError, match="exceed int64 while other parts are signed or of type float"):
        cotrace.read_pings(tmp_path, unit="s")


def test_small_unsigned_statistics_are_unsigned(tmp_path: Path):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(2, time=pa.array([2**32 - 1, 5], pa.uint32())), path)
    pings = cotrace.read_pings(path, unit="s")
    assert [r[2] for r in rows_of(pings.scan(start=2**31))] == [2**32 - 1, 5]


def test_strings_of_several_kinds_are_one_type(tmp_path: Path):
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.null()]
    for i, kind in enumerate(kinds):
        ids = pa.nulls(2) if kind == pa.null() else pa.array(["a", None]).cast(kind)
        write(tmp_path / f"{i}.parquet", arrow(2, device=ids, time=[i, i]))
    rows, pings = read(tmp_path, unit="s")
    assert pings.device_type == pa.large_string()
    assert [r[1] for r in rows] == ["a"] * 3
    assert [r for r, _ in refused(pings)] == [1, 3, 5, 6, 7]


def test_numbers_and_strings_are_not_mixed(tmp_path: Path):
    write(tmp_path / "0.parquet", arrow(2))
    write(tmp_path / "1.parquet", arrow(2, device=["0", "1"]))
    with pytest.raises(
        SchemaError, match=r"are int64 in .*0.parquet and string in .*1.parquet: are 7 and '007' one"
    ):
        cotrace.read_pings(tmp_path, unit="s")


def test_refused_rows_of_files_with_other_types(tmp_path: Path):
    write(tmp_path / "0.parquet", arrow(2, device=pa.array([None, 1], pa.int32())))
    write(tmp_path / "1.parquet", arrow(2, device=pa.array([None, 1], pa.int64()), x=["1", "2"]))
    rows, pings = read(tmp_path, unit="s")
    assert len(rows) == 2
    assert pings.refused.to_pydict()["x"] == ["0", "1"]


def test_a_file_without_a_column(tmp_path: Path):
    write(tmp_path / "0.parquet")
    write(tmp_path / "1.parquet", arrow().drop(["y"]))
    with pytest.raises(
        SchemaError, match=r"1.parquet: no column 'y', which .*0.parquet has; its columns are 'device'"
    ):
        cotrace.read_pings(tmp_path, unit="s")


def test_columns_may_stand_in_another_order(tmp_path: Path):
    whole = arrow()
    write(tmp_path / "0.parquet", whole.slice(0, 3))
    write(tmp_path / "1.parquet", whole.slice(3).select(["y", "x", "time", "device"]))
    assert read(tmp_path, unit="s")[0] == EXPECTED


def test_names_with_dots_and_nested_columns(tmp_path: Path):
    data = (
        arrow().rename_columns(["user.id", "time", "x", "y"]).append_column("user", pa.array([{"id": 9}] * 6))
    )
    pq.write_table(data, tmp_path / "p.parquet")
    rows, _ = read(tmp_path, unit="s", device="user.id")
    assert [r[1] for r in rows] == [r[1] for r in EXPECTED]
    with pytest.raises(SchemaError, match="ids are integers or strings"):
        cotrace.read_pings(tmp_path, unit="s", device="user", time="time")


# rows outside the time asked


@pytest.mark.parametrize("threads", [1, 2])
def test_row_groups_outside_the_time_are_skipped(tmp_path: Path, threads: int):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(10, time=list(range(10))), path, row_group_size=2)
    pings = cotrace.read_pings(path, unit="s")
    for start, end, expected in (
        (4, 6, [4, 5]),
        (5, 6, [4, 5]),
        (None, 3, [0, 1, 2, 3]),
        (8, None, [8, 9]),
        (3, 5, [2, 3, 4, 5]),
        (20, 30, []),
    ):
        rows = rows_of(pings.scan(threads=threads, start=start, end=end))
        assert [r[2] for r in rows] == expected
        assert [r[0] for r in rows] == expected  # numbers count the skipped rows too
        assert pings.counts is not None
        assert (pings.counts.rows, pings.counts.skipped) == (10, 10 - len(expected))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_footers_of_timestamps(tmp_path: Path, unit: str):
    path = tmp_path / "p.parquet"
    stamps = pa.array([-3, 0, 5, 9], pa.timestamp("s", "UTC")).cast(pa.timestamp(unit, "UTC"))
    pq.write_table(arrow(4, time=stamps), path, row_group_size=2)
    pings = cotrace.read_pings(path)
    assert [r[2] for r in rows_of(pings.scan(start=1))] == [5, 9]
    assert [r[2] for r in rows_of(pings.scan(end=0))] == [-3, 0]


def test_footers_of_local_times_are_taken_with_care(tmp_path: Path):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(2, time=pa.array([0, 10 * 86400], pa.timestamp("s"))), path, row_group_size=1)
    pings = cotrace.read_pings(path, tz="Asia/Shanghai")
    assert [r[2] for r in rows_of(pings.scan(end=-5 * 3600))] == [-8 * 3600]
    assert [r[2] for r in rows_of(pings.scan(start=5 * 86400))] == [10 * 86400 - 8 * 3600]


def test_footers_that_do_not_tell(tmp_path: Path):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(4), path, write_statistics=False)
    assert len(rows_of(cotrace.read_pings(path, unit="s").scan(start=2**40))) == 4
    pq.write_table(arrow(4, time=["2021-11-01T00:00:00Z"] * 4), path)
    assert len(rows_of(cotrace.read_pings(path).scan(start=2**40))) == 4
    assert len(rows_of(cotrace.read_pings(table(4), unit="s").scan(start=2**40))) == 4


def test_null_columns_of_parquet(tmp_path: Path):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(2, time=pa.array([None, None], pa.int64())), path)
    pings = cotrace.read_pings(path, unit="s")
    with pytest.raises(Exception, match="none of the 2 rows"):
        rows_of(pings.scan(start=5))


# any split of the rows is the same


@pytest.mark.parametrize("seed", range(6))
def test_any_split_into_files_gives_the_same(tmp_path: Path, seed: int):
    draw = random.Random(seed)
    n = draw.randrange(1, 400)
    x = [draw.choice([float("nan"), None, 1.5, 2.5]) for _ in range(n)]
    whole = arrow(n, x=pa.array(x, pa.float64()), time=list(range(n)))
    expected, pings = read(whole, unit="s")
    bad = refused(pings)
    cuts = sorted(draw.choices(range(n + 1), k=draw.randrange(6)))
    suffix = draw.choice([".parquet", ".arrow", ".csv.gz"])
    for i, (a, b) in enumerate(zip([0, *cuts], [*cuts, n], strict=True)):
        write(tmp_path / f"part-{i}{suffix}", whole.slice(a, b - a))
    for threads in (1, 2, 4):
        rows, pings = read(tmp_path, unit="s", threads=threads)
        assert rows == (textual(expected) if suffix == ".csv.gz" else expected)
        # NaN in text is nothing
        assert [r for r, _ in refused(pings)] == [r for r, _ in bad]
        pings.counts.check()


def test_threads_give_the_same_as_none(tmp_path: Path):
    n = 20_000
    made = arrow(n, x=np.where(np.arange(n) % 97, 1.0, np.nan), time=list(range(n)))
    for i in range(4):
        pq.write_table(made.slice(i * 5000, 5000), tmp_path / f"{i}.parquet", row_group_size=700)
    expected = read(made, unit="s")
    for threads in (1, 2, 3, 40):
        rows, pings = read(tmp_path, unit="s", threads=threads)
        assert rows == expected[0]
        assert refused(pings) == refused(expected[1])


def test_warnings_point_at_the_caller(tmp_path: Path):
    pings = cotrace.read_pings(table(2, x=[1.0, np.nan]), unit="s")
    with pytest.warns(CotraceWarning) as w:
        list(pings.batches())
    assert os.path.samefile(w[0].filename, __file__)
