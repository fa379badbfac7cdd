"""Fuzz the readers for some time, and record it.

    python -m tests.fuzz.run --seconds 60                             # changes of good files, every reader
    python -m tests.fuzz.run --seconds 60 --engine atheris            # led by coverage; pip install 'cotrace[fuzz]'
    python -m tests.fuzz.run --seconds 600 --out docs/fuzz.json       # recorded

Each reader has a process of its own, so that a crash of a library below is told too. A finding is kept as a file in
``--findings``, and the command ends with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS, check

_MOST_FINDINGS = 20


def main() -> int:
    """Run every reader in a process of its own."""
    args = _arguments()
    if args.one:
        return _atheris(args) if args.engine == "atheris" else _one(args)
    names = args.readers or list(READERS)
    found = []
    for name in names:
        found.append(_child(args, name))
        one = found[-1]
        print(
            f"{name}: {one['inputs']:,} inputs in {one['seconds']:.0f} s, {one['findings']} findings",
            flush=True,
        )
    record = {
        "engine": args.engine,
        "seed": args.seed,
        "seconds_each": args.seconds,
        "python": platform.python_version(),
        "readers": found,
        "inputs": sum(one["inputs"] for one in found),
        "findings": sum(one["findings"] for one in found),
    }
    if args.out:
        _merge(Path(args.out), record)
    print(f"{record['inputs']:,} inputs, {record['findings']} findings")
    return 1 if record["findings"] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10, help="for each reader")
    parser.add_argument("--readers", nargs="*", choices=list(READERS))
    parser.add_argument("--engine", choices=["changes", "atheris"], default="changes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", default="fuzz-findings")
    parser.add_argument("--out", help="a JSON file; what the other engine recorded there stays")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def _merge(path: Path, record: dict[str, Any]) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, record.pop("engine"): record}, indent=1) + "\n")


def _child(args: argparse.Namespace, name: str) -> dict[str, Any]:
    """Run one reader in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "tests.fuzz.run", "--one", name, "--seconds", str(args.seconds)]
        command += [
            "--engine",
            args.engine,
            "--seed",
            str(args.seed),
            "--findings",
            args.findings,
            "--out",
            str(report),
        ]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=args.engine == "atheris", text=True, check=False)
        took = time.perf_counter() - started
        found = (
            json.loads(report.read_text()) if report.exists() else {"inputs": 0, "findings": 0, "ends": {}}
        )
    crashed = done.returncode not in (0, 1)
    if crashed or (done.returncode and not found["findings"]):
        found["findings"] += 1
        print(f"{name}: ended with {done.returncode}\n{(done.stderr or '')[-2000:]}", file=sys.stderr)
    return {"reader": name, "seconds": round(took, 1), **found}


def _one(args: argparse.Namespace) -> int:
    """Read changed files until the time is over."""
    reader, rng, ends = READERS[args.one], random.Random(f"{args.seed} {args.one}"), Counter[str]()
    seeds, until, findings, inputs = reader.seeds(), time.perf_counter() + args.seconds, 0, 0
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        last = Path(args.findings) / f"last-{os.getpid()}-{reader.name}" if reader.native else None
        while time.perf_counter() < until and findings < _MOST_FINDINGS:
            data = mutated(rng, seeds)
            inputs += 1
            if last is not None:
                _keep(last, data)  # a crash leaves no time to write
            try:
                ends[check(reader, data, Path(folder))] += 1
            except Exception:
                findings += 1
                _keep(Path(args.findings) / f"{findings}-{reader.name}", data)
                traceback.print_exc()
        if last is not None:
            last.unlink(missing_ok=True)
    Path(args.out).write_text(json.dumps({"inputs": inputs, "findings": findings, "ends": dict(ends)}))
    return 1 if findings else 0


def _memory() -> str | None:
    """Return a folder in memory where there is one: what is read is on no disk for long."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def _atheris(args: argparse.Namespace) -> int:
    """Let libFuzzer lead, by the coverage of the library's own code."""
    import atheris

    with atheris.instrument_imports(include=["cotrace"]):
        import cotrace.audit
        import cotrace.cli.build
        import cotrace.exposure.elsewhere
        import cotrace.exposure.geometries
        import cotrace.exposure.given
        import cotrace.io.pings  # noqa: F401
    reader, folder, ends = READERS[args.one], tempfile.mkdtemp(dir=_memory()), Counter[str]()
    corpus = Path(folder) / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(reader.seeds()):
        (corpus / str(number)).write_bytes(seed)
    Path(args.findings).mkdir(exist_ok=True)
    report, state = Path(args.out), {"inputs": 0}

    def test(data: bytes) -> None:
        state["inputs"] += 1
        try:
            ends[check(reader, data, Path(folder))] += 1
        except Exception:
            report.write_text(json.dumps({**state, "findings": 1, "ends": dict(ends)}))
            raise
        if state["inputs"] % 50 == 0:
            report.write_text(json.dumps({**state, "findings": 0, "ends": dict(ends)}))

    report.write_text(json.dumps({**state, "findings": 0, "ends": {}}))
    options = [
        f"-max_total_time={max(1, int(args.seconds))}",
        f"-seed={args.seed}",
        "-max_len=65536",
        "-rss_limit_mb=4096",
    ]
    options.append(f"-artifact_prefix={args.findings}/{reader.name}-")
    atheris.Setup(["fuzz", *options, str(corpus)], test)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
