"""Results are put in their place whole or not at all."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from cotrace.cli import output
from cotrace.errors import OptionError


def result(text: str = "new"):
    def fill(folder: Path) -> None:
        (folder / "run.json").write_text(json.dumps({"cotrace": "0", "text": text}))
        (folder / "companions.csv").write_text(text)

    return fill


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_new_folder_is_made_with_its_parents(tmp_path):
    output.write_folder(tmp_path / "a" / "b", result())
    assert names(tmp_path / "a") == ["b"]
    assert names(tmp_path / "a" / "b") == ["companions.csv", "run.json"]


def test_the_new_folder_may_be_read_by_others_as_any_folder(tmp_path):
    output.write_folder(tmp_path / "out", result())
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("exchanges", [True, False], ids=["exchange", "two renames"])
def test_an_earlier_result_is_replaced_with_nothing_left_beside_it(tmp_path, monkeypatch, exchanges):
    if not exchanges:
        monkeypatch.setattr(output, "_exchange", lambda a, b: False)
    out = tmp_path / "out"
    output.write_folder(out, result("old"))
    (out / "evidence.parquet").write_text("only the old one had it")
    output.write_folder(out, result("new"))
    assert (out / "companions.csv").read_text() == "new"
    assert names(out) == ["companions.csv", "run.json"]
    assert names(tmp_path) == ["out"]


def test_exchange_is_one_step_where_the_system_has_it(tmp_path, monkeypatch):
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir(), b.mkdir()
    (a / "was in a").touch()
    if output._exchange(a, b):
        assert names(b) == ["was in a"]
        assert names(a) == []
    monkeypatch.setattr(output.sys, "platform", "win32")
    assert not output._exchange(a, b)


def test_exchange_does_without_a_c_library_that_has_it(tmp_path, monkeypatch):
    monkeypatch.setattr(output.ctypes, "CDLL", lambda name: object())
    assert not output._exchange(tmp_path, tmp_path)


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(143)])
def test_what_is_interrupted_leaves_the_old_result_and_nothing_else(tmp_path, error):
    def fill(folder: Path) -> None:
        result("half")(folder)
        raise error

    out = tmp_path / "out"
    output.write_folder(out, result("old"))
    with pytest.raises(type(error)):
        output.write_folder(out, fill)
    assert (out / "companions.csv").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_a_failed_second_rename_puts_the_old_result_back(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "_exchange", lambda a, b: False)
    out = tmp_path / "out"
    output.write_folder(out, result("old"))
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError("disk gone")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="disk gone"):
        output.write_folder(out, result("new"))
    assert (out / "companions.csv").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path):
    out = tmp_path / "out"
    output.write_folder(out, result())
    (out / "thesis.docx").touch()
    with pytest.raises(OptionError, match=r"other files \(1, first 'thesis.docx'\)"):
        output.write_folder(out, result())
    assert "thesis.docx" in names(out)


@pytest.mark.parametrize("run", [None, "no json", '"text"', "{}"])
def test_files_of_our_names_without_our_run_json_are_refused(tmp_path, run):
    (tmp_path / "companions.csv").touch()
    if run is not None:
        (tmp_path / "run.json").write_text(run)
    with pytest.raises(OptionError, match="only a new or empty folder, or an earlier result"):
        output.check_folder(tmp_path)


def test_an_empty_folder_is_replaced(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    output.write_folder(out, result())
    assert names(out) == ["companions.csv", "run.json"]


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    output.write_folder(tmp_path / "out", result())
    assert (tmp_path / "out").is_symlink()
    assert names(tmp_path / "real") == ["companions.csv", "run.json"]


def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="is a file: name a folder"):
        output.check_folder(tmp_path / "file")
    with pytest.raises(OptionError, match="is a folder"):
        output.check_file(tmp_path)


def test_below_a_file_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="cannot be written"):
        output.check_folder(tmp_path / "file" / "out")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    out = tmp_path / "sub" / "stays.csv"
    output.write_file(out, lambda file: file.write_text("old"))

    def fill(file: Path) -> None:
        file.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        output.write_file(out, fill, overwrite=True)
    assert out.read_text() == "old"
    assert names(tmp_path / "sub") == ["stays.csv"]
    output.write_file(out, lambda file: file.write_text("new"), overwrite=True)
    assert out.read_text() == "new"


def test_a_file_that_came_meanwhile_is_kept(tmp_path):
    out = tmp_path / "stays.csv"
    out.write_text("mine")
    with pytest.raises(OptionError, match="give --overwrite"):
        output.write_file(out, lambda file: file.write_text("new"))
    assert out.read_text() == "mine"


def test_only_a_table_of_ours_is_replaced_unasked(tmp_path):
    out = tmp_path / "s.parquet"
    output.check_file(out)
    for body in (b"", b"PAR1 no Parquet", b"thesis"):
        out.write_bytes(body)
        with pytest.raises(OptionError, match="is no earlier result of cotrace: name another file"):
            output.check_file(out)
        output.check_file(out, overwrite=True)
    pq.write_table(pa.table({"n": [1]}), out)
    with pytest.raises(OptionError, match="no earlier result"):
        output.check_file(out)
    pq.write_table(pa.table({"n": [1]}).replace_schema_metadata({"cotrace": "stays"}), out)
    output.check_file(out)


def test_a_users_own_cases_beside_an_old_result_are_kept(tmp_path):
    out = tmp_path / "out"
    output.write_folder(out, result())
    (out / "cases.csv").write_text("my own")
    with pytest.raises(OptionError, match=r"other files \(1, first 'cases.csv'\)"):
        output.check_folder(out)
    (out / "run.json").write_text('{"cotrace": "0", "rows": {"cases": 2}}')
    output.check_folder(out)


@pytest.mark.parametrize("name", ["s.xlsx", "s.CSV", "stays.csv.gz", "s.json"])
def test_unknown_endings_are_refused(tmp_path, name):
    with pytest.raises(OptionError, match=r"which is not written: a file ends in \.parquet or \.csv"):
        output.is_file(tmp_path / name, None)
    with pytest.raises(OptionError, match="as files do: name a folder"):
        output.check_folder(tmp_path / name)
    (tmp_path / name).mkdir()
    assert not output.is_file(tmp_path / name, None)
    output.check_folder(tmp_path / name)


def test_files_are_told_from_folders_by_their_ending():
    assert output.is_file(Path("a.csv"), None)
    assert output.is_file(Path("a.parquet"), "parquet")
    assert not output.is_file(Path("a"), "csv")
    assert not output.is_file(Path("2021.11"), None)
    with pytest.raises(OptionError, match=r"ends in \.csv, and --format says parquet"):
        output.is_file(Path("a.csv"), "parquet")


def table() -> pa.Table:
    moments = [
        datetime(2021, 11, 3, 1, tzinfo=UTC),
        None,
        datetime(2021, 11, 3, 1, 0, 0, 500_000, tzinfo=UTC),
    ]
    return pa.table(
        {
            "id": pa.array(["007", '=1+1,"x"', None], pa.large_string()),
            "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
            "n": pa.array([2**62 + 1, None, -1], pa.int64()),
            "lon": pa.array([0.1 + 0.2, None, -104.07], pa.float64()),
            "at": pa.array(moments, pa.timestamp("us", "Asia/Shanghai")),
            "naive": pa.array([0, None, 1], pa.timestamp("s")),
        }
    )


def test_csv_is_plain_and_exact(tmp_path):
    output.write_table(table(), tmp_path / "t.csv", {})
    assert (tmp_path / "t.csv").read_text() == (
        '"id","kind","n","lon","at","naive"\n'
        '"007","a",4611686018427387905,0.30000000000000004,"2021-11-03T09:00:00+08:00","1970-01-01 00:00:00"\n'
        '"=1+1,""x""","b",,,,\n'
        ',"a",-1,-104.07,"2021-11-03T09:00:00.500000+08:00","1970-01-01 00:00:01"\n'
    )


