"""From pings to stays: the builder, what feeds it, and what a survey of a source says."""

from cotrace.stays.find import find_stays
from cotrace.stays.survey import Survey, survey

__all__ = ["Survey", "find_stays", "survey"]
