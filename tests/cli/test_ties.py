"""The commands of ties: the same answers as the library's, and files that say what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from tests.cli.conftest import AS_OF, Files, cotrace

import cotrace as library

ONSETS = {"device": [3, 8, 11], "onset": ["2021-11-03T00:00:00+08:00", "2021-11-04T00:00:00+08:00", AS_OF]}
PAIRS = {"a": [1, 2, 3], "b": [4, 5, 6]}


def stays(files: Files) -> library.Stays:
    return library.find_stays(library.read_pings(files.pings))


def written(files: Files, name: str, columns: dict[str, Any]) -> str:
    pd.DataFrame(columns).to_csv(files.path(name), index=False)
    return files.path(name)


def table(files: Files, name: str) -> Any:
    return pq.read_table(f"{files.out}/{name}.parquet")


def run(files: Files, *args: str) -> Any:
    result = cotrace(*args, "--out", files.out)
    assert result.exit_code == 0, result.output
    assert "Candidates from co-location" in result.output
    return json.loads(Path(files.out, "run.json").read_text())


def test_common_sources(files):
    found = {"device": [5, 5], "symptoms": ["none", "none"], "test": [None, "negative"]}
    contacts = {
        "a": [3],
        "b": [77],
        "started_at": ["2021-11-01T10:00Z"],
        "finished_at": ["2021-11-01T14:00Z"],
    }
    made = run(
        files,
        "common-sources",
        files.pings,
        *(
            "--cases",
            written(files, "onsets.csv", ONSETS),
            "--incubation",
            "0s",
            "3d",
            "--min-shared",
            "30min",
        ),
        *(
            "--min-cases",
            "1",
            "--findings",
            written(files, "found.csv", found),
            "--alike",
            "any",
            "--draws",
            "49",
        ),
        *("--seed", "3", "--contacts", written(files, "contacts.csv", contacts)),
    )
    wanted = library.common_sources(
        stays(files),
        ONSETS,
        incubation=("0s", "3d"),
        min_shared="30min",
        min_cases=1,
        findings=found,
        contacts=library.read_contacts(contacts),
        alike="any",
        draws=49,
        seed=3,
    )
    assert len(wanted) > 10
    names = {"sources": wanted, "source_meetings": wanted.evidence, "source_places": wanted.places}
    for name, one in names.items():
        assert table(files, name).to_pylist() == one.to_arrow().to_pylist()
    assert made["files"] == sorted(f"{name}.parquet" for name in names)
    assert "0 s to 3 days before onset" in made["reads"]


def test_significance(files):
    pairs = written(files, "pairs.csv", PAIRS)
    made = run(files, "significance", files.pings, "--pairs", pairs, "--draws", "99", "--min-shared", "20min")
    wanted = library.significance(stays(files), PAIRS, draws=99, min_shared="20min")
    assert table(files, "significance").to_pylist() == wanted.to_arrow().to_pylist()
    assert table(files, "significant_meetings").to_pylist() == wanted.evidence.to_arrow().to_pylist()
    assert made["command"] == "significance"


def test_co_travel(files):
    rows = [
        {"device": d, "time": 1_635_724_800 + 60 * k + lag, "tower": f"t{k}"}
        for d, lag in ((1, 0), (2, 20), (3, 4000))
        for k in range(20)
    ]
    pings = written(files, "train.csv", pd.DataFrame(rows).to_dict("list"))
    case = written(files, "case.csv", {"device": [1]})
    options = ("--unit", "s", "--by", "tower", "--cases", case, "--tolerance", "1min", "--min-cells", "5")
    made = run(files, "co-travel", pings, *options)
    read = library.read_pings(pings, unit="s")
    wanted = library.co_travel(
        read, [1], tolerance="1min", min_cells=5, options=library.StayOptions(by="tower")
    )
    assert wanted["device"].to_pylist() == ["2"]  # ids in CSV are text
    assert table(files, "co_travel").to_pylist() == wanted.to_arrow().to_pylist()
    assert table(files, "rides").to_pylist() == wanted.evidence.to_arrow().to_pylist()
    assert made["counts"]["rows"] == 60
    visits = written(files, "visits.csv", {"device": [1]})
    result = cotrace("co-travel", pings, *options, "--visits", visits)
    assert result.exit_code == 2
    assert "works on pings alone" in result.output


def test_errors_are_one_line_with_the_options_names(files):
    onsets = written(files, "onsets.csv", {"device": [3], "onset": ["2021-11-03"]})
    result = cotrace("common-sources", files.pings, "--cases", onsets)
    assert result.exit_code == 2
    assert "row 0 is a date without a time of day" in result.output
    pairs = written(files, "pairs.csv", {"a": [3], "c": [4]})
    result = cotrace("significance", files.pings, "--pairs", pairs)
    assert result.exit_code == 2
    assert "no columns a and b" in result.output
