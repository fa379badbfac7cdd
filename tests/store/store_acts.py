"""What is done to a whole store while something goes wrong: ingest, forget and compact, and all that it answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.store import acts
from tests.store.stops import Act

DAY = 86400
FIRST = 19_000 * DAY


def columns(day: int, late: bool = False, devices: int = 40) -> dict[str, Any]:
    """Return columns of a day: devices that walk over a few cells; ``late``: some that came a day too late."""
    import numpy as np

    rng = np.random.default_rng([day, late])
    n = devices * (3 if late else 60)
    device = rng.integers(0, devices, n)
    time = FIRST + day * DAY + np.sort(rng.integers(0, DAY, n))
    place = (device * 7 + time // 14_400) % 11
    return {
        "device": 1_000_000 + device,
        "time": time,
        "x": 400.0 + 800.0 * place,
        "y": np.full(n, 100.0),
    }


def pings(day: int, late: bool = False) -> Any:
    """Return the same as pings."""
    import cotrace

    return cotrace.read_pings(columns(day, late), unit="s")


def opened(root: Path) -> Any:
    """Open the store."""
    from cotrace.store.store import Store

    return Store(root, buckets=3, threads=1)


def day(number: int, late: bool = False) -> Callable[[Path], None]:
    """Return the ingest of a day."""

    def ingest(root: Path) -> None:
        with opened(root) as store:
            store.ingest(pings(number, late))

    return ingest


def created(root: Path) -> None:
    """Make the store."""
    opened(root).close()


def prepare(root: Path) -> None:
    """Make a store of three days."""
    for number in range(3):
        day(number)(root)


def forget_device(root: Path) -> None:
    """Forget two devices."""
    with opened(root) as store:
        store.forget(device=[1_000_003, 1_000_004])


def forget_before(root: Path) -> None:
    """Forget the first day."""
    with opened(root) as store:
        store.forget(before=FIRST + DAY)


def compact(root: Path) -> None:
    """Close the first day to late files."""
    with opened(root) as store:
        store.compact(close_before=FIRST + DAY)


def answers(store: Any) -> Any:
    """Return what a store answers, of stays, single devices, single cells, and its counts."""
    stays = store.stays()
    some = stays.to_arrow().num_rows and store.stays(
        start=FIRST + DAY // 2, end=FIRST + 2 * DAY, devices=[1_000_003, 1_000_005, 1_000_011]
    )
    cells = stays.to_arrow()["cell"].unique().slice(0, 2)
    there = store.stays(cells=cells) if len(cells) else None
    return digest(stays), some and digest(some), there and digest(there), repr(stays.counts), store.batches


def digest(stays: Any) -> str:
    """Return a digest of a table of stays."""
    table = stays.to_arrow()
    return hashlib.sha256(repr([table.schema.names, table.to_pydict()]).encode()).hexdigest()


def state(root: Path) -> Any:
    """Return what the newest version answers."""
    from cotrace.store.store import Store

    with Store(root, threads=1, create=False) as store:
        version = store.snapshot.version
        files = sorted([(e.kind, e.day, e.bucket, e.batch, e.rows) for e in version.files], key=str)
        return answers(store), files, version.settings, version.replaced


def all_of_it(root: Path) -> Any:
    """Return what the newest version answers, and all that is in its files."""
    from cotrace.store.ledger import Ledger
    from cotrace.store.store import Store

    with Store(root, threads=1, create=False) as store:
        return answers(store), acts.content(Ledger.open(root), store.snapshot.version)


ACTS = (
    Act("ingest", prepare, day(3), state, acts.wrong),
    Act("late file", prepare, day(1, late=True), state, acts.wrong),
    Act("forget a device", prepare, forget_device, state, acts.wrong_or_more),
    Act("forget days", prepare, forget_before, state, acts.wrong_or_more),
    Act("compact", prepare, compact, state, acts.wrong_or_more),
)
JOURNEY = acts.Journey(
    "store",
    (created, day(0), day(1), day(2), day(1, late=True), compact, forget_device, day(3), forget_before),
    state,
    acts.wrong,
)


def warmed() -> None:
    """Import what children need."""
    import dateutil.parser  # noqa: F401
    import numba  # noqa: F401

    from cotrace.io import pings, scan, towers  # noqa: F401
