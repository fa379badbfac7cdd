"""How right an answer is, where the truth is known."""

from __future__ import annotations

__all__: list[str] = []
