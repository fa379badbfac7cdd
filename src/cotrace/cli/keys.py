"""Where a command reads a secret key from: a file or an environment variable, never the command line itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cotrace.cli.params import _all

if TYPE_CHECKING:
    from cotrace.keys import Key

__all__ = ["key_of", "key_options"]

F = TypeVar("F", bound=Callable[..., Any])


def key_options(what: str) -> Callable[[F], F]:
    """Return ``--key-file`` and ``--key-env``; ``what`` says which key that is."""
    return _all(
        click.option("--key-file", metavar="FILE", help=f"The file with {what}."),
        click.option("--key-env", metavar="NAME", help=f"The environment variable with {what}."),
    )


def key_of(file: str | None, env: str | None, *, needed: bool = False) -> Key | None:
    """Return the key that is named; None where none is."""
    from cotrace.errors import OptionError
    from cotrace.keys import key_from_env, key_from_file

    if file is not None and env is not None:
        raise OptionError("--key-file and --key-env are both given: leave one out")
    if needed and file is None and env is None:
        raise OptionError(
            "a key is needed: --key-file FILE (cotrace new-key FILE makes one) or --key-env NAME"
        )
    if file is not None:
        return key_from_file(file)
    return None if env is None else key_from_env(env)
