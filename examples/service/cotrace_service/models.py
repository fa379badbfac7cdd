"""What the service is asked and what it answers, as its OpenAPI document has it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictInt, StrictStr, StringConstraints

__all__ = [
    "Answer",
    "AskBatch",
    "AskCompanions",
    "AskOffline",
    "AskOne",
    "AskPrinted",
    "AskTrajectory",
    "Batch",
    "Error",
    "Health",
    "JobState",
    "Page",
    "Printed",
    "PrintedSays",
    "Rows",
]

CANDIDATES = "Candidates from co-location; decisions are people's."

Number = Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
Text = Annotated[StrictStr, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Device = Number | Text
Purpose = Annotated[Text, Field(description="what for: it stands in the audit log", examples=["gate 7"])]
Colour = Literal["green", "yellow", "red", "unknown"]


class Asked(BaseModel):
    """Anything that is asked: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class AskOne(Asked):
    """The code of one device."""

    device: Device
    purpose: Purpose


class AskBatch(Asked):
    """The codes of many devices."""

    devices: list[Device] = Field(min_length=1)
    purpose: Purpose


class Answer(BaseModel):
    """A code: unknown is not green."""

    code: Colour
    reason: str
    label: str
    since: datetime | None
    until: datetime | None
    note: str = CANDIDATES


class Batch(BaseModel):
    """Codes in the order asked, all from one version."""

    version: str
    as_of: datetime
    codes: list[Colour]
    reasons: list[str]
    note: str = CANDIDATES


class AskCompanions(Asked):
    """Companions of a case; a job."""

    device: Device
    as_of: Annotated[
        AwareDatetime, Field(description="the moment that closes the lookback, with its time zone")
    ]
    case: Annotated[Text, Field(description="the number of the case's file")]
    purpose: Purpose


class AskTrajectory(Asked):
    """Where a device was."""

    device: Device
    start: AwareDatetime
    end: AwareDatetime
    case: Text
    purpose: Purpose


class JobState(BaseModel):
    """How far a job is."""

    job: str
    status: Literal["waiting", "running", "done", "failed"]
    done: int
    total: int | None
    rows: int | None = None
    error: str = ""
    note: str = CANDIDATES


class Page(Asked):
    """Which rows of a result are wanted, and what for."""

    offset: int = Field(default=0, ge=0, le=10**9)
    limit: int = Field(default=1000, ge=1, le=10_000)
    purpose: Purpose


class Rows(BaseModel):
    """Rows of a table."""

    rows: list[dict[str, Any]]
    total: int
    reading: str
    note: str = CANDIDATES


class AskOffline(Asked):
    """A code to print, for the person with this document."""

    device: Device
    person: Annotated[Text, Field(description="number of the person's document; it is kept nowhere")]
    purpose: Purpose


class Printed(BaseModel):
    """A code as text, to be printed or made a QR code."""

    text: str
    code: Colour
    expires: datetime
    note: str = CANDIDATES


class AskPrinted(Asked):
    """Whether a printed code is good, for the person with this document."""

    text: Annotated[StrictStr, StringConstraints(min_length=1, max_length=500)]
    person: Text


class PrintedSays(BaseModel):
    """What a printed code says, or why it is refused."""

    good: bool
    why: str = ""
    code: Colour = "unknown"
    expires: datetime | None = None
    note: str = CANDIDATES


class Health(BaseModel):
    """Whether the service can answer."""

    status: Literal["ok", "stale", "failing"]


class Error(BaseModel):
    """Why something was not answered; it quotes nothing that was asked."""

    error: str
