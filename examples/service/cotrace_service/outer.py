"""What goes round every request: how long it may be, how long it took, and headers that keep answers to themselves."""

from __future__ import annotations

import json
import time
from typing import Any

from cotrace_service.metrics import Metrics

__all__ = ["Outer"]

_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'"),
]


class _TooLong(Exception):  # noqa: N818
    """More bytes came than may."""


class Outer:
    """Refuses requests that are too long, whatever they say of their length, and counts all others.

    Parameters
    ----------
    app : ASGI application
    most : int
        Bytes of a request.
    metrics : Metrics
    """

    def __init__(self, app: Any, most: int, metrics: Metrics) -> None:
        self._app, self._most, self._metrics = app, most, metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, came, started = time.perf_counter(), 500, 0, False

        async def counted() -> Any:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > self._most:
                raise _TooLong
            return message

        async def sent(message: Any) -> None:
            nonlocal status, started
            if came > self._most and not started:
                return  # an answer to what was cut off: another one is given
            started = True
            if message["type"] == "http.response.start":
                status = message["status"]
                message = message | {"headers": [*message.get("headers", []), *_HEADERS]}
            await send(message)

        try:
            if self._says_too_long(scope):
                raise _TooLong
            await self._app(scope, counted, sent)
            if came > self._most and not started:
                raise _TooLong
        except _TooLong:
            came = 0
            await _refuse(sent, 413, f"a request has at most {self._most:,} bytes")
        except Exception as error:
            # the server would write a trace with what was asked into its log
            print(f"a request failed: {type(error).__name__}", flush=True)
            if not started:
                await _refuse(sent, 500, "the service failed")
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.saw(route, status, time.perf_counter() - began)

    def _says_too_long(self, scope: Any) -> bool:
        said = dict(scope["headers"]).get(b"content-length", b"0")
        return not said.isdigit() or int(said) > self._most


async def _refuse(send: Any, status: int, why: str) -> None:
    body = json.dumps({"error": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
