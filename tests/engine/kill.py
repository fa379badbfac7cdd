"""Processes killed in the middle of a job: the result is the same, and nothing is there twice.

    python -m tests.engine.kill --times 10 --workers 4 --seed 1 --out docs/spark-kills.json

starts two executor processes, runs jobs on made pings, kills (SIGKILL) one executor, or the Python workers of one, at a
random moment of each run, and holds every run to the first one, which was left alone. A run counts when the process
died in the phase that was meant, while a job was running, and Spark says that tasks were lost or done again by it; the
others are repeated. Prints a line a run; fails when a result differs, a store does not verify, or too few runs count.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.engine.acts import ACTS, Act, Input, Tables
from tests.engine.watch import Moment, Ran, Watch, executors, workers

import cotrace

__all__ = ["Death", "Deaths"]

EXECUTOR, WORKER = "executor", "Python worker"
#: so many runs are started for each that has to count
_BOUND = 12


@dataclass(frozen=True)
class Death:
    """One run in which a process was killed.

    Attributes
    ----------
    who, act, phase
        What was killed, and in the middle of what.
    share : float
        At which share of the time that the phase takes when it is left alone.
    job, jobs, stage, done, tasks : int
        What ran at that moment: the job (its number, of how many in a run left alone), and of its stage how many tasks
        of how many were done. Job 0: no job ran; stage -1: no task did.
    lost, again : int
        Tasks that were lost with the process, by Spark's own record, and that were started beyond those of a run that
        was left alone.
    in_the_middle, same : bool
    """

    who: str
    act: str
    phase: str
    share: float
    job: int
    jobs: int
    stage: int
    done: int
    tasks: int
    lost: int
    again: int
    in_the_middle: bool
    same: bool

    def __str__(self) -> str:
        stage = f", stage {self.stage}: {self.done} of {self.tasks} tasks done" if self.stage >= 0 else ""
        where = f"job {self.job} of {self.jobs}{stage}"
        return (
            f"{self.who} killed at {self.share:.0%} of {self.phase!r} ({where if self.job else 'no job ran'}); "
            f"{self.lost} tasks lost, {self.again} more than usual; {'the same' if self.same else 'ANOTHER RESULT'}"
            f"{'' if self.in_the_middle else ' (missed: does not count)'}"
        )


@dataclass(frozen=True)
class _Alone:
    """A run that was left alone: its tables, when its phases began and how long they took, what Spark says of it."""

    tables: Tables
    lengths: dict[str, float]
    ran: Ran


class Deaths:
    """Runs jobs, and kills processes in the middle of them."""

    def __init__(self, session: Any, folder: Path, rows: int, seed: int) -> None:
        self.session, self._random = session, random.Random(seed)
        self._given = Input(session, folder, rows)
        self._small = Input(session, folder / "small", 6_000)
        self._alone: dict[str, _Alone] = {}

    def runs(self, who: str, times: int, first: int = 0) -> Iterator[Death]:
        """Kill a process so many times in the middle, phase by phase; also give those that were missed."""
        phases = [(act, phase) for act in ACTS for phase in act.phases]
        for number in range(times):
            act, phase = phases[(first + number) % len(phases)]
            for turn in range(_BOUND):
                # a phase has an end in which the driver alone works: who came too late comes earlier
                death = self._one(who, act, phase, 0.98 / (1 + turn / 2))
                yield death
                if death.in_the_middle:
                    break

    def alone(self, act: Act) -> _Alone:
        """Run an act with nobody killed, once."""
        if act.name not in self._alone:
            act(self._given)  # what is started and compiled once is not to be timed
            watch, moments = Watch(self.session), dict[str, float]()
            tables = act(self._given, lambda phase: moments.update({phase: time.perf_counter()}))
            assert all(table.num_rows for table in tables.values()), (
                f"{act.name} finds nothing that could differ"
            )
            ends = [*list(moments.values())[1:], time.perf_counter()]
            lengths = {phase: end - begun for (phase, begun), end in zip(moments.items(), ends, strict=True)}
            self._alone[act.name] = _Alone(tables, lengths, watch.ran())
        return self._alone[act.name]

    def _one(self, who: str, act: Act, phase: str, latest: float) -> Death:
        alone = self.alone(act)
        act(self._small)  # an executor that was started a moment ago gets its Python
        watch, share = Watch(self.session), self._random.uniform(0.02, latest)
        found, killed, fell = self._with_a_death(who, act, phase, share * alone.lengths[phase])
        ran = watch.ran()
        moment = ran.at(killed["at"]) or Moment(0, -1, 0, 0)
        again = len(ran.tasks) - len(alone.ran.tasks)
        middle = fell == phase and moment.job > 0 and ran.lost + max(again, 0) > 0
        if who == EXECUTOR:
            gone = watch.removed(killed["of"])
            middle &= gone is not None and ran.in_a_job(gone)
            watch.wait_for_executors(2)
        same = all(found[name].equals(table) for name, table in alone.tables.items())
        at = (moment.job, len(alone.ran.jobs), moment.stage, moment.done, moment.tasks)
        return Death(who, act.name, phase, round(share, 3), *at, ran.lost, again, middle, same)

    def _with_a_death(
        self, who: str, act: Act, phase: str, after_s: float
    ) -> tuple[Tables, dict[str, Any], str]:
        """Run an act with a process killed so long after a phase began; return in which phase it really fell."""
        begun, killed, marks = threading.Event(), dict[str, Any](), list[tuple[float, str]]()

        def mark(marked: str) -> None:
            marks.append((time.time() * 1000, marked))
            if marked == phase:
                begun.set()

        def kill() -> None:
            begun.wait()
            time.sleep(after_s)
            killed.update(self._kill(who))

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            found = act(self._given, mark)
        finally:
            begun.set()
            thread.join()
        return found, killed, [marked for at, marked in marks if at <= killed["at"]][-1]

    def _kill(self, who: str) -> dict[str, Any]:
        own = executors(self.session)
        victim = self._random.choice(sorted(own))
        of = own[victim]
        victims = (
            [victim] if who == EXECUTOR else [p for p, name in workers(self.session).items() if name == of]
        )
        at = int(time.time() * 1000)
        for number in victims:
            os.kill(number, signal.SIGKILL)
        return {"of": of, "at": at}


def report(deaths: list[Death], asked: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """Return what is written down."""
    counted = {who: [d for d in deaths if d.who == who and d.in_the_middle] for who in (EXECUTOR, WORKER)}
    wanted = {EXECUTOR: asked.times, WORKER: asked.workers}
    return {
        "what": "processes of a local cluster of two executors killed (SIGKILL) at random moments of a job",
        "command": f"python -m tests.engine.kill --times {asked.times} --workers {asked.workers} "
        f"--seed {asked.seed} --rows {asked.rows}",
        "rows": asked.rows,
        "seconds": round(seconds, 1),
        "versions": {name: version(name) for name in ("pyspark", "pyarrow", "numpy")},
        "asked": wanted,
        "counted": {who: len(found) for who, found in counted.items()},
        "missed": sum(not death.in_the_middle for death in deaths),
        "lost": {who: sum(death.lost for death in found) for who, found in counted.items()},
        "other_results": sum(not death.same for death in deaths),
        "bad": sum(not death.same for death in deaths)
        + sum(max(0, wanted[who] - len(found)) for who, found in counted.items()),
        "runs": [asdict(death) for death in deaths],
    }


def main() -> None:
    from tests.engine.cluster import started

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=10, help="executors to kill")
    parser.add_argument(
        "--workers", type=int, default=0, help="times to kill the Python workers of an executor"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    warnings.simplefilter("ignore", cotrace.CotraceWarning)
    session = started("local-cluster[2,1,2048]", spark_sql_shuffle_partitions="16")
    found, begun = list[Death](), time.perf_counter()
    try:
        with tempfile.TemporaryDirectory() as folder:
            deaths = Deaths(session, Path(folder), asked.rows, asked.seed)
            for who, times in ((EXECUTOR, asked.times), (WORKER, asked.workers)):
                for death in deaths.runs(who, times):
                    found.append(death)
                    print(f"run {len(found)}: {death}", flush=True)
    finally:
        session.stop()
    told = report(found, asked, time.perf_counter() - begun)
    print(json.dumps({name: value for name, value in told.items() if name != "runs"}, indent=2))
    if asked.out is not None:
        asked.out.write_text(json.dumps(told, indent=2) + "\n")
    if told["bad"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
