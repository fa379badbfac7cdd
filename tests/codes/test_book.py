"""Telling a book, asking it, and keeping it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.codes.helpers import row, told, when

import cotrace
from cotrace import CotraceError, codes
from cotrace.demo import city_pings
from cotrace.errors import BookDamagedError, CodeError, CotraceTypeError, OptionError, SchemaError

RULES = codes.chengdu_2021
COMPANION = {"device": [1], "event": ["companion"], "at": [when(0)]}


def test_a_book_says_what_it_knew() -> None:
    book = told(codes.Book(RULES), (0, "companion"), (2, "negative"))
    told(book, (0.5, "negative"))  # late: a sample of the first day
    assert row(book, 2)["code"] == "green"
    before = book.as_of(when(2), known=2).to_arrow().to_pylist()
    assert [r["code"] for r in before] == ["yellow"]
    assert book.events["seq"].to_pylist() == [1, 2, 3]
    assert len(book) == 3
    assert "decisions are people's" in repr(book)


def test_advancing() -> None:
    book = told(codes.Book(codes.guangzhou_2022), (0.2, "companion"), (0.5, "negative"))
    first = book.advance(to=when(0.9)).to_arrow().to_pylist()
    assert [(r["event"], r["code"], r["seq"]) for r in first] == [
        ("companion", "yellow", 1),
        ("negative", "green", 2),
    ]
    then = book.advance(to=when(1.1)).to_arrow().to_pylist()
    assert [(r["event"], r["code"], r["seq"]) for r in then] == [("next_day", "yellow", None)]
    assert [r["event"] for r in book.history(1).to_arrow().to_pylist()] == [
        "companion",
        "negative",
        "next_day",
    ]
    assert len(book.advance(to=when(1.1))) == 0
    with pytest.raises(CodeError, match="goes back in time"):
        book.advance(to=when(1))


def test_unknown_is_not_green() -> None:
    book = codes.Book(RULES)
    assert book.code(7, when(0)) == codes.Code("unknown", "", None, None)
    assert len(book.as_of(when(0))) == 0
    assert len(book.history(7)) == 0
    told(book, (5, "companion"))
    assert row(book, 0)["code"] == "unknown"
    assert row(book, 0)["since"] is None
    assert book.code(1, when(5)).label.startswith("companion: a candidate")


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (
            {"tests": {"device": [1], "result": ["unclear"], "at": [when(0)]}},
            CodeError,
            "row 0 is none of negative",
        ),
        ({"tests": {"device": [1], "at": [when(0)]}}, SchemaError, "no column 'result'"),
        ({"tests": {"device": [1.5], "result": ["negative"], "at": [when(0)]}}, CodeError, "row 0 is no id"),
        ({"tests": {"device": [1], "result": ["negative"], "at": ["2021-11-03"]}}, CodeError, "of tests"),
        ({"adjudications": {"device": [1], "decision": ["case"], "at": [when(0)]}}, CodeError, "nobody's"),
        (
            {"events": {"device": ["a"], "event": ["enrolled"], "at": [when(0)]}},
            CodeError,
            "integers and strings",
        ),
        ({"events": {"device": [1], "event": ["arrest"], "at": [when(0)]}}, CodeError, "none of enrolled"),
    ],
)
def test_all_or_nothing(given: Any, error: type[Exception], words: str) -> None:
    book = codes.Book(RULES)
    book.apply(COMPANION)
    with pytest.raises(error, match=words) as caught:
        book.apply({"device": [2], "event": ["companion"], "at": [when(0)]}, **given)
    assert isinstance(caught.value, CotraceError)
    assert len(book) == 1


def test_decisions_that_contradict() -> None:
    book = told(codes.Book(RULES), (0, "companion"), (1, "excluded"))
    with pytest.raises(CodeError, match="1 devices have two decisions of one second"):
        told(book, (1, "case"))
    told(book, (1, "excluded"))
    assert len(book) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"proposes": (("neighbour", "yellow"),)},
        {"proposes": (("companion", "green"),)},
        {"proposes": (("companion", "yellow"), ("companion", "red")), "decided": ("companion",)},
        {"then": "red"},
        {"negatives": -1},
        {"days": (1, 3)},
        {"negatives": 5},
        {"late_within": "1d"},
        {"day_pass": True, "negatives": 1},
        {"tz": "Moon/Crater"},
    ],
)
def test_rules_that_cannot_be(wrong: dict[str, Any]) -> None:
    if wrong == {"days": (1, 3)}:
        wrong = {"days": (3, 1)}
    with pytest.raises(OptionError):
        codes.CodeRules(**wrong)
    with pytest.raises(CotraceTypeError):
        codes.Book("chengdu")  # type: ignore[arg-type]


# ---- on the disk


def test_a_file_is_the_book(tmp_path: Path) -> None:
    path = tmp_path / "book"
    with codes.Book(RULES, path) as book:
        told(book, (0, "companion"), (0.5, "negative"))
        book.apply(COMPANION)
        book.advance(to=when(1))
        with pytest.raises(CodeError, match="another process"):
            codes.Book(RULES, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with codes.Book(RULES, path) as again:
        assert again.events.to_arrow().equals(book.events.to_arrow())
        assert again.now == book.now
        told(again, (1.5, "negative"))
        assert row(again, 2)["code"] == "green"
    with pytest.raises(OptionError, match="differ in"):
        codes.Book(codes.xian_2021, path)


def test_a_line_that_a_crash_cut_is_dropped_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "book"
    with codes.Book(RULES, path) as book:
        for day in range(5):
            told(book, (day, "companion"))
    data = path.read_bytes()
    last = data[:-1].rfind(b"\n") + 1
    for size in range(last, len(data), 17):
        path.write_bytes(data[:size])
        with codes.Book(RULES, path) as cut:
            assert len(cut) == 4
            told(cut, (4, "companion"))
        assert path.read_bytes() == data


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "book"
    with codes.Book(RULES, path) as book:
        for day in range(4):
            told(book, (day, "companion"))
    data = bytearray(path.read_bytes())
    for bit in [*range(0, 8 * len(data), 23), *range(8 * len(data) - 8, 8 * len(data))]:
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(data))
        with pytest.raises(BookDamagedError):
            codes.Book(RULES, path)
        data[bit // 8] ^= 1 << bit % 8
    lines = bytes(data).splitlines(keepends=True)
    for wrong in (lines[:1] + lines[2:], [lines[0], lines[2], lines[1], *lines[3:]], lines[1:]):
        path.write_bytes(b"".join(wrong))
        with pytest.raises(BookDamagedError):
            codes.Book(RULES, path)


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_text("Dear reader")
    with pytest.raises(BookDamagedError):
        codes.Book(RULES, path)
    assert path.read_text() == "Dear reader"
    os.symlink(path, tmp_path / "link")
    with pytest.raises((OSError, CotraceError)):
        codes.Book(RULES, tmp_path / "link")


# ---- proposals


@pytest.fixture(scope="module")
def town() -> cotrace.Stays:
    return cotrace.find_stays(cotrace.read_pings(city_pings(120)))


END = "2021-11-03T00:00:00+08:00"


def test_companions_tiers_and_rings_propose(town: cotrace.Stays) -> None:
    found = cotrace.find_companions(town, [101], as_of=END)
    proposed = codes.propose(found)
    assert set(proposed["event"].to_pylist()) == {"companion"}
    for number, reference in enumerate(proposed["evidence"].to_pylist()):
        assert "101" not in reference.split("/")
        assert codes.evidence_of(found, reference) == found.companions.to_arrow().to_pylist()[number]
    tiers = cotrace.tiers(town, [101], as_of=END)
    with pytest.raises(CodeError, match="at= is missing"):
        codes.propose(tiers)
    proposed = codes.propose(tiers, at=END)
    assert sorted(set(proposed["event"].to_pylist())) == sorted(set(tiers["tier"].to_pylist()))
    excluded = {"device": tiers["device"].to_pylist()[:1], "decision": ["excluded"], "at": [END]}
    fewer = codes.propose(cotrace.tiers(town, [101], as_of=END, adjudications=excluded), at=END)
    assert excluded["device"][0] not in fewer["device"].to_pylist()
    rings = cotrace.rings(town, [101], as_of=END)
    proposed = codes.propose(rings, at=END)
    assert 101 not in proposed["device"].to_pylist()
    contacts = codes.propose(cotrace.contacts(town, [101], as_of=END))
    assert set(contacts["event"].to_pylist()) == {"contact_candidate"}
    with pytest.raises(CodeError, match="another list"):
        codes.evidence_of(found, contacts["evidence"][0].as_py())
    with pytest.raises(CodeError, match="does not have"):
        codes.evidence_of(found, codes.propose(found)["evidence"][0].as_py() + "999")
    with pytest.raises(CotraceTypeError):
        codes.propose(town)


def test_zones_propose_and_are_lifted(town: cotrace.Stays) -> None:
    drawn = cotrace.zones(town, [101, 102], as_of=END)
    proposed = codes.propose(drawn, at=END)
    book = codes.Book(codes.xian_2021)
    book.apply(proposed)
    now = book.as_of(END).to_arrow().to_pylist()
    at_home = [r for r in drawn.devices.to_arrow().to_pylist() if r["at_home"]]
    assert {r["device"] for r in now} == {r["device"] for r in at_home}
    # precaution asks for nothing here
    assert {r["waiting"] for r in now if r["code"] == "unknown"} == {"lockdown", ""}
    assert {r["reason"] for r in now if r["code"] == "yellow"} <= {"control"}
    events = {"event": ["infection"], "at": ["2021-11-03"], "zone": ["control 1"], "device": [None]}
    said = cotrace.lift(drawn, events, on="2021-12-30", edition="9th")
    done = codes.lifted(drawn, said, at="2021-12-30T00:00:00+08:00")
    book.apply(done)
    later = book.as_of("2021-12-30T00:00:00+08:00").to_arrow().to_pylist()
    assert all(r["waiting"] == "" and r["code"] in ("unknown", "green") for r in later)
    reference = proposed["evidence"][0].as_py()
    assert codes.evidence_of(drawn, reference)["zone"] == reference.rsplit("/")[-1]
