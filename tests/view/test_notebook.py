"""In a notebook: rows and counts as HTML, tab completion, bars of progress, pipes, and errors that fit on a screen."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

import cotrace
from cotrace import CompanionRule, Grid, StayOptions, synth
from cotrace.errors import CotraceError, CotraceTypeError, OptionError
from cotrace.meter import reporter

from .conftest import AS_OF, RULE, WORLD, pings

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning", "ignore::DeprecationWarning")
OPTIONS = StayOptions(grid=Grid.planar(10))
MEET = CompanionRule(min_shared="1h", min_cumulative=None, lookback="1d")


@pytest.fixture(scope="module")
def results(found):
    read = pings(WORLD)
    stays = cotrace.find_stays(read, options=OPTIONS)
    town = synth.city(seed=1, area_km2=2, population=300, stations=4, days=3)
    towers = {"tower": [1], "lon": [104.0], "lat": [30.0], "radius_m": [500.0]}
    return {
        "pings": read,
        "stays": stays,
        "companions": found,
        "evidence": found.evidence,
        "rings": cotrace.rings(stays, [1], as_of=AS_OF, rule=MEET),
        "tiers": cotrace.tiers(stays, [1], as_of=AS_OF, rule=MEET),
        "zones": cotrace.zones(stays, [1], as_of=AS_OF),
        "pairs": cotrace.pairs(stays),
        "evaluation": cotrace.evaluate(found, {"case_id": [1], "companion_id": [2]}),
        "sweep": cotrace.sweep(stays, [1], [(1, 2)], as_of=AS_OF, rule=RULE, over={"min_shared": ["1h"]}),
        "outbreak": synth.outbreak(town, seed=1),
        "footprints": cotrace.find_footprints(towers, Grid.geographic(400)),
        "links": cotrace.read_links({"infected": [1], "infector": [None], "at": ["2015-05-11"]}, tz="UTC"),
    }


def test_every_result_is_html_with_rows_and_counts(results):
    for name, result in results.items():
        html = result._repr_html_()
        assert html.startswith(("<p", "<pre>")), name
        assert any(c.isdigit() for c in html), name
        assert len(html) < 20_000, name
    assert "3 rows" in results["evidence"]._repr_html_() or "rows" in results["evidence"]._repr_html_()
    assert "ring 1: 2" in results["rings"]._repr_html_()
    assert "ring 1: 2" in repr(results["rings"])
    assert "2 contact_candidate" in results["tiers"]._repr_html_()


def test_html_escapes_what_comes_from_data():
    rows = {"device": ["<script>x</script>"] * 2, "time": [0, 3600], "x": [1.0] * 2, "y": [1.0] * 2}
    stays = cotrace.find_stays(cotrace.read_pings(rows, unit="s", tz="UTC"))
    assert "<script>" not in stays._repr_html_()
    assert "&lt;script&gt;" in stays._repr_html_()


def test_tab_completion_shows_no_private_names(results):
    for name, result in results.items():
        names = dir(result)
        assert not [n for n in names if n.startswith("_") and not n.startswith("__")], name
        assert "pipe" in names
    assert {"plot", "explore", "to_pandas", "columns"} <= set(dir(results["stays"]))
    assert "plot" not in dir(results["pings"])


def test_pipes(results):
    through = results["pings"].pipe(cotrace.find_stays, options=OPTIONS).pipe(cotrace.occupancy, window="1d")
    assert through.to_arrow().equals(cotrace.occupancy(results["stays"], window="1d").to_arrow())
    assert results["companions"].pipe(len) == len(results["companions"])


def test_a_bar_by_name_and_a_callback_for_services(monkeypatch):
    made = []

    class Bar:
        def __init__(self, total, unit, unit_scale):
            self.n, self.total, self.unit, self.closed = 0, total, unit, False
            made.append(self)

        def update(self, more):
            self.n += more

        def close(self):
            self.closed = True

    import tqdm.auto

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    read = pings(WORLD)
    cotrace.find_stays(read, options=OPTIONS, progress="bar")
    assert made
    assert made[-1].n == made[-1].total == read.n_rows
    assert all(bar.closed for bar in made)
    told = []
    cotrace.find_companions(
        read,
        [1],
        as_of=AS_OF,
        rule=RULE,
        options=OPTIONS,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (read.n_rows, read.n_rows)
    cotrace.sweep(
        read,
        [1],
        [(1, 2)],
        as_of=AS_OF,
        rule=RULE,
        options=OPTIONS,
        over={"min_shared": ["1h"]},
        progress="bar",
    )
    assert (made[-1].n, made[-1].unit) == (2, " runs")
    with pytest.raises(OptionError, match="neither a function"):
        cotrace.find_stays(read, progress="line")


def test_a_second_pass_begins_a_new_bar(capsys):
    report = reporter("bar", "rows")
    for done in (10, 20, 5, 20):
        report(done, 20)
    written = capsys.readouterr().err
    assert written.count("100%") >= 2


def test_without_tqdm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"pip install 'cotrace\[progress\]'"):
        cotrace.find_stays(pings(WORLD), progress="bar")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda read: cotrace.read_pings({f"column_{i}": [1] for i in range(2_000)}),
        lambda read: cotrace.StayOptions(max_gap="y" * 100_000),
        lambda read: CompanionRule(dwell_of="z" * 100_000),
        lambda read: cotrace.find_stays(read)["z" * 100_000],
        lambda read: cotrace.read_pings("/nowhere/" + "z" * 2_000),
        lambda read: cotrace.find_stays(read, options="x" * 100_000),
        lambda read: cotrace.find_stays(pd.DataFrame({"a": np.arange(100_000)})),
        lambda read: cotrace.find_companions(read, ["x" * 100_000], as_of=AS_OF),
        lambda read: cotrace.find_companions(read, list(range(100_000))),
    ],
)
def test_errors_fit_on_a_screen(wrong):
    with pytest.raises(CotraceError) as caught:
        wrong(pings(WORLD))
    assert len(str(caught.value)) < 2_000
    assert str(caught.value)


def test_what_is_no_options_or_pings_is_said():
    with pytest.raises(CotraceTypeError, match="options is str: give StayOptions"):
        cotrace.find_stays(pings(WORLD), options="x")
    with pytest.raises(CotraceTypeError, match="dict is not Pings"):
        cotrace.find_stays({})
