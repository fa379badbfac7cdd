"""What the tests of codes share: a book of one device, told in short form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cotrace import codes

#: midnight in Shanghai
START = int(datetime(2021, 11, 2, 16, tzinfo=UTC).timestamp())
HOUR, DAY = 3600, 86_400


def when(days: float = 0, seconds: int = 0) -> datetime:
    """Return an instant so many days after the start."""
    return datetime.fromtimestamp(START, UTC) + timedelta(days=days, seconds=seconds)


def told(book: codes.Book, *events: tuple[Any, ...]) -> codes.Book:
    """Tell a book of device 1 events: (days, event), or (days, event, evidence) or with the end of the exposure too."""
    rows = [(*e, *("", None)[len(e) - 2 :]) for e in events]
    book.apply(
        events={
            "device": [1] * len(rows),
            "at": [when(r[0]) for r in rows],
            "event": [r[1] for r in rows],
            "evidence": [r[2] for r in rows],
            "exposed_until": [when(r[0] if r[3] is None else r[3]) for r in rows],
            "by": ["team 4"] * len(rows),
        }
    )
    return book


def row(book: codes.Book, days: float, device: Any = 1) -> dict[str, Any]:
    """Return what holds for a device."""
    return next(r for r in book.as_of(when(days)).to_arrow().to_pylist() if r["device"] == device)


def state(book: codes.Book, days: float) -> tuple[str, str]:
    """Return state and code of device 1."""
    found = row(book, days)
    return found["state"], found["code"]
