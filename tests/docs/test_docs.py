"""The documentation is true: examples run, links lead somewhere, and nothing that can be chosen is left out."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
import warnings
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

import cotrace
from cotrace import schema
from cotrace.presets import PRESETS, Preset

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: pages; folders that begin with "_" hold what a build of the site has made
OWN = [p for p in sorted(DOCS.glob("**/*.md")) if not p.relative_to(DOCS).parts[0].startswith("_")]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *OWN]
SRC = ROOT / "src" / "cotrace"

#: the words that the project has agreed on
WORDS = (
    "ping", "device", "cell", "stay", "dwell", "episode", "case", "lookback", "companion", "exposure", "window",
)  # fmt: skip


def text_of(*pages: Path) -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def modules() -> list[str]:
    found = pkgutil.walk_packages([str(SRC)], "cotrace.")
    return ["cotrace", *sorted(m.name for m in found if not m.name.endswith("__main__"))]


def run(examples: doctest.DocTest) -> None:
    runner = doctest.DocTestRunner()
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # examples show results; what they warn of stands in their text
        runner.run(examples, out=said.append)
    assert runner.failures == 0, "".join(said)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_examples_of_pages_run(page: Path) -> None:
    run(doctest.DocTestParser().get_doctest(text_of(page), {}, page.name, str(page), 0))


@pytest.mark.parametrize("name", modules())
def test_examples_of_docstrings_run(name: str) -> None:
    for examples in doctest.DocTestFinder().find(importlib.import_module(name)):
        if examples.examples:
            run(examples)


def test_readme_has_a_session_and_is_short() -> None:
    text = text_of(ROOT / "README.md")
    assert len(text.splitlines()) <= 150
    assert len(doctest.DocTestParser().get_examples(text)) >= 10
    for command in ("make demo", "make test", "pip install ."):
        assert command in text


def links() -> list[tuple[Path, str]]:
    found = []
    for page in PAGES:
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text_of(page), flags=re.DOTALL)
        found += [(page, target) for target in re.findall(r"\]\(([^)\s]+)\)", prose)]
    return [(page, target) for page, target in found if not re.match(r"[a-z]+:", target)]


def slugs(page: Path) -> set[str]:
    """Name the anchors of a page, as they are made of headings on the web."""
    prose = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    titles = re.findall(r"^#+ +(.+?) *$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("page", "target"), links(), ids=lambda v: v.name if isinstance(v, Path) else v)
def test_links_lead_somewhere(page: Path, target: str) -> None:
    path, _, anchor = target.partition("#")
    there = (page.parent / path).resolve() if path else page
    assert there.exists(), f"{page.name} links to {target}"
    assert ROOT in there.parents, f"{page.name} links out of the project: {target}"
    if anchor:
        assert anchor in slugs(there), f"{page.name} links to {target}; there are {sorted(slugs(there))}"


def test_every_page_is_reached_from_the_index() -> None:
    """By a list of links, which is the site's navigation; a folder with an index.md of its own has its own list."""
    missing = []
    for page in OWN:
        there = page.parent / "index.md" if (page.parent / "index.md").exists() else DOCS / "index.md"
        if there == page:
            there = DOCS / "index.md"
        if page != there and f"]({page.relative_to(there.parent).as_posix()})" not in text_of(there):
            missing.append(str(page.relative_to(DOCS)))
    assert missing == []


@pytest.mark.parametrize("picture", sorted((DOCS / "images").glob("*.svg")), ids=lambda p: p.name)
def test_pictures_say_what_they_show_and_are_used(picture: Path) -> None:
    text = text_of(picture)
    assert "<title" in text
    assert "<desc" in text
    assert "prefers-color-scheme" not in text, "a picture has its own ground: it is legible on any page"
    assert f"images/{picture.name})" in text_of(*PAGES)


def data_model() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_data_model", DOCS / "make_data_model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_data_model_is_what_the_schemas_say() -> None:
    page = data_model().page()
    committed = text_of(DOCS / "data-model.md")
    assert committed == page, "run: python docs/make_data_model.py"


