"""Put what the examples print now into README.md and the pages of docs: ``python docs/renew_examples.py``.

Look at the difference before it is committed: a change that nobody meant shows there.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def renewed(text: str) -> str:
    """Return the text with the output of every example as it is now; examples that pass are left alone."""
    check = doctest.OutputChecker().check_output
    names: dict[str, object] = {}
    parts = []
    for piece in doctest.DocTestParser().parse(text):
        if isinstance(piece, str):
            parts.append(piece)
            continue
        flags = sum(flag for flag, on in piece.options.items() if on)
        got = piece.want if piece.exc_msg else _run(piece.source, names)
        want = piece.want if piece.exc_msg or check(piece.want, got, flags) else got
        margin = " " * piece.indent
        first, *more = piece.source.splitlines()
        lines = [f"{margin}>>> {first}", *(f"{margin}... {line}".rstrip() for line in more)]
        lines += [margin + (line.rstrip() if line.strip() else "<BLANKLINE>") for line in want.splitlines()]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def _run(source: str, names: dict[str, object]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(source, "<example>", "single"), names)
    return printed.getvalue()


if __name__ == "__main__":
    pages = ROOT / "docs"
    for page in [ROOT / "README.md", *sorted(pages.glob("[!_]*/*.md")), *sorted(pages.glob("*.md"))]:
        old = page.read_text(encoding="utf-8")
        new = renewed(old)
        if new != old:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(ROOT))
