"""The audit log as it is written: one line before every answer, and no answer without a line."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cotrace.audit.head import EMPTY, Head, read_head, sync_folder, write_head
from cotrace.audit.lines import digest_of, made, parsed
from cotrace.errors import AuditError, CotraceError, OptionError

if TYPE_CHECKING:
    from cotrace.keys import Key

__all__ = ["AuditLog"]

_PAUSE = 0.005
_LONGEST = 2_000


class AuditLog:
    """A log of who asked what about whom; every line is on disk before :meth:`record` returns.

    Lines hang together: each holds the digest of the one before. The *head*, a second small file, says how far the
    log goes, so that dropping its last lines is found too. Several processes and threads may write one log.

    Parameters
    ----------
    path : path
        The file; it is made when it is not there, for its owner alone (mode 0600).
    key : Key, path or callback, optional
        32 bytes or more (:mod:`cotrace.keys`). With it seals are MACs: who can write the file but does not have the
        key cannot make a chain that verifies. Keep it where those who may read the log cannot.
    names : {"pseudonyms", "ids"} or Pseudonymiser, optional
        How those who are asked about are written. With a key: by pseudonyms made of it, so that the log is no second
        list of people; :meth:`name_of` gives that of one id, to look for. Without: as ids, there being no secret.
    head : path, optional
        The file of the head; ``path`` with ``.head`` unless given. Best in another folder, or on another machine.
    wait : float
        How many seconds to wait for another process that writes.

    Raises
    ------
    AuditError
        The log cannot be opened, was cut, or its last line was changed: mend that first (``cotrace audit verify``).

    Examples
    --------
    >>> import tempfile, os.path
    >>> log = AuditLog(os.path.join(tempfile.mkdtemp(), "audit.log"))
    >>> log.record(who="dr.li", what="trajectory", whom=["+8613800138000"], purpose="case 17", rows=40)
    2
    >>> log.verify().ok
    True
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        key: Any = None,
        names: Any = None,
        head: str | os.PathLike[str] | None = None,
        wait: float = 10.0,
    ) -> None:
        from cotrace.audit.whom import names_from
        from cotrace.keys import as_key

        self.path = Path(path)
        self.head_path = Path(head) if head is not None else self.path.with_name(f"{self.path.name}.head")
        self.wait = wait
        self.key: Key | None = None if key is None else as_key(key)
        self._names = names_from(names, self.key)
        with _as_audit_errors("opened"), self._locked(create=True) as handle:
            self._catch_up(handle)

    def record(
        self,
        *,
        who: str,
        what: str,
        whom: Any = "all",
        purpose: str,
        case: str | None = None,
        rows: int | None = None,
        version: int | None = None,
        failed: str | None = None,
    ) -> int:
        """Append one line; when this returns it is on disk.

        Parameters
        ----------
        who : str
            The person that asks, by a name that stands for one person only.
        what : str
            What is asked: the name of the query.
        whom : ids, int or "all"
            The devices that are asked about; how many, where they must not be named; or all.
        purpose : str
            What for.
        case : str, optional
            A reference to the case: the number of a file, not a device. One of ``whom`` is written as there.
        rows : int, optional
            How many rows the answer has; None where that is not known.
        version : int, optional
            The version of the store that is asked.
        failed : str, optional
            What kind of error there was instead of an answer.

        Returns
        -------
        int
            The number of the line; the first says when the log was opened.

        Raises
        ------
        AuditError
            When the line could not be written and flushed: whoever asks gets no answer.
        """
        with _as_audit_errors("written to"):
            says = self._says(who, what, whom, purpose, case)
            extra = {"rows": rows, "version": version, "failed": failed}
            says |= {name: _number(name, value) for name, value in extra.items() if value is not None}
            with self._locked() as handle:
                head = self._append(handle, self._catch_up(handle), says)
        return head.n

    def run(
        self,
        function: Callable[..., Any],
        source: Any,
        *args: Any,
        who: str,
        purpose: str,
        case: str | None = None,
        whom: Any = None,
        **keywords: Any,
    ) -> Any:
        """Ask a query of the library, write the line, and only then give the answer.

        Parameters
        ----------
        function : callable
            Any public query: ``cotrace.find_companions``.
        source : Pings, Stays or a store
            What it is asked of.
        *args, **keywords
            As the query takes them.
        who, purpose, case
            As in :meth:`record`.
        whom : ids or int, optional
            Where it is not to be taken from the query's own ``cases``, ``devices`` or ``pairs``.

        Returns
        -------
        object
            What the query gives.

        Raises
        ------
        AuditError
            When the line cannot be written: there is no answer then. A query that fails leaves a line too.
        """
        from cotrace.audit.whom import named_in, rows_of

        what = getattr(function, "__name__", type(function).__name__)
        if whom is None:
            whom = named_in(function, (source, *args), keywords)
        line = {"who": who, "what": what, "whom": whom, "purpose": purpose, "case": case}
        version = getattr(source, "version", None)
        line["version"] = version if type(version) is int else None
        with _as_audit_errors("written to"):
            self._says(who, what, whom, purpose, case)  # what cannot be written is not asked either
        try:
            answer = function(source, *args, **keywords)
        except Exception as error:
            self.record(**line, failed=type(error).__name__)
            raise
        self.record(**line, rows=rows_of(answer))
        return answer

    def name_of(self, device: Any) -> str:
        """Return how a device is written in this log."""
        return self._names([device])[0]

    @property
    def head(self) -> str:
        """How far the log goes: ``number:digest``. Written down elsewhere, it shows later that nothing was dropped."""
        with _as_audit_errors("read"), self._locked() as handle:
            return str(self._catch_up(handle))

    def verify(self, expect: str | None = None) -> Any:
        """Check every line: see :func:`cotrace.audit.verify`."""
        from cotrace.audit.verify import verify

        return verify(self.path, key=self.key, head=self.head_path, expect=expect)

    def __repr__(self) -> str:
        return f"<AuditLog {str(self.path)!r}, {'sealed with a key' if self.key else 'without a key'}>"

    def _says(self, who: str, what: str, whom: Any, purpose: str, case: str | None) -> dict[str, Any]:
        from cotrace.audit.whom import written

        says: dict[str, Any] = {"who": _text("who", who), "what": _text("what", what)}
        says["whom"], named = written(whom, self._names)
        says["purpose"] = _text("purpose", purpose)
        if case is not None:
            says["case"] = named.get(case) or _text("case", case)
        return says

    def _secret(self) -> bytes | None:
        return None if self.key is None else self.key.derived("audit")

    @contextmanager
    def _locked(self, create: bool = False) -> Iterator[int]:
        """Open the log and hold its lock."""
        import fcntl
        import stat

        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        handle = os.open(self.path, flags, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise AuditError("the audit log is no ordinary file")
            until = time.monotonic() + self.wait
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise AuditError(
                            f"the audit log was locked by others for {self.wait:g} s: try again"
                        ) from None
                    time.sleep(_PAUSE)
            yield handle
        finally:
            os.close(handle)

    def _catch_up(self, handle: int) -> Head:
        """Return the head, brought up to what a process that was stopped had written.

        A line that the head does not tell of was never answered for: whole it is kept, broken off it is taken away,
        and a line says so.
        """
        key = self._secret()
        head, size = read_head(self.head_path, key), os.fstat(handle).st_size
        if head is None:
            if size:
                raise AuditError(
                    "the audit log has no head: without it dropped lines are not found; verify it first"
                )
            head = EMPTY if key is None else replace(EMPTY, keyed=True)
            write_head(self.head_path, head, key)
            sync_folder(self.path)
        if head.keyed and key is None:
            raise AuditError("the audit log was written with a key: give it, key=")
        if size < head.size:
            raise AuditError(
                f"the audit log was cut: its head tells of {head.size:,} bytes, and it has {size:,}"
            )
        last = os.pread(handle, head.size - head.start, head.start)
        if head.n and digest_of(last.removesuffix(b"\n")) != head.digest:
            raise AuditError(
                "the last line of the audit log was changed since it was written: verify it first"
            )
        if size > head.size:
            head = self._adopted(handle, head, os.pread(handle, size - head.size, head.size))
        if not head.n:
            opening = {"what": "opened", "log": secrets.token_hex(16), "keyed": key is not None, "format": 1}
            head = self._append(handle, head, opening)
        return head

    def _adopted(self, handle: int, head: Head, rest: bytes) -> Head:
        key = self._secret()
        if not rest.endswith(b"\n"):
            os.ftruncate(handle, head.size)
            says = {"what": "mended", "dropped_bytes": len(rest), "dropped": digest_of(rest)}
            return self._append(handle, head, says)
        line = parsed(rest[:-1])
        if line is None or not line.is_sealed_by(key) or line.says["before"] != head.digest:
            raise AuditError("the audit log has lines that its head does not know: verify it first")
        os.fsync(handle)
        head = Head(head.n + 1, line.digest, head.size, head.size + len(rest), head.keyed)
        write_head(self.head_path, head, key)
        return head

    def _append(self, handle: int, head: Head, says: dict[str, Any]) -> Head:
        key = self._secret()
        at = datetime.now(UTC).isoformat(timespec="microseconds")
        line = made({"n": head.n + 1, "at": at, **says, "before": head.digest}, key)
        try:
            _write(handle, line + b"\n")
            os.fsync(handle)
        except BaseException:
            os.ftruncate(handle, head.size)  # the line was not answered for: nothing half written is left
            raise
        new = Head(head.n + 1, digest_of(line), head.size, head.size + len(line) + 1, head.keyed)
        write_head(self.head_path, new, key)
        return new


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise OptionError(f"{name}= says nothing: the audit log needs it")
    if len(value) > _LONGEST:
        raise OptionError(f"{name}= is longer than {_LONGEST:,} characters")
    return value


def _number(name: str, value: Any) -> Any:
    if name == "failed":
        return _text(name, value)
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 0:
        raise OptionError(f"{name}= is no count")
    return int(value)


@contextmanager
def _as_audit_errors(what: Literal["opened", "written to", "read"]) -> Iterator[None]:
    """Let every failure be an :class:`AuditError`: the caller gives no answer then."""
    try:
        yield
    except AuditError:
        raise
    except CotraceError as error:
        raise AuditError(f"the audit log was not {what}: {error}") from error
    except Exception as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise AuditError(
            f"the audit log could not be {what} ({why}): there is no answer without a line"
        ) from error
