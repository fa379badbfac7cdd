"""Printable codes: signed with Ed25519, good until they expire, and for one person only; checked without a network."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotrace_service.config import ConfigError, private_bytes

__all__ = ["OfflineError", "Printed", "Signer", "Verifier", "new_signing_key"]

_HEAD = "COTRACE1"
_COLOURS = ("green", "yellow", "red")
#: colour, issued, expires (unix seconds), salt, person, id of the key
_LAYOUT = struct.Struct(">BII8s16s4s")
_SIGNATURE = 64


class OfflineError(ValueError):
    """A printed code that is not good; the message says why in one word or two."""


@dataclass(frozen=True)
class Printed:
    """What a good printed code says."""

    colour: str
    issued: int
    expires: int


def _bound(person: str, salt: bytes) -> bytes:
    """Return what binds a code to the number of a person's document: slow to try out, for such numbers are few."""
    plain = "".join(unicodedata.normalize("NFKC", person).split()).upper()
    if not plain:
        raise OfflineError("no person given")
    return hashlib.scrypt(plain.encode(), salt=salt, n=2**14, r=8, p=1, dklen=16)


def _key_id(public: bytes) -> bytes:
    return hashlib.blake2b(public, digest_size=4).digest()


class Signer:
    """Signs codes.

    Parameters
    ----------
    path : Path
        The private key, PEM, that nobody else may read: :func:`new_signing_key` makes one.
    """

    def __init__(self, path: Path) -> None:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            self._key: Any = load_pem_private_key(private_bytes(path, "signing_key"), password=None)
            self._public = self._key.public_key().public_bytes_raw()
            self._key.sign(b"")
        except ConfigError:
            raise
        except Exception as error:
            raise ConfigError(f"signing_key: no Ed25519 key in PEM ({type(error).__name__})") from None

    def verifier(self) -> Verifier:
        """Return what checks the codes of this key."""
        return Verifier([self._public])

    def sign(self, colour: str, person: str, issued: int, expires: int) -> str:
        """Return a code as text for printing or a QR code (letters that one can read out)."""
        if colour not in _COLOURS:
            raise OfflineError("no code is printed for a device that nothing is known of")
        if not 0 <= issued < expires < 2**32:
            raise OfflineError("it would be expired")
        salt = os.urandom(8)
        body = _LAYOUT.pack(
            _COLOURS.index(colour), issued, expires, salt, _bound(person, salt), _key_id(self._public)
        )
        text = base64.b32encode(body + self._key.sign(_HEAD.encode() + body)).decode().rstrip("=")
        return "-".join([_HEAD, *(text[k : k + 8] for k in range(0, len(text), 8))])


class Verifier:
    """Checks printed codes with public keys alone: it can stand at a gate without a network.

    Parameters
    ----------
    public : list of bytes
        Raw public keys that are accepted, 32 bytes each: several while a key is being replaced.
    """

    def __init__(self, public: list[bytes]) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        self._keys = {_key_id(key): Ed25519PublicKey.from_public_bytes(key) for key in public}

    @classmethod
    def of_folder(cls, folder: Path) -> Verifier:
        """Take the keys of a folder: files ``*.pub`` of 64 hexadecimal digits."""
        return cls([bytes.fromhex(p.read_text().strip()) for p in sorted(folder.glob("*.pub"))])

    def check(self, text: str, person: str, now: int) -> Printed:
        """Check a printed code.

        Parameters
        ----------
        text : str
            As printed; spaces, line ends and small letters do not matter.
        person : str
            The number of the document that its bearer shows.
        now : int
            Unix seconds.

        Raises
        ------
        OfflineError
            ``unreadable``, ``of an unknown key``, ``forged or altered``, ``not yet good``, ``expired``, or
            ``another person's``.
        """
        from cryptography.exceptions import InvalidSignature

        plain = "".join(text.split()).replace("-", "").upper()
        if len(plain) > 400 or not plain.startswith(_HEAD):
            raise OfflineError("unreadable")
        coded = plain[len(_HEAD) :]
        try:
            data = base64.b32decode(coded + "=" * (-len(coded) % 8))
        except binascii.Error:
            raise OfflineError("unreadable") from None
        # one code has one text: the bits that fill up the last letter are no second form of it
        if len(data) != _LAYOUT.size + _SIGNATURE or base64.b32encode(data).decode().rstrip("=") != coded:
            raise OfflineError("unreadable")
        body, signature = data[: _LAYOUT.size], data[_LAYOUT.size :]
        colour, issued, expires, salt, bound, key_id = _LAYOUT.unpack(body)
        key = self._keys.get(key_id)
        if key is None:
            raise OfflineError("of an unknown key")
        try:
            key.verify(signature, _HEAD.encode() + body)
        except InvalidSignature:
            raise OfflineError("forged or altered") from None
        if colour >= len(_COLOURS):
            raise OfflineError("unreadable")
        if now < issued - 300:  # clocks at gates are not all alike
            raise OfflineError("not yet good")
        if now >= expires:
            raise OfflineError("expired")
        if _bound(person, salt) != bound:
            raise OfflineError("another person's")
        return Printed(_COLOURS[colour], issued, expires)


def new_signing_key(private: Path, public: Path) -> None:
    """Make a key: the private one for the service alone, the public one for everybody who checks."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with open(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    public.parent.mkdir(parents=True, exist_ok=True)
    public.write_text(key.public_key().public_bytes_raw().hex() + "\n")
