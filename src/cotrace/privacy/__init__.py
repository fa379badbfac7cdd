"""Privacy: pseudonyms for ids, counts too small to be told, encrypted files, and the keys for all of these."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotrace.keys import Key, key_from_env, key_from_file, new_key_file
    from cotrace.privacy.counts import Suppressed, suppress
    from cotrace.privacy.encryption import Encryption
    from cotrace.privacy.pseudonyms import Pseudonymiser
    from cotrace.privacy.replacing import pseudonymise
    from cotrace.privacy.revealing import reveal

__all__ = [
    "Encryption",
    "Key",
    "Pseudonymiser",
    "Suppressed",
    "key_from_env",
    "key_from_file",
    "new_key_file",
    "pseudonymise",
    "reveal",
    "suppress",
]

_HOMES = {
    "Encryption": "cotrace.privacy.encryption",
    "Key": "cotrace.keys",
    "key_from_env": "cotrace.keys",
    "key_from_file": "cotrace.keys",
    "new_key_file": "cotrace.keys",
    "Pseudonymiser": "cotrace.privacy.pseudonyms",
    "Suppressed": "cotrace.privacy.counts",
    "suppress": "cotrace.privacy.counts",
    "pseudonymise": "cotrace.privacy.replacing",
    "reveal": "cotrace.privacy.revealing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
