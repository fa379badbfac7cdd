"""How the pages become a site: ``make site``. No network is needed, and nothing is fetched by a reader's browser.

The lists of links in every ``index.md`` are the site's navigation: a page that is linked from the ``index.md`` of its
folder, or of a folder above it, is in it. There is no other table of contents.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "src"))
os.environ["PYTHONPATH"] = str(
    ROOT / "src"
)  # notebooks run in processes of their own, with this checkout's code
os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")

import cotrace  # noqa: E402

project = "cotrace"
author = "the authors of cotrace"
copyright = "the authors of cotrace; Apache-2.0"
version = release = cotrace.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "myst-nb"}
exclude_patterns = ["_build", "**/.ipynb_checkpoints", "worlds.json"]
root_doc = "index"
nitpicky = False
# types of parameters are words ("table", "instant"), not names: Sphinx tries them as names, and may find two
suppress_warnings = ["ref.python"]

# -- pages -----------------------------------------------------------------------------------------------------------
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
# notebooks (pages that name a kernel) are run at every build, each in some seconds; an error in one breaks it
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # a busy machine; on a quiet one each takes some seconds
nb_execution_show_tb = True
nb_merge_streams = True

# -- docstrings ------------------------------------------------------------------------------------------------------
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Warns", "returns_style")]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True

# -- looks -----------------------------------------------------------------------------------------------------------
html_theme = "furo"
html_title = f"cotrace {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"

_LINK = re.compile(r"^- \[([^\]]+)\]\(([^)#:]+\.md)\)", flags=re.MULTILINE)
#: pages outside docs that are read in place of a link out of it
_OUTSIDE = {"README.md": "_made/readme.md", "CHANGELOG.md": "_made/changelog.md"}


def toctrees(name: str, text: str) -> str:
    """Return the navigation of an index page: a hidden toctree for each of its lists of links."""
    folder = Path(name).parent
    out = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE):
        title = part.splitlines()[0] if part.strip() and not part.startswith("#") else ""
        links = [(said, page) for said, page in _LINK.findall(part) if (HERE / folder / page).exists()]
        if links:
            caption = f":caption: {title}\n" if title and name == "index" else ""
            names = "\n".join(f"{said} <{page.removesuffix('.md')}>" for said, page in links)
            out.append(f"```{{toctree}}\n:hidden:\n{caption}\n{names}\n```\n")
    return "\n" + "\n".join(out)


def prepare(app: Any, name: str, source: list[str]) -> None:
    """Give index pages their navigation, and lead links out of docs to their copies in the site."""
    text = source[0]
    for file, page in _OUTSIDE.items():
        text = re.sub(rf"\]\((?:\.\./)+{re.escape(file)}", "](" + "../" * name.count("/") + page, text)
    if name == "index" or name.endswith("/index"):
        text += toctrees(name, text)
    source[0] = text


def copy_outside(app: Any) -> None:
    """Copy README.md and CHANGELOG.md among the pages, with their links as they are from there."""
    for file, page in _OUTSIDE.items():
        text = (ROOT / file).read_text(encoding="utf-8")
        text = (
            text.replace("](docs/", "](../")
            .replace("](CHANGELOG.md", "](changelog.md")
            .replace("]: CHANGELOG.md", "]: changelog.md")
        )
        text = re.sub(
            r"\]\((LICENSE|src/[^)]*|examples/[^)]*|SECURITY.md|CONTRIBUTING.md|CITATION.cff)\)",
            "](../index.md)",
            text,
        )
        target = HERE / page
        target.parent.mkdir(exist_ok=True)
        body = f"---\norphan: true\n---\n{text}"
        if not target.exists() or target.read_text(encoding="utf-8") != body:
            target.write_text(body, encoding="utf-8")


def setup(app: Any) -> None:
    """Ask Sphinx to call these two."""
    app.connect("builder-inited", copy_outside, priority=100)
    app.connect("source-read", prepare, priority=100)
