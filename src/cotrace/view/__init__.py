"""Pictures of results, with matplotlib (extra ``viz``).

Every picture says that it shows candidates from co-location, and by which reading of the rule.
"""

from __future__ import annotations

from cotrace.view.accuracy import plot_reliability, plot_sweep
from cotrace.view.cells import plot_cells
from cotrace.view.report import report_html, write_report
from cotrace.view.timeline import plot_timeline

__all__ = ["plot_cells", "plot_reliability", "plot_sweep", "plot_timeline", "report_html", "write_report"]
