"""The commands of the audit log: verify, head."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["COMMANDS"]


@click.group(short_help="Check the log of who asked what.")
def audit() -> None:
    """Check the log of who asked what about whom."""


@audit.command(short_help="Check every line of an audit log.")
@click.argument("file", metavar="FILE")
@click.option("--key-file", metavar="FILE", help="The key that it was written with.")
@click.option("--key-env", metavar="NAME", help="The environment variable that holds the key.")
@click.option("--head", metavar="FILE", help="The head; FILE.head unless said.")
@click.option(
    "--expect", metavar="N:DIGEST", help="A head that was written down earlier: that line must be there."
)
def verify(file: str, key_file: str | None, key_env: str | None, head: str | None, expect: str | None) -> int:
    """Find lines of an audit log that were changed, dropped, put elsewhere or cut.

    Ends with 0 when the log is as it was written, and with 1 when it is not. The head that is printed last should be
    written down where those who can write the log cannot: --expect takes it later.
    """
    from cotrace.audit import verify as check

    found = check(file, key=_key(key_file, key_env), head=head, expect=expect)
    click.echo(str(found))
    return 0 if found.ok else 1


def _key(file: str | None, env: str | None) -> Any:
    from cotrace.errors import OptionError
    from cotrace.keys import key_from_env, key_from_file

    if file is not None and env is not None:
        raise OptionError("--key-file and --key-env are both given: leave one out")
    if file is not None:
        return key_from_file(file)
    return None if env is None else key_from_env(env)


COMMANDS = (audit,)
