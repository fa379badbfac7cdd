"""The kernels of ties as plain Python give what the oracle says: made worlds with the JIT off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cotrace

ROOT = Path(__file__).parents[2]
WORLDS = """
import warnings
warnings.simplefilter("ignore")
from tests.exposure import test_significance, test_sources, test_travel
print(sum(test_sources.compare(n) for n in (1, 2, 6)))
print(sum(test_significance.compare(n) for n in (1, 3, 5, 6)))
print(sum(test_travel.compare(n) for n in range(12)))
"""


def test_worlds_with_the_jit_off():
    package = str(Path(cotrace.__file__).parents[1])
    path = os.pathsep.join([package, str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", WORLDS],
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(int(line) > 0 for line in done.stdout.split()), done.stdout
