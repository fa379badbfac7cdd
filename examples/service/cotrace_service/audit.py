"""One line of the audit log for what is asked at the same moment by one caller: on the disk before any answer."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["Lines"]


class Lines:
    """Writes lines before answers are given.

    A line is a flush to the disk. Look-ups that come within a few milliseconds by one key for one purpose share one:
    it names all of their devices. When it cannot be written, none of them is answered.

    Parameters
    ----------
    log : cotrace.audit.AuditLog
    wait : float
        Seconds to wait for others.
    """

    def __init__(self, log: Any, wait: float) -> None:
        self._log, self._wait = log, wait
        self._open: dict[tuple[str, str, str], tuple[list[Any], asyncio.Future[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, **line: Any) -> None:
        """Write a line of its own, in a thread: the others are answered meanwhile."""
        await asyncio.to_thread(self._log.record, **line)

    async def share(self, who: str, what: str, purpose: str, whom: list[Any]) -> None:
        """Write the devices into a line that others may be in."""
        key = (who, what, purpose)
        if key not in self._open:
            self._open[key] = ([], asyncio.get_running_loop().create_future())
            task = asyncio.create_task(self._flush(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        devices, written = self._open[key]
        devices += whom
        await asyncio.shield(written)

    async def _flush(self, key: tuple[str, str, str]) -> None:
        await asyncio.sleep(self._wait)
        devices, written = self._open.pop(key)
        who, what, purpose = key
        try:
            await self.write(who=who, what=what, purpose=purpose, whom=devices, rows=len(devices))
        except BaseException as error:
            written.set_exception(error)
            written.exception()  # seen, though every request that waits for it may be gone
        else:
            written.set_result(None)
