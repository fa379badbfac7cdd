"""What privacy costs, and what a plain hash of a phone number is worth.

    python benchmarks/privacy.py              # some minutes; prints a table
    python benchmarks/privacy.py --record     # and writes it to benchmarks/results and docs/privacy.md

CPU time where the processor does the work (other work on the machine does not spoil it), wall time where the disk does.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

import cotrace
from common import read_json, write_json
from cotrace.audit import AuditLog, verify
from cotrace.keys import Key
from cotrace.privacy import Encryption, Pseudonymiser, pseudonymise
from measure import HERE, RESULTS, about_run

FILE = RESULTS / "privacy.json"
PAGE = HERE.parent / "docs" / "privacy.md"
BEGIN, END = "<!-- figures: made by benchmarks/privacy.py -->", "<!-- end of figures -->"
KEY = Key(lambda: hashlib.sha512(b"a benchmark").digest()[:32])
PREFIX, NUMBER = "+86138", "+8613800138000"


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of some work."""
    started = time.process_time()
    work()
    return time.process_time() - started


def plain_hash(digits: int) -> dict[str, Any]:
    """Find a number by its plain SHA-256, trying all of one prefix; the one that is asked is the last."""
    count, prefix = 10**digits, NUMBER[: len(NUMBER) - digits]
    wanted = hashlib.sha256(f"{prefix}{count - 1:0{digits}}".encode()).digest()
    found = []

    def search() -> None:
        head, sha256 = prefix, hashlib.sha256
        for n in range(count):
            if sha256(f"{head}{n:0{digits}}".encode()).digest() == wanted:
                found.append(n)

    seconds = cpu(search)
    return {"numbers": count, "cpu_s": round(seconds, 1), "found": found == [count - 1]}


def pseudonyms(ids: int) -> dict[str, Any]:
    """Make pseudonyms of distinct ids."""
    numbers, by = [f"{PREFIX}{n:08}" for n in range(ids)], Pseudonymiser(KEY, domain="benchmark")
    seconds = statistics.median(cpu(lambda: by.names_of(numbers)) for _ in range(5))
    return {"ids": ids, "ids_a_second": round(ids / seconds)}


def pings(rows: int, devices: int) -> dict[str, Any]:
    """Make stays of pings with and without pseudonyms, in turn."""
    rng = np.random.default_rng(1)
    numbers = pa.array([f"{PREFIX}{n:08}" for n in range(devices)])
    device = pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, devices, rows), pa.int32()), numbers)
    time_, x = rng.integers(0, 86_400, rows), rng.integers(0, 20_000, rows).astype(float)
    table = pa.table({"device": device.dictionary_decode(), "time": time_, "x": x, "y": x})
    source = cotrace.read_pings(table, unit="s")
    jobs: dict[str, Callable[[], object]] = {
        "plain": lambda: cotrace.find_stays(source, threads=1),
        "pseudonyms": lambda: cotrace.find_stays(
            pseudonymise(source, key=KEY, domain="benchmark"), threads=1
        ),
    }
    took = in_turn(jobs)
    return {"rows": rows, "devices": devices, **{f"{name}_cpu_s": round(s, 2) for name, s in took.items()}}


