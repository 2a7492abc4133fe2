"""What a case returns, in one of three forms, and what each says: the value, the worst, and between what it lies.

    Values      seconds, bytes, counts: the median is told, the worst is judged
    Share       a part of a whole
    SideBySide  the project and peers in ratio to a floor, round by round, and the floor to itself: the A/A control

What must stay true: no figure is thrown away. A ratio is taken within a round, whose figures share the machine's mood;
it is known no better than the machine tells the floor from itself: what the control strays from 1, the ratio may too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pba_hack.bench.reach import Reach
from pba_hack.bench.statistics import Interval, interval, median


@dataclass(frozen=True)
class Result:
    """What samples say."""

    value: float
    worst: float
    n: int
    low: float
    high: float
    """What is judged lies between these."""
    floor: float | None = None
    peers: Mapping[str, float] = field(default_factory=dict)
    control: Interval | None = None


class Samples(Protocol):
    """What a case has measured."""

    def result(self, reach: Reach) -> Result:
        """Return what the samples say of a reach."""

    def raw(self) -> dict[str, Any]:
        """Return the samples as JSON."""


@dataclass(frozen=True)
class Chart:
    """What belongs together over time: lines by their names; the first is the one that it is about."""

    title: str
    lines: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Series:
    """Charts over the same moments, in seconds."""

    seconds: Sequence[float]
    charts: Sequence[Chart]

    def raw(self) -> dict[str, Any]:
        """Return the series as JSON: each one a text, so that it is one line of a record."""
        charts = [
            {"title": one.title, "lines": {name: _packed(line) for name, line in one.lines.items()}}
            for one in self.charts
        ]
        return {"seconds": _packed(self.seconds), "charts": charts}

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Series:
        """Return the series of a record."""
        charts = [
            Chart(one["title"], {name: _unpacked(line) for name, line in one["lines"].items()})
            for one in raw["charts"]
        ]
        return cls(_unpacked(raw["seconds"]), charts)


def _packed(figures: Sequence[float]) -> str:
    return " ".join(f"{figure:.4g}" for figure in figures)


def _unpacked(text: str) -> list[float]:
    return [float(figure) for figure in text.split()]


@dataclass(frozen=True)
class Values:
    """Figures in the case's unit, one for each repeat; a floor's and peers' medians if they were measured beside.

    `series`: what one of the repeats was like over time (`Series.raw`), if that is kept.
    """

    figures: Sequence[float]
    floor: float | None = None
    peers: Mapping[str, float] = field(default_factory=dict)
    series: Mapping[str, Any] | None = None

    def result(self, reach: Reach) -> Result:
        """Return the median; the worst is what is judged."""
        middle, worst = median(self.figures), reach.worst(self.figures)
        return Result(middle, worst, len(self.figures), worst, worst, self.floor, dict(self.peers))

    def raw(self) -> dict[str, Any]:
        """Return the figures, and the series if there are any."""
        figures = {"figures": list(self.figures)}
        return {**figures, "series": dict(self.series)} if self.series else figures


@dataclass(frozen=True)
class Share:
    """A part of a whole.

    `asked`: how many of the whole were looked at; all, unless it says so. What was not is not in the part.
    """

    part: int
    whole: int
    asked: int | None = None

    def result(self, _reach: Reach) -> Result:
        """Return the share.

        Raises:
            ValueError: a share of nothing shows nothing.
        """
        if self.whole <= 0 or not 0 <= self.part <= self.whole:
            raise ValueError(f"{self.part} of {self.whole} is no share")
        share = self.part / self.whole
        return Result(share, share, self.whole if self.asked is None else self.asked, share, share)

    def raw(self) -> dict[str, Any]:
        """Return part and whole."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Round:
    """Figures of one round: the project's, its floor's, the floor's once more, and peers'. None is 0."""

    project: float
    floor: float
    control: float
    peers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SideBySide:
    """Rounds, each with all figures."""

    rounds: Sequence[Round]

    def result(self, reach: Reach) -> Result:
        """Return the median ratio to the floor, no narrower than the floor is known to itself."""
        ratios = [one.project / one.floor for one in self.rounds]
        value, own = median(ratios), interval(ratios)
        control = interval([one.control / one.floor for one in self.rounds])
        strays = max(control.high, 1.0 / control.low, 1.0)
        peers = {
            name: median([one.peers[name] / one.floor for one in self.rounds])
            for name in self.rounds[0].peers
        }
        return Result(
            value=value,
            worst=reach.worst(ratios),
            n=len(ratios),
            low=min(own.low, value / strays),
            high=max(own.high, value * strays),
            floor=1.0,
            peers=peers,
            control=control,
        )

    def raw(self) -> dict[str, Any]:
        """Return the rounds."""
        return {"rounds": [dataclasses.asdict(one) for one in self.rounds]}
