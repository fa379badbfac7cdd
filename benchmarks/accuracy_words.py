"""Figures and tables of the page on accuracy, as text."""

from __future__ import annotations

from typing import Any

__all__ = ["described", "mean", "named", "percent", "ratio", "rows_where", "span", "table", "whole"]


def percent(share: float | None) -> str:
    """Write a share: whole percents, with a digit or two below ten and above 99."""
    if share is None:
        return "–"
    value = 100 * share
    if value == 0 or value == 100 or 10 <= value <= 99:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if value >= 1 else f"{value:.2g} %"


def ratio(value: float | None) -> str:
    """Write a ratio with two or three digits."""
    return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def whole(value: float | None) -> str:
    """Write a count."""
    return "" if value is None else f"{value:,.0f}"


def span(row: dict[str, Any], name: str) -> str:
    """Write a share with its interval."""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if row[name] is None or low is None:
        return percent(row[name])
    return f"{percent(row[name])} [{percent(low)[:-2]}, {percent(high)[:-2]}]"


def mean(values: list[float]) -> float:
    """Return the mean."""
    return sum(values) / len(values)


def rows_where(rows: list[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    """Return the rows in which these columns have these values."""
    return [r for r in rows if all(r[k] == v for k, v in wanted.items())]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def described(of: dict[str, Any]) -> str:
    """Say what a world is."""
    drawn = "" if of["people"] == of["devices"] else f" drawn from {whole(of['people'])} people"
    return f"{of['area_km2']:,.0f} km², {whole(of['devices'])} devices{drawn}, {of['days']} days"


def named(city: str) -> str:
    """Return the name of a preset as one writes it."""
    return {"xian": "Xi'an", "shanghai": "Shanghai", "chongqing": "Chongqing"}.get(city, "A made town")
