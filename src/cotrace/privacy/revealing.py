"""The way back from pseudonyms, for those who have the key and the ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cotrace.errors import CotraceTypeError, OptionError, PrivacyError
from cotrace.privacy.pseudonyms import Pseudonymiser, pseudonymiser_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["reveal"]

T = TypeVar("T")


def reveal(
    source: T,
    ids: Any,
    *,
    key: Any = None,
    domain: str | None = None,
    e164: str | None = None,
    digits: int = 32,
    by: Pseudonymiser | None = None,
    columns: Sequence[str] | None = None,
) -> T:
    """Put ids back in the place of their pseudonyms.

    A pseudonym cannot be undone: those of all ids are made once more, and looked for. So it takes the key, and a list
    in which the ids are; who has one of the two alone finds nothing.

    Parameters
    ----------
    source : Table or pyarrow.Table
        What has pseudonyms.
    ids : sequence or pyarrow.Array of ids
        All that may be in it, in any order: those of the raw pings. Others beside them do no harm.
    key, domain, e164, digits
        As they were given to :func:`cotrace.privacy.pseudonymise`.
    by : Pseudonymiser, optional
        Instead of these four.
    columns : sequence of str, optional
        The columns with pseudonyms, for a :class:`pyarrow.Table`; tables of cotrace know theirs.

    Returns
    -------
    Table or pyarrow.Table
        As was given, with ids of the type of ``ids``. Tables are sorted by these anew; of a :class:`pyarrow.Table` the
        order is left as it is.

    Raises
    ------
    PrivacyError
        Some of the pseudonyms are of none of the ids, by this key and for this domain: nothing is put back then.

    Notes
    -----
    O(rows + ids), and one hash for each distinct id.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cotrace.privacy import Key, pseudonymise, reveal
    >>> key = Key(lambda: bytes(range(32)))  # an example: real keys are random and come from a file
    >>> hidden = pseudonymise(pa.table({"device": [7, 9]}), key=key, domain="study 12", columns=["device"])
    >>> reveal(hidden, range(10), key=key, domain="study 12", columns=["device"])["device"].to_pylist()
    [7, 9]
    """
    by = pseudonymiser_of(by, key, domain, e164, digits)
    made: Any = _made(source, _Known(ids, by), columns)
    return made  # type: ignore[no-any-return]


class _Known:
    """The ids, and the pseudonym of each."""

    def __init__(self, ids: Any, by: Pseudonymiser) -> None:
        import pyarrow as pa

        from cotrace.arrays import plain
        from cotrace.privacy.mapping import names_of_array

        given = plain(ids) if isinstance(ids, pa.Array | pa.ChunkedArray) else pa.array(list(ids))
        if pa.types.is_string(given.type):
            given = given.cast(pa.large_string())  # as ids that are text are everywhere
        self.ids = given.drop_null().unique()
        self.names = names_of_array(self.ids, by)

    def ids_of(self, names: pa.Array | pa.ChunkedArray) -> pa.Array:
        """Return the id of each pseudonym; null where there is none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from cotrace.arrays import plain

        names = plain(names)
        if not (pa.types.is_string(names.type) or pa.types.is_large_string(names.type)):
            raise PrivacyError(f"a column of type {names.type} has no pseudonyms: they are text")
        at = pc.index_in(names.cast(pa.large_string()), value_set=self.names)
        strange = at.null_count - names.null_count
        if strange:
            raise PrivacyError(
                f"{strange:,} of {len(names) - names.null_count:,} pseudonyms are of none of the {len(self.ids):,} "
                "ids: were they made with this key, domain=, digits= and e164=, and are all ids there?"
            )
        return self.ids.take(at)


def _made(source: Any, known: _Known, columns: Sequence[str] | None) -> Any:
    import pyarrow as pa

    from cotrace.privacy.tables import id_columns, in_order, with_names
    from cotrace.tables import Table

    if isinstance(source, pa.Table):
        if columns is None:
            raise OptionError("columns= is needed: which columns of the table have pseudonyms")
        return with_names(source, columns, known.ids_of)
    if columns is not None:
        raise OptionError("columns= is for a pyarrow.Table: what cotrace made knows its columns")
    if isinstance(source, Table):
        rows = with_names(source.to_arrow(), id_columns(source.schema), known.ids_of)
        return Table(source.schema, in_order(rows, source.schema), source.note)
    raise CotraceTypeError(f"{type(source).__name__} has no pseudonyms that can be taken back: give a table")