def test_data_model_has_every_table_and_column_and_anchor() -> None:
    committed = text_of(DOCS / "data-model.md")
    for table in schema.TABLES:
        assert f"(data-model-{table.name})=\n## {table.name}\n" in committed
        for column in table.columns:
            assert f"| `{column.name}` |" in committed
    asked = set(re.findall(r":ref:`(data-model-\w+)`", text_of(*sorted(SRC.rglob("*.py")))))
    assert asked <= set(re.findall(r"^\((data-model-\w+)\)=$", committed, flags=re.MULTILINE))


def options() -> list[str]:
    named = [
        f.name for c in (cotrace.StayOptions, cotrace.CompanionRule, cotrace.PingPong) for f in fields(c)
    ]
    for function in (cotrace.read_pings, cotrace.find_stays, cotrace.find_companions, cotrace.occupancy):
        named += [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return sorted(set(named))


@pytest.mark.parametrize("name", options())
def test_every_option_is_in_the_docs(name: str) -> None:
    assert re.search(rf"`{name}[`=]|[`( ]{name}=", text_of(*PAGES)), f"no page says what {name}= is"


@pytest.mark.parametrize("name", [n for n in cotrace.__all__ if not n.startswith("__")])
def test_every_public_name_is_in_the_docs(name: str) -> None:
    assert name in text_of(*PAGES)


def kinds_given() -> set[str]:
    """Collect the kinds of all warnings that the source gives."""
    found = set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("CotraceWarning", "_warn"):
                kind = node.args[1] if len(node.args) > 1 else None
                if isinstance(kind, ast.Constant):
                    found.add(str(kind.value))
    return found


def kinds_listed() -> set[str]:
    doc = inspect.getdoc(cotrace.CotraceWarning) or ""
    part = doc[doc.index("kind : str") : doc.index("figures : dict")]
    return set(re.findall(r"``(\w+)``", part))


def test_every_kind_of_warning_is_explained() -> None:
    explained = set(re.findall(r"^\| `(\w+)` \|", text_of(DOCS / "warnings.md"), flags=re.MULTILINE))
    assert kinds_given() >= {"refused", "cases", "crowd"}
    assert kinds_given() <= kinds_listed(), "a kind that the docstring of CotraceWarning does not list"
    assert explained == kinds_listed()


def test_glossary_has_every_word() -> None:
    titles = re.findall(r"^## (.+)$", text_of(DOCS / "glossary.md"), flags=re.MULTILINE)
    assert set(WORDS) <= set(titles)
    assert len(titles) == len(set(titles))


def preset_row(preset: Preset) -> str:
    """Return the row of the table of presets that this one must have."""

    def named(given: object) -> str:
        plain = type(given)()
        chosen = [f.name for f in fields(given) if getattr(given, f.name) != getattr(plain, f.name)]  # type: ignore[arg-type]
        return ", ".join(f"`{name}={getattr(given, name)!r}`" for name in chosen)

    cells = (f"`{preset.id}`", named(preset.rule), named(preset.options), preset.date, preset.source)
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda p: p.id)
def test_presets_are_as_the_docs_say(preset: Preset) -> None:
    assert preset_row(preset) in text_of(DOCS / "rule.md").splitlines()


def test_design_names_every_room() -> None:
    text = text_of(DOCS / "design.md")
    table = text[text.index("## The rooms") : text.index("## Two pieces")]
    rooms = [
        p.name.removesuffix(".py") + "/" * p.is_dir()
        for p in SRC.iterdir()
        if p.is_dir() or p.suffix == ".py"
    ]
    rooms = [r for r in rooms if r.rstrip("/") not in ("__init__", "__pycache__", "data")]
    assert [r for r in sorted(rooms) if f"`{r}`" not in table] == []


def test_licence_is_apache() -> None:
    text = text_of(ROOT / "LICENSE")
    assert "Apache License\n" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_changelog_has_what_is_not_released() -> None:
    assert "## [Unreleased]" in text_of(ROOT / "CHANGELOG.md")
