"""What every result can do in a notebook: draw itself, be explored on a map, be handed on, and list what it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from typing import Self

    from matplotlib.axes import Axes

__all__ = ["Handed", "Shown"]

P = ParamSpec("P")
T = TypeVar("T")


class Handed:
    """What is handed on, and lists what it has for tab completion."""

    def pipe(self, function: Callable[Concatenate[Self, P], T], *args: P.args, **keywords: P.kwargs) -> T:
        """Hand it on: ``stays.pipe(cotrace.occupancy, window="1d")`` is ``cotrace.occupancy(stays, window="1d")``.

        Parameters
        ----------
        function : callable
            Its first argument is this result.
        *args, **keywords
            The others.

        Returns
        -------
        object
            What the function returns.
        """
        return function(self, *args, **keywords)

    def __dir__(self) -> Iterable[str]:
        # what begins with one underscore is no business of tab completion
        return [name for name in super().__dir__() if not name.startswith("_") or name.startswith("__")]

    def _repr_html_(self) -> str:
        return f"<pre>{escape(repr(self))}</pre>"


class Shown(Handed):
    """A result that shows itself. The pictures are imported when they are asked for."""

    def plot(self, *args: Any, **keywords: Any) -> Axes:
        """Draw it: the picture that fits, on ``ax=`` or on axes of its own; needs the extra ``viz``.

        See :func:`cotrace.view.plot`.
        """
        from cotrace.view import plot

        return plot(self, *args, **keywords)

    def explore(self, **keywords: Any) -> Any:
        """Show it on a map in a notebook; needs the extra ``map``, and draws a picture without it.

        See :func:`cotrace.view.explore`.
        """
        from cotrace.view import explore

        return explore(self, **keywords)
