from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.io.helpers import arrow, read, table
from tests.io.written import textual, write

import cotrace
from cotrace.errors import CotraceTypeError, ReadError

EXPECTED = read(table(), unit="s")[0]


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
    with pytest.raises(
        CotraceTypeError, match="a list of sources holds paths or tables, not both: one is a dict"
    ):
        cotrace.read_pings([table(), "a.csv"])


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


def test_a_file_is_read_once(tmp_path):
    path = write(tmp_path / "a.csv")
    link = tmp_path / "other.csv"
    link.symlink_to(path)
    for twice in (
        [path, path],
        [path, link],
        [path, str(tmp_path) + "/./a.csv"],
        [tmp_path / "*a.csv", path],
    ):
        with pytest.raises(ReadError, match=r"1 file is in the list more than once .*name each file once"):
            cotrace.read_pings(twice, unit="s")
    link.unlink()
    with pytest.raises(ReadError, match="more than once"):
        cotrace.read_pings([tmp_path, path], unit="s")


def test_two_formats_in_a_list(tmp_path):
    pq.write_table(arrow(), tmp_path / "a.parquet")
    path = write(tmp_path / "a.csv")
    with pytest.raises(ReadError, match=r"the files of the list are of several formats \(1 CSV, 1 Parquet\)"):
        cotrace.read_pings([tmp_path / "a.parquet", path], unit="s")
