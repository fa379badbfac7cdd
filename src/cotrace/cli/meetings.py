"""The commands of who met whom: contacts, tiers, rings, pairs."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cotrace.cli.params import StrictCommand, rule_options
from cotrace.cli.query import case_options, query_options, run_query

if TYPE_CHECKING:
    from cotrace.exposure.pairs import Pairs
    from cotrace.options import CompanionRule

__all__ = ["COMMANDS"]

_lag = click.option(
    "--lag", metavar="DURATION", help="Also who came at most so long after the other left (needs no overlap)."
)
_contacts = click.option(
    "--contacts",
    metavar="FILE",
    help="Contacts from elsewhere: a, b, started_at, finished_at[, source]; beside the pings.",
)
_latency = click.option(
    "--latency", metavar="DURATION", help="How long after its first exposure a contact's meetings count: 0s."
)
_through = click.option(
    "--through", metavar="KIND", multiple=True, help="Kinds of --device-table that chains may run through."
)
_adjudications = click.option(
    "--adjudications", metavar="FILE", help="Investigators' decisions: device, decision, at[, reason, by]."
)
_window = click.option("--window", metavar="DURATION", help="Length of a window: 1h.")


def _rule(given: dict[str, Any]) -> CompanionRule:
    """Return what a meeting is: a preset or the plain clause on shared time, with what was given in its place."""
    from cotrace.cli import build
    from cotrace.options import CONTACT, StayOptions
    from cotrace.presets import Preset

    plain = Preset("contact", CONTACT, StayOptions(), "", "", "")
    return build.companion_rule(given, build.named_preset(given) or plain)


def _table(name: str, path: str) -> Any:
    """Return a table of a file, CSV (all of it text) or Parquet."""
    from cotrace.errors import ReadError

    try:
        body = Path(path).read_bytes()
    except OSError as error:
        raise ReadError(f"--{name} {path} cannot be read: {error.strerror}") from None
    if body[:4] == b"PAR1":
        import pyarrow.parquet as pq

        return pq.read_table(io.BytesIO(body))
    try:
        rows = [
            row for row in csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True) if row
        ]
    except (UnicodeDecodeError, csv.Error):
        raise ReadError(f"--{name} {path} is neither Parquet nor CSV in UTF-8") from None
    odd = [i for i, row in enumerate(rows[1:]) if len(row) != len(rows[0])]
    if odd or not rows:
        what = f"{len(odd)} rows have not the header's fields, first row {odd[0]}" if odd else "it is empty"
        raise ReadError(f"--{name} {path}: {what}")
    return {word.strip(): [row[i].strip() or None for row in rows[1:]] for i, word in enumerate(rows[0])}


def _reported(given: dict[str, Any]) -> Any:
    if given["contacts"] is None:
        return None
    from cotrace.exposure.elsewhere import read_contacts

    return read_contacts(given["contacts"], tz=given["tz"], unit=given["unit"])


def _tracing(given: dict[str, Any]) -> dict[str, Any]:
    """Return what contacts, tiers and rings are asked with."""
    named = {name: given[name] for name in ("latency", "window") if given.get(name) is not None}
    if given.get("through"):
        named["through"] = given["through"]
    if given.get("adjudications"):
        named["adjudications"] = _table("adjudications", given["adjudications"])
    if "through" in given:
        named["devices"] = given["device_table"]
    return {
        "as_of": given["as_of"],
        "rule": _rule(given),
        "contacts": _reported(given),
        "threads": given["threads"],
        **named,
    }


def _cases(given: dict[str, Any]) -> Any:
    from cotrace.cli.build import read_cases

    return read_cases(given["cases"]).frame


def _with_evidence(answer: Any) -> Any:
    """Have the evidence made, so that it is written too."""
    len(answer.evidence)
    return answer


@click.command(cls=StrictCommand, short_help="Find the contact candidates of cases.")
@query_options(case_options, rule_options, _lag, _contacts)
def contacts(**given: Any) -> None:
    """Find the contact candidates of cases, with every meeting that makes them so."""
    from cotrace.exposure.contacts import contacts as ask

    run_query("contacts", given, lambda s, _: _with_evidence(ask(s, _cases(given), **_tracing(given))))


@click.command(cls=StrictCommand, short_help="Sort devices into contacts, their contacts, and general risk.")
@query_options(case_options, rule_options, _lag, _contacts, _latency, _window, _adjudications, _through)
def tiers(**given: Any) -> None:
    """Sort devices into contact candidates, contacts of contacts, and general risk, in the order of time."""
    from cotrace.exposure.tiers import tiers as ask

    run_query("tiers", given, lambda s, _: _with_evidence(ask(s, _cases(given), **_tracing(given))))


@click.command(cls=StrictCommand, short_help="Follow chains of meetings from cases, hop by hop.")
@query_options(
    case_options,
    rule_options,
    _lag,
    _contacts,
    _latency,
    _adjudications,
    _through,
    click.option("--depth", type=click.IntRange(1), metavar="N", help="How many hops: 2."),
    click.option(
        "--investigators-per-device", type=float, metavar="N", help="For the workload that each ring means."
    ),
)
def rings(**given: Any) -> None:
    """Follow chains of meetings from cases, hop by hop, in the order of time; with the size of every ring."""
    from cotrace.exposure.rings import rings as ask

    extra = {k: given[k] for k in ("depth", "investigators_per_device") if given[k] is not None}
    run_query("rings", given, lambda s, _: _with_evidence(ask(s, _cases(given), **extra, **_tracing(given))))


@click.command(cls=StrictCommand, short_help="Stream all pairs of devices that were together.")
@query_options(
    rule_options,
    click.option("--start", metavar="TIME", help="Start of the time that counts, with its offset."),
    click.option("--end", metavar="TIME", help="End of the time that counts, with its offset."),
    click.option("--min-episodes", type=click.IntRange(1), metavar="N", help="Fewest episodes of a pair: 1."),
    click.option(
        "--max-crowd", metavar="N|none", help="Devices in a cell and window that are too many: 1000."
    ),
    _window,
)
def pairs(**given: Any) -> None:
    """Stream all pairs of devices that were together into a folder (--out DIR): never held whole.

    Such a list can do harm: ask for the contacts of cases where that is what is needed. The folder gets pairs, and
    as occupancy the cells and windows that were left out as too crowded.
    """
    from cotrace.cli import output
    from cotrace.errors import OptionError
    from cotrace.exposure.pairs import pairs as ask

    out = given["out"]
    if out is None or output.is_file(Path(out), given["format_"]):
        raise OptionError(
            "--out is missing or a file: name a folder, which gets the pairs and what was left out"
        )
    extra = {
        k: given[k] for k in ("start", "end", "min_episodes", "window", "threads") if given[k] is not None
    }
    if given["max_crowd"] is not None:
        extra["max_crowd"] = None if given["max_crowd"] == "none" else _whole("max-crowd", given["max_crowd"])
    run_query(
        "pairs", given, lambda s, _: ask(s, _rule(given), **extra), _stream(given["format_"] or "parquet")
    )


def _whole(name: str, text: str) -> int:
    from cotrace.errors import OptionError

    if not text.isdigit() or not int(text):
        raise OptionError(f"--{name} {text} is no whole number from 1 on, nor none")
    return int(text)


def _stream(suffix: str) -> Callable[[Pairs, Path], list[str]]:
    def write(found: Pairs, folder: Path) -> list[str]:
        began = time.perf_counter()
        _write(found, folder / f"pairs.{suffix}")
        took, seen = time.perf_counter() - began, found.seen
        click.echo(
            f"{seen['pairs']:,} pairs of {seen['overlaps']:,} overlaps, "
            f"{seen['pairs'] / max(took, 1e-9):,.0f} pairs a second"
        )
        return [f"pairs.{suffix}"]

    return write


def _write(found: Pairs, file: Path) -> None:
    """Write the batches as they come."""
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    from cotrace.cli.output import _iso
    from cotrace.cli.record import CANDIDATES

    schema = found.arrow_schema
    if file.suffix != ".csv":
        schema = schema.with_metadata({**schema.metadata, b"cotrace.what": CANDIDATES.encode()})
        with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
            for batch in found:
                writer.write_batch(batch.replace_schema_metadata(schema.metadata))
        return
    timed = [pa.types.is_timestamp(f.type) for f in schema]
    texts = pa.schema(
        [pa.field(f.name, pa.string() if t else f.type) for f, t in zip(schema, timed, strict=True)]
    )
    with pacsv.CSVWriter(str(file), texts) as writer:
        for batch in found:
            columns = [_iso(c) if t else c for c, t in zip(batch.columns, timed, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=texts))


COMMANDS = (contacts, tiers, rings, pairs)
