"""The one function that gives pings, stays and tables pseudonyms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from cotrace.errors import CotraceTypeError, OptionError
from cotrace.privacy.pseudonyms import Pseudonymiser, pseudonymiser_of

__all__ = ["pseudonymise"]

T = TypeVar("T")


def pseudonymise(
    source: T,
    *,
    key: Any = None,
    domain: str | None = None,
    e164: str | None = None,
    digits: int = 32,
    by: Pseudonymiser | None = None,
    columns: Sequence[str] | None = None,
) -> T:
    """Put pseudonyms in the place of device ids: keyed BLAKE2b, the same for the same id, key and domain.

    Parameters
    ----------
    source : Pings, Stays, Table, Companions or pyarrow.Table
        Best the pings: whatever is made of them then knows no ids. Of any other answer give its tables one by one.
    key : Key, path or callback
        At least 32 random bytes: :func:`cotrace.privacy.key_from_file`, ``key_from_env``, or a callback.
    domain : str
        What the pseudonyms are for. Those of two domains cannot be joined without the key.
    e164 : str, optional
        Ids are phone numbers, and those without a country code are of this country (``"CN"``): see
        :class:`Pseudonymiser`.
    digits : int
        Hexadecimal digits of a pseudonym.
    by : Pseudonymiser, optional
        Instead of all these.
    columns : sequence of str, optional
        The columns with ids, for a :class:`pyarrow.Table`; tables of cotrace know theirs.

    Returns
    -------
    Pings, Stays, Table, Companions or pyarrow.Table
        As was given, with text for ids. Tables are sorted anew by the pseudonyms, since the order of the ids would
        tell something of them; of a :class:`pyarrow.Table` the order is left as it is.

    Raises
    ------
    PrivacyError
        The key cannot be had, or is too short; ids that are no phone numbers although ``e164`` says so.

    Notes
    -----
    O(rows), and one hash for each distinct id (about a million a second). Positions are left as they are: a few of
    them tell most people apart, whatever their ids are.

    Examples
    --------
    >>> import cotrace
    >>> from cotrace.privacy import Key, pseudonymise
    >>> key = Key(lambda: bytes(range(32)))  # an example: real keys are random and come from a file
    >>> pings = cotrace.read_pings({"device": [7, 7], "time": [0, 600], "x": [1.0, 1.0], "y": [1.0, 1.0]}, unit="s")
    >>> pseudonymous = pseudonymise(pings, key=key, domain="study 12", digits=16)
    >>> cotrace.find_stays(pseudonymous)["device"].to_pylist()
    ['ed6a7587-e9f8c23dfc0a13c1']
    """
    made: Any = _made(source, pseudonymiser_of(by, key, domain, e164, digits), columns)
    return made  # type: ignore[no-any-return]


def _made(source: Any, by: Pseudonymiser, columns: Sequence[str] | None) -> Any:
    import pyarrow as pa

    from cotrace.io.pings import Pings
    from cotrace.privacy.source import pseudonymous_pings
    from cotrace.privacy.tables import pseudonymous_arrow, pseudonymous_stays, pseudonymous_table
    from cotrace.tables import Stays, Table

    if isinstance(source, pa.Table):
        if columns is None:
            raise OptionError("columns= is needed: which columns of the table are ids")
        return pseudonymous_arrow(source, columns, by)
    if columns is not None:
        raise OptionError("columns= is for a pyarrow.Table: what cotrace made knows its columns")
    if isinstance(source, Pings):
        return pseudonymous_pings(source, by)
    if isinstance(source, Stays):
        return pseudonymous_stays(source, by)
    if isinstance(source, Table):
        return pseudonymous_table(source, by)
    if hasattr(source, "pseudonymised"):
        return source.pseudonymised(by)
    raise CotraceTypeError(
        f"{type(source).__name__} cannot be given pseudonyms: give Pings, Stays, Companions, one of an answer's "
        "tables, or a pyarrow.Table"
    )
