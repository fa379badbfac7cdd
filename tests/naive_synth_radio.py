"""The oracle of made random numbers and of the towers that serve a place, in plain Python.

It imports nothing of cotrace.
"""

from __future__ import annotations

import math

WORD = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
WHOLE = 0xFFFFFFFF


def mix(z: int) -> int:
    """Splitmix64's word of a word."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def word(key: int, number: int) -> int:
    """The word with this number under a key, which is a key itself."""
    return mix((key + (number + 1) * GOLDEN) & WORD)


def keyed(*numbers: int) -> int:
    """The key of a thing that is named by several numbers."""
    key = 0
    for number in numbers:
        key = word(key, number)
    return key


def uniform(key: int, number: int) -> float:
    return (word(key, number) >> 11) / 2**53


def bell(key: int, number: int) -> float:
    z = word(key, number)
    return (sum((z >> s) & 0xFFFF for s in (0, 16, 32, 48)) - 131070.0) * (math.sqrt(3.0) / 65536.0)


def weaker(dx: float, dy: float, azimuth: float) -> float:
    """By how many dB a sector is weaker in a direction: 3GPP's antenna, 65 degrees wide, at most 30 dB."""
    off = abs(math.degrees(math.atan2(dx, dy)) - azimuth) % 360.0
    off = min(off, 360.0 - off) / 65.0
    return min(12.0 * off * off, 30.0)


def stations_near(stations: list[dict], place: tuple[float, float], bins: dict) -> list[dict]:
    """Those in the smallest square of bins around the place's with at least twelve, and one ring more."""

    def bin_of(value: float, axis: int) -> int:
        return min(max(int((value - bins["corner"][axis]) / bins["side"]), 0), bins["number"][axis] - 1)

    col, row = bin_of(place[0], 0), bin_of(place[1], 1)
    ring = {s["number"]: max(abs(bin_of(s["x"], 0) - col), abs(bin_of(s["y"], 1) - row)) for s in stations}
    widest = max(ring.values())
    r = 0
    while sum(v <= r for v in ring.values()) < 12 and r < widest:
        r += 1
    return [s for s in stations if ring[s["number"]] <= r + 1]


def candidates(
    stations: list[dict], square: int, place: tuple[float, float], bins: dict, radio: dict
) -> list[tuple[float, int]]:
    """The eight strongest towers in the middle of a square, with their strengths; the strongest first."""
    found = []
    for s in stations_near(stations, place, bins):
        dx, dy = place[0] - s["x"], place[1] - s["y"]
        level = -radio["decay"] * math.log10(max(math.sqrt(dx * dx + dy * dy), 10.0) / s["radius"])
        level += radio["shadow"] * bell(keyed(radio["seed"], radio["stream"], s["number"]), square)
        for tower, azimuth in s["towers"]:
            found.append((level - (0.0 if azimuth is None else weaker(dx, dy, azimuth)), tower))
    return sorted(found, key=lambda f: (-f[0], f[1]))[:8]


def shares(found: list[tuple[float, int]], fading: float) -> dict[int, float]:
    """The probability that each candidate serves."""
    weights = [math.exp((level - found[0][0]) / fading) for level, _ in found]
    return {tower: w / sum(weights) for (_, tower), w in zip(found, weights, strict=True)}
