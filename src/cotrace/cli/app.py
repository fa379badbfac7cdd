"""The group of commands, and what happens when one of them fails: one line on stderr and an exit code."""

from __future__ import annotations

import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

import click

from cotrace.cli.audit import COMMANDS as AUDIT
from cotrace.cli.commands import companions, demo, info, stays
from cotrace.cli.judge import COMMANDS as JUDGE
from cotrace.cli.meetings import COMMANDS as MEETINGS
from cotrace.cli.places import COMMANDS as PLACES
from cotrace.cli.privacy import COMMANDS as PRIVACY
from cotrace.cli.report import COMMANDS as REPORT
from cotrace.cli.synth import COMMANDS as SYNTH
from cotrace.cli.ties import COMMANDS as TIES
from cotrace.errors import CotraceError

__all__ = ["BAD_INPUT", "FAILED", "STOPPED", "App", "app", "main"]

#: Exit codes: input or options that cannot be used; the system refused (disk full, no permission); Ctrl-C.
BAD_INPUT, FAILED, STOPPED = 2, 1, 130
TERMINATED = 143


class App(click.Group):
    """A group whose commands end with one line for everything that a user can mend."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run, and turn errors into one line and an exit code."""
        run: Callable[..., Any] = super().main
        if not extra.pop("standalone_mode", True):
            return run(*args, **extra, standalone_mode=False)
        try:
            with _unwinding_on_sigterm():
                code = run(*args, **extra, standalone_mode=False)
        except click.Abort:
            _end("stopped; nothing half written is left", STOPPED)
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            where = f" (see {context.command_path} --help)" if context else ""
            _end(error.format_message() + where, BAD_INPUT)
        except CotraceError as error:
            _end(_as_options(str(error)), BAD_INPUT)
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            _end(f"{error.strerror or error}{where}", FAILED)
        except MemoryError:
            _end("out of memory; fewer --threads need less", FAILED)
        sys.exit(code if isinstance(code, int) else 0)


def _as_options(message: str) -> str:
    """Write the library's keywords as the command line spells them: ``tz='UTC'`` is ``--tz UTC``."""
    # where a command fails nothing is written: there is no table of refused rows to look into
    message = re.sub(r"pings\.refused has them[;,] (\w)", lambda m: m[1].upper(), message)
    keywords = {name for command in app.commands.values() for name in _keywords(command)}
    names = "|".join(sorted(keywords, key=len, reverse=True))

    def spelled(match: re.Match[str]) -> str:
        value = match[2] if match[2] is not None else match[3] or ""
        return f"--{match[1].replace('_', '-')} {'none' if value == 'None' else value}".rstrip()

    return re.sub(rf"(?<![\w.(-])({names})=(?:'([^']*)'|([\w.+-]*\w))?", spelled, message)


def _keywords(command: click.Command) -> list[str]:
    return [p.name for p in command.params if p.name and any(o.startswith("--") for o in p.opts)]


def _end(message: str, code: int) -> NoReturn:
    click.echo("error: " + " ".join(message.split()), err=True)
    sys.exit(code)


@contextmanager
def _unwinding_on_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that what is half written is removed."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():  # only there handlers can be set
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from cotrace import __version__

    click.echo(f"cotrace {__version__}")
    ctx.exit()


@click.group(cls=App, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the version and exit.",
)
@click.pass_context
def app(ctx: click.Context) -> None:
    """Who kept whom company, where, when and for how long: from location pings.

    What is found are candidates from co-location, not contacts.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for _command in (
    *(companions, stays, info, demo),
    *(*REPORT, *PLACES, *MEETINGS, *TIES, *JUDGE, *SYNTH, *PRIVACY, *AUDIT),
):
    app.add_command(_command)


def main() -> None:
    """Run the command line."""
    app(prog_name="cotrace")
