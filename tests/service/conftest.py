"""The service over real HTTP on loopback, with a made town."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cotrace_service.app import create_app
from cotrace_service.config import Config, load
from cotrace_service.keys import ROLES, new_key
from cotrace_service.manage import demo


@dataclass
class Running:
    """A service that runs: where, with which keys, and what time it thinks it is."""

    url: str
    folder: Path
    keys: dict[str, str]
    config: Config
    app: Any
    now: float
    client: httpx.Client

    def ask(self, role: str | None, method: str, path: str, **how: Any) -> httpx.Response:
        """Ask with the key of a role."""
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        return self.client.request(method, self.url + path, headers=headers, **how)

    def post(self, role: str | None, path: str, **body: Any) -> httpx.Response:
        """Post JSON with the key of a role."""
        return self.ask(role, "POST", path, json=body)


def serve(config: Config, keys: dict[str, str], folder: Path, now: float) -> Iterator[Running]:
    """Run a service until the caller is done with it."""
    import uvicorn

    # one client: to make one takes longer than to ask
    client = httpx.Client(verify=False, timeout=30)
    running = Running("", folder, keys, config, None, now, client)
    running.app = create_app(config, lambda: running.now)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    running.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(running.app, access_log=False, log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield running
    finally:
        client.close()
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], float]:
    folder, now = tmp_path_factory.mktemp("service"), time.time()
    keys = demo(folder, at=int(now) - 60)
    keys["all"] = new_key(folder / "keys.json", "everybody", list(ROLES))
    keys["expired"] = new_key(folder / "keys.json", "gone", ["lookup"], days=-1)
    return folder, keys, now


@pytest.fixture(scope="session")
def service(town: Any) -> Iterator[Running]:
    folder, keys, now = town
    config = replace(load(folder / "service.toml", {}), rate=1e9, burst=1e9, max_batch=100, max_bytes=20_000)
    yield from serve(config, keys, folder, now)
