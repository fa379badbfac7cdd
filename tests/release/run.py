"""Build sdist and wheel into dist/, and try the wheel in empty environments: ``make release``.

    python -m tests.release.run [--only newest|lowest]

The wheel is built from the sdist, so that nothing is missing there. It is installed twice into an environment with
nothing in it, with the newest versions and with the lowest that pyproject.toml allows (``tests/release/lowest.py``),
and runs the demo in each. Both must print the same but for the seconds.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
import zipfile
from pathlib import Path

from tests.release.lowest import ROOT, lines

DIST = ROOT / "dist"
#: what a wheel must hold, and what it must not
NEEDED = (
    "cotrace/__init__.py",
    "cotrace/py.typed",
    "cotrace/data/calves2018.parquet",
    "cotrace/data/README.md",
)
BARRED = re.compile(r"(^|/)(tests|benchmarks|docs|\.ci|__pycache__|\.git)(/|$)|\.py[co]$|\.nb[ic]$")


def run(*command: str | Path, **options: object) -> str:
    """Run a command and return what it printed; what it said of an error is passed on."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    if done.returncode:
        sys.stderr.write(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
        raise SystemExit(1)
    return str(done.stdout)


def build() -> Path:
    """Build both into dist/ and return the wheel."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", DIST, cwd=ROOT)
    (sdist,) = DIST.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as packed:
            packed.extractall(folder, filter="data")
        (inside,) = Path(folder).iterdir()
        run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", DIST, cwd=inside)
    (wheel,) = DIST.glob("*.whl")
    return wheel


def check(wheel: Path) -> None:
    """Look at what the wheel holds."""
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    missing = [name for name in NEEDED if name not in names]
    barred = [name for name in names if BARRED.search(name)]
    licences = [name for name in names if name.endswith("LICENSE")]
    if missing or barred or not licences:
        raise SystemExit(f"{wheel.name}: lacks {missing}, must not hold {barred[:5]}, licences {licences}")
    print(f"{wheel.name}: {len(names)} files, {wheel.stat().st_size / 1e6:.2f} MB")


def empty_environment(folder: Path) -> Path:
    """Make an environment with pip alone and return its programs."""
    venv.create(folder, with_pip=True, clear=True)
    return folder / ("Scripts" if os.name == "nt" else "bin")


def install(wheel: Path, which: str, folder: Path) -> str:
    """Install the wheel into an empty environment, run the demo, and return what it printed, without the seconds."""
    programs = empty_environment(folder / which)
    held = folder / "lowest.txt"
    held.write_text(lines([]), encoding="utf-8")
    begun = time.monotonic()
    constrained = ["--constraint", held] if which == "lowest" else []
    quiet = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    run(programs / "python", "-m", "pip", "install", *quiet, wheel, *constrained)
    installed = time.monotonic()
    run(programs / "python", "-c", "import cotrace; assert cotrace.__version__", cwd=folder)
    printed = run(programs / "cotrace", "demo", cwd=folder)
    versions = run(programs / "python", "-m", "pip", "list", "--format", "freeze").split()
    size = sum(p.stat().st_size for p in (folder / which).rglob("*") if p.is_file() and not p.is_symlink())
    print(
        f"{which}: installed in {installed - begun:.0f} s, {size / 1e6:.0f} MB, "
        f"demo in {time.monotonic() - installed:.0f} s; "
        + ", ".join(v for v in versions if not v.startswith(("pip=", "setuptools=", "cotrace")))
    )
    return re.sub(r"\d+\.\d+ s\b", "N s", printed)


def main() -> None:
    """Build, look, and try."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", choices=["newest", "lowest"], help="try the wheel with these versions alone"
    )
    args = parser.parse_args()
    wheel = build()
    check(wheel)
    with tempfile.TemporaryDirectory(prefix="cotrace-release-") as folder:
        printed = {}
        for which in [args.only] if args.only else ["newest", "lowest"]:
            printed[which] = install(wheel, which, Path(folder))
            shutil.rmtree(Path(folder) / which)
    if len(set(printed.values())) > 1:
        raise SystemExit("the demo prints one thing with the newest versions and another with the lowest")
    print(f"in {DIST.name}/: {', '.join(sorted(p.name for p in DIST.iterdir()))}")


if __name__ == "__main__":
    main()
