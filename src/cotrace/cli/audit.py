"""The commands of the audit log: verify, show."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from cotrace.cli.keys import key_of, key_options
from cotrace.cli.params import _all

if TYPE_CHECKING:
    from cotrace.keys import Key

__all__ = ["COMMANDS"]

_NAMED = 10
_log_options: Callable[[Callable[..., Any]], Callable[..., Any]] = _all(
    click.argument("file", metavar="FILE"),
    key_options("the key that it was written with"),
    click.option("--head", metavar="FILE", help="The head; FILE.head unless said."),
    click.option(
        "--expect", metavar="N:DIGEST", help="A head that was written down earlier: that line must be there."
    ),
)


@click.group(short_help="Check and read the log of who asked what.")
def audit() -> None:
    """Check and read the log of who asked what about whom."""


@audit.command(short_help="Check every line of an audit log.")
@_log_options
def verify(file: str, key_file: str | None, key_env: str | None, head: str | None, expect: str | None) -> int:
    """Find lines of an audit log that were changed, dropped, put elsewhere or cut.

    Ends with 0 when the log is as it was written, and with 1 when it is not. The head that is printed last should be
    written down where those who can write the log cannot: --expect takes it later.
    """
    from cotrace.audit import verify as check

    found = check(file, key=key_of(key_file, key_env), head=head, expect=expect)
    click.echo(str(found))
    return 0 if found.ok else 1


@audit.command(short_help="Print an audit log, and check it.")
@_log_options
@click.option("--last", type=click.IntRange(1), metavar="N", help="Print the last N of these lines alone.")
@click.option(
    "--devices", metavar="IDS", help="Print lines that name one of these: ids with commas, or a file of them."
)
def show(file: str, key_file: str | None, key_env: str | None, **given: Any) -> int:
    """Print who asked what about whom, line by line, and then whether the log is as it was written.

    Ends with 0 when it is, and with 1 when it is not. Where devices are written as pseudonyms, --devices needs the key.
    """
    from cotrace.audit import entries
    from cotrace.audit import verify as check

    key = key_of(key_file, key_env)
    found = check(file, key=key, head=given["head"], expect=given["expect"])
    lines = _naming(entries(file), given["devices"], key, found.keyed)
    for line in lines if given["last"] is None else deque(lines, given["last"]):
        click.echo(_told(line))
    click.echo(str(found))
    return 0 if found.ok else 1


def _naming(
    lines: Iterator[dict[str, Any]], devices: str | None, key: Key | None, keyed: bool
) -> Iterator[dict[str, Any]]:
    """Return the lines that name one of some devices, as ids or as the log's own pseudonyms."""
    from cotrace.audit.whom import names_from
    from cotrace.cli.query import as_ids
    from cotrace.errors import OptionError

    if devices is None:
        return lines
    if keyed and key is None:
        raise OptionError("devices= are pseudonyms in this log: give its key, --key-file or --key-env")
    ids = as_ids(devices)
    wanted = {*map(str, ids), *names_from(None, key)(ids)}
    return (
        line for line in lines if isinstance(line.get("whom"), list) and not wanted.isdisjoint(line["whom"])
    )


def _told(line: Mapping[str, Any]) -> str:
    """Write a line of the log as one line of text: whatever it says, it cannot look like two."""
    from cotrace.view.style import readable

    said = [f"{line['n']}  {line.get('at')}  {line.get('who', '-')}: {line.get('what')}"]
    if "whom" in line:
        said[0] += f" of {_whom(line['whom'])}"
    said += [
        f"{name} {line[name]}" for name in ("purpose", "case", "rows", "version", "failed") if name in line
    ]
    return readable("; ".join(said))


def _whom(whom: Any) -> str:
    if not isinstance(whom, list):
        count = whom.get("count") if isinstance(whom, dict) else None
        return f"{count:,} devices" if type(count) is int else str(whom)
    more = f" and {len(whom) - _NAMED:,} more" if len(whom) > _NAMED else ""
    return ", ".join(map(str, whom[:_NAMED])) + more


COMMANDS = (audit,)
