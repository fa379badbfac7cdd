"""Files from elsewhere are not trusted: what they say of themselves is checked before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["check_buffers", "check_schema", "check_text"]


def check_schema(schema: pa.Schema) -> None:
    """Find names and time zones that are no text here, and not where they are used.

    Raises
    ------
    UnicodeDecodeError
        Which is a ValueError.
    """
    import pyarrow as pa

    for field in schema:
        kind = field.type
        while pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind) or pa.types.is_list(kind):
            kind = kind.value_type
        _ = (field.name, kind.tz if pa.types.is_timestamp(kind) else None)


def check_text(batch: pa.RecordBatch) -> None:
    """Check that text is UTF-8: Parquet's reader takes whatever bytes there are. O(bytes of the text).

    Raises
    ------
    pyarrow.ArrowInvalid
        Which is a ValueError.
    """
    import pyarrow as pa

    for column in batch.columns:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if "string" in str(kind):
            column.validate(full=True)


def check_buffers(batch: pa.RecordBatch) -> None:
    """Check that buffers hold what they say: Arrow trusts them, and would read past their ends. O(bytes).

    Raises
    ------
    pyarrow.ArrowInvalid
        Which is a ValueError.
    """
    batch.validate(full=True)
