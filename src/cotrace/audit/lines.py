"""One line of the log: JSON that ends with the digest of the line before and a digest, or MAC, of itself.

Digests are over bytes as they stand in the file, never over what they mean: nothing has to be written the same
way twice.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

__all__ = ["GENESIS", "SIZE", "Line", "digest_of", "made", "parsed", "sealed"]

SIZE = 32
_DIGITS = 2 * SIZE
#: what the first line was written after
GENESIS = "0" * _DIGITS
_SEAL = re.compile(rb',"seal":"([0-9a-f]{64})"\}\Z')


@dataclass(frozen=True)
class Line:
    """A line as it was read.

    Parameters
    ----------
    says : dict
        What it says, ``before`` and ``n`` too.
    sealed : bytes
        What its seal is over.
    seal : str
        The digest of that, or the MAC of it.
    digest : str
        The digest of the whole line: what the next one holds as ``before``.
    """

    says: dict[str, Any]
    sealed: bytes
    seal: str
    digest: str

    def is_sealed_by(self, key: bytes | None) -> bool:
        """Tell whether the seal is that of these bytes."""
        return self.seal == sealed(self.sealed, key)


def digest_of(line: bytes) -> str:
    """Return the digest of a line without its end."""
    return blake2b(line, digest_size=SIZE, person=b"cotrace line").hexdigest()


def sealed(body: bytes, key: bytes | None) -> str:
    """Return the seal of a line's bytes: a MAC where there is a key."""
    return blake2b(body, key=key or b"", digest_size=SIZE, person=b"cotrace seal").hexdigest()


def made(says: dict[str, Any], key: bytes | None) -> bytes:
    """Return the bytes of a line, without its end."""
    body = json.dumps(says, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()
    return body[:-1] + b',"seal":"' + sealed(body, key).encode() + b'"}'


def parsed(line: bytes) -> Line | None:
    """Return a line of these bytes; None when they are none."""
    found = _SEAL.search(line)
    if found is None:
        return None
    body = line[: found.start()] + b"}"
    try:
        says = json.loads(body.decode("ascii"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    if not isinstance(says, dict) or not isinstance(says.get("before"), str):
        return None
    if type(says.get("n")) is not int:
        return None
    return Line(says, body, found[1].decode(), digest_of(line))


def _no_number(text: str) -> None:
    raise ValueError(text)
