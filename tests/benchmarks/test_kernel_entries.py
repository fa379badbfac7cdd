"""Every kernel is measured, and the check names one that became slower, and no other."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import cotrace.kernels
import kernels
from cotrace.kernels.jit import Kernel


def public_kernels() -> set[str]:
    found = set()
    for module in pkgutil.iter_modules(cotrace.kernels.__path__):
        room = importlib.import_module(f"cotrace.kernels.{module.name}")
        found |= {name for name in room.__all__ if isinstance(getattr(room, name), Kernel)}
    return found


def test_every_public_kernel_has_an_entry() -> None:
    measured = {kernel for name in kernels.KERNELS for kernel in name.split(":")[0].split("+")}
    assert measured == public_kernels()


@pytest.mark.parametrize("name", ["to_offsets", "encode_ints+rehash: new ids"])
def test_an_entry_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "SECONDS", 0.001)
    own, ratio = kernels.measure(name)
    assert own > 0
    assert ratio > 0


def test_what_became_slower_is_named_after_it_was_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    again = {"a": 1.0, "b": 2.0, "c": 9.0}
    monkeypatch.setattr(kernels, "measure", lambda name: (1.0, again[name]))
    recorded = {name: {"ratio": 1.0} for name in "abc"}
    found = {"a": (1.0, 1.5), "b": (1.0, 1.5), "c": (1.0, 1.29), "new": (1.0, 5.0)}
    # a is fast enough the second time; b is not; c needs no second time; nothing is known of the new one
    assert kernels.slower(found, recorded) == {"b": 1.5}
