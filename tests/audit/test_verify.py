"""Whatever is changed in a log is found."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.helpers import KEY, OTHER, written
from tests.cli.conftest import cotrace

from cotrace.audit import AuditLog, verify
from cotrace.audit.lines import made, parsed
from cotrace.errors import AuditError, OptionError
from cotrace.keys import new_key_file

LINES = 6


@pytest.fixture(scope="module", params=[None, KEY], ids=["plain", "keyed"])
def log(request, tmp_path_factory) -> AuditLog:
    return written(tmp_path_factory.mktemp("log"), LINES, request.param)


@pytest.fixture(scope="module")
def whole(log) -> bytes:
    return log.path.read_bytes()


def found_in(log: AuditLog, data: bytes, key="its"):
    log.path.with_name("spoilt.log").write_bytes(data)
    shutil.copy(log.head_path, log.path.with_name("spoilt.log.head"))
    return verify(log.path.with_name("spoilt.log"), key=log.key if key == "its" else key)


def test_as_it_was_written(log, whole):
    found = found_in(log, whole)
    assert (found.ok, found.lines, found.head) == (True, LINES, log.head)
    assert found_in(log, whole, None).ok, "the chain is checked without the key too"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_changed_byte_is_found_and_named(log, whole, data):
    at = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != whole[at]))
    found = found_in(log, whole[:at] + bytes([byte]) + whole[at + 1 :])
    assert not found.ok
    # an end of line that is changed makes one of two lines
    assert found.problems[0].line in (whole[:at].count(b"\n") + 1, None if at == len(whole) - 1 else 0) or (
        at == len(whole) - 1 and found.problems[0].line == LINES
    )


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_change_of_lines_is_found_also_without_the_key(log, whole, data):
    lines = whole.splitlines(keepends=True)
    order = data.draw(
        st.lists(st.integers(0, LINES - 1), max_size=LINES + 2).filter(lambda o: o != [*range(LINES)])
    )
    for key in ("its", None):
        assert not found_in(log, b"".join(lines[k] for k in order), key).ok


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_cut_is_found(log, whole, data):
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, len(whole)))
    if begin != end:
        assert not found_in(log, whole[:begin] + whole[end:]).ok


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 10_000))
def test_anything_put_in_is_found(log, whole, more, at):
    at %= len(whole) + 1
    spoilt = whole[:at] + more + whole[at:]
    assert found_in(log, spoilt).ok == (spoilt == whole)


def test_what_is_said(log, whole):
    lines = whole.splitlines(keepends=True)

    def said(*parts: bytes) -> str:
        return str(found_in(log, b"".join(parts)))

    assert "line 3: before it line 3 is missing" in said(*lines[:2], *lines[3:])
    assert "line 3: before it lines 3 to 4 are missing" in said(*lines[:2], *lines[4:])
    assert "line 3: out of order: it was written as line 2" in said(*lines[:2], lines[1], *lines[2:])
    assert "line 6 is missing at the end" in said(*lines[:-1])
    assert "line 6: cut off" in said(whole[:-9])
    assert "line 6: its end was cut off" in said(whole[:-1])
    changed = lines[2].replace(b"person", b"nobody")
    assert "line 3: changed" in said(*lines[:2], changed, *lines[3:])
    assert "lines 3 to 4: changed" in said(
        *lines[:2], changed, lines[3].replace(b"rows", b"lows"), *lines[4:]
    )


def test_a_line_sealed_anew_is_found_by_the_chain(log, whole):
    lines = whole.splitlines(keepends=True)
    line = parsed(lines[2][:-1])
    forged = made({**line.says, "who": "another", "before": line.says["before"]}, None) + b"\n"
    found = found_in(log, b"".join([*lines[:2], forged, *lines[3:]]))
    assert found.problems[0].line == (3 if log.key else 4), str(found)
    assert len(found.problems) == 1


def test_a_chain_made_anew_is_found_by_the_key_alone(log, whole, tmp_path):
    """Who can write both files but has no key makes a log that verifies only where there never was one."""
    made_anew = written(tmp_path, LINES, None)
    assert verify(made_anew.path).ok
    assert not verify(made_anew.path, key=KEY).ok
    assert not verify(made_anew.path, expect=log.head).ok


def test_a_head_that_was_written_down(log, whole):
    first = f"2:{parsed(whole.splitlines()[1]).digest}"
    for head in (log.head, first, first + "\n"):
        assert verify(log.path, key=log.key, expect=head).ok
    found = verify(log.path, key=log.key, expect=first.replace("2:", "3:"))
    assert "line 3 is not the one that was expected" in str(found)
    for wrong in ("", "3", "x:y", ":", "1:" + "0" * 63):
        with pytest.raises(OptionError):
            verify(log.path, expect=wrong)


def test_heads_that_are_none(log, whole):
    head, copy = log.head_path.read_bytes(), log.path.with_name("spoilt.log")
    found_in(log, whole)
    for spoilt, said in (
        (None, "there is no head"),
        (b"", "damaged"),
        (head.replace(b'"size":', b'"size":1'), "changed|another key"),
        (head + b"x" * 5000, "damaged"),
    ):
        other = copy.with_name("spoilt.log.head")
        other.unlink(missing_ok=True)
        if spoilt is not None:
            other.write_bytes(spoilt)
        found = verify(copy, key=log.key)
        assert len(found.problems) == 1
        assert any(word in str(found) for word in said.split("|"))


def test_another_key_and_no_log(log, tmp_path):
    assert not verify(log.path, key=OTHER).ok
    with pytest.raises(AuditError, match="cannot be read"):
        verify(tmp_path / "none.log")
    with pytest.raises(AuditError, match="cannot be read"):
        verify(tmp_path)


def test_the_command(tmp_path):
    new_key_file(tmp_path / "key")
    log = written(tmp_path, LINES, new_key_file(tmp_path / "log.key"))
    path, key = str(log.path), str(tmp_path / "log.key")
    done = cotrace("audit", "verify", path, "--key-file", key)
    assert (done.exit_code, "6 lines, as it was written (seals checked" in done.output) == (0, True), (
        done.output
    )
    done = cotrace("audit", "verify", path, "--expect", log.head)
    assert (done.exit_code, "its key was not given" in done.output) == (0, True)
    log.path.write_bytes(log.path.read_bytes().replace(b"case 17", b"case 18", 1))
    done = cotrace("audit", "verify", path, "--key-file", key)
    assert (done.exit_code, "line 2: changed" in done.output) == (1, True)
    done = cotrace("audit", "verify", path, "--key-file", key, "--key-env", "X")
    assert (done.exit_code, "leave one out" in done.output) == (2, True)
    done = cotrace("audit", "verify", path, "--key-env", "NO_SUCH_KEY")
    assert (done.exit_code, "NO_SUCH_KEY is not set" in done.output) == (2, True)
    assert cotrace("audit", "verify", str(tmp_path / "none")).exit_code == 2
