"""Rule sets: what a proposal asks for, which tests release, and what a person has to decide."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cotrace.durations import Duration, seconds, spaced
from cotrace.errors import OptionError

__all__ = ["COLOCATION", "PROPOSALS", "ZONES", "CodeRules"]

#: proposals that come from co-location: never red without a person's decision
COLOCATION = ("companion", "contact_candidate", "contact_of_contact", "general_risk")
#: proposals that come from zones: those at home in one
ZONES = ("lockdown", "control", "precaution")
PROPOSALS = (*COLOCATION, *ZONES)
_YELLOW_COLOCATION = tuple((cause, "yellow") for cause in ("companion", "contact_candidate"))


@dataclass(frozen=True, kw_only=True)
class CodeRules:
    """When a code is yellow or red, and what releases it.

    Parameters
    ----------
    id : str
        Name of the rule set; a book is kept under it.
    proposes : tuple of (str, str)
        The colour that each kind of proposal asks for: ``yellow`` or ``red``. A kind that is not here changes nothing.
    decided : tuple of str
        Kinds of proposals that wait for a person's decision. Whatever asks for red has to be among them.
    positive : str
        What a positive test does: ``"decision"`` (default: yellow, until a person has decided) or ``"red"``.
    negatives : int
        Negative tests that release; 0: tests alone release nobody.
    apart : str or timedelta
        At least so long between one of them and the next.
    within : str or timedelta, optional
        They are at most so far apart, and are due so long after the code turned yellow; None: at any time.
    days : tuple of int
        Days on which they have to be, day 1 being that of the first; empty: any days.
    late_within : str or timedelta, optional
        When they were not done in time: they still release until so long after the code turned yellow. After that,
        only isolation does. None: they release at any later time.
    then : str
        What follows the tests: ``"green"``, ``"approval"`` (a person approves) or ``"monitoring"``.
    monitoring : str or timedelta
        Self-monitoring ends so long after the code turned yellow.
    monitoring_code : str
        The code while it lasts: ``"green"`` or ``"yellow"``.
    day_pass : bool
        Green after the first negative test, yellow again when the next day begins.
    isolation : str or timedelta, optional
        How long isolation lasts; None: until a person ends it.
    isolation_negative : bool
        Whether a negative test is asked for after it.
    home, central : str
        The code of those isolated at home, or centrally.
    tz : str
        Whose days are meant.
    source, date, note : str
        Where it is from, and what was left open there.

    Raises
    ------
    OptionError
        For rules that contradict themselves, and for every rule by which a proposal turns a code red without a
        person's decision.
    """

    id: str = "custom"
    proposes: tuple[tuple[str, str], ...] = _YELLOW_COLOCATION
    decided: tuple[str, ...] = ()
    positive: str = "decision"
    negatives: int = 2
    apart: Duration = "24h"
    within: Duration | None = "3d"
    days: tuple[int, ...] = ()
    late_within: Duration | None = None
    then: str = "green"
    monitoring: Duration = "14d"
    monitoring_code: str = "green"
    day_pass: bool = False
    isolation: Duration | None = "14d"
    isolation_negative: bool = True
    home: str = "yellow"
    central: str = "red"
    tz: str = "Asia/Shanghai"
    source: str = ""
    date: str = ""
    note: str = ""
    #: seconds of the durations, worked out once
    s: dict[str, int | None] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("apart", "within", "late_within", "monitoring", "isolation"):
            value = getattr(self, name)
            self.s[name] = None if value is None else seconds(value, name)
        self._check_words()
        self._check_tests()
        for cause, colour in self.proposes:
            if colour == "red" and cause not in self.decided:
                raise OptionError(
                    f"proposes= turns {cause} red without a person's decision: add {cause!r} to decided="
                )

    def _check_words(self) -> None:
        causes = [cause for cause, _ in self.proposes]
        for cause in (*causes, *self.decided):
            if cause not in PROPOSALS:
                raise OptionError(f"{cause!r} is no kind of proposal: there are {', '.join(PROPOSALS)}")
        if len(set(causes)) < len(causes):
            raise OptionError("proposes= has one kind of proposal twice: keep the colour that is meant")
        allowed = {
            "positive": ("decision", "red"),
            "then": ("green", "approval", "monitoring"),
            "monitoring_code": ("green", "yellow"),
            "home": ("yellow", "red"),
            "central": ("yellow", "red"),
        }
        for name, words in allowed.items():
            if getattr(self, name) not in words:
                raise OptionError(f"{name}={getattr(self, name)!r} is none of {', '.join(words)}")
        for cause, colour in self.proposes:
            if colour not in ("yellow", "red"):
                raise OptionError(f"proposes= asks {colour!r} of {cause}: a proposal asks for yellow or red")
        try:
            ZoneInfo(self.tz)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise OptionError(f"tz={self.tz!r} is no time zone: write one such as 'Asia/Shanghai'") from None

    def _check_tests(self) -> None:
        if self.negatives < 0:
            raise OptionError(f"negatives={self.negatives} is less than none")
        if self.days and (
            len(self.days) != self.negatives or self.days[0] != 1 or list(self.days) != sorted({*self.days})
        ):
            raise OptionError(
                f"days={self.days}: give the {self.negatives} days in ascending order, the first being 1"
            )
        within, late, apart = self.s["within"], self.s["late_within"], self.s["apart"] or 0
        if late is not None and (within is None or late < within):
            raise OptionError("late_within= is a term after within=: it cannot be the shorter one")
        if within is not None and (self.negatives - 1) * apart > within:
            raise OptionError(
                f"{self.negatives} tests {spaced(self.apart)} apart do not fit into within={self.within!r}"
            )
        if self.day_pass and self.negatives < 2:
            raise OptionError("day_pass= needs two tests: the code is green after the first of them")

    def asks(self, cause: str) -> str | None:
        """Return the colour that a kind of proposal asks for; None: nothing."""
        return next((colour for kind, colour in self.proposes if kind == cause), None)

    def as_dict(self) -> dict[str, Any]:
        """Return what the rules are, for a file: durations in seconds."""
        made: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name not in ("s", "source", "date", "note"):
                made[f.name] = self.s.get(f.name, value)
        made["proposes"] = [list(pair) for pair in sorted(self.proposes)]
        made["decided"], made["days"] = sorted(self.decided), list(self.days)
        return made

    def describe(self) -> str:
        """Say in a sentence what the rules are."""
        asked = ", ".join(
            f"{cause} {colour}{' by decision' if cause in self.decided else ''}"
            for cause, colour in self.proposes
        )
        return f"{self.id}: {asked or 'no proposal changes a code'}; {self._release()}"

    def _release(self) -> str:
        if not self.negatives:
            return "tests alone release nobody"
        tests = f"{self.negatives} negative test{'s' * (self.negatives != 1)}"
        if self.s["apart"]:
            tests += f" at least {spaced(self.apart)} apart"
        if self.days:
            tests += f" on days {', '.join(map(str, self.days))}"
        if self.within is not None:
            tests += f" within {spaced(self.within)}"
        if self.late_within is not None:
            tests += f", else within {spaced(self.late_within)}, else by isolation"
        after = {
            "green": "",
            "approval": ", then approval",
            "monitoring": f", then self-monitoring until {spaced(self.monitoring)} have passed",
        }
        return f"released by {tests}{after[self.then]}{self._isolation()}"

    def _isolation(self) -> str:
        if self.isolation is None:
            return ""
        negative = " and a negative test" if self.isolation_negative else ""
        return f"; isolation ends after {spaced(self.isolation)}{negative}"
