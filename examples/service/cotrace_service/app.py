"""The service: ``create_app(config)``. Run it with ``python -m cotrace_service``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException as StarletteError

from cotrace import CotraceError, audit, codes
from cotrace.errors import AuditError, SnapshotError
from cotrace_service import models as m
from cotrace_service.audit import Lines
from cotrace_service.config import Config
from cotrace_service.jobs import Jobs, Progress, TooManyJobsError
from cotrace_service.keys import Caller, Keys
from cotrace_service.limits import Limits
from cotrace_service.metrics import Metrics
from cotrace_service.offline import OfflineError, Signer, Verifier
from cotrace_service.outer import Outer
from cotrace_service.tracing import companions_of, trajectory_of

__all__ = ["create_app"]

_BEARER = HTTPBearer(auto_error=False, description="an API key, as `manage.py new-key` made it")
_SAID = {401: "no key, or none that is good", 403: "the key lacks the role", 413: "the request is too long"}
_SAID |= {422: "what was asked cannot be read", 429: "too much was asked", 503: "cannot answer now"}
_SAID |= {400: "the request is no JSON", 404: "there is no such job of this key", 409: "the job is not done"}


def _errors(*more: int) -> dict[int | str, Any]:
    return {
        n: {"model": m.Error, "description": _SAID[n]} for n in (400, 401, 403, 413, 422, 429, 503, *more)
    }


class Service:
    """What the routes share."""

    def __init__(self, config: Config, clock: Callable[[], float]) -> None:
        self.config, self.clock = config, clock
        self.lookups = codes.Lookups(config.codes)
        self.keys = Keys(config.keys)
        self.log = audit.AuditLog(config.audit, key=config.audit_key)
        self.lines = Lines(self.log, config.audit_wait_s)
        self.limits = Limits(config.rate, config.burst)
        self.jobs = Jobs(config.job_threads, config.max_jobs, config.job_ttl_s)
        self.metrics = Metrics()
        self.signer = None if config.signing_key is None else Signer(config.signing_key)
        self.verifier = None if config.public_keys is None else Verifier.of_folder(config.public_keys)

    def snapshot(self) -> codes.Snapshot:
        """Return the version that counts; refuse one that is too old."""
        snapshot = self.lookups.snapshot
        if self.clock() - snapshot.as_of > self.config.max_age_s:
            raise HTTPException(503, "the codes are too old: none is told until new ones are published")
        return snapshot

    def spend(self, caller: Caller, cost: int) -> None:
        """Count what a caller asks; refuse what is too much."""
        wait = self.limits.wait_for(caller.id, cost)
        if wait:
            raise HTTPException(429, "too much was asked by this key", {"Retry-After": str(wait)})


def _service(request: Request) -> Service:
    return request.app.state.service  # type: ignore[no-any-return]


Shared = Annotated[Service, Depends(_service)]


def _with_role(role: str) -> Any:
    async def caller(
        service: Shared, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
    ) -> Caller:
        found = service.keys.caller(None if given is None else given.credentials, service.clock())
        if found is None:
            raise HTTPException(401, "no key, or none that is good", {"WWW-Authenticate": "Bearer"})
        if role not in found.roles:
            raise HTTPException(403, f"the key lacks the role {role!r}")
        service.spend(found, 1)
        return found

    return Annotated[Caller, Depends(caller)]


Looker, Issuer = _with_role("lookup"), _with_role("issue")
Tracer, Watcher = _with_role("trace"), _with_role("metrics")


def create_app(config: Config, clock: Callable[[], float] = time.time) -> FastAPI:
    """Make the service."""
    service = Service(config, clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.jobs.close()

    app = FastAPI(
        title="cotrace, a service to copy",
        description=m.CANDIDATES,
        version="1",
        lifespan=lifespan,
        docs_url=None,  # those pages load scripts from elsewhere
        redoc_url=None,
    )
    app.state.service = service
    app.add_middleware(Outer, most=config.max_bytes, metrics=service.metrics)
    _add_errors(app, service)
    _add_lookups(app)
    _add_offline(app)
    _add_tracing(app)
    _add_health(app)
    return app


# ---- what went wrong, without what was asked


def _add_errors(app: FastAPI, service: Service) -> None:
    @app.exception_handler(StarletteError)
    async def refused(_: Request, error: StarletteError) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        # which field, and what is wrong there; never what stood there, nor a name that the service does not know
        said = "; ".join(f"{_field(e)}: {e['type']}" for e in error.errors()[:5])
        return JSONResponse({"error": said}, 422)

    @app.exception_handler(CotraceError)
    async def cannot(_: Request, error: CotraceError) -> JSONResponse:
        if isinstance(error, AuditError):
            service.metrics.unwritten += 1
            return JSONResponse({"error": "the audit log cannot be written: nothing is answered"}, 503)
        if isinstance(error, SnapshotError):
            return JSONResponse({"error": str(error)}, 503)
        return JSONResponse({"error": str(error)}, 422)


def _field(error: Any) -> str:
    names = [str(k) for k in error["loc"] if not isinstance(k, int)]
    return ".".join(names[:-1] if error["type"] == "extra_forbidden" else names)


# ---- codes


def _moment(second: int | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, UTC)


def _add_lookups(app: FastAPI) -> None:
    @app.post("/v1/lookup", responses=_errors())
    async def lookup(ask: m.AskOne, service: Shared, caller: Looker) -> m.Answer:
        """Look one device up."""
        found = service.snapshot().one(ask.device, int(service.clock()))
        await service.lines.share(caller.who, "lookup", ask.purpose, [ask.device])
        service.metrics.devices += 1
        since, until = _moment(found.since), _moment(found.until)
        return m.Answer(
            code=found.colour,  # type: ignore[arg-type]
            reason=found.reason,
            label=found.label,
            since=since,
            until=until,
        )

    @app.post("/v1/lookups", responses=_errors())
    async def lookups(ask: m.AskBatch, service: Shared, caller: Looker) -> m.Batch:
        """Look many devices up, all of them in one version."""
        if len(ask.devices) > service.config.max_batch:
            raise HTTPException(413, f"a batch has at most {service.config.max_batch:,} devices")
        service.spend(caller, len(ask.devices))
        snapshot = service.snapshot()
        found = snapshot.many(ask.devices, int(service.clock()))
        line = {"who": caller.who, "what": "lookups", "purpose": ask.purpose, "whom": ask.devices}
        await service.lines.write(**line, rows=len(found))
        service.metrics.devices += len(found)
        rows = found.to_arrow()
        return m.Batch(
            version=found.version,
            as_of=datetime.fromtimestamp(snapshot.as_of, UTC),
            codes=rows["code"].to_pylist(),
            reasons=rows["reason"].to_pylist(),
        )


def _add_offline(app: FastAPI) -> None:
    @app.post("/v1/offline", responses=_errors(409))
    async def issue(ask: m.AskOffline, service: Shared, caller: Issuer) -> m.Printed:
        """Issue a code to print: it expires with the code itself, or after a day."""
        if service.signer is None:
            raise HTTPException(503, "no codes are issued here")
        now = int(service.clock())
        found = service.snapshot().one(ask.device, now)
        if found.colour == "unknown":
            raise HTTPException(409, "nothing is known of the device: no code is printed")
        expires = min(now + service.config.offline_s, found.until or 2**32 - 1)
        # in a thread: binding a code to a person is slow on purpose
        text = await asyncio.to_thread(service.signer.sign, found.colour, ask.person, now, expires)
        await service.lines.write(
            who=caller.who, what="offline code", purpose=ask.purpose, whom=[ask.device], rows=1
        )
        moment = datetime.fromtimestamp(expires, UTC)
        return m.Printed(text=text, code=found.colour, expires=moment)  # type: ignore[arg-type]

    @app.post("/v1/offline/check", responses=_errors())
    async def check(ask: m.AskPrinted, service: Shared, caller: Looker) -> m.PrintedSays:
        """Say whether a printed code is good; a gate with the public keys can do it by itself."""
        if service.verifier is None:
            raise HTTPException(503, "no public keys are known here")
        try:
            now = int(service.clock())
            found = await asyncio.to_thread(service.verifier.check, ask.text, ask.person, now)
        except OfflineError as error:
            return m.PrintedSays(good=False, why=str(error))
        return m.PrintedSays(
            good=True,
            code=found.colour,  # type: ignore[arg-type]
            expires=datetime.fromtimestamp(found.expires, UTC),
        )


# ---- tracing


def _add_tracing(app: FastAPI) -> None:
    @app.post("/v1/companions", status_code=202, responses=_errors())
    async def companions(ask: m.AskCompanions, service: Shared, caller: Tracer) -> m.JobState:
        """Start to look for the companions of a case."""
        store = service.config.store
        if store is None:
            raise HTTPException(503, "there is no store here")

        def run(progress: Progress) -> Any:
            return companions_of(store, service.log, ask, caller.who, progress)

        try:
            job = service.jobs.start(caller.id, run, {"case": ask.case, "device": ask.device})
        except TooManyJobsError:
            raise HTTPException(429, "too many jobs wait", {"Retry-After": "30"}) from None
        return _state(job)

    @app.get("/v1/jobs/{job}", responses=_errors(404))
    async def state(job: str, service: Shared, caller: Tracer) -> m.JobState:
        """Say how far a job is."""
        return _state(_found(service, job, caller))

    @app.post("/v1/jobs/{job}/rows", responses=_errors(404, 409))
    async def rows(job: str, page: m.Page, service: Shared, caller: Tracer) -> m.Rows:
        """Read rows of what a job has found."""
        found = _found(service, job, caller)
        if found.status != "done":
            raise HTTPException(409, "the job is not done")
        part = found.result.slice(page.offset, page.limit).to_pylist()
        line = {"who": caller.who, "what": "companions, rows", "purpose": page.purpose, "rows": len(part)}
        await service.lines.write(**line, whom=[found.asked["device"]], case=found.asked["case"])
        note = (found.result.schema.metadata or {}).get(b"cotrace", b"").decode()
        return m.Rows(rows=part, total=found.result.num_rows, reading=note)

    @app.post("/v1/trajectory", responses=_errors())
    def trajectory(ask: m.AskTrajectory, service: Shared, caller: Tracer) -> m.Rows:
        """Say where a device was, and where nothing is known of it."""
        if service.config.store is None:
            raise HTTPException(503, "there is no store here")
        if ask.start >= ask.end:
            raise HTTPException(422, "start is not before end")
        found = trajectory_of(service.config.store, service.log, ask, caller.who)
        note = (found.schema.metadata or {}).get(b"cotrace", b"").decode()
        return m.Rows(rows=found.to_pylist(), total=found.num_rows, reading=note)


def _found(service: Service, name: str, caller: Caller) -> Any:
    job = service.jobs.get(name, caller.id)
    if job is None:
        raise HTTPException(404, "there is no such job of this key")
    return job


def _state(job: Any) -> m.JobState:
    rows = None if job.result is None else job.result.num_rows
    return m.JobState(
        job=job.id, status=job.status, done=job.done, total=job.total, rows=rows, error=job.error
    )


# ---- the service itself


def _add_health(app: FastAPI) -> None:
    @app.get("/health", responses={503: {"model": m.Health, "description": "it cannot answer"}})
    async def health(service: Shared) -> JSONResponse:
        """Say whether the service can answer: nothing more, for no key is asked for."""
        try:
            age = service.clock() - service.lookups.snapshot.as_of
        except (CotraceError, OSError):
            return JSONResponse({"status": "failing"}, 503)
        if age > service.config.max_age_s:
            return JSONResponse({"status": "stale"}, 503)
        return JSONResponse({"status": "ok"})

    health.__annotations__["return"] = m.Health

    @app.get("/metrics", response_class=PlainTextResponse, responses=_errors())
    async def metrics(service: Shared, caller: Watcher) -> PlainTextResponse:
        """Figures for monitoring."""
        gauges = {f"jobs_{status}": float(n) for status, n in service.jobs.counts().items()}
        try:
            snapshot = service.lookups.snapshot
            gauges |= {"codes_age_seconds": service.clock() - snapshot.as_of, "codes_devices": len(snapshot)}
        except (CotraceError, OSError):
            gauges["codes_age_seconds"] = float("nan")
        return PlainTextResponse(service.metrics.text(gauges))
