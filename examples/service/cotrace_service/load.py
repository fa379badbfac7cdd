"""A load run: ``python -m cotrace_service.load [--seconds 10] [--clients 32] [--workers 1] [--out FILE]``.

Makes a town and codes of a million devices in a temporary folder, serves them in processes of their own on loopback,
and asks with keep-alive connections that each wait for their answer: single look-ups, then batches. Prints requests a
second, p50, p99 and errors; ``--out`` keeps them as JSON. The clients run on the same machine and take their share of
it. Every answer has its line in the audit log on the disk first.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["main"]


def made(folder: Path, devices: int) -> dict[str, str]:
    """Make what is served; return the keys."""
    import numpy as np

    from cotrace import codes
    from cotrace_service.manage import demo

    keys = demo(folder)
    now = int(time.time())
    rows = {
        "device": np.arange(devices),
        "code": ["green"] * devices,
        "reason": ["enrolled"] * devices,
        "since": np.full(devices, now - 86_400),
    }
    codes.publish(folder / "codes", rows, at=now - 60)
    return keys


class Client:
    """One connection that asks and waits."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self.times: list[float] = []
        self.errors = 0

    async def run(self, path: str, bodies: list[bytes], until: float) -> None:
        """Ask until then."""
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {self._key}\r\n"
        head += "content-type: application/json\r\ncontent-length: "
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            while time.perf_counter() < until:
                body = random.choice(bodies)
                began = time.perf_counter()
                writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                size = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(size)
                self.times.append(time.perf_counter() - began)
                self.errors += not answer.startswith(b"HTTP/1.1 200")
        except (OSError, asyncio.IncompleteReadError):
            self.errors += 1
        finally:
            writer.close()


async def ask(
    port: int, key: str, path: str, bodies: list[bytes], clients: int, seconds: float
) -> dict[str, Any]:
    """Ask with so many connections at once; return what came of it."""
    crowd = [Client(port, key) for _ in range(clients)]
    began = time.perf_counter()
    await asyncio.gather(*(client.run(path, bodies, began + seconds) for client in crowd))
    took = time.perf_counter() - began
    times = sorted(t for client in crowd for t in client.times)
    if not times:
        return {"requests": 0, "errors": sum(client.errors for client in crowd)}
    return {
        "clients": clients,
        "requests": len(times),
        "requests_per_s": round(len(times) / took, 1),
        "p50_ms": round(times[len(times) // 2] * 1000, 2),
        "p99_ms": round(times[min(len(times) - 1, len(times) * 99 // 100)] * 1000, 2),
        "errors": sum(client.errors for client in crowd),
    }


def served(folder: Path, workers: int) -> tuple[subprocess.Popen[bytes], int]:
    """Start the service; return its process and port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "COTRACE_SERVICE_PORT": str(port),
        "COTRACE_SERVICE_RATE": "1e9",
        "COTRACE_SERVICE_BURST": "1e9",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    command = [sys.executable, "-m", "cotrace_service", "--config", str(folder / "service.toml")]
    process = subprocess.Popen([*command, "--workers", str(workers)], env=environment)
    for _ in range(600):
        time.sleep(0.1)
        if process.poll() is not None:
            raise SystemExit("the service did not start")
        with socket.socket() as there:
            if there.connect_ex(("127.0.0.1", port)) == 0:
                return process, port
    process.terminate()
    raise SystemExit("the service did not start")


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """Return the CPU seconds of a process so far; 0 where the system does not tell."""
    try:
        told = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def run(seconds: float, clients: int, workers: int, devices: int, batch: int) -> dict[str, Any]:
    """Serve, ask, and return the figures."""
    with tempfile.TemporaryDirectory(prefix="cotrace-service-") as name:
        folder = Path(name)
        key = made(folder, devices)["lookup"]
        process, port = served(folder, workers)
        try:
            one = [
                json.dumps({"device": random.randrange(devices), "purpose": "load"}).encode()
                for _ in range(1000)
            ]
            many = [
                json.dumps({"devices": random.sample(range(devices), batch), "purpose": "load"}).encode()
                for _ in range(20)
            ]
            asyncio.run(ask(port, key, "/v1/lookup", one, clients, min(1.0, seconds)))  # warm-up
            found = {}
            for path, bodies, crowd in (("lookup", one, clients), ("lookups", many, min(4, clients))):
                spent = cpu_s(process)
                said = found[path] = asyncio.run(ask(port, key, f"/v1/{path}", bodies, crowd, seconds))
                if workers == 1 and said["requests"]:
                    said["cpu_ms"] = round((cpu_s(process) - spent) * 1000 / said["requests"], 2)
        finally:
            process.terminate()
            process.wait(30)
        found["lookups"]["devices_per_s"] = round(found["lookups"].get("requests_per_s", 0) * batch)
        size = (folder / "audit.log").stat().st_size
    return {
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": len(os.sched_getaffinity(0)), "python": platform.python_version()},
        "seconds": seconds,
        "workers": workers,
        "devices": devices,
        "batch": batch,
        "audit_log_bytes": size,
        **found,
    }


def main(given: list[str] | None = None) -> int:
    """Run, print and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args(given)
    found = run(args.seconds, args.clients, args.workers, args.devices, args.batch)
    for name in ("lookup", "lookups"):
        said = found[name]
        if not said["requests"]:
            print(f"{name}: no answer, {said['errors']} errors")
            continue
        more = f", {said['devices_per_s']:,} devices/s" if "devices_per_s" in said else ""
        more += f", {said['cpu_ms']} ms of CPU each" if "cpu_ms" in said else ""
        print(
            f"{name}: {said['requests_per_s']:,.0f} requests/s{more}, p50 {said['p50_ms']:.1f} ms, p99 "
            f"{said['p99_ms']:.1f} ms, {said['errors']} errors ({said['requests']:,} requests, {said['clients']} "
            "clients)"
        )
    if args.out:
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return (
        1
        if any(found[name]["errors"] or not found[name]["requests"] for name in ("lookup", "lookups"))
        else 0
    )


if __name__ == "__main__":
    sys.exit(main())
