"""The audit log: a line is on disk before the answer, and there is no answer without a line."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from tests.audit.helpers import KEY, OTHER, FakeStore, stays, written

import cotrace
from cotrace.audit import AuditedStore, AuditLog, verify
from cotrace.errors import AuditError, CotraceError

ASKED = {"who": "dr.li", "what": "trajectory", "purpose": "case 17"}


def lines_of(log: AuditLog) -> list[dict]:
    return [json.loads(line) for line in log.path.read_text().splitlines()]


def test_a_line_says_who_what_whom_why_and_how_much(tmp_path):
    log = AuditLog(tmp_path / "audit.log")
    n = log.record(**ASKED, whom=[7, "b"], case="2021/17", rows=3, version=12)
    opened, line = lines_of(log)
    assert (n, opened["what"], line["n"]) == (2, "opened", 2)
    wanted = {**ASKED, "whom": ["7", "b"], "case": "2021/17", "rows": 3, "version": 12}
    assert {k: line[k] for k in wanted} == wanted
    assert pd.Timestamp(line["at"]).utcoffset().total_seconds() == 0
    assert log.head == f"2:{log.verify().head.split(':')[1]}"


def test_files_are_their_owners_alone(tmp_path):
    log = written(tmp_path)
    for file in (log.path, log.head_path):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("whom", "said"),
    [
        (5, {"count": 5}),
        ("all", "all"),
        ("a", ["a"]),
        (pa.array(["a", "b", "a"]), ["a", "b"]),
        (pd.Series([3.0, 4.0]), ["3", "4"]),
        (pd.DataFrame({"case_id": [1]}), ["1"]),
        ({"a": [1, 2], "b": [3, 4]}, ["1", "2", "3", "4"]),
    ],
)
def test_whom(tmp_path, whom, said):
    log = AuditLog(tmp_path / "audit.log")
    log.record(**ASKED, whom=whom)
    assert lines_of(log)[-1]["whom"] == said


def test_with_a_key_people_have_pseudonyms(tmp_path):
    log = AuditLog(tmp_path / "audit.log", key=KEY)
    log.record(**ASKED, whom=["+8613800138000", 7], case="+8613800138000")
    text, line = log.path.read_text(), lines_of(log)[-1]
    assert "13800138000" not in text
    assert line["whom"] == [log.name_of("+8613800138000"), log.name_of("7")]
    assert line["case"] == line["whom"][0], "a case that is a device is written as one"
    clear = AuditLog(tmp_path / "clear.log", key=KEY, names="ids")
    clear.record(**ASKED, whom=["+8613800138000"])
    assert lines_of(clear)[-1]["whom"] == ["+8613800138000"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": " "},
        {"purpose": ""},
        {"who": None},
        {"what": "x" * 3000},
        {"rows": -1},
        {"rows": "3"},
        {"whom": []},
        {"whom": -1},
        {"whom": [1.5]},
        {"whom": {"x": [1]}},
        {"case": ""},
    ],
)
def test_a_line_that_says_nothing_is_an_error(tmp_path, wrong):
    log = AuditLog(tmp_path / "audit.log")
    with pytest.raises(AuditError):
        log.record(**{**ASKED, "whom": [1], **wrong})
    assert len(lines_of(log)) == 1


def test_text_cannot_make_a_second_line(tmp_path):
    log = AuditLog(tmp_path / "audit.log")
    log.record(**{**ASKED, "purpose": 'x"\n{"n":3,\u2028\x00"'}, whom=[1])
    assert log.path.read_bytes().count(b"\n") == 2
    assert log.verify().ok


def test_run_gives_the_answer_after_the_line(tmp_path):
    log = AuditLog(tmp_path / "audit.log", key=KEY)
    answer = log.run(cotrace.trajectory, stays(), ["a"], who="dr.li", purpose="case 17", case="17")
    line = lines_of(log)[-1]
    assert line["what"] == "trajectory"
    assert (line["rows"], line["whom"]) == (len(answer), [log.name_of("a")])
    log.run(cotrace.occupancy, stays(), window="1h", who="dr.li", purpose="map")
    assert lines_of(log)[-1]["whom"] == "all"
    log.run(cotrace.trajectory, stays(), who="dr.li", purpose="map")
    assert lines_of(log)[-1]["whom"] == "all"


def test_run_finds_whom_every_query_names(tmp_path):
    log = AuditLog(tmp_path / "audit.log")
    day = "1970-01-02T00:00:00Z"
    cases = pd.DataFrame({"device": ["b"], "as_of": [day]})
    log.run(cotrace.find_companions, stays(), cases, who="li", purpose="p")
    assert lines_of(log)[-1]["whom"] == ["b"]
    log.run(cotrace.contacts, stays(), cases=["a", "b"], as_of=day, who="li", purpose="p")
    assert lines_of(log)[-1]["whom"] == ["a", "b"]
    meetings = {"a": ["a"], "b": ["b"]}
    log.run(cotrace.significance, stays(), meetings, draws=19, who="li", purpose="p")
    assert lines_of(log)[-1]["whom"] == ["a", "b"]


def test_a_query_that_fails_leaves_a_line_too(tmp_path):
    log = AuditLog(tmp_path / "audit.log")
    with pytest.raises(CotraceError, match="as_of"):
        log.run(cotrace.find_companions, stays(), ["a"], who="li", purpose="p")
    line = lines_of(log)[-1]
    assert line["failed"] == "CaseError"
    assert "rows" not in line


def test_no_answer_without_a_line(tmp_path):
    log = AuditLog(tmp_path / "audit.log")
    asked = []

    def query(source, devices):
        asked.append(devices)
        return [1]

    with pytest.raises(AuditError, match="who="):
        log.run(query, None, ["a"], who="", purpose="p")
    assert not asked, "what cannot be written is not asked"
    log.path.unlink()
    with pytest.raises(AuditError):
        log.run(query, None, ["a"], who="li", purpose="p")
    (tmp_path / "audit.log").mkdir()
    with pytest.raises(AuditError):
        log.run(query, None, ["a"], who="li", purpose="p")


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_failure_is_an_error_and_leaves_nothing_half_written(tmp_path, monkeypatch, call):
    log = written(tmp_path)
    before = log.path.read_bytes()

    def fails(*args, **kw):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(os, call, fails)
        with pytest.raises(AuditError, match="No space left"):
            log.record(**ASKED, whom=[1])
    after = log.path.read_bytes()
    assert after.startswith(before)
    assert call == "replace" or after == before
    log.record(**ASKED, whom=[1])
    assert log.verify().ok


def test_short_writes_are_finished(tmp_path, monkeypatch):
    log, write = written(tmp_path), os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:7]))
    log.record(**ASKED, whom=[1])
    assert log.verify().ok


def test_the_line_is_flushed_before_record_returns(tmp_path, monkeypatch):
    log, seen = written(tmp_path), []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda h: (seen.append(os.readlink(f"/proc/self/fd/{h}")), fsync(h)))
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append("replace"), replace(a, b)))
    log.record(**ASKED, whom=[1])
    assert seen == [str(log.path), f"{log.head_path}.new", "replace", str(tmp_path)]


def test_what_a_stopped_process_had_written_is_taken_up(tmp_path):
    log = written(tmp_path)
    lines, head = log.path.read_bytes(), log.head_path.read_bytes()
    log.record(**ASKED, whom=[1])
    log.head_path.write_bytes(head)  # stopped between the line and the head
    assert verify(log.path).ok
    log.record(**ASKED, whom=[2])
    assert log.verify().ok
    assert log.verify().lines == 8
    # stopped within a line
    log.path.write_bytes(lines + b'{"n":7,"at":"20')
    log.head_path.write_bytes(head)
    assert not verify(log.path).ok
    log.record(**ASKED, whom=[3])
    assert log.verify().ok
    mended, line = lines_of(log)[-2:]
    assert (mended["what"], mended["dropped_bytes"], line["whom"]) == ("mended", 15, ["3"])


def test_a_log_that_was_cut_or_changed_takes_no_line(tmp_path):
    log = written(tmp_path)
    whole = log.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for spoilt in (
        b"".join(lines[:-1]),
        whole[:-1],
        whole.replace(b'"rows":4', b'"rows":5'),
        whole + lines[-1],
    ):
        log.path.write_bytes(spoilt)
        with pytest.raises(AuditError, match=r"verify|cut"):
            log.record(**ASKED, whom=[1])
        with pytest.raises(AuditError):
            AuditLog(log.path)
    log.path.write_bytes(whole)
    log.head_path.unlink()
    with pytest.raises(AuditError, match="no head"):
        log.record(**ASKED, whom=[1])


def test_another_key_takes_no_line(tmp_path):
    written(tmp_path, key=KEY)
    for key in (OTHER, None):
        with pytest.raises(AuditError):
            AuditLog(tmp_path / "audit.log", key=key).record(**ASKED, whom=[1])


def test_links_and_pipes_are_refused(tmp_path):
    (tmp_path / "link.log").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "pipe.log")
    for name in ("link.log", "pipe.log"):
        with pytest.raises(AuditError):
            AuditLog(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()


def test_waiting_for_another_process_ends(tmp_path):
    import fcntl

    log = written(tmp_path)
    log.wait = 0.05
    with open(log.path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(AuditError, match="locked by others"):
            log.record(**ASKED, whom=[1])


def _many(path: Path, who: str) -> None:
    log = AuditLog(path)
    for k in range(20):
        log.record(who=who, what="trajectory", whom=[k], purpose="p")


def test_several_processes_write_one_log(tmp_path):
    path = tmp_path / "audit.log"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_many, args=(path, f"w{k}")) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    found = verify(path)
    assert (found.ok, found.lines) == (True, 81), str(found)
    who = [line.get("who") for line in lines_of(AuditLog(path))]
    assert all(who.count(f"w{k}") == 20 for k in range(4))


def test_an_audited_store_gives_rows_after_their_line(tmp_path):
    log, store = AuditLog(tmp_path / "audit.log"), FakeStore()
    view = AuditedStore(store, log, who="dr.li", purpose="case 17", case="17")
    assert (view.tz, view.span, view.version) == (store.tz, store.span, 7)
    assert view.options is store.options
    assert view.counts is store.counts
    assert view.device_type == store.device_type
    found = view.read_stays("trajectory", start=0, devices=pa.array(["a"]))
    assert found is store.stays
    assert store.asked[0][1] == {"start": 0, "end": None, "devices": pa.array(["a"]), "cells": None}
    line = lines_of(log)[-1]
    assert {k: line[k] for k in ("what", "whom", "rows", "version", "case")} == {
        "what": "trajectory", "whom": ["a"], "rows": len(found), "version": 7, "case": "17",
    }  # fmt: skip
    view.read_stays("occupancy")
    assert lines_of(log)[-1]["whom"] == "all"
    view.read_stays("trajectory", devices=pa.array([], pa.string()))
    assert lines_of(log)[-1]["whom"] == {"count": 0}
    log.head_path.unlink()
    with pytest.raises(AuditError):
        view.read_stays("trajectory")
    assert "dr.li" in repr(view)


def test_a_store_that_fails_leaves_a_line(tmp_path):
    log, store = AuditLog(tmp_path / "audit.log"), FakeStore()
    store.read_stays = lambda **asked: 1 // 0
    with pytest.raises(ZeroDivisionError):
        AuditedStore(store, log, who="li", purpose="p").read_stays("trajectory")
    assert lines_of(log)[-1]["failed"] == "ZeroDivisionError"


@pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
def test_queries_of_a_real_store_leave_their_line(tmp_path):
    minutes = [60 * m for m in range(0, 31 * 60, 10)]
    columns = {"device": ["A"] * len(minutes) + ["B", "B"], "time": [*minutes, 600, 1200]}
    pings = cotrace.read_pings(
        {**columns, "x": [1.0] * (len(minutes) + 2), "y": [1.0] * (len(minutes) + 2)}, unit="s"
    )
    store = cotrace.Store(tmp_path / "store", buckets=2)
    store.ingest(pings)
    log = AuditLog(tmp_path / "audit.log")
    seen = store.audited(log, who="dr.li", purpose="case 17", case="17")
    as_of = "1970-01-08T00:00:00+00:00"
    found = cotrace.find_companions(seen, ["A"], as_of=as_of)
    assert found.companions.to_arrow().equals(
        cotrace.find_companions(store, ["A"], as_of=as_of).companions.to_arrow()
    )
    line = lines_of(log)[-1]
    assert (line["what"], line["whom"], line["rows"], line["version"]) == ("find_companions", ["A"], 1, 1)
    cotrace.trajectory(seen, ["B"])
    assert (lines_of(log)[-1]["what"], lines_of(log)[-1]["whom"]) == ("trajectory", ["B"])
    # failing closed: nobody is named by a query that leaves no line
    log.head_path.unlink()
    with pytest.raises(AuditError):
        cotrace.find_companions(seen, ["A"], as_of=as_of)
    with pytest.raises(AuditError):
        cotrace.trajectory(seen, ["B"])
