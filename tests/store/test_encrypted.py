"""A store whose files are encrypted gives the same answers, and its bytes give away no id."""

from __future__ import annotations

import base64

import pyarrow as pa
import pytest
from tests.store.through import folder

import cotrace
from cotrace.errors import StoreError

pe = pytest.importorskip("pyarrow.parquet.encryption")


class Vault(pe.KmsClient):  # type: ignore[misc]
    """A key service that turns keys over with a number: no secret, but another number is another key."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return base64.b64encode(bytes(b ^ self.number for b in key_bytes))

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return bytes(b ^ self.number for b in base64.b64decode(wrapped_key))


def test_an_encrypted_store() -> None:
    from cotrace.privacy.encryption import Encryption

    n = 300
    ids = [f"person-{k % 7}" for k in range(n)]
    table = pa.table({"device": ids, "time": [k * 400 for k in range(n)], "x": [1.0] * n, "y": [2.0] * n})
    parts = [cotrace.read_pings(table[a:b], unit="s") for a, b in ((0, 150), (150, n))]
    options = cotrace.StayOptions(max_gap="1h")
    whole = cotrace.find_stays(cotrace.read_pings(table, unit="s"), options=options)
    with folder() as path:
        hidden = Encryption(Vault(7), key="pings")
        store = cotrace.Store(path, options, buckets=2, encryption=hidden)
        for pings in parts:
            store.ingest(pings)
        assert store.ingest(parts[0]).already
        assert store.stays().to_arrow().equals(whole.to_arrow())
        assert len(store.stays(devices="person-3")) == int((whole.rows[:, 0] == 3).sum()) > 0
        cells = whole.cells.values[:1]
        assert len(store.stays(cells=cells)) == len(whole)
        assert store.forget(device="person-3").devices == 1
        assert "person-3" not in store.stays().devices.to_pylist()
        assert store.verify() == []
        assert not [f for f in path.rglob("*") if f.is_file() and b"person-" in f.read_bytes()]
        store.close()
        for other in (None, Encryption(Vault(9), key="pings")):
            with pytest.raises(StoreError, match="key"):
                cotrace.Store(path, encryption=other).stays()
