"""Who is asked about: taken from a query's arguments, and written as ids or as pseudonyms."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from cotrace.errors import OptionError

if TYPE_CHECKING:
    from cotrace.keys import Key

__all__ = ["named_in", "names_from", "rows_of", "written"]

#: parameters that name whom a query asks about, the first that there is
_NAMING = ("cases", "devices", "device", "pairs")
_COLUMNS = (
    ("device",),
    ("case_id",),
    ("case",),
    ("a", "b"),
    *((n,) for n in ("uid", "user_id", "imsi", "msisdn", "id")),
)
_UNKNOWN = (
    "whom the query asks about cannot be told from its arguments: name them, whom=[ids], or whom=<how many>"
)

Names = Callable[[list[Any]], list[str]]


def names_from(names: Any, key: Key | None) -> Names:
    """Return how ids become what is written."""
    if names is None:
        names = "ids" if key is None else "pseudonyms"
    if names == "ids":
        return lambda ids: [str(one) for one in ids]
    if names == "pseudonyms":
        if key is None:
            raise OptionError("names='pseudonyms' needs key=")
        from cotrace.privacy.pseudonyms import Pseudonymiser

        names = Pseudonymiser(key, domain="audit")
    if not hasattr(names, "names_of"):
        raise OptionError("names= is one of 'pseudonyms', 'ids', or a Pseudonymiser")
    return lambda ids: list(names.names_of(ids))


def written(whom: Any, names: Names) -> tuple[Any, dict[Any, str]]:
    """Return what stands in the line, and the name of each id, also by its text."""
    if isinstance(whom, str) and whom == "all":
        return "all", {}
    if isinstance(whom, int) and not isinstance(whom, bool):
        if whom < 0:
            raise OptionError("whom= is no count")
        return {"count": whom}, {}
    ids = list(dict.fromkeys(_ids(whom)))
    if not ids:
        raise OptionError("whom= names nobody: give ids, how many there are, or 'all'")
    called = dict(zip(ids, names(ids), strict=True))
    return list(called.values()), {**{str(one): name for one, name in called.items()}, **called}


def named_in(function: Callable[..., Any], args: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
    """Return whom a query names: ids, or ``"all"`` where it names nobody."""
    try:
        given = inspect.signature(function).bind(*args, **keywords).arguments
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise OptionError(_UNKNOWN) from None
    for name in _NAMING:
        if name in known:
            whom = given.get(name)
            return "all" if whom is None else _ids(whom)
    return "all"


def rows_of(answer: Any) -> int | None:
    """Return how many rows an answer has; None where it is a stream."""
    try:
        return len(answer)
    except TypeError:
        return None


def _ids(whom: Any) -> list[Any]:
    """Return ids as they are named: one, several, an array, or a frame with a column of them."""
    if isinstance(whom, str | int) or not hasattr(whom, "__iter__"):
        return [_plain(whom)]
    if isinstance(whom, Mapping) or hasattr(whom, "columns") or hasattr(whom, "column_names"):
        there = (
            list(whom)
            if isinstance(whom, Mapping)
            else list(getattr(whom, "column_names", None) or whom.columns)
        )
        for names in _COLUMNS:
            if all(name in there for name in names):
                return [one for name in names for one in _listed(whom[name])]
        raise OptionError(_UNKNOWN)
    if (
        hasattr(whom, "__arrow_c_stream__")
        and not hasattr(whom, "to_list")
        and not hasattr(whom, "to_pylist")
    ):
        import pyarrow as pa

        return _ids(pa.table(whom))
    return [_plain(one) for one in _listed(whom)]


def _listed(values: Any) -> list[Any]:
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(values, method):
            return [_plain(one) for one in getattr(values, method)()]
    return [_plain(one) for one in values]


def _plain(one: Any) -> Any:
    if hasattr(one, "as_py"):
        one = one.as_py()
    elif hasattr(one, "item") and not isinstance(one, str):
        one = one.item()
    if isinstance(one, float) and one.is_integer():
        one = int(one)  # what pandas makes of integers beside a missing value
    if isinstance(one, bool) or not isinstance(one, str | int):
        raise OptionError(_UNKNOWN)
    return one