def test_csv_is_written_in_parts_of_any_number(tmp_path, monkeypatch):
    many = pa.table({"n": pa.array(range(250), pa.int64())})
    monkeypatch.setattr(output, "_BATCH_ROWS", 100)
    output.write_table(many, tmp_path / "t.csv", {})
    assert pacsv.read_csv(tmp_path / "t.csv").equals(many)
    output.write_table(many.slice(0, 0), tmp_path / "none.csv", {})
    assert (tmp_path / "none.csv").read_text() == '"n"\n'


def test_parquet_says_what_it_is_and_keeps_every_type(tmp_path):
    output.write_table(table(), tmp_path / "t.parquet", {"what": "candidates"})
    back = pq.read_table(tmp_path / "t.parquet")
    assert back.drop_columns("naive").equals(table().drop_columns("naive"))  # Parquet has no plain seconds
    assert back.schema.metadata[b"cotrace.what"] == b"candidates"


def test_one_flipped_byte_in_parquet_is_found(tmp_path):
    file = tmp_path / "t.parquet"
    output.write_table(pa.table({"n": pa.array(range(1000), pa.int64())}), file, {})
    body = bytearray(file.read_bytes())
    body[200] ^= 1
    file.write_bytes(body)
    with pytest.raises(OSError, match=r"(?i)crc|checksum|corrupt"):
        pq.read_table(file, page_checksum_verification=True)


def test_the_umask_is_left_as_it_was():
    before = os.umask(0o027)
    try:
        assert output._umask() == 0o027
        assert output._umask() == 0o027
    finally:
        os.umask(before)
