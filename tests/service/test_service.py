"""Who may ask what, what is answered, and what is written down before it is."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.service.conftest import Running, serve

from cotrace import audit, codes
from cotrace_service.config import ConfigError, load
from cotrace_service.keys import new_key

COMPANION, CASE = 9, 101
ONE = {"device": COMPANION, "purpose": "gate 7"}
TRACE = {"device": CASE, "as_of": "2021-11-03T00:00:00+08:00", "case": "file 17", "purpose": "tracing"}
WAY = {**TRACE, "start": "2021-11-01T00:00:00+08:00", "end": "2021-11-03T00:00:00+08:00"}
WAY.pop("as_of")
OFFLINE = {"device": COMPANION, "person": "E 123 456", "purpose": "window 3"}


def lines(service: Running) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (service.folder / "audit.log").read_text().splitlines()]


def test_a_look_up(service: Running) -> None:
    found = service.post("lookup", "/v1/lookup", **ONE)
    assert found.status_code == 200
    said = found.json()
    assert (said["code"], said["reason"]) == ("yellow", "companion")
    assert said["label"].startswith("companion: a candidate")
    assert "decisions are people's" in said["note"]
    assert found.headers["cache-control"] == "no-store"
    unknown = service.post("lookup", "/v1/lookup", device=10**9, purpose="gate 7").json()
    assert (unknown["code"], unknown["since"]) == ("unknown", None)


def test_a_batch_is_of_one_version(service: Running) -> None:
    said = service.post("lookup", "/v1/lookups", devices=[COMPANION, 1, 10**9], purpose="x").json()
    assert said["codes"] == ["yellow", "green", "unknown"]
    assert said["version"] == codes.Lookups(service.config.codes).snapshot.version
    assert service.post("lookup", "/v1/lookups", devices=[1] * 101, purpose="x").status_code == 413


ROUTES = [
    ("lookup", "POST", "/v1/lookup", ONE),
    ("lookup", "POST", "/v1/lookups", {"devices": [1], "purpose": "x"}),
    ("issue", "POST", "/v1/offline", OFFLINE),
    ("lookup", "POST", "/v1/offline/check", {"text": "x", "person": "y"}),
    ("trace", "POST", "/v1/companions", TRACE),
    ("trace", "POST", "/v1/trajectory", WAY),
    ("trace", "GET", "/v1/jobs/x", None),
    ("trace", "POST", "/v1/jobs/x/rows", {"purpose": "x"}),
    ("metrics", "GET", "/metrics", None),
]


@pytest.mark.parametrize(
    ("role", "method", "path", "body"), ROUTES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_key_may_do_what_its_role_says_and_nothing_else(
    service: Running, role: str, method: str, path: str, body: Any
) -> None:
    written = len(lines(service))
    for other in ("lookup", "issue", "trace", "metrics"):
        if other != role:
            refused = service.ask(other, method, path, json=body)
            assert refused.status_code == 403, other
            assert refused.json() == {"error": f"the key lacks the role {role!r}"}
    forged = service.keys[role][:-1] + ("A" if service.keys[role][-1] != "A" else "B")
    for key in ("", "x", forged, service.keys["expired"], f"ct_{'0' * 12}_{'A' * 43}"):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        found = service.client.request(method, service.url + path, json=body, headers=headers)
        assert found.status_code == 401
        assert found.headers["www-authenticate"] == "Bearer"
    assert len(lines(service)) == written, "nothing was asked of the data"
    found = service.ask(role, method, path, json=body)
    assert found.status_code not in (401, 403)
    if path == "/v1/companions":
        ended(service, found.json()["job"])


def test_every_look_up_is_written_down_before_it_is_answered(service: Running) -> None:
    before = len(lines(service))
    service.post("lookup", "/v1/lookup", **ONE)
    service.post("lookup", "/v1/lookups", devices=[1, 2], purpose="a bus")
    service.post("trace", "/v1/trajectory", **WAY)
    new = lines(service)[before:]
    assert [(line["who"], line["what"], line["purpose"], len(line["whom"])) for line in new] == [
        ("demo lookup", "lookup", "gate 7", 1),
        ("demo lookup", "lookups", "a bus", 2),
        ("demo trace", "trajectory", "tracing", 1),
    ]
    assert new[2]["case"] == "file 17"
    assert audit.AuditLog(service.config.audit, key=service.config.audit_key).verify().ok
    # by pseudonyms: the log is no second list of people
    assert str(COMPANION) not in new[0]["whom"]


def test_look_ups_at_one_moment_share_a_line(service: Running) -> None:
    from concurrent.futures import ThreadPoolExecutor

    before = len(lines(service))
    with ThreadPoolExecutor(16) as pool:
        asked = range(64)
        found = list(
            pool.map(lambda d: service.post("lookup", "/v1/lookup", device=d, purpose="rush"), asked)
        )
    assert {f.status_code for f in found} == {200}
    new = [line for line in lines(service)[before:] if line["purpose"] == "rush"]
    assert sum(line["rows"] for line in new) == sum(len(line["whom"]) for line in new) == 64


def test_nothing_is_answered_when_it_cannot_be_written_down(town: Any, tmp_path: Path) -> None:
    folder, keys, now = town
    config = replace(load(folder / "service.toml", {}), audit=tmp_path / "log")
    for service in serve(config, keys, folder, now):
        assert service.post("lookup", "/v1/lookup", **ONE).status_code == 200
        (tmp_path / "log").write_text("gone\n")
        for path, role, body in [
            ("/v1/lookup", "lookup", ONE),
            ("/v1/lookups", "lookup", {"devices": [1], "purpose": "x"}),
            ("/v1/trajectory", "trace", WAY),
            ("/v1/offline", "issue", OFFLINE),
        ]:
            found = service.post(role, path, **body)
            assert found.status_code == 503, path
            assert found.json() == {"error": "the audit log cannot be written: nothing is answered"}
        job = service.post("trace", "/v1/companions", **TRACE).json()["job"]
        assert ended(service, job)["status"] == "failed"
        assert "cotrace_audit_failures_total 4" in service.ask("metrics", "GET", "/metrics").text


def ended(service: Running, job: str) -> dict[str, Any]:
    for _ in range(600):
        state: dict[str, Any] = service.ask("trace", "GET", f"/v1/jobs/{job}").json()
        if state["status"] in ("done", "failed"):
            return state
        time.sleep(0.05)
    raise AssertionError("the job does not end")


def test_companions_of_a_case(service: Running) -> None:
    started = service.post("trace", "/v1/companions", **TRACE)
    assert started.status_code == 202
    job = started.json()["job"]
    state = ended(service, job)
    assert (state["status"], state["rows"], state["done"]) == ("done", 2, state["total"])
    assert state["observed_s"] > 86_400
    found = service.post("trace", f"/v1/jobs/{job}/rows", limit=1, offset=1, purpose="calls").json()
    assert [row["companion_id"] for row in found["rows"]] == [63]
    assert found["total"] == 2
    assert "Candidates from co-location" in found["reading"]
    # another key of the same role has no such job
    assert service.ask("all", "GET", f"/v1/jobs/{job}").status_code == 404
    what = [line["what"] for line in lines(service) if line.get("case") == "file 17"]
    assert what[-2:] == ["find_companions", "companions, rows"]


def test_a_job_that_fails_says_why(service: Running) -> None:
    job = service.post("trace", "/v1/companions", **(TRACE | {"device": "a name"})).json()["job"]
    state = ended(service, job)
    assert state["status"] == "failed"
    assert "a name" not in state["error"]
    assert service.post("trace", f"/v1/jobs/{job}/rows", purpose="x").status_code == 409


def test_a_case_that_was_never_seen_is_said_to_be(service: Running) -> None:
    job = service.post("trace", "/v1/companions", **(TRACE | {"device": 10**9})).json()["job"]
    state = ended(service, job)
    assert (state["status"], state["rows"], state["observed_s"]) == ("done", 0, 0)


def test_errors_quote_nothing_that_was_asked(service: Running) -> None:
    secret = "13800138000"
    for body in (
        {"device": secret},
        {"device": {"number": secret}, "purpose": "x"},
        {"device": secret, "purpose": "x"},
        {"device": 1, "purpose": "x", secret: 1},
        {"device": secret * 50, "purpose": "x"},
    ):
        found = service.post("lookup", "/v1/lookup", **body)
        assert found.status_code == 422
        assert secret not in found.text
    broken = service.ask("lookup", "POST", "/v1/lookup", content=f'{{"device": "{secret}'.encode())
    assert broken.status_code == 422
    assert secret not in broken.text


def test_long_requests_are_refused(service: Running) -> None:
    long = b"[" + b"1," * 20_000
    assert service.ask("lookup", "POST", "/v1/lookups", content=long).status_code == 413

    def pieces() -> Any:
        yield from (long[k : k + 4096] for k in range(0, len(long), 4096))

    assert service.ask("lookup", "POST", "/v1/lookups", content=pieces()).status_code == 413


def test_limits(town: Any) -> None:
    folder, keys, now = town
    config = replace(load(folder / "service.toml", {}), rate=1.0, burst=30.0)
    for service in serve(config, keys, folder, now):
        found = [service.post("lookup", "/v1/lookup", **ONE) for _ in range(40)]
        assert {f.status_code for f in found} == {200, 429}
        assert int(found[-1].headers["retry-after"]) >= 1
        # the other keys have their own
        assert service.ask("metrics", "GET", "/metrics").status_code == 200


def test_stale_codes_are_told_by_nobody(town: Any) -> None:
    folder, keys, now = town
    for service in serve(load(folder / "service.toml", {}), keys, folder, now):
        assert service.ask(None, "GET", "/health").json() == {"status": "ok"}
        service.now += 2 * 86_400
        assert service.ask(None, "GET", "/health").status_code == 503
        found = service.post("lookup", "/v1/lookup", **ONE)
        assert found.status_code == 503
        assert "too old" in found.json()["error"]


def test_codes_are_swapped_while_it_runs(town: Any, tmp_path: Path) -> None:
    folder, keys, now = town
    rows = {"device": [1], "code": ["red"], "reason": ["case"], "since": [int(now) - 99]}
    codes.publish(tmp_path / "codes", rows, at=int(now) - 9)
    config = replace(load(folder / "service.toml", {}), codes=tmp_path / "codes")
    for service in serve(config, keys, folder, now):
        ask = {"device": 1, "purpose": "x"}
        assert service.post("lookup", "/v1/lookup", **ask).json()["code"] == "red"
        codes.publish(tmp_path / "codes", rows | {"code": ["green"]}, at=int(now) - 5)
        assert service.post("lookup", "/v1/lookup", **ask).json()["code"] == "green"
        new = service.config.codes / "CURRENT"
        new.write_text("0" * 64 + ".codes\n")
        assert service.post("lookup", "/v1/lookup", **ask).status_code == 503
        assert service.ask(None, "GET", "/health").json() == {"status": "failing"}


def test_metrics_name_nobody(service: Running) -> None:
    text = service.ask("metrics", "GET", "/metrics").text
    assert "cotrace_requests_total" in text
    assert "cotrace_codes_devices 120" in text
    assert "demo" not in text


def test_keys_are_kept_as_hashes(town: Any, tmp_path: Path) -> None:
    folder, keys, _ = town
    kept = (folder / "keys.json").read_text()
    for text in keys.values():
        _, name, secret = text.split("_", 2)  # the secret itself may have, or begin with, a "_"
        assert name in kept
        assert len(secret) == 43
        assert secret not in kept
    assert oct(os.stat(folder / "keys.json").st_mode)[-3:] == "600"
    with pytest.raises(ConfigError, match="some of the roles"):
        new_key(tmp_path / "k", "x", ["king"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "missing: codes, keys, audit, audit_key"),
        ({"COTRACE_SERVICE_KEYS": "open"}, "others may read this file"),
        ({"COTRACE_SERVICE_KEYS": "absent"}, "cannot be read"),
        ({"COTRACE_SERVICE_RATE": "fast"}, "rate is no float"),
        ({"COTRACE_SERVICE_MAX_BATCH": "0"}, "more than 0"),
        ({"COTRACE_SERVICE_CODES": "empty"}, "nothing has been published"),
        ({"COTRACE_SERVICE_SIGNING_KEY": "keys.json"}, "no Ed25519 key"),
    ],
)
def test_settings_that_are_refused(town: Any, tmp_path: Path, change: dict[str, str], words: str) -> None:
    from cotrace_service.app import create_app

    folder, _, _ = town
    (tmp_path / "open").write_text("[]")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "empty").mkdir()
    given = {
        name: str(folder / value if value == "keys.json" else tmp_path / value)
        if "KEY" in name or "CODES" in name
        else value
        for name, value in change.items()
    }
    with pytest.raises(ConfigError, match=words):
        create_app(load(folder / "service.toml" if change else None, given))


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('secret_key = "letmein"\n')
    with pytest.raises(ConfigError, match="no setting 'secret_key'"):
        load(tmp_path / "s.toml", {})


def test_a_load_run() -> None:
    from cotrace_service.load import run

    # in a thread of its own: tests with a browser leave an event loop in this one
    with ThreadPoolExecutor(1) as threads:
        found = threads.submit(run, seconds=0.3, clients=4, workers=1, devices=1000, batch=100).result()
    for kind in ("lookup", "lookups"):
        assert found[kind]["requests"] > 0
        assert found[kind]["errors"] == 0
        assert found[kind]["p50_ms"] <= found[kind]["p99_ms"]
