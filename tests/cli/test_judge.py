"""``cotrace evaluate`` and ``shifted-grids``: the same answers as the library's."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from tests.cli.conftest import AS_OF, LOOSE, companions, cotrace

import cotrace as library

TRUTH = "case_id,companion_id,setting\n3,8,home\n3,4,work\n8,3,home\n8,77,work\n"


def test_evaluate_files(files):
    assert companions(files).exit_code == 0
    listed = f"{files.out}/companions.parquet"
    Path(files.path("truth.csv")).write_text(TRUTH)
    done = cotrace(
        "evaluate", listed, files.path("truth.csv"), "--devices", "24", "--out", files.path("how.csv")
    )
    assert done.exit_code == 0, done.output
    rows = pq.read_table(listed)
    truth = pd.read_csv(files.path("truth.csv"))
    wanted = library.evaluate(rows, truth, devices=24)
    assert repr(wanted) in done.output
    written = pd.read_csv(files.path("how.csv"))
    assert written["recall"].to_list() == wanted.table["recall"].to_pylist()
    assert written["part"].fillna("").to_list() == ["", "home", "work"]


def test_cases_without_rows_count(files):
    Path(files.path("list.csv")).write_text("case_id,companion_id\n007,8\n")
    Path(files.path("cases.csv")).write_text("device\n007\n008\n")
    names = ("list.csv", "list.csv", "--cases", "cases.csv")
    done = cotrace("evaluate", *(files.path(n) if "." in n else n for n in names))
    assert "1 pairs listed for 2 cases" in done.output


def test_what_evaluate_refuses(files):
    Path(files.path("list.csv")).write_text("case_id,companion_id\n1,2\n")
    listed = files.path("list.csv")
    for more, said in (
        ((files.path("none.csv"),), "cannot be read"),
        ((listed, "--out", listed), "would be written over"),
        ((listed, "--out", files.path("folder")), "name a .parquet or .csv file"),
    ):
        done = cotrace("evaluate", listed, *more)
        assert (done.exit_code, said in done.output) == (2, True), done.output


def test_shifted_grids(files):
    done = cotrace(
        "shifted-grids", files.pings, "--cases", files.cases, "--grids", "3", *LOOSE, "--out", files.out
    )
    assert done.exit_code == 0, done.output
    assert "andidates from co-location" in done.output
    wanted = library.shifted_grids(
        library.read_pings(files.pings),
        [3, 8],
        3,
        as_of=AS_OF,
        rule=library.CompanionRule(min_cumulative="2h", lookback="3d"),
    )
    assert len(wanted)
    assert pq.read_table(f"{files.out}/shifted_grids.parquet").to_pylist() == wanted.to_arrow().to_pylist()
    assert json.loads(Path(files.out, "run.json").read_text())["rows"] == {"shifted_grids": len(wanted)}
