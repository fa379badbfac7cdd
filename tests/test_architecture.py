"""The house rules that a machine can hold: imports run downwards, the top is light, kernels stand alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src" / "cotrace"

#: from the bottom to the top: a module may import only from lines above its own, or from its own line's package
LAYERS = [
    ["errors", "schema", "kernels"],
    [
        "durations",
        "counts",
        "geodesy",
        "crs",
        "arrays",
        "threads",
        "shown",
        "meter",
        "schema_accuracy",
        "schema_codes",
        "schema_meetings",
        "schema_places",
        "schema_synth",
        "schema_ties",
        "schema_certainty",
    ],
    ["binning"],
    ["shapes"],
    ["grid"],
    ["options"],
    ["presets"],
    ["ids", "cells"],
    ["tables"],
    ["keys"],
    ["io"],
    ["privacy"],
    ["audit"],
    ["stays"],
    ["store"],
    ["windows"],
    ["footprints"],
    ["companions"],
    ["exposure"],
    ["codes"],
    ["synth"],
    ["interchange"],
    ["engine"],
    ["view"],
    ["accuracy"],
    ["demo", "testing"],
    ["cli"],
]
#: what a result draws of itself is imported when it is asked to: the only way up
WAYS_UP = {("companions/result.py", "cotrace.view"), ("shown.py", "cotrace.view")}
LEVEL = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}


def modules() -> list[Path]:
    return sorted(p for p in SRC.rglob("*.py") if p != SRC / "__init__.py")


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports_of(path: Path) -> list[tuple[str, int]]:
    """Names of cotrace's modules that a file imports at run time, with their lines."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cotrace"):
            names = (
                [f"cotrace.{a.name}" for a in node.names] if node.module == "cotrace" else [node.module or ""]
            )
            found += [(name, node.lineno) for name in names]
        elif isinstance(node, ast.Import):
            found += [(a.name, node.lineno) for a in node.names if a.name.startswith("cotrace")]
    return found


def test_every_room_has_its_level() -> None:
    rooms = {p.relative_to(SRC).parts[0].removesuffix(".py") for p in modules()}
    assert rooms == set(LEVEL), "a module without a level, or a level without a module"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SRC)))
def test_imports_run_downwards(path: Path) -> None:
    own = path.relative_to(SRC).parts[0].removesuffix(".py")
    for name, line in imports_of(path):
        room = room_of(name)
        if name == "cotrace.__version__" or (str(path.relative_to(SRC)), name) in WAYS_UP:
            continue
        allowed = room == own or (room in LEVEL and LEVEL[room] < LEVEL[own])
        assert allowed, f"{path.relative_to(SRC)}:{line} imports {name}: that is not below {own}"


def test_nothing_imports_the_codes() -> None:
    for path in modules():
        if path.relative_to(SRC).parts[0] != "codes":
            found = [line for name, line in imports_of(path) if room_of(name) == "codes"]
            assert found == [], f"{path.relative_to(SRC)}:{found[0]} imports cotrace.codes"


def test_kernels_import_nothing_outside_themselves() -> None:
    for path in (SRC / "kernels").glob("*.py"):
        for name, line in imports_of(path):
            assert name.startswith("cotrace.kernels"), f"{path.name}:{line} imports {name}"


def test_the_oracle_imports_nothing_of_cotrace() -> None:
    for path in (SRC.parents[1] / "tests").glob("naive*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                assert not any(n.startswith(("cotrace", "numpy", "numba")) for n in names), path.name


def test_only_the_switchboard_touches_numba() -> None:
    for path in modules():
        if path.parent.name != "kernels" or path.name != "machine.py":
            tree = ast.parse(path.read_text())
            names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
            names += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
            assert not any(n.split(".")[0] in ("numba", "llvmlite") for n in names), path


def test_import_cotrace_is_light() -> None:
    heavy = [
        "numba",
        "pandas",
        "pyarrow",
        "matplotlib",
        "shapely",
        "pyproj",
        "polars",
        "duckdb",
        "click",
        "numpy",
        "lonboard",
        "tqdm",
    ]
    code = f"import sys, cotrace; print([m for m in {heavy!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_public_name_is_there_and_listed() -> None:
    import cotrace

    for name in cotrace.__all__:
        assert getattr(cotrace, name) is not None
    assert dir(cotrace) == sorted(cotrace.__all__)
    with pytest.raises(AttributeError, match="no attribute 'find_contact'"):
        _ = cotrace.find_contact


def test_files_are_of_a_size_that_one_reads() -> None:
    long = {str(p.relative_to(SRC)): n for p in modules() if (n := len(p.read_text().splitlines())) > 420}
    assert long == {}
