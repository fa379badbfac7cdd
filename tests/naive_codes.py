"""The oracle of codes: one device's events, one after the other, in plain Python; imports nothing of cotrace."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations, pairwise
from typing import Any
from zoneinfo import ZoneInfo

COLOCATION = ("companion", "contact_candidate", "contact_of_contact", "general_risk")
ZONES = ("precaution", "control", "lockdown")
ORDER = (
    "enrolled",
    "lifted",
    "precaution",
    "control",
    "lockdown",
    "general_risk",
    "contact_of_contact",
    "contact_candidate",
    "companion",
    "negative",
    "positive",
    "unclear",
    "excluded",
    "approved",
    "released",
    "confirmed",
    "isolated",
    "isolated_centrally",
    "case",
)
WAITING_FOR_TESTS = ("held", "testing", "day_pass", "overdue")
CANDIDATE = (*WAITING_FOR_TESTS, "approval", "monitoring", "isolation_due")


def local(at: int, tz: str) -> datetime:
    return datetime.fromtimestamp(at, ZoneInfo(tz))


class Person:
    """One device: what holds, and the log of what changed."""

    def __init__(self, rules: dict[str, Any]) -> None:
        self.rules = rules
        self.colours = dict(rules["proposes"])
        self.state, self.colour, self.reason, self.since = "unknown", "unknown", "", None
        self.hold_start = self.state_start = 0
        self.cause = ""
        self.tests: list[int] = []
        self.seen: dict[str, int] = {}
        self.zones: dict[str, str] = {}
        self.not_in: list[str] = []
        self.waiting: list[tuple[int, str, str]] = []

    def become(self, at: int, state: str, colour: str, reason: str) -> None:
        if state == "held" or (colour, reason) != (self.colour, self.reason):
            self.since = at
        self.state, self.colour, self.reason, self.state_start = state, colour, reason, at

    def hold(self, at: int, cause: str) -> None:
        self.cause, self.hold_start, self.tests = cause, at, []
        self.become(at, "held", "yellow", cause)

    def zone(self, at: int) -> None:
        self.become(at, "zone", "yellow", max(self.zones.values(), key=ZONES.index))

    def free(self, at: int, reason: str) -> None:
        if self.zones:
            self.zone(at)
        else:
            self.become(at, "clear", "green", reason)

    # time

    def due(self) -> tuple[int, str] | None:
        r = self.rules
        if self.state == "day_pass":
            day = local(self.tests[0], r["tz"]).date() + timedelta(days=1)
            return int(
                datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(r["tz"])).timestamp()
            ), "next_day"
        if self.state in ("held", "testing") and r["negatives"] and r["within"] is not None:
            return max(self.hold_start + r["within"], self.state_start), "overdue"
        if self.state == "overdue" and r["late_within"] is not None:
            return max(self.hold_start + r["late_within"], self.state_start), "isolate"
        if self.state == "monitoring":
            return max(self.hold_start + r["monitoring"], self.state_start), "monitored"
        if self.state in ("home_isolation", "central_isolation") and r["isolation"] is not None:
            return self.state_start + r["isolation"], "isolated"
        return None

    def pass_time(self, end: int) -> None:
        """Let every term pass that ends before ``end``."""
        while (due := self.due()) is not None and due[0] < end:
            at, what = due
            if what == "next_day":
                self.become(at, "testing", "yellow", self.cause)
            elif what == "overdue":
                self.become(at, "overdue", "yellow", self.cause)
            elif what == "isolate":
                self.become(at, "isolation_due", "yellow", self.cause)
            elif what == "monitored":
                self.free(at, "tested")
            elif self.rules["isolation_negative"]:
                self.become(at, "isolation_over", self.colour, "isolation_over")
            else:
                self.free(at, "isolation_over")

    # events

    def proposal(self, at: int, event: str, exposed: int, evidence: str) -> None:
        wanted = self.colours.get(event)
        if event in COLOCATION:
            if event in self.seen and exposed <= self.seen[event]:
                return
            if wanted is not None:
                self.seen[event] = max(exposed, self.seen.get(event, exposed))
        elif (
            evidence in self.zones
            or evidence in self.not_in
            or any(w[1:] == (event, evidence) for w in self.waiting)
        ):
            return
        if wanted is None:
            return
        if event in self.rules["decided"]:
            self.waiting.append((at, event, evidence))
            return
        if event in COLOCATION:
            if self.state in ("unknown", "clear", "zone", *CANDIDATE):
                self.hold(at, event)
            return
        self.zones[evidence] = event
        if self.state in ("unknown", "clear", "monitoring", "zone"):
            self.zone(at)
        elif self.state == "day_pass":
            self.become(at, "testing", "yellow", self.cause)

    def enough(self) -> bool:
        r, last = self.rules, self.tests[-1]
        if not r["negatives"]:
            return False
        if r["days"]:
            days = {local(t, r["tz"]).date().toordinal() for t in self.tests}
            today = local(last, r["tz"]).date().toordinal()
            return all(today - r["days"][-1] + day in days for day in r["days"])
        span = r["within"]
        if self.state == "overdue" and r["late_within"] is not None:
            span = r["late_within"]
        for chosen in combinations(self.tests[:-1], r["negatives"] - 1):
            times = [*chosen, last]
            apart = all(b - a >= max(r["apart"], 1) for a, b in pairwise(times))
            if apart and (span is None or last - times[0] <= span):
                return True
        return False

    def negative(self, at: int) -> None:
        if self.state == "isolation_over":
            self.free(at, "isolation_over")
        if self.state not in WAITING_FOR_TESTS:
            return
        self.tests.append(at)
        if self.enough():
            if self.rules["then"] == "approval":
                self.become(at, "approval", "yellow", self.cause)
            elif self.rules["then"] == "monitoring" and not self.zones:
                self.become(at, "monitoring", self.rules["monitoring_code"], "monitoring")
            else:
                self.free(at, "tested")
        elif self.state == "held" and self.rules["negatives"]:
            if self.rules["day_pass"] and len(self.tests) == 1 and not self.zones:
                self.become(at, "day_pass", "green", "first_negative")
            else:
                self.become(at, "testing", "yellow", self.cause)

    def positive(self, at: int) -> None:
        if self.state == "case":
            return
        if self.rules["positive"] == "red":
            self.become(at, "case", "red", "case")
        elif self.state != "review":
            self.become(at, "review", "red" if self.colour == "red" else "yellow", "positive")

    def confirmed(self, at: int) -> None:
        if self.state == "case":
            return
        waiting, wanted = self.waiting, [self.colours[w[1]] for w in self.waiting]
        if self.state == "review":
            self.waiting = []
            self.become(at, "case", "red", "case")
        elif "red" in wanted:
            self.waiting = []
            self.become(at, "restricted", "red", "confirmed")
        elif waiting and self.state in ("unknown", "clear", "zone", *CANDIDATE):
            self.waiting = []
            newest = max(waiting, key=lambda w: (w[0], ORDER.index(w[1])))
            if newest[1] in ZONES:
                self.zones[newest[2]] = newest[1]
                self.zone(at)
            else:
                self.hold(at, newest[1])

    def decision(self, at: int, event: str) -> None:
        zones_waiting = [w[2] for w in self.waiting if w[1] in ZONES]
        if event == "excluded" and self.state != "case":
            self.not_in += zones_waiting
            self.waiting = []
            if self.state == "zone":
                self.not_in += list(self.zones)
                self.zones = {}
                self.become(at, "clear", "green", "excluded")
            elif self.state not in ("unknown", "clear"):
                self.free(at, "isolation_over" if self.state == "isolation_over" else "excluded")
        elif event == "released" and self.state not in ("unknown", "clear"):
            self.not_in += [*zones_waiting, *self.zones]
            self.zones, self.waiting = {}, []
            self.become(
                at, "clear", "green", "isolation_over" if self.state == "isolation_over" else "released"
            )
        elif event == "approved" and self.state == "approval":
            self.free(at, "approved")
        elif event in ("isolated", "isolated_centrally", "case") and self.state != "case":
            self.waiting = []
            state, colour = {
                "isolated": ("home_isolation", self.rules["home"]),
                "isolated_centrally": ("central_isolation", self.rules["central"]),
                "case": ("case", "red"),
            }[event]
            self.become(at, state, colour, event)

    def lifted(self, at: int, evidence: str) -> None:
        gone = [z for z in self.zones if evidence in ("", z)]
        for zone in gone:
            del self.zones[zone]
        self.waiting = [w for w in self.waiting if w[1] not in ZONES or evidence not in ("", w[2])]
        if self.state == "zone":
            self.free(at, "lifted")

    def take(self, at: int, event: str, exposed: int, evidence: str) -> None:
        if event == "enrolled":
            if self.state == "unknown":
                self.become(at, "clear", "green", "enrolled")
        elif event == "lifted":
            self.lifted(at, evidence)
        elif event in COLOCATION or event in ZONES:
            self.proposal(at, event, exposed, evidence)
        elif event == "negative":
            self.negative(at)
        elif event == "positive":
            self.positive(at)
        elif event == "confirmed":
            self.confirmed(at)
        else:
            self.decision(at, event)


def holds(rules: dict[str, Any], events: list[tuple[int, str, int, str]], at: int) -> tuple[Any, ...]:
    """Return (colour, reason, state, since, what waits) of a device; events are (at, event, exposed, evidence)."""
    person = Person(rules)
    for event in sorted(set(events), key=lambda e: (e[0], ORDER.index(e[1]), e[2], e[3])):
        if event[0] > at:
            break
        person.pass_time(event[0])
        person.take(*event)
    person.pass_time(at + 1)
    return person.colour, person.reason, person.state, person.since, sorted(w[1] for w in person.waiting)
