"""What a case is to reach: a relation and a bound, as the issues write it: `<= 1.15`, `>= 0.85`, `== 0`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_FORM: Final = re.compile(r"(<=|>=|==) (\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Reach:
    """A relation and a bound."""

    relation: str
    bound: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Reach:
        """Return the reach that a text says.

        Raises:
            ValueError: it is none.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"a reach is a relation and a number, such as '<= 1.15', not {text!r}")
        return cls(found[1], float(found[2]), text)

    @property
    def region(self) -> tuple[float, float]:
        """The least and the greatest figure that reach it."""
        return {
            "<=": (-math.inf, self.bound),
            ">=": (self.bound, math.inf),
            "==": (self.bound, self.bound),
        }[self.relation]

    def worst(self, figures: Sequence[float]) -> float:
        """Return that of the figures which is the furthest from what is wanted."""
        if self.relation == "<=":
            return max(figures)
        if self.relation == ">=":
            return min(figures)
        return max(figures, key=lambda figure: abs(figure - self.bound))
