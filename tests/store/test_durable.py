"""Small runs of the commands that docs/store-durability.md tells of, each in a process of its own.

They fork, and a process that has run kernels on several threads cannot be forked: so not within the tests' own.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.store import acts, disk, power, shim, stops

REPOSITORY = Path(__file__).resolve().parents[2]
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts system calls of Linux")


def ran(tmp_path: Path, module: str, *arguments: str) -> dict[str, Any]:
    """Run a command, which must find nothing bad; return what it wrote down."""
    out = tmp_path / "out.json"
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(tmp_path)
    path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
    command = [sys.executable, "-m", f"tests.store.{module}", *arguments, "--where", where, "--out", str(out)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return {name: section["total"] for name, section in json.loads(out.read_text()).items()}


@LINUX
def test_killed_at_calls_and_at_random(tmp_path: Path) -> None:
    found = ran(
        tmp_path, "crash", "--points", "6", "--every", "131", "--acts", "ledger-ingest", "ingest", "compact"
    )
    assert found["killed_at_random"]["stopped"] == 6
    if "killed_at_every_call" not in found:
        pytest.skip("ptrace is not allowed here")
    total = found["killed_at_every_call"]
    assert total["stopped"] >= 10
    assert total["before"] + total["after"] == total["points"]


def test_power_lost(tmp_path: Path) -> None:
    if shim.built(tmp_path) is None:
        pytest.skip("there is no C compiler here")
    total = ran(tmp_path, "power", "--points", "8")["power_lost"]
    assert total["points"] == 16
    assert total["last"] + total["next"] + total.get("none_yet", 0) == 16


def test_disk_full_and_failing_and_starved(tmp_path: Path) -> None:
    arguments = (
        "--points",
        "8",
        "--memory",
        "0",
        "--step",
        "23",
        "--acts",
        "ledger-ingest",
        "ledger-forget",
        "ingest",
    )
    found = ran(tmp_path, "full", *arguments)
    assert found["disk_full"]["refused"] >= 1
    for name in ("no_space_at_every_operation", "io_error_at_every_operation"):
        assert name not in found or found[name]["refused"] >= 3


def test_flipped_bits(tmp_path: Path) -> None:
    found = ran(tmp_path, "flips", "--flips", "160", "--writes", "15")
    total = found["flipped_bits"]
    assert total["flips"] == 160
    assert total["refused"] > 60
    assert found["flipped_then_written"]["flips"] == 15


def test_readers_and_a_writer(tmp_path: Path) -> None:
    total = ran(tmp_path, "many", "--seconds", "5", "--readers", "4")["readers_and_writer"]
    assert total["whole"] >= 4


# ---- that the harness finds what it is there to find ---------------------------------------------------------


def rename(root: Path) -> None:
    (root / "new").write_text("after")
    os.replace(root / "new", root / "file")


def in_place(root: Path) -> None:
    with (root / "file").open("w") as file:
        file.flush()
        for letter in "after":
            file.write(letter)
            file.flush()


def simple(name: str, do: Any) -> stops.Act:
    def prepare(root: Path) -> None:
        root.mkdir()
        (root / "file").write_text("before")

    return stops.Act(name, prepare, do, lambda root: (root / "file").read_text())


@LINUX
def test_a_swap_by_rename_is_whole_and_a_write_in_place_is_not(tmp_path: Path) -> None:
    if not stops.can_trace():
        pytest.skip("ptrace is not allowed here")
    good: Counter[str] = Counter()
    for found in stops.at_every_call(stops.Base.of(simple("swap", rename), tmp_path)):
        good.update(found)
    assert not any(good[word] for word in stops.BAD)
    assert good["before"]
    assert good["after"]
    bad: Counter[str] = Counter()
    for found in stops.at_every_call(stops.Base.of(simple("in place", in_place), tmp_path)):
        bad.update(found)
    assert bad["lost"] >= 5


def test_a_disk_keeps_what_was_fsynced_and_may_drop_the_rest() -> None:
    def op(letter: str, path: str, more: bytes = b"", data: bytes = b"") -> disk.Operation:
        return disk.Operation(letter, path, more, data)

    at = disk.Disk("/s")
    nought = (0).to_bytes(8, "little")
    for one in (
        op("D", "/s"),
        op("C", "/s/a"),
        op("W", "/s/a", nought, b"x" * 600),
        op("S", "/s/a"),
        op("S", "/s"),
    ):
        at.do(one)
    at.do(op("W", "/s/a", nought, b"y" * 600))
    at.do(op("C", "/s/b"))
    at.do(op("R", "/s/b", b"/s/c"))
    seen = [at.crashed(random.Random(seed)) for seed in range(60)]
    assert all(len(found["/s/a"] or b"") == 600 for found in seen)
    assert {found["/s/a"] for found in seen} == {b"x" * 600, b"y" * 600, b"y" * 512 + b"x" * 88}
    assert {tuple(sorted(found)) for found in seen} > {("/s", "/s/a"), ("/s", "/s/a", "/s/c")}


def test_without_fsync_the_loss_of_power_is_found(tmp_path: Path) -> None:
    library = shim.built(tmp_path)
    if library is None:
        pytest.skip("there is no C compiler here")
    acts.warmed()
    life = power.Life(acts.LEDGER_LIFE, library, tmp_path)
    life.operations = [op for op in life.operations if op.letter != "S" or not op.path.endswith(".sqlite")]
    rng = random.Random(1)
    found: Counter[str] = Counter()
    for _ in range(15):
        found.update(life.cut(rng, tmp_path / "trial"))
    assert found["fewer"] + found["broken"] + found["explicit_error"] > 0
    shutil.rmtree(tmp_path / "trial")
