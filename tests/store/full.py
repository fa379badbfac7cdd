"""Fill the disk under what changes a store: at many amounts of room, and let each operation fail in turn.

``python -m tests.store.full --points 50 --out docs/store-durability.json``

Three ways: a tmpfs with so many bytes left (needs the right to mount), every operation on files failing with ENOSPC or
EIO from the n-th on (needs a C compiler), and a limit to the size of a file (RLIMIT_FSIZE), which needs nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.store import acts, record, shim, stops

BAD = (*stops.BAD, "another_error", "unreadable")
PAGE = 4096
#: bytes of memory with which what is starved can be done
MOST = 256 << 20
PIECE = 1 << 18
_BALLAST: list[bytearray] = []


def outcome(
    base: stops.Base, root: Path, limit: Callable[[], None], free: Callable[[], None]
) -> Counter[str]:
    """Do an act where it cannot be done to its end, look; make room, and do it again."""
    found: Counter[str] = Counter(points=1)
    found[stops.forked(lambda: _tried(base, root, limit))] += 1
    try:  # while there is no room still
        state = stops.forked(lambda: base.act.state(root))
        found["unreadable"] += state not in (base.before, base.after)
    except stops.ChildError as error:
        print(error, file=sys.stderr)
        found["unreadable"] += 1
    free()
    found.update(base.looked(root))
    return found


def _tried(base: stops.Base, root: Path, limit: Callable[[], None]) -> str:
    from cotrace.errors import StoreWriteError

    limit()
    try:
        base.act.do(root)
    except StoreWriteError:
        return "refused"
    except MemoryError:
        return "memory_error"
    except Exception as error:
        print(f"{base.act.name}: {type(error).__name__}: {error}", file=sys.stderr)
        return "another_error"
    return "done"


@contextmanager
def mounted(where: Path, size: int) -> Iterator[bool]:
    """Mount a tmpfs there; gives False where that is not allowed."""
    where.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(where)]
    able = sys.platform.startswith("linux") and shutil.which("mount") is not None
    able = able and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield able
    finally:
        if able:
            subprocess.run(["umount", str(where)], check=True)


def filled(bases: list[stops.Base], points: int, small: Path) -> dict[str, Counter[str]]:
    """Do acts on a small disk that has less and less room left."""
    found: dict[str, Counter[str]] = {base.act.name: Counter() for base in bases}
    for number in range(points):
        base = bases[number % len(bases)]
        root, ballast = small / "store", small / "ballast"
        shutil.copytree(base.where, root)
        # up to two thirds of what is there: the last points have enough
        most = 2 * sum(PAGE * (1 + p.stat().st_size // PAGE) for p in root.rglob("*")) // 3
        left = number * most // points // PAGE * PAGE
        at_hand = os.statvfs(small)
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(at_hand.f_bavail * at_hand.f_frsize - left, 1))
        found[base.act.name].update(outcome(base, root, lambda: None, ballast.unlink))
        shutil.rmtree(root)
        record.told(number, points)
    return found


def starved(bases: list[stops.Base], points: int, where: Path) -> dict[str, Counter[str]]:
    """Do acts with less and less memory (RLIMIT_AS): a MemoryError, or a process that dies, leaves the store whole."""
    found: dict[str, Counter[str]] = {base.act.name: Counter() for base in bases}
    for number in range(points):
        base = bases[number % len(bases)]
        root = where / "starved"
        shutil.copytree(base.where, root)
        more = number * MOST // points

        def limit(more: int = more) -> None:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used, resource.RLIM_INFINITY))
            _held_but(more)

        try:
            found[base.act.name].update(outcome(base, root, limit, lambda: None))
        except stops.ChildError:
            found[base.act.name].update(base.looked(root))
            found[base.act.name].update(points=1, died=1)
        shutil.rmtree(root)
        record.told(number, points)
    return found


def _held_but(more: int) -> None:
    """Take all the memory that can be had, and give so much of it back."""
    with contextlib.suppress(MemoryError):
        while True:
            _BALLAST.append(bytearray(PIECE))
    del _BALLAST[: more // PIECE]


def limited(bases: list[stops.Base], points: int, where: Path) -> dict[str, Counter[str]]:
    """Do acts while no file may be larger than so many bytes."""
    found: dict[str, Counter[str]] = {base.act.name: Counter() for base in bases}
    for number in range(points):
        base = bases[number % len(bases)]
        root = where / "limited"
        shutil.copytree(base.where, root)
        largest = max(p.stat().st_size for p in root.rglob("*")) * 5 // 4
        size = number * largest // points

        def limit(size: int = size) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        found[base.act.name].update(outcome(base, root, limit, lambda: None))
        shutil.rmtree(root)
        record.told(number, points)
    return found


def failing(bases: list[stops.Base], error: int, where: Path, step: int = 1) -> dict[str, Counter[str]]:
    """Let each operation on files fail in turn, and all after it (behind the shim)."""
    found: dict[str, Counter[str]] = {base.act.name: Counter() for base in bases}
    for base in bases:
        root = where / "failing"
        shutil.copytree(base.where, root)
        most = stops.forked(lambda b=base, r=root: _counted(b, r))  # type: ignore[misc]
        shutil.rmtree(root)
        for number in range(1, most + 2, step):
            shutil.copytree(base.where, root)
            limit = lambda n=number: shim.fail_at(n, error)  # noqa: E731
            found[base.act.name].update(outcome(base, root, limit, lambda: None))
            shutil.rmtree(root)
            record.told(number, most)
    return found


def _counted(base: stops.Base, root: Path) -> int:
    shim.fail_at(0, 0)
    base.act.do(root)
    return shim.operations()


def behind(given: argparse.Namespace) -> int:
    """Do what is done behind the shim, and print its section."""
    start = time.time()
    acts.warmed()
    bases = [stops.Base.of(act, given.behind) for act in acts.named(given.acts)]
    bad = 0
    for name, error in (
        ("no_space_at_every_operation", errno.ENOSPC),
        ("io_error_at_every_operation", errno.EIO),
    ):
        found = failing(bases, error, given.behind, given.step)
        what = f"every operation on files fails in turn, and all after it: {errno.errorcode[error]}"
        bad += record.put(given.out, name, record.of_counts(what, found, BAD, start, step=given.step))
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=50, help="amounts of room on a disk")
    parser.add_argument("--memory", type=int, default=50, help="points at which memory is limited")
    parser.add_argument("--step", type=int, default=1, help="each how many-th operation fails; 0: none")
    parser.add_argument("--acts", nargs="*", help="names of acts (all)")
    parser.add_argument("--behind", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--where", help="a folder to work in")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.behind is not None:
        return behind(given)
    # its own pool reserves a gigabyte of addresses, from which all would be served
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    acts.warmed()
    bad = 0
    with tempfile.TemporaryDirectory(dir=given.where) as where:
        bases = [stops.Base.of(act, Path(where)) for act in acts.named(given.acts)]
        if given.points:
            start = time.time()
            with mounted(Path(where) / "small", 64 << 20) as able:
                how: dict[str, Any] = {"how": "tmpfs of 64 MiB, filled up to a rest"}
                if able:
                    found = filled(bases, given.points, Path(where) / "small")
                else:
                    how = {"how": "RLIMIT_FSIZE: nothing may be mounted here"}
                    found = limited(bases, given.points, Path(where))
            bad += record.put(given.out, "disk_full", record.of_counts("disk full", found, BAD, start, **how))
        if given.memory and Path("/proc/self/statm").exists():
            start = time.time()
            large = [stops.Base.of(act, Path(where)) for act in acts.large()]
            section = record.of_counts("memory limit", starved(large, given.memory, Path(where)), BAD, start)
            bad += record.put(given.out, "memory_limit", section)
        library = shim.built(Path(where)) if given.step else None
        if library is not None:
            arguments = ["--behind", str(Path(where) / "behind"), "--step", str(given.step)]
            (Path(where) / "behind").mkdir()
            arguments += ["--acts", *given.acts] if given.acts else []
            arguments += ["--out", str(given.out)] if given.out else []
            print(shim.run("tests.store.full", arguments, library, Path(where) / "behind"))
    return 1 if bad else 0


if __name__ == "__main__":
    stops.leave(main())
