"""A bar on a terminal, silence elsewhere; warnings as single lines."""

from __future__ import annotations

import io
import warnings

import pytest

from cotrace.cli import progress
from cotrace.cli.progress import Progress, warning_lines
from cotrace.errors import CotraceWarning


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_written_where_there_is_no_terminal():
    stream = io.StringIO()
    bar = Progress(stream)
    bar(10, 100)
    bar.clear()
    assert stream.getvalue() == ""


def test_the_bar_shows_rows_of_rows_known():
    stream = Terminal()
    bar = Progress(stream)
    bar(25, 100)
    assert stream.getvalue() == "\r[########......................]  25%  25 of 100 rows"


def test_rows_alone_where_their_number_is_not_known():
    stream = Terminal()
    Progress(stream)(1_234_567)
    assert stream.getvalue() == "\r1,234,567 rows"


def test_it_is_drawn_seldom_but_the_end_is_drawn(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(progress.time, "monotonic", lambda: 1.0)
    bar = Progress(stream)
    for done in (1, 2, 3, 100):
        bar(done, 100)
    assert stream.getvalue().count("\r") == 2
    assert "100%" in stream.getvalue()


def test_a_shorter_line_wipes_the_longer_one():
    stream = Terminal()
    bar = Progress(stream)
    bar(100, 100)
    bar._next = 0
    bar(5)
    first, second = stream.getvalue().split("\r")[1:]
    assert len(second) == len(first)


def test_a_warning_is_one_line_that_does_not_run_into_the_bar(capsys):
    stream = Terminal()
    bar = Progress(stream)
    with warning_lines(bar) as seen:
        bar(1, 2)
        warnings.warn(CotraceWarning("two\n  lines", "coverage", cases=3), stacklevel=1)
    assert capsys.readouterr().err == "warning: two lines\n"
    assert stream.getvalue().endswith("\r")
    assert [(w.kind, w.figures) for w in seen] == [("coverage", {"cases": 3})]


def test_every_warning_is_shown_and_those_of_others_go_their_way():
    with warnings.catch_warnings(record=True) as others:
        warnings.simplefilter("always")
        with warning_lines() as seen:
            for _ in range(2):
                warnings.warn(CotraceWarning("again"), stacklevel=1)
            warnings.warn("not ours", RuntimeWarning, stacklevel=1)
    assert len(seen) == 2
    assert [str(w.message) for w in others] == ["not ours"]


def test_it_says_how_long_the_rest_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("cotrace.cli.progress.time.monotonic", lambda: now[0])
    stream = Terminal()
    bar = Progress(stream)
    for done, later in [(0, 0.0), (100, 0.5), (200, 1.5), (250, 2.0), (1000, 0.5)]:
        now[0] += later
        stream.truncate(0)
        bar(done, 1000)
        assert ("left" in stream.getvalue()) == (done in (200, 250))
        if done == 250:
            assert "about 12 s left" in stream.getvalue()
