"""The kernels of footprints and certainty as plain Python give what the oracle says: made worlds with the JIT off."""

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
from tests.footprints import test_certainty, test_footprints
print(sum(test_footprints.compare_footprints(n) for n in range(8)))
print(sum(test_footprints.compare_weighted(n) for n in range(12)))
print(sum(test_certainty.compare(n) for n in range(40)))
"""


def test_worlds_with_the_jit_off():
    package = str(Path(cotrace.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", WORLDS],
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([package, str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert all(int(line) > 0 for line in done.stdout.split()), done.stdout
