"""Reading a log again: what its lines say, and that they say so once."""

from __future__ import annotations

import pytest
from tests.audit.helpers import KEY, written
from tests.cli.conftest import cotrace

from cotrace.audit import AuditLog, entries
from cotrace.errors import AuditError
from cotrace.keys import new_key_file


def test_entries_are_what_was_recorded(tmp_path):
    log = written(tmp_path, 4, KEY)
    said = list(entries(log.path))
    assert [line["n"] for line in said] == [1, 2, 3, 4]
    assert [line["what"] for line in said] == ["opened", *["trajectory"] * 3]
    assert said[2]["whom"] == [log.name_of(1), log.name_of(100)]
    names = ("n", "who", "what", "purpose", "rows")
    assert [said[2][name] for name in names] == [3, "person 1", "trajectory", "case 17", 1]
    assert set(said[2]) == {*names, "at", "whom"}
    log.path.write_bytes(b"no line\n" + log.path.read_bytes())
    assert list(entries(log.path)) == said
    with pytest.raises(AuditError, match="cannot be read"):
        list(entries(tmp_path / "none"))


def test_the_command_prints_lines_and_checks_them(tmp_path):
    log = AuditLog(tmp_path / "audit.log")
    log.record(
        who="dr.li", what="trajectory", whom=["a", "b"], purpose="file 17", case="2021/17", rows=4, version=3
    )
    log.record(who="dr.wu", what="anchors", whom=12_000, purpose="x", failed="OptionError")
    log.record(who="dr.wu", what="rings", whom=[f"d{k}" for k in range(14)], purpose="x\x1b[2J\n9  at")
    done = cotrace("audit", "show", str(log.path))
    first, second, third, fourth, last = done.output.splitlines()
    assert done.exit_code == 0
    assert first.endswith("-: opened")
    assert second.startswith("2  20")
    assert second.endswith("dr.li: trajectory of a, b; purpose file 17; case 2021/17; rows 4; version 3")
    assert third.endswith("dr.wu: anchors of 12,000 devices; purpose x; failed OptionError")
    assert ", d9 and 4 more; purpose x⟨U+001B⟩[2J⟨U+000A⟩9  at" in fourth
    assert last.startswith("4 lines, as it was written (it has no key)")
    assert cotrace("audit", "show", str(log.path), "--last", "2").output.splitlines() == [third, fourth, last]
    assert cotrace("audit", "show", str(log.path), "--devices", "b,nobody").output.splitlines() == [
        second,
        last,
    ]
    log.path.write_bytes(log.path.read_bytes().replace(b"dr.li", b"dr.wu", 1))
    done = cotrace("audit", "show", str(log.path))
    assert done.exit_code == 1
    assert "line 2: changed" in done.output


def test_devices_in_a_log_with_pseudonyms_are_found_with_its_key_alone(tmp_path):
    log = written(tmp_path, 6, new_key_file(tmp_path / "log.key"))
    path, key = str(log.path), str(tmp_path / "log.key")
    done = cotrace("audit", "show", path, "--devices", "3", "--key-file", key)
    assert done.exit_code == 0
    assert len(done.output.splitlines()) == 2
    assert done.output.startswith("5  ")
    assert log.name_of(3) in done.output
    done = cotrace("audit", "show", path, "--devices", "3")
    assert (done.exit_code, "give its key, --key-file" in done.output) == (2, True)
    (tmp_path / "ids.csv").write_text("device\n3\n0\n")
    done = cotrace("audit", "show", path, "--devices", str(tmp_path / "ids.csv"), "--key-file", key)
    assert len(done.output.splitlines()) == 3
