"""The audit log: who asked what about whom, written and flushed to disk before the answer is given."""

from cotrace.audit.entries import entries
from cotrace.audit.log import AuditLog
from cotrace.audit.verify import Problem, Verified, verify
from cotrace.audit.view import AuditedStore

__all__ = ["AuditLog", "AuditedStore", "Problem", "Verified", "entries", "verify"]
