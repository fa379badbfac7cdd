"""The page on what a store survives has the figures of the last runs, and none of them is bad."""

from __future__ import annotations

import json

from tests.store import page


def test_figures_are_those_of_the_runs() -> None:
    found = json.loads(page.FIGURES.read_text())
    text = page.PAGE.read_text()
    assert page.page(text, found) == text, "run python -m tests.store.page"


def test_nothing_is_bad() -> None:
    found = json.loads(page.FIGURES.read_text())
    assert {name: section["bad"] for name, section in found.items() if section["bad"]} == {}
    enough = {
        "flipped_bits": ("flips", 10_000),
        "killed_at_random": ("stopped", 200),
        "power_lost": ("points", 100),
    }
    for name, (count, least) in {**enough, "disk_full": ("points", 50)}.items():
        if name in found:  # a section is of a whole run, or it is not there
            assert found[name]["total"][count] >= least, name
    assert found["readers_and_writer"]["seconds"] >= 600
