"""The commands of keys and pseudonyms."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from tests.cli.conftest import Files, companions, cotrace

import cotrace as library
from cotrace.keys import key_from_file
from cotrace.privacy import Pseudonymiser


@pytest.fixture
def key(files: Files) -> str:
    done = cotrace("new-key", files.path("people.key"))
    assert done.exit_code == 0, done.output
    return files.path("people.key")


def hide(path: str, out: str, key: str, *more: str) -> Result:
    return cotrace(
        "pseudonymise", path, "--out", out, "--key-file", key, "--domain", "a study", "--overwrite", *more
    )


def back(path: str, out: str, key: str, ids: str, *more: str) -> Result:
    return cotrace(
        "reveal", path, "--out", out, "--key-file", key, "--domain", "a study", "--ids", ids, *more
    )


def by(key: str) -> Pseudonymiser:
    return Pseudonymiser(key_from_file(key), domain="a study")


def test_a_new_key_is_its_owners_alone_and_never_written_over(files, key):
    assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    text = Path(key).read_text()
    done = cotrace("new-key", key)
    assert (done.exit_code, "is there already" in done.output) == (2, True)
    assert Path(key).read_text() == text
    done = cotrace("new-key", files.path("other.key"))
    assert f"key {key_from_file(files.path('other.key')).id} written" in done.output
    assert Path(files.path("other.key")).read_text().strip() not in done.output


def test_pings_there_and_back(files, frame, key):
    out, again = files.path("hidden.parquet"), files.path("back.parquet")
    done = hide(files.pings, out, key)
    assert done.exit_code == 0, done.output
    assert "pseudonyms in device (key " in done.output
    assert "left as they are: time, lon, lat" in done.output
    hidden = pd.read_parquet(out)
    assert hidden["device"].tolist() == by(key).names_of(frame["device"])  # rows in the order of time stay
    assert hidden.drop(columns="device").equals(frame.drop(columns="device"))
    done = back(out, again, key, files.pings)
    assert (done.exit_code, "ids in device" in done.output) == (0, True), done.output
    assert (
        pq.read_table(again)
        .select(frame.columns)
        .equals(pq.read_table(files.pings).cast(pq.read_table(again).schema))
    )


def test_the_stays_of_pseudonymous_csv_are_those_of_pseudonymous_pings(files, frame, key):
    texts = frame.assign(device=frame["device"].map("{:03}".format))
    texts.to_csv(files.path("pings.csv"), index=False)
    done = hide(files.path("pings.csv"), files.path("hidden.csv"), key)
    assert done.exit_code == 0, done.output
    one = library.find_stays(library.read_pings(files.path("hidden.csv")))
    two = library.find_stays(library.pseudonymise(library.read_pings(files.path("pings.csv")), by=by(key)))
    assert len(one) > 100
    assert one.to_arrow().equals(two.to_arrow())
    done = hide(files.path("pings.csv"), files.path("hidden.parquet"), key)
    assert (done.exit_code, "all columns are text: name a .csv" in done.output) == (2, True)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_tables_of_a_result_are_those_of_the_library(files, key, ending):
    assert companions(files, "--format", ending).exit_code == 0
    source = f"{files.out}/evidence.{ending}"
    out, again = files.path(f"evidence.{ending}"), files.path(f"again.{ending}")
    done = hide(source, out, key)
    assert done.exit_code == 0, done.output
    assert "pseudonyms in case_id, companion_id" in done.output

    def rows(file: str) -> pd.DataFrame:
        return pd.read_parquet(file) if ending == "parquet" else pd.read_csv(file)

    plain, hidden = rows(source), rows(out)
    named = plain.assign(
        case_id=by(key).names_of(plain["case_id"].tolist()),
        companion_id=by(key).names_of(plain["companion_id"].tolist()),
    )
    order = ["case_id", "as_of", "companion_id", "started_at", "cell"]
    pd.testing.assert_frame_equal(
        hidden.sort_values(order, ignore_index=True),
        named.sort_values(order, ignore_index=True),
        check_dtype=False,
    )
    assert hidden["case_id"].is_monotonic_increasing
    done = back(out, again, key, files.pings)
    assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(
        rows(again).sort_values(order, ignore_index=True), plain.sort_values(order, ignore_index=True)
    )


def test_nothing_that_the_file_said_of_how_it_was_made_is_kept(files, key):
    done = cotrace("trajectory", files.pings, "--devices", "3,8", "--out", files.path("walked.parquet"))
    assert done.exit_code == 0, done.output
    assert b'"3,8"' in pq.read_schema(files.path("walked.parquet")).metadata[b"cotrace.run"]
    assert hide(files.path("walked.parquet"), files.path("hidden.parquet"), key).exit_code == 0
    metadata = pq.read_schema(files.path("hidden.parquet")).metadata
    assert set(metadata) - {b"ARROW:schema"} == {b"cotrace", b"cotrace.run"}
    run = json.loads(metadata[b"cotrace.run"])
    assert run == {
        "cotrace": library.__version__,
        "command": "pseudonymise",
        "key": key_from_file(key).id,
        "domain": "a study",
        "columns": "device",
    }
    assert hide(files.path("walked.parquet"), files.path("hidden.parquet"), key).exit_code == 0


def test_the_order_of_the_ids_is_not_kept(files, key):
    table = pa.table({"imsi": [float(k) for k in range(1, 41)], "n": range(40)})
    pq.write_table(table, files.path("list.parquet"))
    done = hide(files.path("list.parquet"), files.path("hidden.parquet"), key)
    assert done.exit_code == 0, done.output
    hidden = pq.read_table(files.path("hidden.parquet"))
    assert hidden["imsi"].to_pylist() == sorted(by(key).names_of(range(1, 41)))
    assert [by(key).names_of([n + 1])[0] for n in hidden["n"].to_pylist()] == hidden["imsi"].to_pylist()


def test_columns_of_other_names(files, key):
    pq.write_table(pa.table({"who": ["a"], "whom": ["b"]}), files.path("t.parquet"))
    done = hide(files.path("t.parquet"), files.path("out.parquet"), key)
    assert (done.exit_code, "--columns is needed: none of who, whom" in done.output) == (2, True)
    done = hide(files.path("t.parquet"), files.path("out.parquet"), key, "--columns", "whom, who")
    assert done.exit_code == 0, done.output
    assert pq.read_table(files.path("out.parquet")).to_pylist() == [
        dict(zip(("who", "whom"), by(key).names_of("ab"), strict=True))
    ]
    done = hide(files.path("t.parquet"), files.path("out.parquet"), key, "--columns", "nobody")
    assert (done.exit_code, "there is no column 'nobody'" in done.output) == (2, True)


def test_without_the_right_key_nothing_is_put_back(files, key):
    out = files.path("hidden.parquet")
    assert hide(files.pings, out, key).exit_code == 0
    cotrace("new-key", files.path("other.key"))
    done = back(out, files.path("back.parquet"), files.path("other.key"), files.pings)
    assert (done.exit_code, "are of none of the 24 ids" in done.output) == (2, True), done.output
    assert "--domain" in done.output
    assert not Path(files.path("back.parquet")).exists()


def test_keys_come_from_a_file_or_the_environment(files, key, monkeypatch):
    arguments = ("pseudonymise", files.pings, "--domain", "a study", "--out", files.path("one.parquet"))
    done = cotrace(*arguments)
    assert (done.exit_code, "a key is needed: --key-file FILE" in done.output) == (2, True)
    monkeypatch.setenv("PEOPLE", Path(key).read_text().strip())
    done = cotrace(*arguments, "--key-file", key, "--key-env", "PEOPLE")
    assert (done.exit_code, "leave one out" in done.output) == (2, True)
    assert cotrace(*arguments, "--key-env", "PEOPLE").exit_code == 0
    assert hide(files.pings, files.path("two.parquet"), key).exit_code == 0
    one, two = (pq.read_table(files.path(f"{name}.parquet")) for name in ("one", "two"))
    assert one.equals(two)
    for command in ("pseudonymise", "reveal"):
        assert "--key " not in cotrace(command, "--help").output


def test_no_input_is_written_over(files, key):
    for out in (files.pings, key):
        before = Path(out).read_bytes()
        done = hide(files.pings, out, key)
        assert (done.exit_code, "is the input" in done.output) == (2, True), done.output
        assert Path(out).read_bytes() == before
    done = back(files.pings, files.cases, key, files.cases, "--overwrite")
    assert (done.exit_code, "is the input --ids" in done.output) == (2, True)
    done = hide(files.pings, files.path("folder"), key)
    assert (done.exit_code, "ends in .parquet or .csv" in done.output) == (2, True)
