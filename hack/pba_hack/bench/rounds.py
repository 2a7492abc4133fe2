"""Measuring in turns, so that a machine that gets slower or faster meanwhile does so for everybody.

The project, its floor, the floor once more (the A/A control) and peers are measured once in each round. The order is by
chance in every other round and reversed in the next (ABBA): what drifts evenly cancels out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from pba_hack.bench.samples import Round, SideBySide

Figure = Callable[[], float]
"""Measures once; the unit is the same for all, and 0 is no figure."""

PROJECT, FLOOR, CONTROL = "project", "floor", "floor again"


def side_by_side(
    project: Figure,
    floor: Figure,
    peers: Mapping[str, Figure] | None = None,
    *,
    rounds: int,
    dice: random.Random,
    told: Callable[[str], None],
) -> SideBySide:
    """Return the figures of all rounds.

    Args:
        project: measures what is promised.
        floor: measures the least that it could cost; called twice in each round.
        peers: measure others, by their names.
        rounds: how many; fewer than five are not judged.
        dice: throws the order.
        told: is told each figure.

    Raises:
        ValueError: a figure is not greater than 0.
    """
    asked = {PROJECT: project, FLOOR: floor, CONTROL: floor, **(peers or {})}
    order = list(asked)
    found = []
    for number in range(rounds):
        if number % 2:
            order.reverse()
        else:
            dice.shuffle(order)
        figures = {}
        for name in order:
            figures[name] = asked[name]()
            told(f"round {number + 1} of {rounds}, {name}: {figures[name]:.4g}")
            if not figures[name] > 0:
                raise ValueError(f"{name} measured {figures[name]}: no ratio can be taken of it")
        beside = {name: figures[name] for name in peers or ()}
        found.append(Round(figures[PROJECT], figures[FLOOR], figures[CONTROL], beside))
    return SideBySide(found)
