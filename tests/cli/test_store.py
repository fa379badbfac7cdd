"""A store's folder where commands take files: the same tables as from the pings."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import AS_OF, Files, cotrace

import cotrace as library


@pytest.fixture
def store(files: Files) -> str:
    folder = files.path("store")
    with library.Store(folder, buckets=2) as made:
        made.ingest(library.read_pings(files.pings))
    return folder


ASKED = {
    "companions": ("--cases", "CASES", "--min-cumulative", "2h", "--lookback", "2d"),
    "contacts": ("--cases", "CASES", "--min-shared", "1h"),
    "rings": ("--cases", "CASES", "--min-shared", "3h"),
    "places": ("--cases", "CASES"),
    "zones": ("--cases", "CASES", "--lockdown", "2h"),
    "visitors": ("--place", "CELL", "--start", "2021-11-01T00:00:00+08:00", "--end", AS_OF),
    "trajectory": ("--devices", "3,8"),
}


@pytest.mark.parametrize("command", ASKED)
def test_commands_take_a_store(files: Files, store: str, command: str) -> None:
    cell = str(library.Grid.geographic().cell(lon=104.06, lat=30.66))
    words = [{"CASES": files.cases, "CELL": cell}.get(word, word) for word in ASKED[command]]
    tables = []
    for source in (files.pings, store):
        out = files.path(f"out {len(tables)}")
        result = cotrace(command, source, *words, "--out", out)
        assert result.exit_code == 0, result.output
        tables.append({f.name: pq.read_table(f).to_pylist() for f in sorted(Path(out).glob("*.parquet"))})
        # how often cases were seen is counted from pings alone
        tables[-1].pop("coverage.parquet", None)
    assert tables[0] == tables[1]
    assert any(tables[0].values())


def test_what_a_store_has_of_its_own_is_no_option(files: Files, store: str) -> None:
    for words in (["--cell-m", "400"], ["--device", "device"], ["--fill", "forward"]):
        result = cotrace("places", store, "--cases", files.cases, *words)
        assert result.exit_code != 0
        assert f"{words[0]}: the input is a store" in " ".join(result.output.split())


def test_commands_on_pings_take_no_store(files: Files, store: str) -> None:
    for words in (["co-travel", store, "--cases", files.cases], ["stays", store, "--out", files.out]):
        result = cotrace(*words)
        assert result.exit_code != 0
        assert "this command reads pings" in " ".join(result.output.split())
    result = cotrace("visitors", store, "--place", "1", "--start", AS_OF, "--end", AS_OF, "--observed")
    assert result.exit_code != 0
    assert "--observed reads the pings once more" in " ".join(result.output.split())


def test_a_preset_is_of_other_stays(files: Files, store: str) -> None:
    words = ("companions", store, "--cases", files.cases, "--out", files.out, "--preset")
    assert cotrace(*words, "chongqing_2021").exit_code == 0
    result = cotrace(*words, "changsha_2021")  # whose cells are towers
    assert result.exit_code != 0
    assert "made with other options (by='grid' there, 'tower' asked)" in " ".join(result.output.split())
