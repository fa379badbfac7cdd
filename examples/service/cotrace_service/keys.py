"""API keys: who has which role. Kept as hashes; a key is shown once, when it is made."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotrace_service.config import ConfigError, private_bytes

__all__ = ["ROLES", "Caller", "Keys", "new_key"]

#: what a key may do: nothing that is not among its roles
ROLES = {
    "lookup": "codes of devices, and whether a printed code is good",
    "issue": "printable codes",
    "trace": "companions of a case, and trajectories",
    "metrics": "figures about the service, none about people",
}
_PREFIX = "ct_"
_SALT = 16


@dataclass(frozen=True)
class Caller:
    """Who calls: the name that the audit log has, and what the key may do."""

    id: str
    who: str
    roles: frozenset[str]
    expires: int


class Keys:
    """The keys of a file: JSON, one object a key, with a salted hash of it. Read again when the file is replaced.

    A key has 32 random bytes: nobody finds it by trying, so a fast hash is enough. (A password would need a slow one.)
    """

    def __init__(self, path: Path) -> None:
        self._path, self._seen = path, (0, 0)
        self._keys: dict[str, dict[str, Any]] = {}
        self._read()

    def _read(self) -> None:
        found = os.stat(self._path)
        if (found.st_ino, found.st_mtime_ns) == self._seen:
            return
        try:
            rows = json.loads(private_bytes(self._path, "keys"))
            keys = {row["id"]: {**row, "salt": bytes.fromhex(row["salt"])} for row in rows}
            wrong = {role for row in rows for role in row["roles"]} - set(ROLES)
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ConfigError):
                raise
            raise ConfigError("keys: the file is not what `manage.py new-key` writes") from None
        if wrong:
            raise ConfigError(f"keys: there are no roles {', '.join(sorted(wrong))}")
        self._keys, self._seen = keys, (found.st_ino, found.st_mtime_ns)

    def caller(self, text: str | None, now: float) -> Caller | None:
        """Return whose key this is; None for a forged, unknown or expired one."""
        self._read()
        if not text or not text.startswith(_PREFIX) or len(text) > 200:
            return None
        name, _, secret = text[len(_PREFIX) :].partition("_")
        row = self._keys.get(name)
        # the same work for a name that is not there
        salt, wanted = (row["salt"], row["hash"]) if row else (b"\0" * _SALT, "0" * 64)
        same = hmac.compare_digest(_hashed(secret, salt), wanted)
        if row is None or not same or now >= row["expires"]:
            return None
        return Caller(name, row["who"], frozenset(row["roles"]), row["expires"])


def _hashed(secret: str, salt: bytes) -> str:
    return hashlib.blake2b(secret.encode("utf-8", "replace"), salt=salt, digest_size=32).hexdigest()


def new_key(path: Path, who: str, roles: list[str], days: float = 90) -> str:
    """Add a key to a file, and return it: it is written down nowhere else."""
    wrong = set(roles) - set(ROLES)
    if wrong or not roles or not who:
        raise ConfigError(f"give a name and some of the roles {', '.join(ROLES)}")
    rows = json.loads(private_bytes(path, "keys")) if path.exists() else []
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    name, salt = secrets.token_hex(6), secrets.token_bytes(_SALT)
    expires = int(time.time() + days * 86_400)
    rows.append(
        {
            "id": name,
            "who": who,
            "roles": sorted(roles),
            "expires": expires,
            "salt": salt.hex(),
            "hash": _hashed(secret, salt),
        }
    )
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.rename(new, path)
    return f"{_PREFIX}{name}_{secret}"
