"""Questions to the store: each leaves its line in the audit log before anything of the answer is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import cotrace
from cotrace_service.jobs import Progress
from cotrace_service.models import AskCompanions, AskTrajectory

__all__ = ["Found", "companions_of", "trajectory_of"]


class Found(NamedTuple):
    """Companions as an Arrow table, and for how long the case was observed at all: not flagged is not not exposed."""

    table: Any
    observed_s: int


def companions_of(folder: Path, log: Any, ask: AskCompanions, who: str, progress: Progress) -> Found:
    """Find the companions of a case."""
    with _opened(folder) as store:
        progress(0, 1)
        view = store.audited(log, who=who, purpose=ask.purpose, case=ask.case)
        found = cotrace.find_companions(view, [ask.device], as_of=ask.as_of, progress=progress)
        answer = Found(found.companions.to_arrow(), sum(found.coverage["observed_s"].to_pylist()))
        progress(1, 1)
        return answer


def trajectory_of(folder: Path, log: Any, ask: AskTrajectory, who: str) -> Any:
    """Return where a device was, as an Arrow table."""
    with _opened(folder) as store:
        view = store.audited(log, who=who, purpose=ask.purpose, case=ask.case)
        return cotrace.trajectory(view, [ask.device], start=ask.start, end=ask.end).to_arrow()


def _opened(folder: Path) -> Any:
    """Open the newest version for one question; a later one has its own."""
    return cotrace.Store(folder, create=False)
