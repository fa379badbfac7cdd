"""Builds the library that stands before libc (shim.c), and runs commands behind it."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
REPOSITORY = Path(__file__).resolve().parents[2]


def built(where: Path) -> Path | None:
    """Compile it; None where there is no C compiler, or no Linux."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    out = where / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(out), str(SOURCE), "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return out if done.returncode == 0 else None


def run(module: str, arguments: list[str], library: Path, root: Path, log: Path | None = None) -> str:
    """Run a module of the tests behind the shim, which looks at files below ``root``; return what it printed."""
    env = {**os.environ, "LD_PRELOAD": str(library), "COTRACE_SHIM_ROOT": str(root)}
    env["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "src"), env.get("PYTHONPATH", "")])
    if log is not None:
        env["COTRACE_SHIM_LOG"] = str(log)
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{module} failed: {done.stderr[-3000:]}")
    return done.stdout


def mark(text: str) -> None:
    """Put a word into the log; only behind the shim."""
    ctypes.CDLL(None).shim_mark(text.encode())


def fail_at(number: int, error: int) -> None:
    """Let the ``number``-th operation from now on fail, and all that follow; 0: none."""
    ctypes.CDLL(None).shim_fail(ctypes.c_long(number), ctypes.c_long(error))


def operations() -> int:
    """Return how many operations there were since the last :func:`fail_at`."""
    count = ctypes.CDLL(None).shim_done
    count.restype = ctypes.c_long
    return int(count())
