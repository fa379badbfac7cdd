"""The commands of who met whom: the same answers as the library's, and files that say what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from tests.cli.conftest import AS_OF, ZONE, Files, cotrace

import cotrace as library

CASES = {"device": [3, 8], "as_of": [AS_OF, AS_OF]}


def stays(files: Files) -> library.Stays:
    return library.find_stays(library.read_pings(files.pings))


def table(files: Files, name: str) -> Any:
    return pq.read_table(f"{files.out}/{name}.parquet")


def run(files: Files, *args: str) -> Any:
    result = cotrace(*args, "--out", files.out)
    assert result.exit_code == 0, result.output
    return result


def test_contacts(files):
    result = run(
        files, "contacts", files.pings, "--cases", files.cases, "--min-shared", "1h", "--lag", "30min"
    )
    rule = library.CompanionRule(min_shared="1h", min_cumulative=None, lag="30min")
    wanted = library.contacts(stays(files), CASES, rule=rule)
    assert table(files, "contacts").to_pylist() == wanted.to_arrow().to_pylist()
    assert table(files, "meetings").to_pylist() == wanted.evidence.to_arrow().to_pylist()
    assert len(wanted)
    assert "Candidates from co-location" in result.output
    made = json.loads(Path(files.out, "run.json").read_text())
    assert made["command"] == "contacts"
    assert "30 min after the other left" in made["reads"]


def test_tiers_with_everything_beside_the_pings(files):
    contacts = {"a": [3], "b": [77], "started_at": ["2021-11-01T10:00"], "finished_at": ["2021-11-01T14:00"]}
    pd.DataFrame(contacts).to_csv(files.path("contacts.csv"), index=False)
    decided = {
        "device": ["5", "77"],
        "decision": ["excluded", "confirmed"],
        "at": [AS_OF] * 2,
        "by": ["x", "y"],
    }
    pd.DataFrame(decided).to_csv(files.path("decided.csv"), index=False)
    whose = pd.DataFrame({"device": [77], "person": ["p"], "kind": ["vehicle"]})
    whose.to_csv(files.path("devices.csv"), index=False)
    run(
        files, "tiers", files.pings, "--cases", files.cases, "--min-shared", "3h", "--tz", ZONE,
        "--contacts", files.path("contacts.csv"), "--adjudications", files.path("decided.csv"),
        "--device-table", files.path("devices.csv"), "--through", "person", "--latency", "1h", "--window", "30min",
    )  # fmt: skip
    wanted = library.tiers(
        stays(files),
        CASES,
        rule=library.CompanionRule(min_shared="3h", min_cumulative=None),
        contacts=library.read_contacts(contacts, tz=ZONE),
        adjudications=decided,
        devices=library.read_devices(whose),
        through="person",
        latency="1h",
        window="30min",
    )
    found = table(files, "tiers")
    assert found.select(wanted.columns).to_pylist() == wanted.to_arrow().to_pylist()
    assert table(files, "tier_sizes").to_pylist() == wanted.sizes.to_arrow().to_pylist()
    assert table(files, "hops").num_rows == len(wanted.evidence)
    row = next(r for r in found.to_pylist() if r["device"] == 77)
    assert (row["tier"], row["device_kind"], row["decision"]) == ("contact_candidate", "vehicle", "confirmed")


def test_rings_as_csv(files):
    run(
        files, "rings", files.pings, "--cases", files.cases, "--depth", "3", "--min-shared", "4h",
        "--investigators-per-device", "0.5", "--format", "csv",
    )  # fmt: skip
    rule = library.CompanionRule(min_shared="4h", min_cumulative=None)
    wanted = library.rings(stays(files), CASES, depth=3, rule=rule, investigators_per_device=0.5)
    found = pd.read_csv(f"{files.out}/rings.csv")
    assert found["device"].tolist() == wanted["device"].to_pylist()
    assert found["path"].astype(str).tolist() == [" ".join(map(str, p)) for p in wanted["path"].to_pylist()]
    sizes = pd.read_csv(f"{files.out}/ring_sizes.csv")
    assert sizes["devices"].tolist() == wanted.sizes["devices"].to_pylist()
    assert sizes["investigators"].tolist() == wanted.sizes["investigators"].to_pylist()


def test_pairs_are_streamed(files):
    args = ("--min-shared", "1h", "--min-episodes", "2", "--max-crowd", "20", "--window", "2h")
    result = run(files, "pairs", files.pings, *args)
    wanted = library.pairs(
        stays(files),
        library.CompanionRule(min_shared="1h", min_cumulative=None),
        min_episodes=2,
        max_crowd=20,
        window="2h",
    )
    rows = [row for batch in wanted for row in batch.to_pylist()]
    assert table(files, "pairs").to_pylist() == rows
    assert table(files, "occupancy").num_rows == len(wanted.crowded)
    assert "pairs a second" in result.output
    run(files, "pairs", files.pings, *args, "--format", "csv")
    found = pd.read_csv(f"{files.out}/pairs.csv")
    assert found["shared_s"].tolist() == [r["shared_s"] for r in rows]
    assert pd.to_datetime(found["first_started_at"]).tolist() == [r["first_started_at"] for r in rows]


def test_what_cannot_be(files):
    def refused(*args: str) -> str:
        result = cotrace(*args)
        assert result.exit_code == 2, result.output
        return str(result.output)

    assert "name a folder" in refused("pairs", files.pings)
    assert "name a folder" in refused("pairs", files.pings, "--out", files.path("x.parquet"))
    assert "--max-crowd 0" in refused("pairs", files.pings, "--out", files.out, "--max-crowd", "0")
    cases = ("--cases", files.cases)
    assert "--lag 5min" in refused("contacts", files.pings, *cases, "--lag", "5min", "--min-cumulative", "1h")
    assert (
        "no such file"
        in refused("tiers", files.pings, *cases, "--adjudications", files.path("nothing.csv")).lower()
    )
    Path(files.path("odd.csv")).write_text("device,decision,at\n1,excluded\n")
    assert "first row 0" in refused("tiers", files.pings, *cases, "--adjudications", files.path("odd.csv"))
    assert "--through" in refused("rings", files.pings, *cases, "--through", "vehicle")
