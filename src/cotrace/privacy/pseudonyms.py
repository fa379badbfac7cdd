"""Pseudonyms: keyed digests that stand for ids, the same for the same id, key and domain."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from cotrace.errors import CotraceTypeError, OptionError
from cotrace.keys import as_key

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Pseudonymiser", "pseudonymiser_of"]

_FEWEST, _MOST = 16, 64


class Pseudonymiser:
    """Makes pseudonyms of ids: keyed BLAKE2b, one and the same for one id, key and domain.

    Parameters
    ----------
    key : Key, path, callback or bytes
        At least 32 random bytes: :func:`cotrace.privacy.key_from_file`, ``key_from_env``, or a callback.
    domain : str
        What the pseudonyms are for. Those of two domains cannot be joined by somebody without the key.
    e164 : str, optional
        Two letters of the country that numbers without a country code are of: ids are phone numbers then, and are
        written as E.164 (``+8613800138000``) first, so that one number has one pseudonym however it was written.
        Needs the extra ``privacy``.
    digits : int
        Hexadecimal digits of a pseudonym, 16 to 64, after the key's id. 32 are 128 bits: among 25 million devices
        two have one pseudonym with odds of 1 in 10**24; with 16 digits (64 bits) it is 1 in 59,000.

    Raises
    ------
    PrivacyError
        The key cannot be had or is none; ids that are no phone numbers although ``e164`` says so.

    Examples
    --------
    >>> from cotrace.privacy import Key, Pseudonymiser
    >>> key = Key(lambda: bytes(range(32)))  # an example: real keys are random and come from a file
    >>> Pseudonymiser(key, domain="city", digits=16).names_of([7, "7"])
    ['ed6a7587-46cb5aa3e0ddfbdd', 'ed6a7587-46cb5aa3e0ddfbdd']
    """

    def __init__(self, key: Any, *, domain: str, e164: str | None = None, digits: int = 32) -> None:
        if not isinstance(domain, str) or not domain:
            raise OptionError("domain= says nothing: name what the pseudonyms are for")
        if type(digits) is not int or not _FEWEST <= digits <= _MOST or digits % 2:
            raise OptionError(f"digits={digits!r} is no even number from {_FEWEST} to {_MOST}")
        self.key, self.domain, self.e164, self.digits = as_key(key), domain, e164, digits
        self._state = blake2b(
            key=self.key.derived(f"pseudonyms of {domain}"),
            digest_size=digits // 2,
            person=b"cotrace pseudon.",
        )
        self._prefix = self.key.id + "-"

    @property
    def width(self) -> int:
        """How many characters a pseudonym has; they are ASCII."""
        return len(self._prefix) + self.digits

    def names_of(self, ids: Iterable[Any]) -> list[str]:
        """Return the pseudonym of each id: integers as their decimal digits, so that 7 and ``"7"`` have one."""
        names, prefix, state = [], self._prefix, self._state
        for text in self._texts(list(ids)):
            hashed = state.copy()
            hashed.update(text.encode())
            names.append(prefix + hashed.hexdigest())
        return names

    def bridge(self, ids: Iterable[Any], before: Pseudonymiser) -> pa.Table:
        """Return the pseudonyms of ids by an older key, and by this one: columns ``before`` and ``after``.

        For the time in which both keys are there. It is made from the ids: from pseudonyms alone nothing can be linked
        over a rotation. Rows are sorted by ``before``; once this table and the older key are destroyed, what was
        written with that key can no longer be linked to what comes after.
        """
        import pyarrow as pa

        ids = list(ids)
        table = pa.table({"before": before.names_of(ids), "after": self.names_of(ids)})
        return table.sort_by("before")

    def _texts(self, ids: list[Any]) -> list[str]:
        texts = [one if isinstance(one, str) else str(_whole(one)) for one in ids]
        if self.e164 is None:
            return texts
        from cotrace.privacy.phone import normalised

        return normalised(texts, self.e164)

    def __repr__(self) -> str:
        return f"<Pseudonymiser for {self.domain!r}, key {self.key.id}>"


def pseudonymiser_of(
    by: Pseudonymiser | None, key: Any, domain: str | None, e164: str | None, digits: int
) -> Pseudonymiser:
    """Return the one that a caller gave, ``by``, or the one that is made of the rest.

    Raises
    ------
    OptionError
        Neither, or both.
    """
    if by is None:
        if key is None or domain is None:
            raise OptionError("key= and domain= are needed: which key, and what the pseudonyms are for")
        return Pseudonymiser(key, domain=domain, e164=e164, digits=digits)
    if key is not None or domain is not None or e164 is not None:
        raise OptionError("by= has its own key, domain and e164: leave these out")
    return by


def _whole(one: Any) -> int:
    if isinstance(one, bool) or not hasattr(one, "__index__"):
        raise CotraceTypeError(f"an id is a {type(one).__name__}: ids are integers or strings")
    return int(one)
