"""Stop work where one likes: after some seconds, or at any of its system calls, as SIGKILL does.

Nothing here knows of stores: ``swept`` takes anything that changes files, with a way to say what is there. The work is
run in forked children, the parent stays clean (it imports, and starts no threads), so a point costs milliseconds.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

_TRACEME, _SYSCALL, _SETOPTIONS = 0, 24, 0x4200
_SYSGOOD, _CLONE, _EXITKILL = 1, 8, 0x100000
_WALL = 0x40000000


class ChildError(Exception):
    """What a child raised."""


@dataclass(frozen=True)
class Act:
    """Something that changes what is in a folder, in one step as others see it.

    Attributes
    ----------
    prepare : makes what is there before, in a folder that is not there yet
    do : the change; done again after it was done, or was stopped, it must come to the same
    state : what is there, as something that compares equal; raises when that cannot be said
    wrong : what else is amiss, after the change was done (again): leftovers, damage; empty when nothing is
    """

    name: str
    prepare: Callable[[Path], Any]
    do: Callable[[Path], Any]
    state: Callable[[Path], Any]
    wrong: Callable[[Path], list[str]] = lambda root: []


def forked(work: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Run work in a child and return what it returns; what it raises is a ChildError with its words."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(out)
        signal.alarm(int(seconds))
        try:
            found = (True, work())
        except BaseException as error:
            found = (False, f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
        with os.fdopen(into, "wb") as pipe:
            pickle.dump(found, pipe)
        os._exit(0)
    os.close(into)
    with os.fdopen(out, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not data:
        raise ChildError(f"the child died: {os.waitstatus_to_exitcode(status)}")
    fine, value = pickle.loads(data)
    if not fine:
        raise ChildError(value)
    return value


def _silent(work: Callable[[], Any]) -> None:
    """Be the child: do the work and leave, 0 when it was done."""
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def killed_after(work: Callable[[], Any], seconds: float) -> float | None:
    """Run work in a child and kill it after so many seconds; None, or the seconds that it took, done before that."""
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        _silent(work)
    while time.perf_counter() - start < seconds:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _was_killed(status)
            return time.perf_counter() - start
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return None if _was_killed(status) else seconds


def _was_killed(status: int) -> bool:
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return True
    if os.waitstatus_to_exitcode(status) != 0:
        raise ChildError(f"the work failed by itself: {os.waitstatus_to_exitcode(status)}")
    return False


def _ptrace(request: int, pid: int, data: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def can_trace() -> bool:
    """Whether system calls can be counted and stopped at here (Linux, and ptrace of one's own children allowed)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return not killed_at_call(lambda: None, 1 << 30)
    except OSError:
        return False


def killed_at_call(work: Callable[[], Any], number: int) -> bool:
    """Run work in a child and kill it as it enters its ``number``-th system call (the first: 1), which is not done.

    Calls of all its threads count. False when there were not so many.
    """
    pid = os.fork()
    if pid == 0:
        try:
            _ptrace(_TRACEME, 0)
        except OSError:
            os._exit(77)
        os.kill(os.getpid(), signal.SIGSTOP)
        _silent(work)
    _, status = os.waitpid(pid, _WALL)
    if os.WIFEXITED(status):
        raise OSError("ptrace is not allowed")
    _ptrace(_SETOPTIONS, pid, _SYSGOOD | _CLONE | _EXITKILL)
    _ptrace(_SYSCALL, pid)
    return _followed(pid, number)


def _followed(pid: int, number: int) -> bool:
    """Let a child run from call to call, up to the one at which it is killed."""
    inside: dict[int, bool] = {}
    seen = 0
    while True:
        task, status = os.waitpid(-1, _WALL)
        if not os.WIFSTOPPED(status):
            if task == pid:
                return _was_killed(status)
            continue
        stop = os.WSTOPSIG(status)
        pass_on = 0
        if stop == signal.SIGTRAP | 0x80:
            inside[task] = not inside.get(task, False)
            seen += inside[task]
            if inside[task] and seen == number:
                os.kill(pid, signal.SIGKILL)
        elif stop not in (signal.SIGTRAP, signal.SIGSTOP):
            pass_on = stop
        try:
            _ptrace(_SYSCALL, task, pass_on)
        except OSError:  # it was killed meanwhile
            continue


@dataclass
class Base:
    """An act made ready: what is there before and after it, and a folder to copy."""

    act: Act
    where: Path
    before: Any
    after: Any
    seconds: float

    @classmethod
    def of(cls, act: Act, where: Path) -> Base:
        """Prepare an act within a folder, and do it once without being stopped."""
        base, done = where / f"{act.name}-base", where / f"{act.name}-done"
        forked(lambda: act.prepare(base), 600)
        before = forked(lambda: act.state(base))
        shutil.copytree(base, done)
        start = time.perf_counter()
        forked(lambda: act.do(done), 600)
        seconds = time.perf_counter() - start
        after = forked(lambda: act.state(done))
        wrong = forked(lambda: act.wrong(done))
        shutil.rmtree(done)
        assert before != after, f"{act.name} changes nothing"
        assert not wrong, wrong
        return cls(act, base, before, after, seconds)

    def trial(self, stop: Callable[[Callable[[], Any]], bool]) -> Counter[str]:
        """Do the act on a copy, stopped; look what is there; do it again; look again.

        Returns what came of it: ``before`` or ``after`` (what was there when it was stopped), ``stopped`` or
        ``finished``, and ``lost``, ``broken``, ``not_mended``, ``left``, which must not be.
        """
        root = self.where.parent / f"{self.act.name}-trial"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.where, root)
        found: Counter[str] = Counter(points=1)
        found["stopped" if stop(lambda: self.act.do(root)) else "finished"] += 1
        found.update(self.looked(root))
        return found

    def looked(self, root: Path) -> Counter[str]:
        """Look at what a stopped act has left, do it again, and look again; all in one child."""
        try:
            found, words = forked(lambda: self._looked(root))
        except ChildError as error:
            found, words = Counter(broken=1), str(error)
        if words:
            print(f"{self.act.name}: {words}", file=sys.stderr)
        return Counter(found)

    def _looked(self, root: Path) -> tuple[Counter[str], str]:
        state = self.act.state(root)
        found: Counter[str] = Counter()
        found["before" if state == self.before else "after" if state == self.after else "lost"] += 1
        self.act.do(root)
        found["not_mended"] += self.act.state(root) != self.after
        wrong = self.act.wrong(root)
        found["left"] += bool(wrong)
        return found, "; ".join(wrong)


