"""What every option does to how right the answer is."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from cotrace.accuracy.evaluate import evaluate
from cotrace.companions.find import find_companions
from cotrace.errors import CotraceWarning, OptionError
from cotrace.exposure.around import head
from cotrace.meter import Progress, reporter
from cotrace.options import CompanionRule, PingPong, StayOptions
from cotrace.schema_accuracy import SWEEP
from cotrace.shown import Shown
from cotrace.stays.find import find_stays
from cotrace.stays.locate import fitting_grid, located_by
from cotrace.tables import HandsOn, Stays, StaysStore, Table, not_taken

if TYPE_CHECKING:
    from cotrace.grid import Grid
    from cotrace.io.pings import Pings

__all__ = ["Sweep", "sweep"]

Truth = Any | Callable[[CompanionRule, StayOptions], Any]

_OF_RULE = tuple(f.name for f in fields(CompanionRule) if f.name != "lag")
_OF_STAYS = tuple(f.name for f in fields(StayOptions))
_OF_GRID = ("cell_m", "origin")
_SOURCE = "source"


def sweep(
    pings: Pings | Stays | StaysStore | Mapping[str, Any],
    cases: Any,
    truth: Truth,
    *,
    over: Mapping[str, Sequence[Any]],
    as_of: Any = None,
    rule: CompanionRule = CompanionRule(),
    options: StayOptions = StayOptions(),
    cross: bool = False,
    replicates: int = 200,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Find companions under many readings, and hold each to the truth.

    Parameters
    ----------
    pings : Pings, Stays, Store, or a mapping of names to them
        From :func:`cotrace.read_pings`. With a mapping (for instance a generation of the network to its pings) the
        source is one more option, ``"source"``; the first is the one that the others are compared with. Of Stays
        and of a store only options of the rule can be varied.
    cases, as_of
        As in :func:`cotrace.find_companions`.
    truth : table, or callable
        As in :func:`cotrace.evaluate`; or a function of the rule and the stay options (grid and fill filled in) that
        gives it, where what is true hangs on them.
    over : mapping of option to values
        Any field of :class:`cotrace.CompanionRule` (but ``lag``) and :class:`cotrace.StayOptions`, and of the grid
        ``"cell_m"`` and ``"origin"`` (a pair of metres: shifted grids). ``"smooth"`` takes durations too.
    rule, options
        Run 0, which the others vary.
    cross : bool
        All combinations of the values, instead of one option at a time beside run 0.
    replicates, seed
        Of the bootstrap intervals, as in :func:`cotrace.evaluate`.
    threads : int, optional
        How many to use; the result does not depend on it.
    progress : callable or "bar", optional
        Called with the runs done and the runs there are; as in :func:`cotrace.find_stays`.

    Returns
    -------
    Sweep
        ``table`` has one row a run (:ref:`data-model-sweep`); ``plot()`` draws it.

    Raises
    ------
    OptionError
        When an option is unknown (the message lists those there are) or has no values, or values contradict the rest.

    Notes
    -----
    Stays are made once for each source and stay options, and held one at a time. What a run warns of is not given out
    but named in its row.

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": [1, 1, 2, 2, 3, 3], "time": [0, 3600, 0, 3600, 0, 300], "x": [1.0] * 6, "y": [1.0] * 6}, unit="s"
    ... )
    >>> found = cotrace.sweep(
    ...     pings, [1], [(1, 2)], as_of="1970-01-02T00:00:00+00:00",
    ...     rule=cotrace.CompanionRule(min_cumulative=None), over={"min_shared": ["10min", "1min"]},
    ... )
    >>> found.table["choice"].to_pylist(), found.table["precision"].to_pylist()
    (['', '10min', '1min'], [1.0, 1.0, 0.5])
    """
    told = reporter(progress, "runs")
    sources = dict(pings) if isinstance(pings, Mapping) else {"": pings}
    runs = _runs(sources, over, rule, options, cross)
    of_key: dict[Any, list[_Run]] = {}
    for run in runs:
        of_key.setdefault(run.key, []).append(run)
    rows: dict[int, dict[str, Any]] = {}
    held: tuple[Any, Any] = (None, None)
    for same in sorted(of_key.values(), key=lambda r: (list(sources).index(r[0].source), r[0].key[1:])):
        run, made = same[0], (same[0].source, same[0].options)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", CotraceWarning)
            if held[0] != made:
                held = (made, None)  # what was held goes before the next is made
                held = (made, _stays(sources[run.source], run.options, threads))
            stays = held[1]
            assert stays is not None
            found = find_companions(stays, cases, as_of=as_of, rule=run.rule, threads=threads)
            made_with = head(stays, "sweep").options
            true = truth(run.rule, made_with) if callable(truth) else truth
            row = evaluate(found, true, replicates=replicates, seed=seed).as_dict()
        row |= {"reading": f"{run.rule.describe()}. {made_with.describe()}", "warned": _kinds(said)}
        for each in same:
            rows[each.number] = {**row, **each.columns()}
        if told is not None:
            told(len(rows), len(runs))
    return Sweep([rows[number] for number in sorted(rows)], replicates)


def _kinds(said: list[warnings.WarningMessage]) -> str | None:
    kinds = {w.message.kind for w in said if isinstance(w.message, CotraceWarning)}
    return "+".join(sorted(kinds)) or None


