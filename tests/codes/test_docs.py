"""The tables of the pages on codes are those that the code runs on, and the figures those that were recorded."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_pages_are_what_the_code_and_the_records_say() -> None:
    spec = importlib.util.spec_from_file_location("make_codes", DOCS / "make_codes.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for path in made.PAGES:
        assert made.page(path) == path.read_text(encoding="utf-8"), "run: python docs/make_codes.py"
