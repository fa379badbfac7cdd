"""A small made world on disk, and the command line run on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from cotrace.cli import app

ZONE = "Asia/Shanghai"
AS_OF = "2021-11-03T00:00:00+08:00"
LOOSE = ("--min-cumulative", "2h", "--lookback", "3d")


def made(seed: int = 7, devices: int = 24) -> pd.DataFrame:
    """Three days of pings: everybody is in one of four places, for some hours at a time."""
    rng = np.random.default_rng(seed)
    places = np.array([[104.06, 30.66], [104.09, 30.66], [104.06, 30.69], [104.0901, 30.6601]])
    start = pd.Timestamp("2021-10-31", tz=ZONE)
    frames = []
    for device in range(1, devices + 1):
        second = np.cumsum(rng.integers(300, 2_400, 150))
        second = second[second < 3 * 86_400]
        place = places[rng.integers(0, 4, 30)[(second // 14_400) % 30]]
        place = place + rng.normal(0, 0.0015, place.shape)
        time = start + pd.to_timedelta(second, unit="s")
        frames.append(pd.DataFrame({"device": device, "time": time, "lon": place[:, 0], "lat": place[:, 1]}))
    return pd.concat(frames, ignore_index=True).sort_values("time", ignore_index=True)


@dataclass(frozen=True)
class Files:
    """The paths of one made world."""

    folder: Path

    @property
    def pings(self) -> str:
        return str(self.folder / "pings.parquet")

    @property
    def cases(self) -> str:
        return str(self.folder / "cases.csv")

    @property
    def out(self) -> str:
        return str(self.folder / "out")

    def path(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    return made()


@pytest.fixture
def files(tmp_path: Path, frame: pd.DataFrame) -> Files:
    frame.to_parquet(tmp_path / "pings.parquet", index=False)
    (tmp_path / "cases.csv").write_text(f"device,as_of\n3,{AS_OF}\n8,{AS_OF}\n")
    return Files(tmp_path)


def cotrace(*args: str) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(a) for a in args], prog_name="cotrace", catch_exceptions=False)


def companions(files: Files, *args: str) -> Result:
    """Run ``cotrace companions`` with a rule under which this world has companions."""
    return cotrace("companions", files.pings, "--cases", files.cases, "--out", files.out, *LOOSE, *args)
