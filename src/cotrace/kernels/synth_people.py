"""The people of a made city: households, the places of venues, and where each one works or learns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel
from cotrace.kernels.synth_random import key_of, uniform

__all__ = ["fill_households", "fill_places", "fill_roles", "place_venues"]


@kernel
def fill_households(seed: int, stream: int, shares: NDArray[np.float64], home: NDArray[np.int32]) -> int:
    """Deal people to households, one after the other, and return how many households there are.

    Parameters
    ----------
    seed, stream : int
    shares : float64[k]
        Cumulative shares of households of 1, 2, ... k people; the last is 1.
    home : int32[people]
        Filled: number of each one's household, rising. O(people).
    """
    key = key_of(key_of(np.uint64(0), seed), stream)
    household, left = -1, 0
    for i in range(home.size):
        if left == 0:
            household += 1
            u = uniform(key, household)
            left = 1
            while left < shares.size and u >= shares[left - 1]:
                left += 1
        home[i] = household
        left -= 1
    return household + 1


@kernel
def place_venues(
    seed: int,
    stream: int,
    lo: NDArray[np.int32],
    per_building: float,
    side: int,
    block_m: float,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
) -> None:
    """Give venues of one kind the places of their buildings, which lie anywhere in their block.

    Parameters
    ----------
    seed, stream : int
    lo : int32[blocks + 1]
        The first venue of each block.
    per_building : float
        Venues of one building, about.
    side : int
        Blocks along a side of the city: block ``row * side + col``.
    block_m : float
        Side of a block, metres.
    x, y : float32[venues of all kinds]
        Filled for these. O(venues of this kind).
    """
    key = key_of(key_of(np.uint64(0), seed), stream)
    for block in range(lo.size - 1):
        n = lo[block + 1] - lo[block]
        buildings = max(1, int(n / per_building))
        mine = key_of(key, block)
        for v in range(lo[block], lo[block + 1]):
            b = (v - lo[block]) * buildings // n
            x[v] = (block % side + uniform(mine, 2 * b)) * block_m
            y[v] = (block // side + uniform(mine, 2 * b + 1)) * block_m


@kernel
def fill_roles(seed: int, stream: int, shares: NDArray[np.float64], role: NDArray[np.int8]) -> None:
    """Draw each one's role: ``shares`` (float64[k]) are cumulative; ``role`` (int8[people]) is filled. O(people)."""
    key = key_of(key_of(np.uint64(0), seed), stream)
    for i in range(role.size):
        u = uniform(key, i)
        k = 0
        while k < shares.size - 1 and u >= shares[k]:
            k += 1
        role[i] = k


@kernel
def fill_places(
    seed: int,
    stream: int,
    of_role: NDArray[np.bool_],
    role: NDArray[np.int8],
    home_block: NDArray[np.int32],
    home: NDArray[np.int32],
    zone_of: NDArray[np.int32],
    reach: NDArray[np.float64],
    zone_lo: NDArray[np.int32],
    zone_blocks: NDArray[np.int32],
    lo: NDArray[np.int32],
    crowded: bool,
    place: NDArray[np.int32],
) -> None:
    """Give everybody of some roles a place of work or a class, by the zone of the home.

    Parameters
    ----------
    seed, stream : int
    of_role : bool[roles]
        Which roles get one.
    role : int8[people]
    home_block : int32[households]
    home : int32[people]
    zone_of : int32[blocks]
    reach : float64[zones, zones]
        For each zone of homes, cumulative shares of the zones gone to; each row ends with 1.
    zone_lo : int32[zones + 1]
        First of each zone's blocks.
    zone_blocks : int32[blocks]
        The blocks by zone.
    lo : int32[blocks + 1]
        First venue of each block.
    crowded : bool
        Whether the first venues of a block are the larger ones; else all are alike.
    place : int32[people]
        Filled for people of these roles.

    Notes
    -----
    O(log zones + blocks of a zone) a person.
    """
    key = key_of(key_of(np.uint64(0), seed), stream)
    for i in range(role.size):
        if not of_role[role[i]]:
            continue
        mine = key_of(key, i)
        start = zone_of[home_block[home[i]]]
        u = uniform(mine, 0)
        low, high = 0, reach.shape[1] - 1
        while low < high:
            middle = (low + high) // 2
            if u < reach[start, middle]:
                high = middle
            else:
                low = middle + 1
        total = 0
        for b in range(zone_lo[low], zone_lo[low + 1]):
            total += lo[zone_blocks[b] + 1] - lo[zone_blocks[b]]
        left = int(uniform(mine, 1) * total)
        at = zone_lo[low]
        while left >= lo[zone_blocks[at] + 1] - lo[zone_blocks[at]]:
            left -= lo[zone_blocks[at] + 1] - lo[zone_blocks[at]]
            at += 1
        n = lo[zone_blocks[at] + 1] - lo[zone_blocks[at]]
        u = uniform(mine, 2)
        place[i] = lo[zone_blocks[at]] + int(n * (u * math.sqrt(u) if crowded else u))
