"""Whatever a file holds, reading it gives what was written or an error that is documented."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.codes.helpers import START, told, when

from cotrace import CotraceError, codes
from cotrace_service.offline import OfflineError, Verifier


@cache
def written() -> tuple[bytes, bytes]:
    """Return a snapshot and a book as they were written."""
    with tempfile.TemporaryDirectory() as folder:
        with codes.Book(codes.chengdu_2021, Path(folder) / "book") as book:
            told(book, (0, "companion"), (0.5, "negative"), (2, "excluded"))
            codes.write_snapshot(Path(folder) / "s", book, at=when(3))
        return (Path(folder) / "s").read_bytes(), (Path(folder) / "book").read_bytes()


def changed(data: bytes, cuts: list[tuple[int, bytes]]) -> bytes:
    """Write bytes over parts of what was written; the file may end earlier or later."""
    for at, new in cuts:
        at %= len(data) + 1
        data = data[:at] + new + (data[at + len(new) :] if at % 3 else data[at:])
    return data


CUTS = st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=40)), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(CUTS | st.binary(max_size=9000))
def test_snapshots(given: object) -> None:
    data = changed(written()[0], given) if isinstance(given, list) else given
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s"
        path.write_bytes(data)  # type: ignore[arg-type]
        try:
            snapshot = codes.Snapshot(path)
            found = [snapshot.one(n, START + 10**6).colour for n in (1, 2)]
            assert found == snapshot.many([1, 2], START + 10**6).colours.to_pylist() == ["green", "unknown"]
        except CotraceError:
            pass


@settings(max_examples=150, deadline=None)
@given(CUTS | st.binary(max_size=2000))
def test_books(given: object) -> None:
    data = changed(written()[1], given) if isinstance(given, list) else given
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "b"
        path.write_bytes(data)  # type: ignore[arg-type]
        try:
            with codes.Book(codes.chengdu_2021, path) as book:
                # whole, or without a last line that was cut
                assert len(book) in (0, 3)
        except CotraceError:
            pass


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-"


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=300)
    | st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567-", max_size=300).map("COTRACE1-".__add__),
    st.text(),
)
def test_printed_codes(text: str, person: str) -> None:
    try:
        Verifier([bytes(32)]).check(text, person, START)
    except OfflineError:
        return
    raise AssertionError("a code of nobody was good")
