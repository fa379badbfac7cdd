"""Draw the pictures of the how-tos on plots and on the report: ``python docs/make_pictures.py``.

Those of the report are photographed in Chromium (``make browser``), with Playwright.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
warnings.simplefilter("ignore")

import cotrace  # noqa: E402
from cotrace import synth  # noqa: E402
from cotrace.demo import city, city_pings, run  # noqa: E402

IMAGES = Path(__file__).parent / "images"
AS_OF = "2021-11-03T00:00:00+08:00"
COLOURS = 160


def keep(name: str, png: bytes, width: int | None = None) -> None:
    """Write a picture with few colours: a tenth of the size, and nobody sees it."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    if width is not None and picture.width > width:
        picture = picture.resize(
            (width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS
        )
    picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE).save(IMAGES / f"{name}.png", optimize=True)
    print(
        f"{name}.png: {picture.width} x {picture.height}, {(IMAGES / f'{name}.png').stat().st_size:,} bytes"
    )


def draw(name: str, ax: Any) -> None:
    """Keep what was drawn on axes."""
    file = io.BytesIO()
    ax.figure.savefig(file, dpi=80, format="png")
    matplotlib.pyplot.close("all")
    keep(name, file.getvalue())


def plots() -> None:
    """Draw one of every kind."""
    import matplotlib.pyplot as plt

    stays = cotrace.find_stays(cotrace.read_pings(city_pings(400)))
    found = cotrace.find_companions(stays, [101, 202, 303], as_of=AS_OF)
    draw("plot-stays", stays.plot(101))
    draw("plot-companions", found.plot(202, most=12))
    draw("plot-cells", found.plot_cells(101))
    draw("plot-timeline", found.plot_timeline(101, found.companions["companion_id"][0].as_py()))
    draw("plot-occupancy", cotrace.occupancy(stays).plot(most=15))
    draw("plot-funnel", found.funnel.plot())
    cases = {"device": [101], "as_of": [AS_OF], "infectious_from": ["2021-10-30T00:00:00+08:00"]}
    few = cotrace.find_stays(cotrace.read_pings(city_pings(120)))
    draw("plot-rings", cotrace.rings(few, cases, depth=3).plot())
    draw("plot-zones", cotrace.zones(stays, [101, 202, 303], as_of=AS_OF).plot())
    town = synth.city("xian", seed=1, scale=0.0004, days=14)
    draw(
        "plot-tree",
        synth.outbreak(town, seed=2, most=60, disease=synth.Disease(per_hour=0.1, asymptomatic=0.4)).plot(),
    )
    plt.close("all")


def report() -> None:
    """Photograph the report: at a desk, on a phone, in Chinese, and on paper."""
    from playwright.sync_api import sync_playwright

    browser = next(
        p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))
    )
    found = run(city(800)).found
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        pages = {
            lang: found.report(Path(folder) / f"{lang}.html", case=101, lang=lang) for lang in ("en", "zh")
        }
        started = p.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, lang, size, anchor in (
            ("report-desktop", "en", (1180, 900), None),
            ("report-list", "en", (1180, 900), "#list"),
            ("report-phone", "en", (390, 844), "#list"),
            ("report-zh", "zh", (1180, 900), None),
        ):
            page = started.new_page(viewport={"width": size[0], "height": size[1]})
            page.goto(pages[lang].as_uri())
            page.locator("button.open").nth(1).click()
            page.evaluate(
                "a => a ? document.querySelector(a).scrollIntoView() : window.scrollTo(0, 0)", anchor
            )
            keep(name, page.screenshot(), width=860)
            page.close()
        page = started.new_page()
        page.goto(pages["en"].as_uri())
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 690, "height": 980})
        keep("report-print", page.screenshot(), width=690)
        started.close()


if __name__ == "__main__":
    plots()
    if "--plots" not in sys.argv:
        report()
