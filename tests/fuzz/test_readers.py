"""Whatever bytes a reader is given, it gives an answer or a documented error. More time: python -m tests.fuzz.run."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS, Reader, check

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
def test_good_files_are_read(tmp_path, reader):
    ends = [check(reader, seed, tmp_path) for seed in reader.seeds()]
    # of the logs one has a key, and the head of the other
    assert ends == ["read"] * len(ends) or (
        reader.name.startswith("audit") and ends == ["read", "AuditError"]
    )


@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_changed_files(tmp_path, reader, seed):
    check(reader, mutated(random.Random(seed), reader.seeds()), tmp_path)


@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes(tmp_path, reader, data):
    check(reader, data, tmp_path)


#: what once ended in an error that is not documented, or in noise
FOUND = [
    ("places.geojson", b'{"type": ["Feature"]}'),
    ("places.geojson", b'{"type": "FeatureCollection", "features": 5}'),
    ("places.geojson", b'{"type": "FeatureCollection", "features": [5]}'),
    ("places.geojson", b'{"type": "Feature", "properties": [1], "geometry": null}'),
    ("places.geojson", b"[" * 100_000),
    ("places.geojson", b'{"type":' * 100_000),
    ("pings.csv", b"device,time,lon,lat\na,0,1,1\nb\xff,0\n"),
]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found(tmp_path, name, data, capfd):
    assert check(READERS[name], data, tmp_path) != "read"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "seed", "good", "bad"),
    [
        ("pings.arrow", 2, b"Asia/Shanghai", b"Asia/Shangh\x80i"),
        ("pings.arrow", 0, b"+8613800138000", b"+861380013800\xff"),
        ("pings.parquet", 0, b"+8613800138000", b"+861380013800\xff"),
    ],
)
def test_text_that_is_not_utf8(tmp_path, name, seed, good, bad):
    data = READERS[name].seeds()[seed]
    assert good in data
    assert check(READERS[name], data.replace(good, bad), tmp_path) == "ReadError"


def test_a_fault_is_found(tmp_path):
    def reads(path: Path) -> object:
        return {}[path.read_bytes()]

    with pytest.raises(KeyError):
        check(Reader("x", lambda: [b"x"], reads), b"y", tmp_path)


def test_the_command(tmp_path):
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.run",
        "--seconds",
        "0.3",
        "--readers",
        "secret.key",
        "audit.head",
    ]
    command += ["--out", str(tmp_path / "fuzz.json"), "--findings", str(tmp_path / "findings")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "fuzz.json").read_text())["changes"]
    assert [one["reader"] for one in record["readers"]] == ["secret.key", "audit.head"]
    assert record["inputs"] == sum(one["inputs"] for one in record["readers"]) > 0
    assert record["findings"] == 0
