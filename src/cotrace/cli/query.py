"""What the commands of the queries share: pings to stays, visits beside them, one answer, its tables and files."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cotrace.cli.params import _all, input_options, stay_options
from cotrace.cli.progress import Progress, warning_lines

if TYPE_CHECKING:
    from cotrace.io import Pings
    from cotrace.tables import Stays, StaysStore, Table

__all__ = ["as_ids", "case_options", "out_options", "query_options", "read_frame", "run_query"]

F = TypeVar("F", bound=Callable[..., Any])
Given = Mapping[str, Any]

_ENDINGS = (".csv", ".parquet", ".arrow", ".gz")

visit_options: Callable[[F], F] = _all(
    click.option(
        "--visits",
        metavar="FILE",
        help="Presence from elsewhere: device, place, started_at, finished_at[, source].",
    ),
    click.option("--places", metavar="FILE", help="Where the places of visits are: place, lon, lat."),
    click.option("--device-table", metavar="FILE", help="Whose devices are: device, person, kind."),
)
out_options: Callable[[F], F] = _all(
    click.option(
        "--out", metavar="FILE|DIR", help="Write a .parquet or .csv file, or a folder with all tables."
    ),
    click.option(
        "--format", "format_", type=click.Choice(["parquet", "csv"]), help="Format of the tables: parquet."
    ),
    click.option("--overwrite", is_flag=True, help="Replace FILE even where it is no earlier result."),
)
case_options: Callable[[F], F] = _all(
    click.option(
        "--cases", required=True, metavar="FILE", help="Cases, CSV or Parquet: device, as_of[, ...]."
    ),
    click.option("--as-of", metavar="TIME", help="End of the lookback of every case, with its offset."),
)


def query_options(*own: Callable[[F], F]) -> Callable[[F], F]:
    """Return the options of a query: the input's, its own, those of visits, of stays, and where to write."""
    return _all(input_options, *own, visit_options, stay_options, out_options)


def run_query(
    command: str,
    given: Given,
    ask: Callable[[Any, Any], Any],
    more: Callable[[Any, Path], list[str]] | None = None,
    *,
    from_pings: bool = False,
) -> None:
    """Make stays, or open the store that the input is; ask, print the answer and write its tables.

    Parameters
    ----------
    command : str
    given : mapping
        The options, by name.
    ask : callable
        Asks the library; called with the stays and the pings, or with the store and None.
    more : callable, optional
        Writes further files of the answer into a folder and returns their names.
    from_pings : bool
        Whether the pings alone are asked: then no stays are made, and visits have no part in it.
    """
    from cotrace.cli import build, output
    from cotrace.cli.apart import check_apart
    from cotrace.stays import find_stays

    started, out = time.perf_counter(), None if given["out"] is None else Path(given["out"])
    as_file = False
    if out is not None:
        check_apart(out, given)
        as_file = output.is_file(out, given["format_"])
        if as_file:
            output.check_file(out, overwrite=given["overwrite"])
        else:
            output.check_folder(out)
    progress, suffix = Progress(), given["format_"] or "parquet"
    with warning_lines(progress, "refused.parquet of 'cotrace stays --out DIR'") as warned:
        store = None if from_pings else build.open_store(given)
        made: tuple[Any, Any]
        if store is not None:
            answer = ask(_with_visits(store, given), None)
            made = (store.snapshot.options, store.snapshot.counts)
        else:
            pings = build.open_pings(given)
            options = build.stay_options(given, build.named_preset(given), pings)
            if from_pings:
                answer = _from_pings(ask, pings, given)
                made = (options, pings.counts)
            else:
                stays = find_stays(pings, options=options, threads=given["threads"], progress=progress)
                answer = ask(_with_visits(stays, given), pings)
                made = (stays.options, stays.counts)
    tables = _tables_of(answer, given)
    if out is not None:
        run = _run(command, given, made, tables, warned)
        if as_file:
            fill = partial(_file, table=next(iter(tables.values())), run=run)
            output.write_file(out, fill, overwrite=given["overwrite"])
        else:
            filling = partial(_folder, suffix=suffix, answer=answer, tables=tables, run=run, more=more)
            output.write_folder(out, filling)
    click.echo(str(next(iter(tables.values()))))
    if out is not None:
        click.echo(f"written to {out} ({time.perf_counter() - started:.1f} s)")


