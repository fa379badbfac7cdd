"""Encrypted files: whole with the key, nothing without it."""

from __future__ import annotations

import base64
import contextlib
import io
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from cotrace.errors import CotraceTypeError, OptionError, PrivacyError
from cotrace.privacy import Encryption


class Kms(pe.KmsClient):
    """A KMS in memory: what it wraps only it can unwrap."""

    def __init__(self) -> None:
        super().__init__()
        self.wrapped: dict[bytes, tuple[bytes, str]] = {}
        self.asked: list[str] = []

    def wrap_key(self, key_bytes, master_key_identifier):
        if master_key_identifier != "pings":
            raise KeyError("the secret name")
        self.asked.append("wrap")
        ticket = base64.b64encode(b"ticket %d" % len(self.wrapped))
        self.wrapped[ticket] = key_bytes, master_key_identifier
        return ticket

    def unwrap_key(self, wrapped_key, master_key_identifier):
        self.asked.append("unwrap")
        key, name = self.wrapped[wrapped_key if isinstance(wrapped_key, bytes) else wrapped_key.encode()]
        assert name == master_key_identifier
        return key


TABLE = pa.table({"device": ["+8613800138000"] * 500, "cell": np.arange(500), "second": np.arange(500) * 60})


def written(hidden: Encryption) -> bytes:
    file = io.BytesIO()
    pq.write_table(
        TABLE, file, encryption_properties=hidden.encrypting(), compression="none", write_page_checksum=True
    )
    return file.getvalue()


def read(data: bytes, hidden: Encryption | None) -> pa.Table:
    how = None if hidden is None else hidden.decrypting()
    return pq.ParquetFile(io.BytesIO(data), decryption_properties=how, page_checksum_verification=True).read()


def test_whole_with_the_key_and_nothing_without_it():
    kms = Kms()
    hidden = Encryption(kms, "pings")
    data = written(hidden)
    assert read(data, hidden).equals(TABLE)
    assert read(data, Encryption(lambda config: kms, "pings")).equals(TABLE)
    assert {"wrap", "unwrap"} <= set(kms.asked)
    for told in (b"13800138000", b"device", b"cell", b"second"):
        assert told not in data
    for other in (None, Encryption(Kms(), "pings")):
        with pytest.raises((OSError, KeyError)):
            read(data, other)
    assert hidden.key in repr(hidden)


def test_every_file_has_a_key_of_its_own():
    hidden = Encryption(Kms(), "pings")
    assert written(hidden) != written(hidden)


def test_a_changed_bit_does_not_read_as_other_data():
    hidden, rng = Encryption(Kms(), "pings"), random.Random(1)
    data = written(hidden)
    for _ in range(200):
        at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
        spoilt = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
        with contextlib.suppress(OSError, KeyError, pa.ArrowException):
            assert read(spoilt, hidden).equals(TABLE)


def test_a_kms_that_refuses_is_not_quoted():
    with pytest.raises(PrivacyError, match="gave no key") as failed:
        Encryption(Kms(), "others").encrypting()
    assert "secret" not in str(failed.value)
    assert failed.value.__cause__ is None


def test_what_is_no_kms():
    with pytest.raises(CotraceTypeError, match="KmsClient"):
        Encryption("kms.example.org", "pings")
    with pytest.raises(OptionError, match="key="):
        Encryption(Kms(), "")
