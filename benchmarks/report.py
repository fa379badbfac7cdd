"""How long the page of a report with ten thousand companions takes to make, to open, to sort and to filter.

    python benchmarks/report.py [--companions 10_000] [--repeat 9] [--record]

The page is opened in the system's Chromium (``make browser`` installs one). Opened means that its first fifty rows
stand there; sorted and filtered, that the browser has answered the click. Medians; with ``--record`` they go to
benchmarks/results/report.json, for docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from common import write_json
from measure import RESULTS, about_run, describe_machine

ROOT = Path(__file__).resolve().parents[1]
ROWS = "#rows > tr:not(.detail)"


def timed(act: Callable[[], object]) -> float:
    """Return how many seconds an act takes."""
    begun = time.perf_counter()
    act()
    return round(time.perf_counter() - begun, 4)


def opened(browser: Any, file: Path) -> dict[str, float]:
    """Open a page as one does who has not seen it, and return what each step took."""
    page = browser.new_context(viewport={"width": 1180, "height": 900}).new_page()

    def shown() -> None:
        page.goto(file.as_uri())
        page.wait_for_selector(ROWS)

    found = {"opened": timed(shown)}
    if (rows := len(page.query_selector_all(ROWS))) != 50:
        raise SystemExit(f"the page shows {rows} rows, not 50")
    found["sorted"] = timed(lambda: page.click("#heads th[data-key=shared] button"))
    found["filtered"] = timed(lambda: page.fill("#by-text", "99"))
    page.context.close()
    return found


def main() -> None:
    """Make the page, open it, and print and record what that took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--companions", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from playwright.sync_api import sync_playwright
    from tests.report.conftest import BROWSERS, city

    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        raise SystemExit("there is no Chromium: make browser")
    about = about_run()
    print(describe_machine(), flush=True)
    warnings.simplefilter("ignore")
    result = city(list(range(1, args.companions + 1)), 10**15, episodes=6)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        file = Path(folder) / "report.html"
        made = [timed(lambda: result.report(file)) for _ in range(args.repeat)]
        browser = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        opened(browser, file)  # the first time starts the browser's processes
        runs = [opened(browser, file) for _ in range(args.repeat)]
        about |= {"browser": browser.version, "bytes": file.stat().st_size}
        browser.close()
    steps = {"made": made} | {step: [run[step] for run in runs] for step in runs[0]}
    about |= {"companions": len(result), "episodes": len(result.evidence), "steps": steps}
    print(f"{about['companions']:,} companions, {about['episodes']:,} episodes, {about['bytes']:,} bytes")
    for name, took in steps.items():
        print(f"{name:10s} {median(took):6.2f} s   ({min(took):.2f} to {max(took):.2f}, {len(took)} times)")
    if args.record:
        write_json(RESULTS / "report.json", about)


if __name__ == "__main__":
    main()
