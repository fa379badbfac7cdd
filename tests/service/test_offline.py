"""Printed codes: forged, altered, expired ones and another person's are refused."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from tests.service.conftest import Running

from cotrace_service.config import ConfigError
from cotrace_service.offline import OfflineError, Signer, new_signing_key

NOW = 1_700_000_000
PERSON = "E 123 456"


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    new_signing_key(tmp_path / "key", tmp_path / "pub" / "a.pub")
    return Signer(tmp_path / "key")


def why(signer: Signer, text: str, person: str = PERSON, now: int = NOW) -> str:
    with pytest.raises(OfflineError) as caught:
        signer.verifier().check(text, person, now)
    return str(caught.value)


def test_a_good_one(signer: Signer) -> None:
    text = signer.sign("yellow", PERSON, NOW, NOW + 60)
    for written in (text, text.lower(), text.replace("-", "\n"), text.replace("-", "")):
        found = signer.verifier().check(written, " e123456 ", NOW)
        assert (found.colour, found.expires) == ("yellow", NOW + 60)
    # the same code twice is not the same text: nobody is followed by it
    assert signer.sign("yellow", PERSON, NOW, NOW + 60) != text


def test_expired_and_not_yet(signer: Signer) -> None:
    text = signer.sign("green", PERSON, NOW, NOW + 60)
    assert signer.verifier().check(text, PERSON, NOW + 59).colour == "green"
    assert why(signer, text, now=NOW + 60) == "expired"
    assert why(signer, text, now=NOW - 301) == "not yet good"
    with pytest.raises(OfflineError):
        signer.sign("green", PERSON, NOW, NOW)


def test_another_persons(signer: Signer) -> None:
    text = signer.sign("green", PERSON, NOW, NOW + 60)
    assert why(signer, text, person="E 123 457") == "another person's"
    with pytest.raises(OfflineError, match="no person"):
        signer.sign("green", " ", NOW, NOW + 60)


def test_every_altered_letter(signer: Signer) -> None:
    text = signer.sign("red", PERSON, NOW, NOW + 60).replace("-", "")
    for k in range(len(text)):
        other = text[:k] + ("A" if text[k] != "A" else "B") + text[k + 1 :]
        assert why(signer, other) in ("unreadable", "of an unknown key", "forged or altered")
    for other in ("", "COTRACE1", text[:-1], text + "A", text * 3, "é" * 200, "COTRACE2" + text[8:]):
        assert why(signer, other) == "unreadable"


def test_forged(signer: Signer, tmp_path: Path) -> None:
    """Another key's, also when it says that it is this one's; and the colour of one in another."""
    new_signing_key(tmp_path / "other", tmp_path / "pub" / "b.pub")
    other = Signer(tmp_path / "other")
    text = other.sign("green", PERSON, NOW, NOW + 60)
    assert why(signer, text) == "of an unknown key"
    own = data_of(signer.sign("green", PERSON, NOW, NOW + 60))
    mixed = data_of(text)[:33] + own[33:37] + data_of(text)[37:]
    assert why(signer, text_of(mixed)) == "forged or altered"
    assert (
        why(signer, text_of(b"\0" + data_of(signer.sign("red", PERSON, NOW, NOW + 60))[1:]))
        == "forged or altered"
    )


def data_of(text: str) -> bytes:
    plain = text.replace("-", "")[8:]
    return base64.b32decode(plain + "=" * (-len(plain) % 8))


def text_of(data: bytes) -> str:
    return "COTRACE1" + base64.b32encode(data).decode().rstrip("=")


def test_unknown_is_never_printed(signer: Signer, service: Running) -> None:
    with pytest.raises(OfflineError, match="nothing is known"):
        signer.sign("unknown", PERSON, NOW, NOW + 60)
    found = service.post("issue", "/v1/offline", device=10**9, person=PERSON, purpose="x")
    assert found.status_code == 409


def test_the_private_key_is_nobodys_else(signer: Signer, tmp_path: Path) -> None:
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(ConfigError, match="others may read"):
        Signer(tmp_path / "key")


def test_over_http(service: Running) -> None:
    asked: dict[str, Any] = {"device": 9, "person": PERSON, "purpose": "window 3"}
    text = service.post("issue", "/v1/offline", **asked).json()["text"]
    good = service.post("lookup", "/v1/offline/check", text=text, person="e123456").json()
    assert (good["good"], good["code"]) == (True, "yellow")
    other = service.post("lookup", "/v1/offline/check", text=text, person="E9").json()
    assert (other["good"], other["why"], other["code"]) == (False, "another person's", "unknown")
