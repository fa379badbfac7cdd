"""The companion rule (时空伴随者): cases, the matcher, and a result that argues against itself."""

from cotrace.companions.find import find_companions
from cotrace.companions.result import Companions

__all__ = ["Companions", "find_companions"]