def in_turn(jobs: dict[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Return the median CPU seconds of each, after a first round that is not counted."""
    took: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds + 1):
        for name, job in jobs.items():
            took[name].append(cpu(job))
    return {name: statistics.median(times[1:]) for name, times in took.items()}


class Vault(pe.KmsClient):
    """A key service in this process."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        """Give a key as text: it hides nothing, and costs nothing that would be measured."""
        return key_bytes.hex().encode()

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        """Give the key back."""
        return bytes.fromhex(wrapped_key.decode() if isinstance(wrapped_key, bytes) else wrapped_key)


def encryption(rows: int) -> dict[str, Any]:
    """Write and read a file of stays, plain and encrypted, in turn; in memory, so that no disk is measured."""
    rng, hidden = np.random.default_rng(1), Encryption(Vault(), "benchmark")
    table = pa.table(
        {name: np.sort(rng.integers(0, rows, rows).astype(np.int32)) for name in ("a", "b", "c", "d")}
    )
    files = {"plain": io.BytesIO(), "encrypted": io.BytesIO()}

    def write(name: str) -> None:
        files[name] = io.BytesIO()
        how = {"encryption_properties": hidden.encrypting()} if name == "encrypted" else {}
        pq.write_table(table, files[name], compression="zstd", write_page_checksum=True, **how)

    def read(name: str) -> None:
        files[name].seek(0)
        how = {"decryption_properties": hidden.decrypting()} if name == "encrypted" else {}
        pq.ParquetFile(files[name], page_checksum_verification=True, **how).read()

    took = in_turn({n: (lambda n=n: write(n)) for n in files})
    back = in_turn({n: (lambda n=n: read(n)) for n in files})
    result: dict[str, Any] = {"rows": rows, "bytes": {n: len(f.getvalue()) for n, f in files.items()}}
    for name in files:
        result |= {f"write_{name}_cpu_s": round(took[name], 3), f"read_{name}_cpu_s": round(back[name], 3)}
    return result


def audit(lines: int) -> dict[str, Any]:
    """Write lines one by one, each flushed to disk, and verify them."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        log, took = AuditLog(Path(folder) / "audit.log", key=KEY), []
        for n in range(lines):
            started = time.perf_counter()
            log.record(who="somebody", what="trajectory", whom=[n], purpose="a benchmark", rows=n)
            took.append(time.perf_counter() - started)
        seconds = cpu(lambda: verify(log.path, key=KEY))
        assert log.verify().ok
    milliseconds = sorted(1e3 * t for t in took)
    return {
        "lines": lines,
        "median_ms": round(statistics.median(milliseconds), 2),
        "p99_ms": round(milliseconds[int(0.99 * lines)], 2),
        "verified_lines_a_cpu_second": round(lines / seconds),
    }


def lines_of(record: dict[str, Any]) -> str:
    """Return the table of the page: no figure in it is typed."""
    h, p, s, e, a = (record[n] for n in ("plain_hash", "pseudonyms", "pings", "encryption", "audit"))
    rows = [
        (
            "a number is found by its plain SHA-256, all of one prefix tried",
            f"{h['numbers']:,} numbers in {h['cpu_s']:.0f} s on one core",
        ),
        ("pseudonyms of distinct ids", f"{p['ids_a_second'] / 1e6:.2f} M a second on one core"),
        (
            f"stays of {s['rows'] / 1e6:.0f} M pings of {s['devices']:,} devices, text ids",
            f"{s['plain_cpu_s']:.2f} s, with pseudonyms {s['pseudonyms_cpu_s']:.2f} s of CPU",
        ),
        (
            f"writing {e['rows'] / 1e6:.0f} M rows as Parquet",
            f"{e['write_plain_cpu_s']:.2f} s, encrypted {e['write_encrypted_cpu_s']:.2f} s of CPU",
        ),
        ("reading them", f"{e['read_plain_cpu_s']:.3f} s, encrypted {e['read_encrypted_cpu_s']:.3f} s of CPU"),
        ("a line of the audit log, on disk", f"{a['median_ms']:.1f} ms (p99 {a['p99_ms']:.1f} ms)"),
        ("verifying the log", f"{a['verified_lines_a_cpu_second']:,} lines a second"),
    ]  # fmt: skip
    about = f"Measured on {record['finished_at']}: {record['machine']['cpu']}, {record['machine']['cores']} cores."
    table = "\n".join(f"| {what} | {figure} |" for what, figure in rows)
    return f"| | |\n|---|---|\n{table}\n\n{about}"


def put_on_page(record: dict[str, Any]) -> None:
    """Write the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n{lines_of(record)}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> int:
    """Measure, print, and record when asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--digits", type=int, default=8, help="how many digits of the number are not known")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--page", action="store_true", help="make the page anew from what is recorded")
    args = parser.parse_args()
    if args.page:
        put_on_page(read_json(FILE))
        return 0
    record = {
        "plain_hash": plain_hash(args.digits),
        "pseudonyms": pseudonyms(min(args.rows, 1_000_000)),
        "pings": pings(args.rows, max(10, args.rows // 50)),
        "encryption": encryption(args.rows),
        "audit": audit(500 if args.rows >= 1_000_000 else 20),
        **about_run(),
    }
    print(lines_of(record))
    if args.record:
        write_json(FILE, record)
        put_on_page(record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
