"""Made worlds for contacts, tiers, rings and pairs: a few devices, a few cells, seconds that can be counted."""

from __future__ import annotations

import random
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests import naive_exposure_meetings as oracle

import cotrace

IDS = {
    "int": [3, -2, 10, 9, 2**40, 7, 1],
    "str": ["b", "10", "9", "é", "a", "B", "\N{MUSICAL SYMBOL G CLEF}"],
}
UNSEEN = {"int": 999_983, "str": "nobody"}
DECISIONS = ("confirmed", "excluded", "isolated", "unclear")
KINDS = ("person", "vehicle")


@dataclass
class Made:
    """A world, a question, and both in the forms that cotrace and the oracle take."""

    rng: random.Random
    stays: Any
    contacts: Any
    world: oracle.World
    cases: list[oracle.Case]
    rule: oracle.Rule
    latency: int = 0
    window: int = 60
    decided: list[tuple[Any, str, int]] = field(default_factory=list)
    kinds: dict[Any, str] = field(default_factory=dict)
    through: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What contacts, tiers and rings take."""
        return {"rule": rule_of(self.rule), "contacts": self.contacts}

    @property
    def tracing(self) -> dict[str, Any]:
        """What tiers and rings take beside that."""
        more: dict[str, Any] = {"latency": f"{self.latency}s"}
        if self.decided:
            names = ("device", "decision", "at")
            columns = zip(*((d, w, at(t)) for d, w, t in self.decided), strict=True)
            more["adjudications"] = dict(zip(names, map(list, columns), strict=True))
        if self.through:
            more["devices"] = {"device": list(self.kinds), "kind": list(self.kinds.values())}
            more["through"] = self.through
        return {**self.options, **more}

    @property
    def known(self) -> dict[str, Any]:
        """What the oracle takes beside world, cases and rule."""
        latest = {
            d: (w, t) for d, w, t in sorted(self.decided, key=lambda row: (row[2], DECISIONS.index(row[1])))
        }
        isolated: dict[Any, int] = {}
        for device, word, second in self.decided:
            if word == "isolated":
                isolated[device] = min(second, isolated.get(device, second))
        passes = None
        if self.through:
            everyone = {*self.world.devices(), *(c.device for c in self.cases)}
            passes = {d for d in everyone if self.kinds.get(d, "person") == self.through}
        return {"latency": self.latency, "decided": latest, "isolated": isolated, "passes": passes}


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def rule_of(rule: oracle.Rule) -> cotrace.CompanionRule:
    return cotrace.CompanionRule(
        min_shared=f"{rule.min_shared}s",
        min_cumulative=None if rule.min_cumulative is None else f"{rule.min_cumulative}s",
        lookback=f"{rule.lookback}s",
        strict=rule.strict,
        shared=rule.shared,  # type: ignore[arg-type]
        per=None if rule.per is None else f"{rule.per}s",
        dwell_of=rule.dwell_of,  # type: ignore[arg-type]
        lag=None if rule.lag is None else f"{rule.lag}s",
    )


def frame_of(cases: list[oracle.Case]) -> dict[str, list[Any]]:
    def moment(second: int | None) -> Any:
        return None if second is None else at(second)

    return {
        "device": [c.device for c in cases],
        "as_of": [at(c.as_of) for c in cases],
        "infectious_from": [moment(c.infectious_from) for c in cases],
        "isolated_at": [moment(c.isolated_at) for c in cases],
    }


def _pings(rng: random.Random, ids: list[Any], span: int, shift: int) -> list[tuple[Any, int, float]]:
    rows = []
    for device in ids:
        t = rng.randint(0, span // 3)
        for _ in range(rng.randint(0, 5)):
            x, length = 1.0 + 10 * rng.randint(0, 2), rng.choice([1, 3, 5, 9, 20])
            rows += [(device, shift + t, x), (device, shift + t + length, x)]
            t += length + rng.choice([1, 1, 2, 6])
    return rows


def _contacts(
    rng: random.Random, ids: list[Any], span: int, shift: int
) -> list[tuple[Any, Any, int, int, str]]:
    found = []
    for _ in range(rng.randint(0, 6)):
        a, b = rng.sample(ids, 2)
        start = rng.randint(0, span)
        found.append(
            (a, b, shift + start, shift + start + rng.choice([1, 3, 8, 20]), rng.choice(["badge", "talk"]))
        )
    return found


def _rule(rng: random.Random) -> oracle.Rule:
    kind = rng.random()
    base = {
        "min_shared": rng.choice([0, 1, 2, 3, 5]),
        "lookback": rng.choice([30, 60, 500]),
        "strict": rng.random() < 0.3,
    }
    if kind < 0.4:
        return oracle.Rule(**base)
    if kind < 0.7:
        return oracle.Rule(**base, lag=rng.choice([0, 2, 10, 40]))
    if kind < 0.85:
        return oracle.Rule(**base, shared="cumulative", per=rng.choice([None, 5, 20]))
    return oracle.Rule(
        **base,
        min_cumulative=rng.choice([0, 4, 10]),
        dwell_of=rng.choice(["either", "both", "case", "companion", "pair"]),
    )


def _cases(rng: random.Random, ids: list[Any], span: int, shift: int, unseen: Any) -> list[oracle.Case]:
    found = []
    for _ in range(rng.randint(1, 3)):
        device = rng.choice([*ids[:3], unseen]) if rng.random() < 0.3 else rng.choice(ids)
        as_of = shift + (span if rng.random() < 0.6 else rng.randint(span // 2, span + 20))
        since = shift + rng.randint(-5, span // 2) if rng.random() < 0.4 else None
        until = shift + rng.randint(span // 3, span) if rng.random() < 0.3 else None
        found.append(oracle.Case(device, as_of, since, until))
    return list({(c.device, c.as_of): c for c in found}.values())


def make(number: int, *, contacts_alone: bool | None = None) -> Made:
    """Make the world of this number."""
    rng = random.Random(f"meetings {number}")
    kind = rng.choice(["int", "str"])
    ids = rng.sample(IDS[kind], rng.randint(2, 6))
    span, shift = rng.choice([30, 60]), rng.choice([0, 1_600_000_007, 18_519 * 86_400 - 20])
    pings = _pings(rng, ids, span, shift)
    rows = _contacts(rng, ids, span, shift) if rng.random() < 0.5 else []
    alone = contacts_alone if contacts_alone is not None else bool(rows) and rng.random() < 0.3
    stays, plain = None, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not alone and (pings or not rows):
            pings = pings or [(ids[0], shift, 1.0), (ids[0], shift + 5, 1.0)]
            rng.shuffle(pings)
            columns = {"device": [p[0] for p in pings], "time": [p[1] for p in pings]}
            places = {"x": [p[2] for p in pings], "y": [1.0] * len(pings)}
            options = cotrace.StayOptions(grid=cotrace.Grid.planar(10))
            stays = cotrace.find_stays(cotrace.read_pings({**columns, **places}, unit="s"), options=options)
            plain = plain_of(stays)
        contacts = contacts_of(rows) if rows or stays is None else None
    cases = _cases(rng, ids, span, shift, UNSEEN[kind])
    made = Made(rng, stays, contacts, oracle.World(plain, rows), cases, _rule(rng))
    made.latency, made.window = rng.choice([0, 0, 1, 5]), rng.choice([1, 7, 20, 60])
    for _ in range(rng.choice([0, 0, 1, 3])):
        made.decided.append((rng.choice(ids), rng.choice(DECISIONS), shift + rng.randint(0, span)))
    made.decided = list({(d, t): (d, w, t) for d, w, t in made.decided}.values())
    if rng.random() < 0.2:
        made.kinds = {d: rng.choice(KINDS) for d in rng.sample(ids, rng.randint(1, len(ids)))} | {
            ids[0]: "vehicle"
        }
        made.through = rng.choice(KINDS)
    return made


def plain_of(stays: Any) -> list[tuple[Any, Any, int, int]]:
    """Return stays as the oracle takes them."""
    rows = stays.to_arrow().to_pylist()
    return [
        (r["device"], r["cell"], *(int(r[k].timestamp()) for k in ("started_at", "finished_at")))
        for r in rows
    ]


def contacts_of(rows: list[tuple[Any, Any, int, int, str]]) -> Any:
    """Return contacts as cotrace takes them."""
    names = ("a", "b", "started_at", "finished_at", "source")
    return cotrace.read_contacts({n: [r[k] for r in rows] for k, n in enumerate(names)}, unit="s")
