"""No input is ever written over, and no result is put where the next run would read it as pings."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cotrace.cli.apart import check_apart
from cotrace.errors import OptionError

from .conftest import companions, cotrace

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


def kept(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(ran, *says: str) -> None:
    assert ran.exit_code == 2, ran.stdout
    assert ran.stderr.startswith("error: --out ")
    assert "Traceback" not in ran.stderr
    for words in says:
        assert words in ran.stderr


@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["plain", "overwrite"])
@pytest.mark.parametrize(
    "name", ["one.csv", "one.parquet", "./one.csv", "link.csv", "hard.csv", "more/../one.csv"]
)
def test_stays_never_writes_over_its_input(files, frame, monkeypatch, name, more):
    monkeypatch.chdir(files.folder)
    Path("more").mkdir()
    frame.to_csv("one.csv", index=False)
    frame.to_parquet("one.parquet", index=False)
    Path("link.csv").symlink_to("one.csv")
    os.link("one.csv", "hard.csv")
    before = kept(files.folder)
    source = "one.parquet" if name.endswith("parquet") else "one.csv"
    refused(cotrace("stays", source, "--out", name, *more), "is the input one.", "would be written over")
    assert kept(files.folder) == before


def test_nor_a_table_of_towers(files, frame):
    Path(files.path("towers.csv")).write_text("tower,lon,lat\n1,104,30\n")
    frame.assign(tower=1)[["device", "time", "tower"]].to_parquet(files.pings)
    words = ["--towers", files.path("towers.csv"), "--fill", "forward", "--overwrite"]
    refused(
        cotrace("stays", files.pings, *words, "--out", files.path("towers.csv")), "is the input --towers "
    )


@pytest.mark.parametrize("source", ["in", "in/", "in/*.parquet", "i?", "**/*.parquet"])
def test_nothing_is_written_among_the_inputs(files, frame, monkeypatch, source):
    monkeypatch.chdir(files.folder)
    Path("in").mkdir()
    frame.to_parquet("in/pings.parquet", index=False)
    before = kept(files.folder)
    for ran in (
        cotrace("stays", source, "--out", "in/new.parquet", "--overwrite"),
        cotrace("stays", source, "--out", "in/pings.parquet", "--overwrite"),
    ):
        refused(ran, "next time" if "in/new" in ran.stderr else "")
    if "*." not in source or "**" in source:
        refused(cotrace("companions", source, "--cases", "cases.csv", "--out", "in/found"), "next time")
    assert kept(files.folder) == before


@pytest.mark.parametrize("source", ["in", "in/*.parquet", "in/?.parquet", "in*/p.csv", "in/[ab].csv"])
def test_beside_the_inputs_is_a_good_place(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for out in ("out", "in.parquet", "stays.parquet", "other/in/a.parquet"):
        check_apart(Path(out), {"paths": [source]})


def test_a_folder_that_holds_an_input_is_not_replaced(files):
    assert companions(files).exit_code == 0
    before = kept(files.folder)
    found = str(Path(files.out, "companions.parquet"))
    refused(companions(files, "--cases", found), "holds the input --cases ", "replaced as a whole")
    for source in (found, str(Path(files.out, "*.parquet"))):
        refused(cotrace("stays", source, "--out", files.out), "--out")
    refused(cotrace("companions", files.out, "--cases", files.cases, "--out", files.out), "is the input")
    assert kept(files.folder) == before


def test_an_input_that_is_not_there_is_left_to_the_reading(tmp_path):
    check_apart(tmp_path / "out", {"paths": [str(tmp_path / "nowhere.csv")], "cases": None})
    with pytest.raises(OptionError, match="is the input"):
        check_apart(tmp_path / "nowhere.csv", {"paths": [str(tmp_path / "nowhere.csv")]})


def test_an_earlier_result_is_replaced_and_other_files_are_not(files):
    out = Path(files.path("stays.parquet"))
    assert cotrace("stays", files.pings, "--out", out).exit_code == 0
    assert cotrace("stays", files.pings, "--out", out).exit_code == 0
    out.write_bytes(Path(files.pings).read_bytes())
    refused(cotrace("stays", files.pings, "--out", out), "no earlier result of cotrace")
    assert out.read_bytes() == Path(files.pings).read_bytes()
    assert cotrace("stays", files.pings, "--out", out, "--overwrite").exit_code == 0
    assert b"cotrace" in pq.read_schema(out).metadata

    mine = Path(files.path("mine.csv"))
    mine.write_text("my own\n")
    refused(cotrace("stays", files.pings, "--out", mine), "CSV does not tell", "--overwrite")
    assert mine.read_text() == "my own\n"
    assert cotrace("stays", files.pings, "--out", mine, "--overwrite").exit_code == 0
    assert "started_at" in mine.read_text()


def test_unknown_endings_are_refused(files):
    refused(cotrace("stays", files.pings, "--out", files.path("s.xlsx")), "ends in .xlsx")
    refused(companions(files, "--out", files.path("found.csv")), "ends in .csv, as files do")
    assert sorted(p.name for p in files.folder.iterdir()) == ["cases.csv", "pings.parquet"]
