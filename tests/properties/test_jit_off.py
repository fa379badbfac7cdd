"""The kernels as plain Python give what they give compiled: made worlds with the JIT off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cotrace

ROOT = Path(__file__).parents[2]


def test_worlds_with_the_jit_off():
    package = str(Path(cotrace.__file__).parents[1])
    command = [
        sys.executable,
        "-m",
        "tests.properties.run",
        "--worlds",
        "150",
        "--seed",
        "31",
        "--processes",
        "1",
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["mismatches"] == []
    assert found["worlds_with_companions"] > 40