def _from_pings(ask: Callable[[Any, Any], Any], pings: Pings, given: Given) -> Any:
    from cotrace.errors import OptionError

    if given.get("visits") is not None:
        raise OptionError("--visits have no part here: this query works on pings alone")
    answer = ask(None, pings)
    len(getattr(answer, "evidence", ()))
    return answer


def _with_visits(stays: Stays | StaysStore, given: Given) -> Stays | StaysStore:
    if given.get("visits") is None:
        return stays
    from cotrace.exposure.elsewhere import read_visits
    from cotrace.exposure.presence import with_visits

    visits = read_visits(given["visits"], tz=given["tz"], unit=given["unit"])
    return with_visits(stays, visits, places=given["places"])


def _tables_of(answer: Any, given: Given) -> dict[str, Table]:
    """Return the tables of an answer by name, the answer's own first."""
    from cotrace.exposure.elsewhere import read_devices, with_persons
    from cotrace.tables import Table

    found = [answer] if isinstance(answer, Table) else []
    found += [value for value in vars(answer).values() if isinstance(value, Table)]
    tables = {table.schema.name: table for table in found}
    if given.get("device_table") is None:
        return tables
    known = read_devices(given["device_table"])
    return {name: with_persons(table, _of_type(known, table)) for name, table in tables.items()}


def _of_type(known: Table, table: Table) -> Table:
    """Return the device table with ids of a result's type: in CSV all ids are text."""
    from cotrace.exposure.world import as_ids_of
    from cotrace.tables import Table

    kinds = [table.to_arrow().schema.field(c.name).type for c in table.schema.columns if c.kind == "device"]
    rows = known.to_arrow()
    if not kinds or kinds[0] == rows["device"].type:
        return known
    ids = as_ids_of(rows["device"].combine_chunks(), kinds[0], "the device table's devices")
    columns = {"device": ids, **{name: rows[name].combine_chunks() for name in ("person", "kind")}}
    return Table.from_columns(known.schema, columns, known.note, device=kinds[0])


def _run(
    command: str, given: Given, made: tuple[Any, Any], tables: Mapping[str, Table], warned: Any
) -> dict[str, Any]:
    from cotrace.cli.record import CANDIDATES, _run

    run = {"what": CANDIDATES, **_run(command, given, *made, warned)}
    run["reads"] = next(iter(tables.values())).note
    run["rows"] = {name: len(table) for name, table in tables.items()}
    return run


def _file(file: Path, table: Table, run: Mapping[str, Any]) -> None:
    from cotrace.cli.output import write_table
    from cotrace.cli.record import CANDIDATES, _json

    rows = table.to_arrow()
    write_table(_flat(rows) if file.suffix == ".csv" else rows, file, {"what": CANDIDATES, "run": _json(run)})


def _flat(rows: Any) -> Any:
    """Return a table without lists, which CSV does not have: their values with blanks between them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for k, field in enumerate(rows.schema):
        if pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
            words = pc.binary_join(rows[field.name].cast(pa.list_(pa.string())), " ")
            rows = rows.set_column(k, field.name, words)
    return rows


def _folder(
    folder: Path,
    suffix: str,
    answer: Any,
    tables: Mapping[str, Table],
    run: dict[str, Any],
    more: Callable[[Any, Path], list[str]] | None,
) -> None:
    from cotrace.cli.record import _json

    files = [f"{name}.{suffix}" for name in tables]
    for file, table in zip(files, tables.values(), strict=True):
        _file(folder / file, table, run)
    run["files"] = sorted({*files, *(more(answer, folder) if more else [])})
    (folder / "run.json").write_text(_json(run) + "\n", encoding="utf-8")


def as_ids(text: str | None) -> Any:
    """Return ids from ``--devices``: separated by commas, or the column device of a file."""
    if text is None:
        return None
    if not text.lower().endswith(_ENDINGS):
        return [part.strip() for part in text.split(",") if part.strip()]
    from cotrace.exposure.given import GivenTable

    (ids,) = GivenTable(text, f"--devices {text}", None, ("device",)).ids("device")
    return [one for one in ids.to_pylist() if one is not None]


def read_frame(path: str | None) -> Any:
    """Return the text of a GeoJSON file, or a path to a table as it is."""
    if path is None or not re.search(r"\.(geo)?json$", path, re.IGNORECASE):
        return path
    from cotrace.errors import ReadError

    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ReadError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise ReadError(f"{path} is not text in UTF-8") from None
