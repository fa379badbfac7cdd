"""A result as one page: a file of HTML that loads nothing, for those who have to look at every name on a list."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotrace.errors import OptionError
from cotrace.view.report.contents import chosen_cases, payload
from cotrace.view.report.page import page
from cotrace.view.report.words import LANGUAGES, Lang, words_of

if TYPE_CHECKING:
    from cotrace.companions import Companions

__all__ = ["LANGUAGES", "Lang", "report_html", "write_report"]


def report_html(
    found: Companions, *, case: Any = None, as_of: Any = None, lang: Lang = "en", title: str | None = None
) -> str:
    """Return the page of :func:`write_report` as text.

    Parameters
    ----------
    found, case, as_of, lang, title
        As for :func:`write_report`.

    Returns
    -------
    str
        A whole document.
    """
    words = words_of(lang)
    cases = chosen_cases(found, case, as_of)
    data, clock = payload(found, cases)
    return page(found, cases, data, clock, words, lang, title)


def write_report(
    found: Companions,
    path: str | Path,
    *,
    case: Any = None,
    as_of: Any = None,
    lang: Lang = "en",
    title: str | None = None,
) -> Path:
    """Write a result as one self-contained page of HTML.

    It holds the summary, what the rule cannot say, the case's days, a map of its cells, when companions were with it,
    the list to sort and filter with the evidence for each, the rule, and what became of every row. It loads nothing and
    may not: its own policy forbids every request. Nothing in it depends on the moment when it was written.

    Parameters
    ----------
    found : Companions
        A result.
    path : str or Path
        The file; it is written whole or not at all, and only its owner may read it.
    case, as_of : optional
        One case; by default all of them, to choose from on the page.
    lang : {"en", "zh"}
    title : str, optional
        The heading of the page.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    CaseError
        When the case is no case of this result.
    OptionError
        When there is no such language, the path is a folder, or there are more episodes than a page holds.

    Notes
    -----
    O(companions and episodes): about 120 bytes a companion and 30 an episode.
    """
    path = Path(path)
    if path.is_dir():
        raise OptionError("a report is one file: the path is a folder")
    text = report_html(found, case=case, as_of=as_of, lang=lang, title=title)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
