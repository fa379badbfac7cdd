"""Results to write as pages, and a browser to open them in.

The browser is the system's own Chromium (``apt-get install chromium``); where there is none, what needs one is skipped,
unless ``COTRACE_BROWSER=needed`` says that there must be.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cotrace
from cotrace import CompanionRule, Grid, StayOptions

AS_OF = "2021-11-03T00:00:00+08:00"
START = 1_634_659_200  # 2021-10-20 00:00 +08:00
NEEDED = os.environ.get("COTRACE_BROWSER") == "needed"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
AXE = Path(os.environ.get("COTRACE_AXE") or Path(sys.prefix) / "axe-core" / "axe.min.js")

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 2'>",
    "</script><script>window.hacked = 3</script>",
    "\"quoted\" & 'quoted'",
    "=cmd|' /C calc'!A0",
    "+1234",
    "-2+3",
    "@SUM(1)",
    " =1+1",
    "\t=2",
    "\u202e\u05d0gnorts",
    "\u0645\u0631\u062d\u0628\u0627",
    "ab\u200bc",
    "x" * 5_000,
    "a,b;c\nd",
    "{0} {1} $\\frac{1}$",
    "<!-- ${name} -->",
    "\u4f34\u968f\u8005\u2028\U0001f600",
)


def city(ids: list[str] | list[int], case: Any, episodes: int = 3) -> cotrace.Companions:
    """Make a case that every device is with, some for longer, in two cells of a city; and one place more of its own."""
    rng = np.random.default_rng(7)
    columns: dict[str, list[Any]] = {name: [] for name in ("device", "time", "lon", "lat")}

    def seen(device: Any, at: int, until: int, lon: float) -> None:
        for second in range(at, until + 1, 1800):
            for name, value in zip(columns, (device, START + second, lon, 30.66), strict=True):
                columns[name].append(value)

    for day in range(14):
        seen(case, day * 86_400, day * 86_400 + 8 * 3600, 104.07)
        seen(case, day * 86_400 + 9 * 3600, day * 86_400 + 17 * 3600, 104.10)
    seen(case, 4 * 86_400 + 19 * 3600, 4 * 86_400 + 21 * 3600, 104.16)
    for number, device in enumerate(ids):
        for k in range(1 + number % episodes):
            hour = int(rng.integers(0, 5))
            start = (number + 3 * k) % 14 * 86_400 + (hour + 9 * ((number + k) % 2)) * 3600
            seen(device, start, start + 1800 * (1 + number % 4), 104.07 if (number + k) % 2 == 0 else 104.10)
    pings = cotrace.read_pings(
        columns, unit="s", tz="Asia/Shanghai", device="device", time="time", lon="lon", lat="lat"
    )
    return cotrace.find_companions(pings, [case], as_of=AS_OF)


@pytest.fixture(scope="session")
def found() -> cotrace.Companions:
    return city(list(range(1, 121)), 1000)


@pytest.fixture(scope="session")
def hostile() -> cotrace.Companions:
    return city(list(HOSTILE), "<b>case</b> & \u202e=1")


@pytest.fixture(scope="session")
def plane() -> cotrace.Companions:
    """Two cases, one of them never seen, on a plane, with refused rows."""
    columns = {
        "device": [1, 1, 2, 2, 1, 1],
        "time": [0, 3600, 0, 3600, 7200, 9000],
        "x": [5.0, 5.0, 5.0, 5.0, 15.0, float("nan")],
        "y": [5.0, 5.0, 5.0, 5.0, 5.0, 5.0],
    }
    rule = CompanionRule(min_cumulative=None, lookback="1d")
    options = StayOptions(grid=Grid.planar(10))
    pings = cotrace.read_pings(columns, unit="s", tz="UTC")
    return cotrace.find_companions(pings, [1, 99], as_of="1970-01-02T00:00:00Z", rule=rule, options=options)


@pytest.fixture(scope="session")
def browser():
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        if NEEDED:
            pytest.fail("there is no Chromium: apt-get install chromium")
        pytest.skip("there is no Chromium: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as p:
        started = p.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Seen:
    """What a page said and asked for while it was open."""

    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def opened(browser, tmp_path):
    """Open a result's report; afterwards nothing may have been said on the console, and nothing asked for."""
    contexts, seen = [], Seen()

    def open_it(result: cotrace.Companions, width: int = 1180, **keywords: Any) -> Any:
        file = result.report(tmp_path / f"page{len(contexts)}.html", **keywords)
        context = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: seen.said.append(message.text))
        page.on("pageerror", lambda error: seen.said.append(str(error)))
        page.on("request", lambda request: seen.asked.append(request.url))
        page.goto(file.as_uri())
        assert page.get_attribute("html", "data-ready") == "yes", seen.said
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert seen.said == []
    assert [url for url in seen.asked if not url.startswith(("file:", "blob:"))] == []
    assert {url.rpartition("/")[2] for url in seen.asked if url.startswith("file:")} == {
        f"page{number}.html" for number in range(len(contexts))
    }