#: what must not come of any trial
BAD = ("lost", "broken", "not_mended", "left")


def at_random(bases: Iterable[Base], points: int, seed: int = 1) -> Iterator[tuple[str, Counter[str]]]:
    """Kill acts at random moments until so many were stopped; those that were done before are trials, too."""
    rng = random.Random(seed)
    bases = list(bases)
    stopped = 0
    while stopped < points:
        base = bases[stopped % len(bases)]
        moment = rng.uniform(0, 1) * base.seconds
        took: list[float] = []

        def stop(work: Callable[[], Any], moment: float = moment, took: list[float] = took) -> bool:
            done = killed_after(work, moment)
            took += [] if done is None else [done]
            return done is None

        found = base.trial(stop)
        stopped += found["stopped"]
        # measured on a machine that was busier: moments are to be those of the act
        base.seconds = min([base.seconds, *took])
        yield base.act.name, found


def at_every_call(base: Base, step: int = 1) -> Iterator[Counter[str]]:
    """Kill an act at each of its system calls (each ``step``-th), until it has no more."""
    number = 1
    while True:
        found = base.trial(lambda work, n=number: killed_at_call(work, n))  # type: ignore[misc]
        yield found
        if found["finished"]:
            return
        number += step


def leave(code: int) -> NoReturn:
    """End a command at once, all being written.

    Threads of libraries may still be at work while an interpreter takes itself apart, and abort it then: that is not
    what these commands look at.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
