"""A result of the companion rule with pseudonyms for ids, wherever it is printed, written, explained or drawn."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from cotrace.companions.result import Companions, Meeting
from cotrace.privacy.mapping import names_of_array
from cotrace.privacy.tables import pseudonymous_stays, pseudonymous_table
from cotrace.tables import Stays, Table

if TYPE_CHECKING:
    from cotrace.cells import Cells
    from cotrace.privacy.pseudonyms import Pseudonymiser

__all__ = ["PseudonymousCompanions"]


class PseudonymousCompanions(Companions):
    """As :class:`Companions`, with pseudonyms for ids; made by :meth:`Companions.pseudonymised`.

    Its methods take pseudonyms. In memory it still holds the result that it was made from: write its tables, and do
    not hand the object on.
    """

    def __init__(self, found: Companions, by: Pseudonymiser) -> None:
        self._found, self._by = found, by
        self.rule, self.options, self.counts, self.tz, self.took = (
            found.rule,
            found.options,
            found.counts,
            found.tz,
            found.took,
        )
        self.sure = found.sure

    @cached_property
    def cases(self) -> Table:
        """One row a case, as it was used. Columns: :ref:`data-model-cases`."""
        return pseudonymous_table(self._found.cases, self._by)

    @cached_property
    def companions(self) -> Table:
        """One row a (case, as_of, companion). Columns: :ref:`data-model-companions`."""
        return pseudonymous_table(self._found.companions, self._by)

    @cached_property
    def evidence(self) -> Table:
        """One row a qualifying episode. Columns: :ref:`data-model-evidence`."""
        return pseudonymous_table(self._found.evidence, self._by)

    @cached_property
    def funnel(self) -> Table:
        """One row a (case, as_of): how many are left after each clause. Columns: :ref:`data-model-funnel`."""
        return pseudonymous_table(self._found.funnel, self._by)

    @cached_property
    def coverage(self) -> Table:
        """One row a (case, as_of): what was observed at all. Columns: :ref:`data-model-coverage`."""
        return pseudonymous_table(self._found.coverage, self._by)

    @cached_property
    def certainty(self) -> Table:
        """One row a pair that may have shared a grid cell. Columns: :ref:`data-model-certainty`."""
        return pseudonymous_table(self._found.certainty, self._by)

    @cached_property
    def stays(self) -> Stays:
        """The stays of all devices in the cells of the cases, and no others."""
        return pseudonymous_stays(self._found.stays, self._by)

    @property
    def cells(self) -> Cells:
        """The cells of the cases, and what they are called."""
        return self._found.cells

    def pseudonymised(self, by: Pseudonymiser) -> Companions:
        """Return the same with the pseudonyms of another key or domain."""
        return PseudonymousCompanions(self._found, by)

    def meetings(self, number: int, device: Any) -> list[Meeting] | None:
        """Return where a device was together with a case at all: see :meth:`Companions.meetings`."""
        index = self._found._parts.index
        at = names_of_array(index.devices, self._by).index(device).as_py()
        return None if at < 0 else self._found.meetings(self._number(number), index.devices[at].as_py())

    def window(self, number: int) -> tuple[int, int, int]:
        """Return a case's lookback: see :meth:`Companions.window`."""
        return self._found.window(self._number(number))

    def is_cut_short(self, number: int) -> bool:
        """Say whether ``isolated_at`` ends a case's lookback before its ``as_of``."""
        return self._found.is_cut_short(self._number(number))

    def _number(self, number: int) -> int:
        """Return the row in the other result's ``coverage`` of a row in this one's."""
        return self._order[number]

    @cached_property
    def _order(self) -> list[int]:
        found = self._found.coverage.to_arrow()
        names = names_of_array(found["case_id"], self._by).to_pylist()
        moments = found["as_of"].to_pylist()
        return sorted(range(len(names)), key=lambda k: (names[k], moments[k]))

    def __len__(self) -> int:
        return len(self._found)
