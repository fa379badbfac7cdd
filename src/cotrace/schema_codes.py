"""The tables of codes: what is put into a book, what changed, what holds; as :mod:`cotrace.schema` has the others."""

from __future__ import annotations

from cotrace.schema import Column, TableSchema

__all__ = ["CODES", "CODE_CHANGES", "CODE_EVENTS", "CODE_PROPOSALS", "TABLES"]

_DEVICE = Column("device", "device", "device id, as the caller gave it")
_AT = Column("at", "instant", "when it happened, or was said; the order in which a book reads")
_EVENT = Column("event", "string", "what it is: one of the events of the state machine")
_EXPOSED = Column(
    "exposed_until",
    "instant",
    "end of the latest exposure that it speaks of: one that was answered is not held against a device again",
    nullable=True,
)
_EVIDENCE = Column(
    "evidence", "string", "reference to what stands behind it; empty where there is none, and never an id"
)
_REASON_TEXT = Column("reason", "string", "in words, as the one who decided gave it")
_BY = Column("by", "string", "who decided; empty for what no person decided")

CODE_PROPOSALS = TableSchema(
    "code_proposals",
    "one proposal for a device: a candidate from co-location; what follows, a rule set and persons decide",
    (_DEVICE, _AT, _EVENT, _EXPOSED, _EVIDENCE),
    ("device", "at", "event", "exposed_until", "evidence"),
)

CODE_EVENTS = TableSchema(
    "code_events",
    "one event of a book of codes; rows are only ever added",
    (
        Column("seq", "int64", "number of the event, from 1, in the order in which the book was told"),
        _DEVICE,
        _AT,
        _EVENT,
        _EXPOSED,
        _EVIDENCE,
        _REASON_TEXT,
        _BY,
    ),
    ("seq",),
)

_CODE = Column("code", "string", "green, yellow, red or unknown; unknown is not green")
_CAUSE = Column("reason", "string", "one word for why; `codes.LABELS` has it as a sentence")

CODE_CHANGES = TableSchema(
    "code_changes",
    "one event of a device, or one term that passed, and what it changed",
    (
        _DEVICE,
        _AT,
        Column("event", "string", "the event, or the term that passed"),
        Column("effect", "string", "changed, counted, waits (for a person's decision) or nothing"),
        Column("from_code", "string", "the code before"),
        _CODE,
        Column("from_state", "string", "the state before"),
        Column("state", "string", "the state from then on"),
        _CAUSE,
        _EVIDENCE,
        Column("note", "string", "the reason in words of the one who decided"),
        _BY,
        Column("seq", "int64", "number of the event; null where time alone did it", nullable=True),
    ),
    ("device", "at", "seq"),
)

CODES = TableSchema(
    "codes",
    "one device of a book of codes, and what holds for it at one instant",
    (
        _DEVICE,
        _CODE,
        _CAUSE,
        Column("label", "string", "the same as a sentence, to be shown with the colour"),
        Column("state", "string", "its state in the state machine"),
        _EVIDENCE,
        Column("since", "instant", "since when it has this code for this reason", nullable=True),
        Column("until", "instant", "when the code changes though nothing is told", nullable=True),
        Column("due", "instant", "when the next term ends: tests are due by then", nullable=True),
        Column("waiting", "string", "the proposal that waits for a person's decision; empty: none"),
    ),
    ("device",),
)

TABLES = (CODE_PROPOSALS, CODE_EVENTS, CODE_CHANGES, CODES)
