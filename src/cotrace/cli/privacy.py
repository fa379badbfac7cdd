"""The commands of pseudonyms: a key, pseudonyms for the ids of a file, and the ids for the pseudonyms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cotrace.cli.keys import key_of, key_options
from cotrace.cli.params import _all

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.privacy.pseudonyms import Pseudonymiser
    from cotrace.schema import TableSchema

__all__ = ["COMMANDS"]

Given = Mapping[str, Any]

_options = _all(
    click.argument("path", metavar="PATH"),
    key_options("the key"),
    click.option("--domain", required=True, metavar="TEXT", help="What the pseudonyms are for, or were for."),
    click.option(
        "--columns",
        "columns_",  # the library's columns= is a mapping elsewhere, and its messages must not name this
        metavar="COLUMN[,...]",
        help="Columns with ids, where they have none of the usual names.",
    ),
    click.option(
        "--e164",
        metavar="CC",
        help="Ids are phone numbers, those without a country code of this country (CN).",
    ),
    click.option(
        "--digits", type=int, default=32, metavar="N", help="Hexadecimal digits of a pseudonym: 32."
    ),
    click.option("--out", required=True, metavar="FILE", help="A .parquet or .csv file."),
    click.option("--overwrite", is_flag=True, help="Replace FILE even where it is no earlier result."),
)


@click.command(name="new-key", short_help="Make a file with a new secret key.")
@click.argument("file", metavar="FILE")
def new_key(file: str) -> None:
    """Write 32 random bytes into FILE, which must not be there yet, for its owner alone.

    Keep it on another disk than the data: pseudonyms protect nothing from those who have the key.
    """
    from cotrace.keys import new_key_file

    click.echo(f"key {new_key_file(file).id} written to {file}: keep it on another disk than the data")


@click.command(short_help="Put pseudonyms in the place of a file's ids.")
@_options
def pseudonymise(**given: Any) -> None:
    """Put keyed pseudonyms in the place of the ids of pings, or of a table that cotrace wrote.

    PATH is a Parquet, CSV or Arrow file, a folder of them or a glob; it is read into memory as a whole. All other
    columns are kept as they are: positions and times still tell most people apart.
    """
    from cotrace.privacy.replacing import pseudonymise as put

    _rewrite("pseudonymise", given, lambda rows, by, columns: put(rows, by=by, columns=columns))


@click.command(short_help="Put the ids back in the place of pseudonyms.")
@_options
@click.option(
    "--ids", required=True, metavar="FILE", help="Where all the ids are: the raw pings, or a column device."
)
def reveal(**given: Any) -> None:
    """Put ids back in the place of their pseudonyms: for those who have the key and the ids.

    A pseudonym cannot be undone: those of all ids in --ids are made once more, and looked for in PATH.
    """
    from cotrace.exposure.given import GivenTable
    from cotrace.privacy.revealing import reveal as put

    (ids,) = GivenTable(given["ids"], f"--ids {given['ids']}", None, ("device",)).ids("device")
    _rewrite("reveal", given, lambda rows, by, columns: put(rows, ids, by=by, columns=columns))


def _rewrite(
    command: str, given: Given, change: Callable[[pa.Table, Pseudonymiser, list[str]], pa.Table]
) -> None:
    """Read a file, change the columns that say who, and write it in the order of what they have then."""
    from cotrace.cli import output
    from cotrace.cli.apart import check_apart
    from cotrace.cli.query import _flat
    from cotrace.privacy.pseudonyms import Pseudonymiser

    out = Path(given["out"])
    check_apart(out, {**given, "paths": [given["path"]]})
    _check_name(out)
    output.check_file(out, overwrite=given["overwrite"])
    key = key_of(given["key_file"], given["key_env"], needed=True)
    by = Pseudonymiser(key, domain=given["domain"], e164=given["e164"], digits=given["digits"])
    rows = _read(given["path"], out)
    schema = _schema_of(rows.column_names)
    columns = _columns(rows, schema, given["columns_"])
    rows = _with_plain_ids(rows, columns)
    rows = _sorted_as_before(rows, change(rows, by, columns), columns, schema)
    said = {"command": command, "key": by.key.id, "domain": by.domain, "columns": ", ".join(columns)}
    write = partial(_write, rows=_flat(rows) if out.suffix == ".csv" else rows, says=said)
    output.write_file(out, write, overwrite=given["overwrite"])
    left = [name for name in rows.column_names if name not in columns]
    what = "pseudonyms" if command == "pseudonymise" else "ids"
    click.echo(
        f"{what} in {', '.join(columns)} (key {by.key.id}); left as they are: {', '.join(left) or 'none'}"
    )
    click.echo(f"written to {out} ({rows.num_rows:,} rows)")


def _check_name(out: Path) -> None:
    from cotrace.cli.output import FORMATS
    from cotrace.errors import OptionError

    if out.suffix.lstrip(".") not in FORMATS:
        raise OptionError(f"--out {out}: name a file that ends in .parquet or .csv")


def _read(path: str, out: Path) -> pa.Table:
    """Return all columns of a file."""
    from cotrace.errors import OptionError, SchemaError
    from cotrace.exposure.given import whole_table
    from cotrace.io.csv import CsvPart
    from cotrace.io.files import open_source

    source = open_source(path)
    if out.suffix != ".csv" and any(isinstance(part, CsvPart) for part in getattr(source, "parts", ())):
        raise OptionError(f"--out {out}: {path} is CSV, of which all columns are text: name a .csv file")
    names = source.names()[0][1]
    if len(set(names)) < len(names):
        raise SchemaError(f"{path}: several columns have one name: give each a name of its own")
    source.load(names)
    return whole_table(source, names)


def _schema_of(names: Sequence[str]) -> TableSchema | None:
    """Return the table that has these columns, and perhaps whose its devices are beside them."""
    from cotrace import (
        schema,
        schema_accuracy,
        schema_certainty,
        schema_codes,
        schema_meetings,
        schema_places,
        schema_synth,
        schema_ties,
    )

    modules = (
        *(schema, schema_places, schema_meetings, schema_ties),
        *(schema_certainty, schema_accuracy, schema_synth, schema_codes),
    )
    known: list[TableSchema] = [table for module in modules for table in module.TABLES]
    for table in known:
        more = names[len(table.names) :]
        if tuple(names[: len(table.names)]) == table.names and all(_says_whose(name) for name in more):
            return table
    return None


def _says_whose(name: str) -> bool:
    return name.endswith(("_person", "_kind"))


def _columns(rows: pa.Table, schema: TableSchema | None, named: str | None) -> list[str]:
    """Return the columns that say who: those that are named, or that are known."""
    from cotrace.errors import OptionError
    from cotrace.exposure.given import ALIASES as GIVEN
    from cotrace.io.columns import ALIASES
    from cotrace.privacy.tables import id_columns

    there = rows.column_names
    if named is not None:
        return list(dict.fromkeys(part.strip() for part in named.split(",") if part.strip()))
    if schema is not None:
        found = [*id_columns(schema), *(n for n in there[len(schema.names) :] if n.endswith("_person"))]
    else:
        usual = {*ALIASES["device"], *GIVEN["device"], "case_id", "companion_id", "contact_id", "person"}
        found = [name for name in there if name.strip().lower().replace("-", "_").replace(" ", "_") in usual]
    if not found:
        raise OptionError(f"--columns is needed: none of {', '.join(there)} is known to have ids")
    return found


def _with_plain_ids(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return a table whose ids became floats, because some were missing, with integers again."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from cotrace.io.ids import read_ids

    for name in columns:
        at = rows.schema.get_field_index(name)
        if at >= 0 and pa.types.is_floating(rows.schema.field(at).type):
            ids, none = read_ids(rows[name].combine_chunks(), pa.int64(), name, 0)
            rows = rows.set_column(at, name, ids if none is None else pc.if_else(pa.array(none), None, ids))
    return rows


def _sorted_as_before(
    before: pa.Table, after: pa.Table, columns: Sequence[str], schema: TableSchema | None
) -> pa.Table:
    """Return rows that were in the order of their ids in the order of what they have now.

    The order of the ids would tell something of them. Where rows have another order, that of time, they keep it.
    """
    import pyarrow.compute as pc

    from cotrace.arrays import plain
    from cotrace.io.ids import id_kind
    from cotrace.privacy.tables import in_order

    if schema is not None:
        return in_order(after, schema)
    ids = plain(before[columns[0]]).drop_null()
    if id_kind(ids.type) and pc.all(pc.less_equal(ids[:-1], ids[1:])).as_py():
        return after.sort_by([(columns[0], "ascending")])
    return after


def _write(file: Path, rows: pa.Table, says: Mapping[str, str]) -> None:
    """Write a table with a note of what was done; nothing of what was noted before, which may name ids, is kept."""
    from cotrace import __version__
    from cotrace.cli.output import write_table
    from cotrace.cli.record import _json

    note = (rows.schema.metadata or {}).get(b"cotrace", b"ids were replaced: see cotrace.run")
    run = {"cotrace": __version__, **says}
    write_table(rows.replace_schema_metadata({b"cotrace": note}), file, {"run": _json(run)})


COMMANDS = (new_key, pseudonymise, reveal)
