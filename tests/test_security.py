"""What a machine can hold of the rules of security: nothing that runs what it reads, and nothing old below."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pyarrow as pa
import pytest

import cotrace
from cotrace.errors import CotraceError, ReadError

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src" / "cotrace"

#: whoever reads with one of these runs what was written
MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "jsonpickle",
    "yaml",
    "code",
}
CALLS = {"eval", "exec", "compile", "__import__", "execfile", "input"}
METHODS = {"read_pickle", "to_pickle", "eval", "deserialize", "mktemp", "system", "popen"}
#: where the bytes of a function's code are digested
WRITES = ("kernels/machine.py",)


def faults(tree: ast.AST) -> list[tuple[int, str]]:
    """Return lines on which something stands that runs what it reads."""
    found = []
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Import):
            found += [(line, a.name) for a in node.names if a.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            found += [(line, node.module)] if (node.module or "").split(".")[0] in MODULES else []
        elif isinstance(node, ast.Call):
            name = node.func
            if isinstance(name, ast.Name) and name.id in CALLS:
                found.append((line, name.id))
            if isinstance(name, ast.Attribute) and name.attr in METHODS:
                found.append((line, name.attr))
            for keyword in node.keywords:
                if keyword.arg in ("allow_pickle", "shell") and not _is_false(keyword.value):
                    found.append((line, keyword.arg))
    return found


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda p: str(p.relative_to(SRC)))
def test_nothing_runs_what_it_reads(path):
    text = path.read_text(encoding="utf-8")
    found = {what for _, what in faults(ast.parse(text))}
    if found and path.relative_to(SRC).as_posix() in WRITES:
        assert set(re.findall(r"marshal\.\w+", text)) == {"marshal.dumps"}, (
            "written, to be digested, and never read"
        )
        found -= {"marshal"}
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "import os.path, marshal",
        "eval('1')",
        "exec(x)",
        "frame.eval('a')",
        "pd.read_pickle(x)",
        "np.load(x, allow_pickle=True)",
        "subprocess.run(x, shell=flag)",
        "os.system('x')",
    ],
)
def test_what_runs_what_it_reads_is_found(code):
    assert faults(ast.parse(code))


def test_what_does_not_is_not():
    assert (
        faults(ast.parse("import re\nre.compile('x')\nnp.load(x, allow_pickle=False)\nrun(a, shell=False)"))
        == []
    )


def test_pyarrow_is_without_the_known_hole():
    """Below 14.0.1 a file of Arrow or Parquet could run code (CVE-2023-47248)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    least = next(
        re.search(r">=\s*([\d.]+)", d)[1] for d in project["dependencies"] if d.startswith("pyarrow")
    )
    assert tuple(map(int, least.split("."))) >= (14, 0, 1)
    assert tuple(map(int, pa.__version__.split(".")[:3])) >= (14, 0, 1)


def ipc(table: pa.Table, make=pa.ipc.new_file) -> bytes:
    file = io.BytesIO()
    with make(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


PINGS = pa.table(
    {
        "device": pa.array(["first-device", "second", "third"]).dictionary_encode(),
        "time": pa.array([0, 60, 120]),
        "x": pa.array([1.0, 2.0, 3.0]),
        "y": pa.array([1.0, 2.0, 3.0]),
    }
)


@pytest.mark.parametrize("make", [pa.ipc.new_file, pa.ipc.new_stream], ids=["file", "stream"])
def test_arrow_files_with_false_buffers_are_refused(tmp_path, make):
    """Indices beyond the dictionary, and ends of strings beyond the text, would read what is no data."""
    data, path = ipc(PINGS, make), tmp_path / "pings.arrow"
    path.write_bytes(data)
    assert len(cotrace.find_stays(cotrace.read_pings(path, unit="s"))) == 0
    indices = pa.py_buffer(PINGS["device"].chunk(0).indices.buffers()[1]).to_pybytes()[:12]
    ends = PINGS["device"].chunk(0).dictionary.buffers()[1].to_pybytes()[:16]
    changes = [
        (indices, b"\xff\xff\xff\x7f" * 3),
        (ends, ends[:12] + b"\xff\xff\xff\x7f"),
        (b"second", b"seco\xff\xff"),
    ]
    for good, bad in changes:
        assert data.count(good) >= 1
        path.write_bytes(data.replace(good, bad))
        with pytest.raises(ReadError, match="cannot be read as an Arrow file"):
            cotrace.find_stays(cotrace.read_pings(path, unit="s"))


def test_arrow_files_cannot_name_classes(tmp_path):
    """A type that says it is a Python class is read as its plain storage, and its words are never run."""
    field = pa.field("device", pa.string(), metadata={
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": "cos\nsystem\n(S'touch owned'\ntR.",
    })  # fmt: skip
    names = PINGS["device"].cast(pa.string())
    table = PINGS.set_column(0, field, names)
    (tmp_path / "pings.arrow").write_bytes(ipc(table))
    try:
        read = [
            b.device.to_pylist() for b in cotrace.read_pings(tmp_path / "pings.arrow", unit="s").batches()
        ]
        assert read == [names.to_pylist()]
    except CotraceError:
        pass
    assert not Path("owned").exists()


def test_changed_arrow_files_do_not_crash(tmp_path):
    """In a process of its own: a crash would take this one along."""
    code = f"""
import random, warnings
from pathlib import Path
from tests.fuzz.mutate import mutated
from tests.fuzz.readers import READERS, check
warnings.simplefilter("ignore")
rng = random.Random(4)
for name in ("pings.arrow", "pings.parquet"):
    seeds = READERS[name].seeds()
    for _ in range(150):
        check(READERS[name], mutated(rng, seeds), Path({str(tmp_path)!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
