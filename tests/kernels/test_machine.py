"""Machine code is kept, loaded without Numba, and made anew where it does not fit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cotrace.kernels import jit, machine
from cotrace.kernels.jit import inlined, kernel

CALL = """
import sys, numpy as np
from cotrace.ids import IntIds
print(IntIds().encode_numpy(np.array([7, 8, 7])).tolist(), "numba" in sys.modules)
"""


def run(folder: Path, code: str = CALL, **more: str) -> str:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), "NUMBA_DISABLE_JIT": "0", **more}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert out.returncode == 0, out.stderr
    return out.stdout.strip()


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "cotrace").glob("encode_ints-*.machine"))


def test_the_second_start_needs_no_numba(tmp_path: Path) -> None:
    assert run(tmp_path) == "[0, 1, 0] True"
    (file,) = kept(tmp_path)
    assert run(tmp_path) == "[0, 1, 0] False"
    assert kept(tmp_path) == [file]
    head = json.loads(file.read_bytes().split(b"\n", 2)[1])
    assert set(head["needs"]) <= {"NRT_MemInfo_call_dtor", "memset", "memcpy"}


def test_damaged_code_is_not_run(tmp_path: Path) -> None:
    run(tmp_path)
    (file,) = kept(tmp_path)
    whole = file.read_bytes()
    for damaged in (
        whole[:-1],
        whole[:-1] + bytes([whole[-1] ^ 1]),
        b"",
        b"not json\n",
        b"{}\n" + whole,
        whole.replace(b'"back": 2', b'"back": 1'),
    ):
        file.write_bytes(damaged)
        assert run(tmp_path) == "[0, 1, 0] True"
        assert file.read_bytes() == whole


def test_code_that_others_may_write_is_not_run(tmp_path: Path) -> None:
    run(tmp_path)
    (file,) = kept(tmp_path)
    for mode in (0o666, 0o620):
        file.chmod(mode)
        assert run(tmp_path) == "[0, 1, 0] True"
        assert file.stat().st_mode & 0o777 == 0o600, "it was made anew"


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert run(blocked) == "[0, 1, 0] True"


def test_without_compilation_it_is_plain_python(tmp_path: Path) -> None:
    assert run(tmp_path, NUMBA_DISABLE_JIT="1") == "[0, 1, 0] False"
    assert not (tmp_path / "cotrace").exists()


@inlined
def _twice(x: int) -> int:
    return 2 * x


@kernel
def _tuple_in_tuple_out(pair: tuple[int, bool], scale: float, out: np.ndarray) -> tuple[int, int]:
    out[0] = scale * pair[0]
    return _twice(pair[0]), int(pair[1])


@kernel
def _truth(x: int) -> bool:
    return x > 1


@kernel
def _allocates(n: int) -> int:
    return np.zeros(n, dtype=np.int64).size


@kernel
def _rows(table: np.ndarray) -> int:
    return table[:, 0].sum()


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    machine._folder.cache_clear()
    yield tmp_path
    machine._folder.cache_clear()


def names(folder: Path) -> set[str]:
    return {p.name.split("-")[0] for p in folder.rglob("*.machine")}


@pytest.mark.skipif(jit._DISABLED, reason="what is compiled is looked at here")
class TestCompiled:
    def test_arguments_of_every_kind(self, cache: Path) -> None:
        out = np.zeros(1)
        assert _tuple_in_tuple_out((3, True), 0.5, out) == (6, 1)
        assert out.tolist() == [1.5]
        assert names(cache) == {"_tuple_in_tuple_out"}

    def test_what_needs_numba_is_run_by_numba(self, cache: Path) -> None:
        assert _truth(2) is True
        assert _allocates(4) == 4
        # neither is laid out as arguments are here: a strided array, and booleans that come back
        assert _rows(np.arange(12).reshape(3, 4)[:, ::2]) == 12
        assert names(cache) <= {"_allocates"}

    def test_one_form_for_each_kind_of_array(self, cache: Path) -> None:
        @kernel
        def total(values: np.ndarray) -> int:
            n = 0
            for i in range(values.size):
                n += int(values[i])
            return n

        frozen = np.arange(4)
        frozen.setflags(write=False)
        assert total(frozen) == total(np.arange(4)) == 6
        assert total(np.arange(4, dtype=np.uint8)) == 6
        assert len(list(cache.rglob("total-*.machine"))) == 2

    def test_on_an_unknown_machine_numba_runs_it(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(machine.platform, "machine", lambda: "vax")

        @kernel
        def one(n: int) -> int:
            return n + 1

        assert one(1) == 2
        assert names(cache) == set()

    def test_code_whose_names_are_not_there_is_run_by_numba(self, cache: Path) -> None:
        @kernel
        def one_more(n: int) -> int:
            return n + 1

        assert one_more(1) == 2
        (file,) = cache.rglob("one_more-*.machine")
        _, head, code = file.read_bytes().split(b"\n", 2)
        about = json.loads(head)
        about["needs"] = ["no_such_name_anywhere"]
        assert machine._load(about, code, (int,)) is None
