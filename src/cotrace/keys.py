"""Secret keys: where they are read from, and what is refused as one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from cotrace.errors import CotraceTypeError, PrivacyError

__all__ = ["MIN_BYTES", "Key", "as_key", "key_from_env", "key_from_file", "new_key_file"]

#: BLAKE2b takes keys of up to 64 bytes; below 32 a key can be searched for by those who have the time.
MIN_BYTES, MAX_BYTES = 32, 64
#: 32 random bytes have more distinct values than this but once in 10**40 times; passwords and zeros have not.
_DISTINCT = 8
_MEND = "make one with cotrace.privacy.new_key_file(path)"


class Key:
    """A secret key that is fetched when it is needed, and never shown.

    Parameters
    ----------
    fetch : callable
        Gives the key: 32 to 64 random bytes, or these as hexadecimal text.
    name : str
        Where it is from, for messages: never the key itself.
    id : str, optional
        What it is called where several are in use; by default a short digest of the key, which is no secret.

    Raises
    ------
    PrivacyError
        At the first use: the key cannot be had, is too short or too long, or is no random one.
    """

    def __init__(
        self, fetch: Callable[[], bytes | str], name: str = "a callback", id: str | None = None
    ) -> None:
        self._fetch, self.name, self._id = fetch, name, id

    def secret(self) -> bytes:
        """Fetch the key and check it."""
        try:
            given = self._fetch()
        except PrivacyError:
            raise
        except Exception as error:  # whatever a callback raises may quote what it had at hand
            raise PrivacyError(f"the key from {self.name} cannot be had ({type(error).__name__})") from None
        return _checked(given, self.name)

    @property
    def id(self) -> str:
        """What the key is called: as given, or eight hexadecimal digits made of it."""
        return (
            self._id or blake2b(b"id", key=self.secret(), digest_size=4, person=b"cotrace key id").hexdigest()
        )

    def derived(self, purpose: str) -> bytes:
        """Return 32 bytes made of the key for one purpose; from one purpose's nothing follows for another's."""
        return blake2b(
            purpose.encode(), key=self.secret(), digest_size=32, person=b"cotrace derived"
        ).digest()

    def __repr__(self) -> str:
        return f"<Key from {self.name}>"

    def __reduce__(self) -> Any:
        raise CotraceTypeError("a key is not pickled: hand on where it is read from")


def key_from_file(path: str | os.PathLike[str], id: str | None = None) -> Key:
    """Return the key in a file: 32 to 64 random bytes, or these as hexadecimal text.

    The file should be its owner's alone (mode 0600), on another disk than the data, and in no version control.
    """
    file = Path(path)
    return Key(file.read_bytes, f"the file {str(file)!r}", id)


def key_from_env(name: str, id: str | None = None) -> Key:
    """Return the key in an environment variable, as hexadecimal text of 32 to 64 bytes."""

    def fetch() -> str:
        found = os.environ.get(name)
        if found is None:
            raise PrivacyError(f"there is no key: the environment variable {name} is not set")
        return found

    return Key(fetch, f"the environment variable {name}", id)


def new_key_file(path: str | os.PathLike[str]) -> Key:
    """Write a new random key of 32 bytes to a file that must not be there yet, for its owner alone.

    Examples
    --------
    >>> import tempfile, os.path
    >>> folder = tempfile.mkdtemp()
    >>> key = new_key_file(os.path.join(folder, "people.key"))
    >>> key.secret() == key_from_file(os.path.join(folder, "people.key")).secret()
    True
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise PrivacyError(f"{os.fspath(path)!r} is there already: a key is never written over") from None
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(MIN_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key_from_file(path)


def as_key(key: Any) -> Key:
    """Return a key for a :class:`Key`, a path, a callback, or bytes that the caller fetched.

    Raises
    ------
    CotraceTypeError
        For text: it does not tell whether it is a path, a variable or a password.
    PrivacyError
        For bytes that are too short, too long or not random.
    """
    if isinstance(key, Key):
        return key
    if isinstance(key, os.PathLike):
        return key_from_file(key)
    if isinstance(key, bytes | bytearray):
        fixed = _checked(bytes(key), "key=")
        return Key(lambda: fixed, "key=")
    if callable(key):
        return Key(key)
    raise CotraceTypeError(
        f"key= is a {type(key).__name__}: give key_from_file(path), key_from_env(name), or a callback that returns "
        f"{MIN_BYTES} random bytes; {_MEND}"
    )


def _checked(given: Any, name: str) -> bytes:
    secret = _decoded(given, name)
    if not MIN_BYTES <= len(secret) <= MAX_BYTES:
        raise PrivacyError(
            f"the key from {name} has {len(secret)} bytes; {MIN_BYTES} to {MAX_BYTES} are needed: {_MEND}"
        )
    if len(set(secret)) < _DISTINCT:
        raise PrivacyError(f"the key from {name} is not random (few different bytes): {_MEND}")
    return secret


def _decoded(given: Any, name: str) -> bytes:
    if isinstance(given, str):
        try:
            return bytes.fromhex(given)
        except ValueError:
            raise PrivacyError(f"the key from {name} is text, and not hexadecimal: {_MEND}") from None
    if not isinstance(given, bytes | bytearray):
        raise PrivacyError(
            f"the key from {name} is a {type(given).__name__}: bytes or hexadecimal text are needed"
        )
    try:
        return bytes.fromhex(given.decode("ascii"))
    except ValueError:
        return bytes(given)
