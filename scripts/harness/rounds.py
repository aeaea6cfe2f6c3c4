"""Alternating rounds: contenders take turns, and are compared within a round."""

import statistics
from collections.abc import Sequence


def turns(names: Sequence[str], round_number: int) -> list[str]:
    """Names in the order of this round: the first name differs from round to round."""
    first = round_number % len(names)
    return [*names[first:], *names[:first]]


class Rounds:
    """One figure per contender, load and round."""

    def __init__(self) -> None:
        self._figures: dict[tuple[str, str], list[float]] = {}

    def add(self, name: str, load: str, figure: float) -> None:
        """Adds the figure of the next round."""
        self._figures.setdefault((name, load), []).append(figure)

    def has(self, name: str, load: str) -> bool:
        """Whether this contender had this load."""
        return (name, load) in self._figures

    def median(self, name: str, load: str) -> float:
        """Median of all rounds."""
        return statistics.median(self._figures[name, load])

    def all(self, name: str, load: str) -> list[float]:
        """Figures of all rounds; none where this contender did not have this load."""
        return list(self._figures.get((name, load), ()))

    def ratios(self, name: str, other: str, load: str) -> list[float]:
        """Ratios within each round; none where one of both did not have this load."""
        mine, theirs = self.all(name, load), self.all(other, load)
        if not (mine and theirs):
            return []
        return [figure / reference for figure, reference in zip(mine, theirs, strict=True)]

    def ratio(self, name: str, other: str, load: str) -> float:
        """Median of the ratios within a round."""
        return statistics.median(self.ratios(name, other, load))
