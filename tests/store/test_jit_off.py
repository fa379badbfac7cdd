"""The store's kernels as plain Python give what the oracle says: some days with the JIT off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cotrace

ROOT = Path(__file__).parents[2]
DAYS = """
import warnings
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.store.test_incremental import Days
warnings.simplefilter("ignore")
run_state_machine_as_test(Days, settings=settings(
    max_examples=6, stateful_step_count=5, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck), phases=[Phase.generate],
))
"""


def test_days_with_the_jit_off() -> None:
    package = str(Path(cotrace.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", DAYS],
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([package, str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
