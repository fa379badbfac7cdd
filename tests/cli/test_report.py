"""``cotrace report``: the page is that of the library, and nothing else is written over."""

from __future__ import annotations

from pathlib import Path

import pytest

import cotrace as library
from cotrace.view import report_html

from .conftest import AS_OF, LOOSE, cotrace

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


def report(files, out: str, *args: str):
    return cotrace("report", files.pings, "--cases", files.cases, "--out", files.path(out), *LOOSE, *args)


def test_the_page_is_that_of_the_library(files):
    ran = report(files, "case.html", "--lang", "zh")
    assert ran.exit_code == 0, ran.stderr
    rule = library.CompanionRule(min_cumulative="2h", lookback="3d")
    found = library.find_companions(library.read_pings(files.pings), [3, 8], as_of=AS_OF, rule=rule)
    assert Path(files.path("case.html")).read_text() == report_html(found, lang="zh")
    again = report(files, "case.html", "--case", "3", "--title", "The third")
    assert again.exit_code == 0, again.stderr
    assert Path(files.path("case.html")).read_text() == report_html(found, case=3, title="The third")
    assert "written to" in again.stdout
    assert "open it in a browser" in again.stdout


def test_what_is_no_report_is_left_alone(files):
    other = Path(files.path("notes.html"))
    other.write_text("<p>mine</p>")
    ran = report(files, "notes.html")
    assert ran.exit_code == 2
    assert "is no earlier result of cotrace" in ran.stderr
    assert other.read_text() == "<p>mine</p>"
    assert report(files, "notes.html", "--overwrite").exit_code == 0
    for name in ("case.pdf", "case"):
        ran = report(files, name)
        assert ran.exit_code == 2
        assert "ends in .html" in ran.stderr


def test_a_case_that_is_none(files):
    ran = report(files, "case.html", "--case", "5")
    assert ran.exit_code == 2
    assert "no case of this result" in ran.stderr
    assert not Path(files.path("case.html")).exists()
