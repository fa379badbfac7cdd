"""Questions to the store: each leaves its line in the audit log before anything of the answer is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cotrace
from cotrace_service.jobs import Progress
from cotrace_service.models import AskCompanions, AskTrajectory

__all__ = ["companions_of", "trajectory_of"]


def companions_of(folder: Path, log: Any, ask: AskCompanions, who: str, progress: Progress) -> Any:
    """Return the companions of a case, as an Arrow table."""
    with _opened(folder) as store:
        progress(0, 2)
        line = {"who": who, "purpose": ask.purpose, "case": ask.case, "whom": [ask.device]}
        try:
            stays = store.stays()
            progress(1, 2)
            found = cotrace.find_companions(stays, [ask.device], as_of=ask.as_of).companions.to_arrow()
        except Exception as error:
            log.record(**line, what="find_companions", version=store.version, failed=type(error).__name__)
            raise
        log.record(**line, what="find_companions", version=store.version, rows=found.num_rows)
        progress(2, 2)
        return found


def trajectory_of(folder: Path, log: Any, ask: AskTrajectory, who: str) -> Any:
    """Return where a device was, as an Arrow table."""
    with _opened(folder) as store:
        line = {"who": who, "purpose": ask.purpose, "case": ask.case, "whom": [ask.device]}
        try:
            stays = store.stays(start=ask.start, end=ask.end, devices=[ask.device])
            found = cotrace.trajectory(stays, [ask.device]).to_arrow()
        except Exception as error:
            log.record(**line, what="trajectory", version=store.version, failed=type(error).__name__)
            raise
        log.record(**line, what="trajectory", version=store.version, rows=found.num_rows)
        return found


def _opened(folder: Path) -> Any:
    """Open the newest version for one question; a later one has its own."""
    return cotrace.Store(folder, create=False)
