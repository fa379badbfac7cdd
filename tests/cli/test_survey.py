"""``cotrace info`` says in words what the figures mean."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cotrace.cli.survey import describe
from cotrace.options import StayOptions


def seen(**figures):
    usual = {
        "rows": 1_000,
        "used": 980,
        "collapsed": 15,
        "refused": {"no position": 5},
        "devices": 10,
        "first": 1_635_868_800,
        "last": 1_635_868_800 + 86_400 + 60,
        "median_gap_s": 1_200,
        "modal_gap_s": 1_180,
        "share_over_max_gap": 0.01,
        "share_same_cell": 0.7,
        "observed_h_same_cell": 180.0,
        "observed_h_forward": 230.0,
        "positions": "lonlat",
        "tz": "Asia/Shanghai",
    }
    return SimpleNamespace(**{**usual, **figures})


def told(options=None, **figures):
    return describe(seen(**figures), options or StayOptions())


def test_every_figure_is_there():
    text = told()
    assert text.splitlines()[:9] == [
        "rows          1,000: 980 used, 15 collapsed, 5 refused",
        "  refused     5 no position",
        "devices       10",
        "positions     lon/lat",
        "span          2021-11-03 00:00:00+08:00 to 2021-11-04 00:01:00+08:00 (1 d 1 min)",
        "gaps          median 20 min, most often 19 min 40 s, 1.0% over max_gap=75min",
        "one cell      70.0% of consecutive pings are in one cell",
        "observed      180 h with fill='same_cell', 230 h with fill='forward'",
        "",
    ]


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, "'forward' is right only when every change of cell is recorded"),
        ({"share_same_cell": 0.95, "observed_h_forward": 190.0}, "The two differ little here"),
        ({"share_same_cell": 0.1}, "seldom in one cell"),
        ({"positions": "none"}, "fill must be named for a tower log: "),
        ({}, "max_gap: 75min bridges 99.0% of gaps, and fits these pings"),
        ({"modal_gap_s": 4_400}, "the commonest gap, 1 h 13 min, is within 10% of 75min"),
        (
            {"share_over_max_gap": 0.4},
            "max_gap: 40.0% of gaps are over 75min, and nothing is claimed within them",
        ),
        ({"median_gap_s": 5}, "75min is 900 times the median gap, 5 s; a shorter one, such as 50s,"),
        ({"median_gap_s": 100}, "such as 17min,"),
        (
            {"median_gap_s": 601},
            "min_shared: the median gap, 10 min 1 s, is longer than 10min, the default: ",
        ),
        ({"median_gap_s": None}, "min_shared: the median gap, over 2 h 30 min, is longer than 10min"),
        ({"used": 0}, "No row can be used."),
        ({"median_gap_s": None, "share_over_max_gap": 0.0}, "No device has two pings: no stay can be made."),
        (
            {"median_gap_s": None, "modal_gap_s": None, "share_over_max_gap": 0.9},
            "median over 2 h 30 min, most often over 2 h 30 min, 90.0% over max_gap=75min",
        ),
    ],
)
def test_words(figures, words):
    assert words in told(**figures)


def test_a_median_gap_of_ten_minutes_says_nothing_of_min_shared():
    assert "min_shared" not in told(median_gap_s=600)
    assert "min_shared" not in told(median_gap_s=None, share_over_max_gap=0.0)


def test_towers_with_positions_are_counted():
    assert "positions     tower ids, 1,342 with positions" in describe(
        seen(positions="none"), StayOptions(), 1_342
    )
    assert "positions     tower ids without positions" in told(positions="none")


def test_towers_as_cells_need_fill_too():
    assert "fill must be named for a tower log: " in told(StayOptions(by="tower"))


@pytest.mark.parametrize(
    ("tz", "written"),
    [("+08:00", "2021-11-03 00:00:00+08:00"), ("UTC", "2021-11-02 16:00:00+00:00"), ("?", "+00:00")],
)
def test_the_span_is_in_the_inputs_zone(tz, written):
    assert written in told(tz=tz)


def test_without_rows_there_is_no_span_and_no_gap():
    text = told(
        rows=0,
        used=0,
        collapsed=0,
        refused={},
        first=None,
        last=None,
        median_gap_s=None,
        share_over_max_gap=0.0,
    )
    assert "span" not in text
    assert "gaps" not in text
    assert "rows          0: 0 used, 0 collapsed, 0 refused" in text
