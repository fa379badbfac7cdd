"""The tables of the page on codes are those that the code runs on."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("make_codes", DOCS / "make_codes.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    text = made.PAGE.read_text(encoding="utf-8")
    assert made.page(text) == text, "run: python docs/make_codes.py"
