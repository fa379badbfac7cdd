"""The site's navigation and its pages of the API leave nothing out; the site itself is built by ``make site``."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import cotrace

DOCS = Path(__file__).resolve().parents[2] / "docs"
GALLERY = sorted(p for p in (DOCS / "gallery").glob("*.md") if p.name != "index.md")


@pytest.fixture(scope="module")
def conf() -> ModuleType:
    import os

    kept = dict(os.environ)
    spec = importlib.util.spec_from_file_location("docs_conf", DOCS / "conf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    os.environ.clear()
    os.environ.update(kept)
    return module


def test_every_page_is_in_the_navigation(conf: ModuleType) -> None:
    pages = [p.relative_to(DOCS).with_suffix("").as_posix() for p in DOCS.glob("**/*.md")]
    pages = [p for p in pages if not p.startswith("_")]
    reached = {"index"}
    for name in pages:
        if name == "index" or name.endswith("/index"):
            source = [(DOCS / f"{name}.md").read_text(encoding="utf-8")]
            conf.prepare(None, name, source)
            folder = name.rpartition("index")[0]
            for tree in re.findall(r"```\{toctree\}\n(.*?)```", source[0], flags=re.DOTALL):
                reached |= {folder + line for line in tree.splitlines() if line and not line.startswith(":")}
    assert [p for p in pages if p not in reached] == []


def test_links_out_of_docs_lead_to_copies(conf: ModuleType) -> None:
    source = ["[a](../README.md) [b](../CHANGELOG.md#x)"]
    conf.prepare(None, "start", source)
    assert source == ["[a](_made/readme.md) [b](_made/changelog.md#x)"]
    source = ["[a](../../README.md)"]
    conf.prepare(None, "howto/tiers", source)
    assert source == ["[a](../_made/readme.md)"]


def documented() -> set[str]:
    text = "\n".join(p.read_text(encoding="utf-8") for p in sorted((DOCS / "api").glob("*.md")))
    return set(re.findall(r"^\.\. (?:auto\w+|py:data):: (\S+)$", text, flags=re.MULTILINE))


def test_every_public_name_is_in_the_api() -> None:
    modules = [n for n in cotrace.__all__ if isinstance(getattr(cotrace, n), ModuleType)]
    names = [f"cotrace.{n}" for n in cotrace.__all__ if n not in modules and not n.startswith("__")]
    for module in ("interchange", "testing", "view", "errors", "synth"):
        names += [f"cotrace.{module}.{n}" for n in importlib.import_module(f"cotrace.{module}").__all__]
    there = documented()
    there |= {name.replace("cotrace.errors.", "cotrace.") for name in there}
    assert sorted(set(names) - there) == [], "add them to a page in docs/api"


def test_everything_in_the_api_is_there() -> None:
    for name in documented():
        module, _, what = name.rpartition(".")
        assert hasattr(importlib.import_module(module), what), name


def test_the_gallery_asks_questions_and_draws() -> None:
    assert len(GALLERY) >= 10
    for page in GALLERY:
        text = page.read_text(encoding="utf-8")
        assert text.startswith("---\nfile_format: mystnb\n"), page.name
        assert re.search(r"^# .+\?$", text, flags=re.MULTILINE), f"{page.name}: a question"
        assert "plt." in text or ".plot" in text, f"{page.name}: a picture"
