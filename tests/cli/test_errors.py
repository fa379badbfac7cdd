"""Bad input: exit code 2 and one clear line on stderr, nothing written; Ctrl-C leaves nothing half written."""

from __future__ import annotations

import json
import os
import pty
import runpy
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cotrace.cli import app, commands, main
from cotrace.cli.params import PRESET_IDS
from cotrace.cli.record import _plain
from cotrace.errors import CotraceError
from cotrace.presets import PRESETS

from .conftest import AS_OF, companions, cotrace

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


def refused(ran, code: int = 2) -> str:
    """Hold a run to its manners and return its one line."""
    errors = [line for line in ran.stderr.splitlines() if not line.startswith("warning: ")]
    assert ran.exit_code == code, ran.stderr
    assert len(errors) == 1, ran.stderr
    assert errors[0].startswith("error: ")
    assert "Traceback" not in ran.stderr
    return errors[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--min-shared", "10"], "--min-shared 10 is no duration"),
        (["--min-shared", "-5min"], "is negative"),
        (["--per", "24h"], "it needs --shared cumulative"),
        (
            ["--combine", "or", "--min-cumulative", "none"],
            "--combine or needs both clauses, and --min-cumulative none takes one away",
        ),
        (["--preset", "wuhan"], "--preset wuhan is not one of 'chongqing_2021'"),
        (["--cell-m", "0"], "--cell-m 0.0 is no side"),
        (
            ["--by", "tower", "--cell-m", "500"],
            "--cell-m shapes a grid, and with --by tower towers are the cells",
        ),
        (["--as-of", AS_OF], "as_of is given twice"),
        (["--device", "phone"], "phone"),
        (["--tz", "Mars/Olympus"], "Mars/Olympus"),
        (["--crs", "EPSG:0"], "EPSG:0"),
        (["--cases", "nowhere.csv"], "--cases nowhere.csv: there is no such file"),
        (["--cases", "."], "--cases . is a folder"),
        (["--out", "."], "is a folder with other files"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_what_cannot_be_used_is_one_line(files, words, says):
    assert says in refused(companions(files, *words))
    assert not Path(files.out).exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--fill", "backward"], "'--fill'"),
        (["--strict=both", "--strict=perhaps"], "'--strict'"),
        (["--threads", "0"], "'--threads'"),
        (["--cell-m", "wide"], "'--cell-m'"),
        (["--cubic"], "No such option"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_wrong_options_are_one_line_with_where_to_look(files, words, says):
    line = refused(companions(files, *words))
    assert says in line
    assert line.endswith("(see cotrace companions --help)")


def test_missing_arguments_and_unknown_commands(files):
    assert "Missing argument 'PATH...'" in refused(cotrace("info"))
    assert "Missing option '--cases'" in refused(cotrace("companions", files.pings, "--out", files.out))
    assert "No such command 'trace'" in refused(cotrace("trace"))


def test_input_that_is_not_there_or_not_whole(files):
    missing = cotrace("info", files.path("nowhere.parquet"))
    assert "nowhere.parquet" in refused(missing)
    whole = Path(files.pings).read_bytes()
    Path(files.pings).write_bytes(whole[: len(whole) // 2])
    assert "pings.parquet" in refused(companions(files))
    empty = Path(files.path("empty"))
    empty.mkdir()
    assert "empty" in refused(cotrace("info", str(empty)))


def test_rows_that_cannot_be_used_may_stop_the_reading(files, frame):
    frame.assign(lat=frame.lat.where(frame.index != 7, 95.0)).to_parquet(files.pings)
    assert "row 7" in refused(companions(files, "--errors", "raise"))


def test_a_tower_log_needs_fill(files, frame):
    frame.assign(tower=(frame.lon * 100).astype(int))[["device", "time", "tower"]].to_parquet(files.pings)
    line = refused(companions(files, "--by", "tower"))
    assert "same_cell" in line
    assert "forward" in line
    assert refused(companions(files, "--cell-m", "500", "--fill", "forward"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty: it wants a header with device, as_of"),
        ("phone,as_of\n3,x\n", "no column 'device'"),
        ("device,device\n3,8\n", "has two columns 'device'"),
        (f"device,as_of\n3,{AS_OF}\n8\n", "1 rows have not the header's 2 fields, first row 1"),
        ("device\n3\n", "as_of is missing"),
        ("device,as_of\n3,2021-11-03T00:00:00\n", "no time zone"),
        ("device,as_of\n3,2021-11-03\n", "date without a time of day"),
        ("device,as_of\n3,\n", "row 0"),
        (f"device;as_of\n3;{AS_OF}\n8\n", "1 rows have not the header's 2 fields, first row 1"),
        (f"device,as_of\n3,{AS_OF}\n8,{AS_OF}\n,{AS_OF}\n", "row 2 of the cases has no device"),
        (f"case_id,as_of\n,{AS_OF}\n ,{AS_OF}\n", "row 0 of the cases has no device"),
        (f"device,as_of\nthree,{AS_OF}\n", "int64"),
        (f'device,as_of\n"3,{AS_OF}\n', "is damaged"),
        (b"device,as_of\n\xff\xfe\n", "neither Parquet nor text in UTF-8"),
        (b"PAR1 not really", "is damaged"),
    ],
)
def test_cases_that_cannot_be_used(files, text, says):
    if isinstance(text, bytes):
        Path(files.cases).write_bytes(text)
    else:
        Path(files.cases).write_text(text)
    line = refused(companions(files))
    assert says in line
    assert "three" not in line


@pytest.mark.parametrize("ids", [pa.array([3, None]), pa.array([3.0, float("nan")]), pa.array(["3", None])])
def test_cases_without_a_device_in_parquet(files, ids):
    pq.write_table(pa.table({"device": ids, "as_of": [AS_OF] * 2}), files.path("cases.parquet"))
    line = refused(companions(files, "--cases", files.path("cases.parquet")))
    assert "row 1 of the cases has no device" in line


def test_rows_that_none_can_be_used_of_name_no_table_that_is_not_written(files, frame):
    frame.assign(lat=95.0).to_parquet(files.pings)
    line = refused(companions(files))
    assert "refused" not in line
    assert line.endswith("Were the right columns read, in the right unit?")


def test_a_folder_of_others_is_refused_before_anything_is_read(files, monkeypatch):
    Path(files.out).mkdir()
    Path(files.out, "thesis.docx").touch()
    monkeypatch.setattr("cotrace.cli.build.open_pings", lambda given: pytest.fail("was read"))
    assert "(1, first 'thesis.docx')" in refused(companions(files))


def test_what_the_system_refuses_is_exit_code_1(files, monkeypatch):
    monkeypatch.setattr("cotrace.cli.output.write_table", full)
    monkeypatch.setattr("cotrace.cli.record.write_table", full)
    assert refused(companions(files), code=1) == "error: No space left on device: evidence.parquet"
    assert [p.name for p in sorted(files.folder.iterdir())] == ["cases.csv", "pings.parquet"]
    monkeypatch.setattr("cotrace.cli.build.open_pings", hungry)
    assert "out of memory" in refused(companions(files), code=1)


def full(*args: object) -> None:
    raise OSError(28, "No space left on device", "evidence.parquet")


def hungry(given: object) -> None:
    raise MemoryError


def test_ctrl_c_keeps_the_old_result(files, monkeypatch):
    assert companions(files).exit_code == 0
    before = {p.name: p.read_bytes() for p in Path(files.out).iterdir()}
    for where in ("cotrace.companions.find_companions", "cotrace.cli.record.write_table"):
        with monkeypatch.context() as patch:
            patch.setattr(where, interrupted)
            ran = companions(files, "--no-evidence")
        assert ran.exit_code == 130
        assert ran.stderr.strip().endswith("error: stopped; nothing half written is left")
        assert {p.name: p.read_bytes() for p in Path(files.out).iterdir()} == before
        assert sorted(p.name for p in files.folder.iterdir()) == ["cases.csv", "out", "pings.parquet"]


def interrupted(*args: object, **keywords: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_real_process_quietly(files, number, code):
    os.mkfifo(files.path("pipe"))
    command = [sys.executable, "-m", "cotrace.cli", "companions", files.pings]
    command += ["--cases", files.path("pipe"), "--out", files.out]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with open(files.path("pipe"), "wb"):  # the process is now waiting for the cases
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert sorted(p.name for p in files.folder.iterdir()) == ["cases.csv", "pings.parquet", "pipe"]


def test_sigterm_unwinds_and_its_handler_is_put_back(files, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("cotrace.cli.record.write_table", lambda *a: signal.raise_signal(signal.SIGTERM))
    assert companions(files).exit_code == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert sorted(p.name for p in files.folder.iterdir()) == ["cases.csv", "pings.parquet"]


def test_beside_the_main_thread_it_runs_without_a_handler():
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(cotrace, "--version").result().exit_code == 0


@pytest.mark.parametrize("module", ["cotrace.cli.__main__", None])
def test_it_runs_as_a_module_and_as_a_script(module, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["anything", "demo", "--help"])
    with pytest.raises(SystemExit) as ended:
        main() if module is None else runpy.run_module(module, run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: cotrace demo")


def test_another_program_may_take_the_errors_itself(files):
    with pytest.raises(CotraceError, match="nowhere"):
        app.main(["info", files.path("nowhere.parquet")], standalone_mode=False)


def test_a_bar_on_a_terminal_and_none_elsewhere(files):
    command = [sys.executable, "-m", "cotrace.cli", "companions", files.pings, "--cases", files.cases]
    command += ["--out", files.out]
    plain = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "\r" not in plain.stderr + plain.stdout
    assert "#" not in plain.stderr
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0, closefd=True) as terminal:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        process.communicate()
        shown = terminal.read(100_000).decode()
    assert process.returncode == 0
    assert "of 3,600 rows" in shown


def test_a_closed_pipe_ends_it_without_a_traceback(files):
    command = f"'{sys.executable}' -m cotrace.cli --help | head -c 1"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr


def test_help_and_version():
    import cotrace as library

    assert cotrace("--version").stdout == f"cotrace {library.__version__}\n"
    assert "Commands:" in cotrace().stdout
    for command in ("companions", "stays", "info", "demo"):
        assert cotrace(command, "--help").exit_code == 0


def test_help_names_the_presets_and_every_strict():
    text = cotrace("companions", "--help").stdout
    assert tuple(PRESETS) == PRESET_IDS
    for word in (*PRESET_IDS, "--strict=no|shared|cumulative|both"):
        assert word in text


def test_help_loads_nothing_heavy():
    code = (
        "import sys, json; from cotrace.cli import app; app.main(['--help'], standalone_mode=False);"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(ran.stderr.splitlines()[-1]))
    assert not loaded & {"numpy", "numba", "pandas", "pyarrow", "matplotlib", "shapely", "pyproj"}


def test_figures_of_every_kind_go_into_json():
    figures = {"n": np.int64(3), "share": np.float64(0.5), "all": (True, None, {1: "x"}), "at": Path("a")}
    assert json.dumps(_plain(figures)) == '{"n": 3, "share": 0.5, "all": [true, null, {"1": "x"}], "at": "a"}'


@pytest.mark.parametrize(
    ("args", "parsed"),
    [
        (["--strict", "shared", "pings"], ("shared", ("pings",))),
        (["--strict", "pings"], ("both", ("pings",))),
        (["pings", "--strict"], ("both", ("pings",))),
        (["pings", "--", "--strict"], (None, ("pings", "--strict"))),
        (["--strict=cumulative", "pings"], ("cumulative", ("pings",))),
    ],
)
def test_a_path_after_strict_is_a_path(args, parsed):
    ctx = commands.companions.make_context("companions", [*args], resilient_parsing=True)
    assert (ctx.params["strict"], ctx.params["paths"]) == parsed
