"""What the service is told: a TOML file, and the environment over it. There are no default secrets."""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

__all__ = ["Config", "ConfigError", "load", "private_bytes"]

_PREFIX = "COTRACE_SERVICE_"


class ConfigError(ValueError):
    """The service cannot start like this; the message says what to mend."""


@dataclass(frozen=True)
class Config:
    """Where things are, and how much is allowed.

    ``store`` is a folder of ``cotrace.Store``, ``codes`` one that ``cotrace.codes.publish`` writes to, ``keys`` the
    file of API keys, ``audit`` the audit log, ``audit_key`` the file of its key, ``signing_key`` the private key of
    printable codes (without it none are issued), ``public_keys`` a folder of those that are accepted.
    """

    codes: Path
    keys: Path
    audit: Path
    audit_key: Path
    store: Path | None = None
    signing_key: Path | None = None
    public_keys: Path | None = None
    #: a snapshot older than this answers nothing: seconds
    max_age_s: int = 36 * 3600
    #: devices of one batch, and bytes of one request
    max_batch: int = 10_000
    max_bytes: int = 1_000_000
    #: look-ups a second of one key, in each process: devices, not requests
    rate: float = 5_000.0
    burst: float = 20_000.0
    #: jobs that run at once, that wait, and for how long results are kept
    job_threads: int = 1
    max_jobs: int = 20
    job_ttl_s: int = 3600
    #: printable codes are good for at most so long
    offline_s: int = 24 * 3600
    #: a look-up waits so long for others to share its line of the audit log: seconds
    audit_wait_s: float = 0.002
    host: str = "127.0.0.1"
    port: int = 8000

    def check(self) -> None:
        """Refuse what cannot work.

        Raises
        ------
        ConfigError
            Naming the setting.
        """
        for name in ("keys", "audit_key", "signing_key"):
            path = getattr(self, name)
            if path is not None:
                private_bytes(path, name)
        for name in (
            "max_age_s",
            "max_batch",
            "max_bytes",
            "rate",
            "burst",
            "job_threads",
            "max_jobs",
            "offline_s",
        ):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} has to be more than 0")
        if not (self.codes / "CURRENT").exists():
            raise ConfigError("codes: nothing has been published in this folder (cotrace.codes.publish)")


def private_bytes(path: Path, name: str) -> bytes:
    """Read a file that nobody else may read."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise ConfigError(f"{name}: the file cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
        raise ConfigError(f"{name}: others may read this file: chmod 600 it, and make what is in it anew")
    return path.read_bytes()


def load(path: str | os.PathLike[str] | None = None, environment: dict[str, str] | None = None) -> Config:
    """Read the settings: of the file, and of ``COTRACE_SERVICE_<NAME>`` over it.

    Raises
    ------
    ConfigError
        For a setting that is missing, unknown, or of another kind.
    """
    given = dict(os.environ if environment is None else environment)
    path = path or given.get(f"{_PREFIX}CONFIG")
    said: dict[str, Any] = {}
    base = Path()
    if path:
        base = Path(path).resolve().parent
        try:
            said = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"the settings cannot be read: {error}") from None
    known = {f.name: f for f in fields(Config)}
    for name in said:
        if name not in known:
            raise ConfigError(f"there is no setting {name!r}; there are {', '.join(known)}")
    for name in known:
        if f"{_PREFIX}{name.upper()}" in given:
            said[name] = given[f"{_PREFIX}{name.upper()}"]
    missing = [name for name in ("codes", "keys", "audit", "audit_key") if name not in said]
    if missing:
        raise ConfigError(f"missing: {', '.join(missing)}; nothing of this has a default")
    made = Config(**{name: _value(name, str(known[name].type), value, base) for name, value in said.items()})
    made.check()
    return made


def _value(name: str, kind: str, value: Any, base: Path) -> Any:
    if "Path" in kind:
        return base / str(value)
    try:
        return {"int": int, "float": float, "str": str}[kind](value)
    except ValueError:
        raise ConfigError(f"{name} is no {kind}") from None
