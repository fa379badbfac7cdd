"""What a command writes: the tables, and ``run.json``, which says what they are and how they were made.

Nothing in it depends on the moment or the machine: the same input and options give the same files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotrace.cli.output import write_table

if TYPE_CHECKING:
    from cotrace.companions import Companions
    from cotrace.errors import CotraceWarning
    from cotrace.io import Pings
    from cotrace.presets import Preset
    from cotrace.tables import Stays

__all__ = ["CANDIDATES", "results", "run_of", "stays_file", "stays_folder", "stays_run"]

CANDIDATES = "candidates from co-location, not contacts: nothing should follow for a person without review"
_NOT_RECORDED = {"paths", "out", "overwrite", "threads", "format_"}


def run_of(
    given: Mapping[str, Any],
    found: Companions,
    preset: Preset | None,
    warned: Sequence[Any],
    cases_sha256: str | None = None,
) -> dict[str, Any]:
    """Collect what has to be known of a result: version, rule, options, counts, warnings."""
    run = {"what": CANDIDATES, **_run("companions", given, found.options, found.counts, warned)}
    run["rule"] = {"reads": found.rule.describe(), **found.rule.as_dict()}
    if cases_sha256:
        run["cases_sha256"] = cases_sha256
    if preset:
        run["preset"] = {"id": preset.id, "source": preset.source, "date": preset.date, "note": preset.note}
    run["rows"] = {name: len(getattr(found, name)) for name in _names(run)}
    return run


def stays_run(given: Mapping[str, Any], found: Stays, warned: Sequence[CotraceWarning]) -> dict[str, Any]:
    """Collect what has to be known of stays."""
    run = _run("stays", given, found.options, found.counts, warned)
    run["rows"] = {"stays": len(found)}
    return run


def _run(
    command: str, given: Mapping[str, Any], options: Any, counts: Any, warned: Sequence[Any]
) -> dict[str, Any]:
    from cotrace import __version__

    return {
        "cotrace": __version__,
        "command": command,
        "paths": list(given["paths"]),
        "given": {k: v for k, v in given.items() if v not in (None, False) and k not in _NOT_RECORDED},
        "options": _plain(options),
        "counts": counts.as_dict(),
        "warnings": [{"kind": w.kind, "says": str(w), "figures": _plain(w.figures)} for w in warned],
    }


def _plain(value: Any) -> Any:
    """Turn options and figures into what JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: _plain(item) for key, item in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):  # NumPy's numbers
        return value.item()
    return value if isinstance(value, (str, int, float, type(None))) else str(value)


def _names(run: Mapping[str, Any]) -> tuple[str, ...]:
    # a table is made when it is first asked for: evidence that nobody wants is never made
    evidence = () if run["given"].get("no_evidence") else ("evidence",)
    return ("companions", *evidence, "funnel", "coverage", "cases")


def results(
    folder: Path, suffix: str, found: Companions, pings: Pings | None, run: Mapping[str, Any]
) -> None:
    """Write every table of a result into ``folder``; of a store there are no pings, and no refused rows."""
    says = {"what": CANDIDATES, "rule": found.rule.describe(), "run": _json(run)}
    for name in run["rows"]:
        write_table(getattr(found, name).to_arrow(), folder / f"{name}.{suffix}", says)
    _write_rest(folder, suffix, pings, run)


def stays_file(file: Path, found: Stays, run: Mapping[str, Any]) -> None:
    """Write stays as one file."""
    write_table(found.to_arrow(), file, {"run": _json(run)})


def stays_folder(folder: Path, suffix: str, found: Stays, pings: Pings, run: Mapping[str, Any]) -> None:
    """Write stays, refused rows and ``run.json`` into ``folder``."""
    stays_file(folder / f"stays.{suffix}", found, run)
    _write_rest(folder, suffix, pings, run)


def _write_rest(folder: Path, suffix: str, pings: Pings | None, run: Mapping[str, Any]) -> None:
    refused = None if pings is None else pings.refused
    if refused is not None and len(refused):
        write_table(refused, folder / f"refused.{suffix}", {"run": _json(run)})
    (folder / "run.json").write_text(_json(run) + "\n", encoding="utf-8")


def _json(run: Mapping[str, Any]) -> str:
    return json.dumps(run, ensure_ascii=False, indent=2, default=str)
