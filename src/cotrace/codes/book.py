"""The book of codes: an append-only table of events, and what holds is their fold."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cotrace.codes import machine
from cotrace.codes.fold import Change, Event, Held, _due, fold, future
from cotrace.codes.journal import Journal
from cotrace.codes.rules import CodeRules
from cotrace.codes.told import _moment, contradictions, device_kind, read_told
from cotrace.errors import CodeError, CotraceTypeError
from cotrace.schema_codes import CODE_CHANGES, CODE_EVENTS, CODES
from cotrace.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Applied", "Book", "Code", "Standing"]

_NOTE = "Candidates from co-location; decisions are people's"


class Code(NamedTuple):
    """A device's code at an instant.

    ``colour`` is ``green``, ``yellow``, ``red`` or ``unknown``, and unknown is not green. ``since`` and ``until`` are
    unix seconds; ``until`` is when the code changes though nothing is told, None: it does not.
    """

    colour: str
    reason: str
    since: int | None
    until: int | None

    @property
    def label(self) -> str:
        """The reason as a sentence."""
        return machine.LABELS.get(self.reason, self.reason)


class Standing(NamedTuple):
    """What holds for a device from an instant on, if nothing is told any more: its codes, one after the other."""

    device: Any
    steps: list[tuple[int, str, str]]


@dataclass(frozen=True)
class Applied:
    """What became of the rows of :meth:`Book.apply`."""

    new: int
    already: int

    def __repr__(self) -> str:
        return f"<Applied: {self.new:,} new events, {self.already:,} known already>"


class Book:
    """Codes of devices, kept as events. The state of a device is the fold of its events, in the order of time.

    The order in which the book is told does not matter, and what it is told twice counts once. No clock is read:
    :meth:`as_of` and :meth:`advance` say what time it is.

    Parameters
    ----------
    rules : CodeRules
        What proposals ask for, and what releases: one of ``cotrace.codes.RULES``, or your own.
    path : str or Path, optional
        A file to keep the events in: every call of :meth:`apply` is on the disk before it returns. A file that is
        there is read; it has to be of the same rules. Without it the book is in memory alone.

    Raises
    ------
    OptionError
        When the file is of other rules.
    BookDamagedError
        When it is not what was written.

    Examples
    --------
    >>> from cotrace import codes
    >>> book = codes.Book(codes.chengdu_2021)
    >>> proposed = {"device": ["B"], "event": ["companion"], "at": ["2021-11-03T00:00:00+08:00"]}
    >>> book.apply(proposed)
    <Applied: 1 new events, 0 known already>
    >>> book.code("B", "2021-11-03T12:00:00+08:00").colour
    'yellow'
    >>> book.code("C", "2021-11-03T12:00:00+08:00").colour
    'unknown'
    """

    def __init__(self, rules: CodeRules, path: str | Path | None = None) -> None:
        if not isinstance(rules, CodeRules):
            raise CotraceTypeError(
                f"rules= is a {type(rules).__name__}: take one of cotrace.codes.RULES, or make a CodeRules(...)"
            )
        self.rules = rules
        self._events: dict[Any, list[Event]] = {}
        self._seq: dict[tuple[Any, Event], int] = {}
        self._now: int | None = None
        self._journal = None if path is None else Journal(Path(path), rules.as_dict())
        for line in () if self._journal is None else self._journal.lines:
            self._replay(line)

    def __repr__(self) -> str:
        events, devices = len(self._seq), len(self._events)
        return f"<Book: {devices:,} devices, {events:,} events; {self.rules.describe()}. {_NOTE}>"

    def __len__(self) -> int:
        return len(self._seq)

    @property
    def now(self) -> int | None:
        """The instant that the book was last brought to by :meth:`advance`, in unix seconds."""
        return self._now

    def close(self) -> None:
        """Close the file; another process can write to it then."""
        if self._journal is not None:
            self._journal.close()

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- telling

    def apply(
        self, proposals: Any = None, *, tests: Any = None, adjudications: Any = None, events: Any = None
    ) -> Applied:
        """Take in proposals, tests and decisions: all of them, or none when one of them cannot be.

        Parameters
        ----------
        proposals : table, optional
            What :func:`propose` gives: ``device, event, at``, and where wanted ``exposed_until, evidence``.
        tests : table, optional
            ``device, result, at``, and where wanted ``evidence``: ``negative`` or ``positive``; ``at`` is when the
            sample was taken.
        adjudications : table, optional
            People's decisions: ``device, decision, at, by``, and where wanted ``reason, evidence``.
        events : table, optional
            Any of these under the name ``event``, such as :attr:`events` of another book.

        Returns
        -------
        Applied
            How many events were new, and how many were known already: those change nothing.

        Raises
        ------
        CodeError
            For an event that is none, a decision of nobody, and two decisions of one device in one second that differ.
        SchemaError
            When a column is missing.
        """
        new: dict[tuple[Any, Event], None] = {}
        rows = 0
        given = {
            "proposals": proposals,
            "tests": tests,
            "adjudications": adjudications,
            "events": events,
        }
        for what, frame in given.items():
            if frame is None:
                continue
            for told in read_told(frame, what):
                rows += 1
                if told not in self._seq:
                    new[told] = None
        self._check(new)
        if new and self._journal is not None:
            self._journal.append({"events": [[device, *event] for device, event in new]})
        self._add(new)
        return Applied(len(new), rows - len(new))

    def _check(self, new: Iterable[tuple[Any, Event]]) -> None:
        decided: dict[Any, list[Event]] = {}
        kinds = {isinstance(device, str) for device, _ in zip(self._events, range(1), strict=False)}
        for device, event in new:
            kinds.add(isinstance(device, str))
            if event.event in machine.DECISIONS:
                decided.setdefault(device, []).append(event)
        if len(kinds) > 1:
            raise CodeError(
                "ids of devices are integers and strings in one book: give them all as one of these"
            )
        wrong = sum(contradictions([*self._events.get(d, ()), *e]) for d, e in decided.items())
        if wrong:
            raise CodeError(
                f"{wrong:,} devices have two decisions of one second that differ: keep the one that is meant"
            )

    def _add(self, new: Iterable[tuple[Any, Event]]) -> None:
        for device, event in new:
            if (device, event) not in self._seq:
                self._seq[device, event] = len(self._seq) + 1
                insort(self._events.setdefault(device, []), event)

    def _replay(self, line: dict[str, Any]) -> None:
        if "advance" in line:
            self._now = int(line["advance"])
        self._add((row[0], Event(*row[1:])) for row in line.get("events", ()))

    def advance(self, to: Any) -> Table:
        """Bring the book to an instant, and tell what changed since the last time.

        Parameters
        ----------
        to : instant
            Not before :attr:`now`.

        Returns
        -------
        Table
            The changes after :attr:`now` and up to ``to``, those by time alone too. Columns:
            :ref:`data-model-code_changes`.

        Raises
        ------
        CodeError
            When ``to`` is before :attr:`now`.
        """
        end = _moment(to, "advance", "to", 0)
        start = self._now
        if start is not None and end < start:
            raise CodeError("advance(to=) goes back in time: ask as_of() for what held then")
        found = [
            (device, change)
            for device in sorted(self._events)
            for change in fold(self.rules, self._events[device], end)[1]
            if (start is None or change.at > start) and change.effect == "changed"
        ]
        if self._journal is not None:
            self._journal.append({"advance": end})
        self._now = end
        return self._changes(found)

    # ---- asking

    def code(self, device: Any, at: Any) -> Code:
        """Return the code of one device at an instant; ``unknown`` for one that the book does not know."""
        end = _moment(at, "code", "at", 0)
        held, _ = fold(self.rules, self._events.get(device, ()), end)
        steps = _steps(self.rules, held, end)
        since, colour, reason = steps[0]
        until = steps[1][0] if len(steps) > 1 else None
        return Code(colour, reason, None if colour == "unknown" else since, until)

    def as_of(self, at: Any, *, known: int | None = None) -> Table:
        """Return what holds for every device at an instant.

        Parameters
        ----------
        at : instant
            Events of this second count, and terms that end with it have passed.
        known : int, optional
            Only the first so many events: what the book would have said before it was told the others.

        Returns
        -------
        Table
            One row a device that the book was told of. Columns: :ref:`data-model-codes`.
        """
        end = _moment(at, "as_of", "at", 0)
        rows = []
        for device, events in self._known(known):
            held, _ = fold(self.rules, events, end)
            due = _due(self.rules, held)
            waiting = held.waiting[-1].event if held.waiting else ""
            row = [device, held.code, held.reason, machine.LABELS[held.reason], held.state, held.evidence]
            steps = _steps(self.rules, held, end)
            until = steps[1][0] if len(steps) > 1 else None
            rows.append([*row, steps[0][0] if held.code != "unknown" else None, until])
            rows[-1] += [None if due is None else due[0], waiting]
        return self._table(CODES, rows)

    def history(self, device: Any, *, known: int | None = None) -> Table:
        """Return every event of a device and every term that passed before the last of them, and what each changed.

        Columns: :ref:`data-model-code_changes`. Terms that passed after its last event are there up to :attr:`now`.
        """
        events = next((e for d, e in self._known(known) if d == device), [])
        last = max([e.at for e in events[-1:]] + ([self._now] if self._now is not None else []), default=0)
        return self._changes([(device, c) for c in fold(self.rules, events, last)[1]])

    @property
    def events(self) -> Table:
        """Every event, in the order in which the book was told. Columns: :ref:`data-model-code_events`."""
        rows = [
            [seq, device, e.at, e.event, e.exposed, e.evidence, e.reason, e.by]
            for (device, e), seq in self._seq.items()
        ]
        return self._table(CODE_EVENTS, rows)

    def standings(self, at: Any) -> Iterator[Standing]:
        """Yield, for every device, its code at an instant and those that follow by time alone; for a snapshot."""
        end = _moment(at, "standings", "at", 0)
        for device, events in self._known(None):
            held, _ = fold(self.rules, events, end)
            if held.code != "unknown":
                yield Standing(device, _steps(self.rules, held, end))

    # ---- inside

    def _known(self, known: int | None) -> Iterator[tuple[Any, list[Event]]]:
        for device in sorted(self._events):
            events = self._events[device]
            if known is not None:
                events = [e for e in events if self._seq[device, e] <= known]
            if events:
                yield device, events

    def _changes(self, found: list[tuple[Any, Change]]) -> Table:
        rows = [
            [
                device,
                *(c.at, c.event, c.effect, c.before, c.code, c.from_state, c.state),
                *(c.reason, c.evidence, c.note, c.by),
                None if c.of is None else self._seq[device, c.of],
            ]
            for device, c in found
        ]
        return self._table(CODE_CHANGES, rows)

    def _table(self, schema: Any, rows: list[list[Any]]) -> Table:
        import pyarrow as pa

        kind = self._kind()
        columns: Iterable[Any] = zip(*rows, strict=True) if rows else ([] for _ in schema.columns)
        arrow = schema.arrow(device=kind, tz=self.rules.tz)
        arrays = [
            _instants(values, f.type) if pa.types.is_timestamp(f.type) else pa.array(values, f.type)
            for values, f in zip((list(c) for c in columns), arrow, strict=True)
        ]
        note = f"{_NOTE}. Rules: {self.rules.describe()}"
        return Table.from_columns(
            schema, dict(zip(schema.names, arrays, strict=True)), note, device=kind, tz=self.rules.tz
        )

    def _kind(self) -> pa.DataType:
        return device_kind(self._events)


def _instants(values: list[int | None], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if v is None else v * 1_000_000 for v in values], pa.int64()).cast(kind)


def _steps(rules: CodeRules, held: Held, at: int) -> list[tuple[int, str, str]]:
    """Return the codes from an instant on as (since, colour, reason); ``held`` is used up."""
    steps = [(held.since if held.since is not None else at, held.code, held.reason)]
    for change in future(rules, held):
        if (change.code, change.reason) != steps[-1][1:]:
            steps.append((change.at, change.code, change.reason))
    return steps