@dataclass(frozen=True)
class _Run:
    number: int
    source: str
    rule: CompanionRule
    options: StayOptions
    varied: str
    choice: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Runs with one key have one answer."""
        return self.source, repr(self.options), repr(self.rule)

    def columns(self) -> dict[str, Any]:
        return {
            "run": self.number,
            "varied": self.varied,
            "choice": self.choice,
            "source": self.source or None,
        }


class Sweep(HandsOn, Shown):
    """How right the answer is under many readings; made by :func:`cotrace.sweep`.

    Attributes
    ----------
    table : Table
        One row a run; run 0 is that of ``rule`` and ``options``. Columns: :ref:`data-model-sweep`.
    """

    def __init__(self, rows: list[dict[str, Any]], replicates: int) -> None:
        import pyarrow as pa

        arrow = SWEEP.arrow()
        columns = {
            name: pa.array([row[name] for row in rows], arrow.field(name).type) for name in SWEEP.names
        }
        note = (
            "Each reading held to a truth that somebody gave: of candidates from co-location. Intervals from "
            f"{replicates:,} bootstrap samples of the cases, 95%"
        )
        self.table = Table.from_columns(SWEEP, columns, note)

    @property
    def _main(self) -> Table:
        return self.table

    def __len__(self) -> int:
        return len(self.table)

    def __repr__(self) -> str:
        lines = [f"Sweep: {len(self):,} runs"]
        for row in self.table.to_arrow().to_pylist():
            shares = ", ".join(
                f"{n} {'-' if row[n] is None else format(row[n], '.3f')}" for n in ("precision", "recall")
            )
            lines.append(f"  {row['varied']}={row['choice']}: {shares}, {row['listed']:,} listed")
        return "\n".join([*lines, self.table.note])


def _has_stays(source: Any) -> bool:
    return isinstance(source, Stays) or hasattr(source, "read_stays")


def _stays(source: Any, options: StayOptions, threads: int | None) -> Any:
    if _has_stays(source):
        return source
    if not hasattr(source, "scan"):
        raise not_taken(source, "Pings or Stays", "read it with cotrace.read_pings()")
    return find_stays(source, options=options, threads=threads)


def _runs(
    sources: dict[str, Any],
    over: Mapping[str, Sequence[Any]],
    rule: CompanionRule,
    options: StayOptions,
    cross: bool,
) -> list[_Run]:
    """Return run 0 and the runs that vary it."""
    first = next(iter(sources), None)
    if first is None:
        raise OptionError("pings is a mapping without a source")
    if len(sources) > 1 and _SOURCE not in over:
        over = {_SOURCE: list(sources), **over}
    _check(over, sources)
    # where the grid is varied it stands in run 0 too: equal grids have one key
    gridded = any(name in over for name in _OF_GRID)
    runs = []
    for number, chosen in enumerate(_choices(over, cross)):
        source = chosen.get(_SOURCE, first)
        mine = replace(rule, **{n: v for n, v in chosen.items() if n in _OF_RULE})
        theirs = _chosen(options, chosen, sources[source] if gridded else None)
        varied = ", ".join(chosen) or "none"
        runs.append(_Run(number, source, mine, theirs, varied, ", ".join(map(_text, chosen.values()))))
    return runs


def _choices(over: Mapping[str, Sequence[Any]], cross: bool) -> Iterator[dict[str, Any]]:
    yield {}
    if cross:
        yield from (dict(zip(over, values, strict=True)) for values in itertools.product(*over.values()))
    else:
        yield from ({name: value} for name, values in over.items() for value in values)


def _check(over: Mapping[str, Sequence[Any]], sources: dict[str, Any]) -> None:
    known = (_SOURCE, *_OF_RULE, *_OF_STAYS, *_OF_GRID)
    for name, values in over.items():
        if name not in known:
            raise OptionError(f"over has {name!r}, which is no option; there are {', '.join(known)}")
        if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
            raise OptionError(f"over[{name!r}]={values!r}: give a list of the values to try")
        if name == _SOURCE and (unknown := [v for v in values if v not in sources]):
            raise OptionError(
                f"over['source'] has {unknown[0]!r}; the pings given are {', '.join(map(repr, sources))}"
            )
        if name in (*_OF_STAYS, *_OF_GRID) and any(map(_has_stays, sources.values())):
            raise OptionError(
                f"{name!r} is an option of how stays are made: give pings instead of stays to vary it"
            )


def _chosen(options: StayOptions, chosen: dict[str, Any], source: Any) -> StayOptions:
    """Return stay options with what was chosen for this run; the grid filled in where a source is given."""
    of_stays = {n: v for n, v in chosen.items() if n in _OF_STAYS}
    smooth = of_stays.get("smooth")
    if smooth is not None and not isinstance(smooth, PingPong):
        of_stays["smooth"] = PingPong(smooth)
    options = replace(options, **of_stays)
    if source is None:
        return options
    of_grid = {n: v for n, v in chosen.items() if n in _OF_GRID}
    return replace(options, grid=replace(grid_of(source, options), **of_grid))


def grid_of(pings: Any, options: StayOptions) -> Grid:
    """Return the grid of the cells of pings under these options.

    Raises
    ------
    OptionError
        Where towers are the cells.
    """
    if options.by == "tower":
        raise OptionError("towers are the cells here (by='tower'): there is no grid to change")
    grid = options.grid or fitting_grid(pings, towers=located_by(pings, options) == "tower")
    if grid is None:
        raise OptionError("these pings have no positions: there is no grid to change")
    return grid


def _text(value: Any) -> str:
    if isinstance(value, PingPong):
        value = value.within
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(_text, value)) + ")"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
