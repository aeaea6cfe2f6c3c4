"""The tables of all rounds, as Markdown."""

import os
import platform
from collections.abc import Sequence
from typing import TextIO

from harness import machine, tables
from harness.rounds import Rounds
from harness.versus_peers.generators import Figures

LEAN = "lean"


class Report:
    """Figures of all rounds, by generator and load."""

    def __init__(self) -> None:
        self._rounds = {name: Rounds() for name in Figures._fields}

    def add(self, name: str, load: str, figures: Figures) -> None:
        """Adds the figures of the next round."""
        for rounds, figure in zip(self._rounds.values(), figures, strict=True):
            rounds.add(name, load, figure)

    def print(self, out: TextIO, names: Sequence[str], loads: Sequence[str], title: str) -> None:
        """Prints a table: medians of each generator, and ratios of the lean client to it."""
        print(f"\n{title}\n", file=out)
        tables.header("", *loads, out=out)
        for name in names:
            tables.row(name, *(self._medians(name, load) for load in loads), out=out)
        if LEAN not in names:
            return
        for other in names:
            if other == LEAN:
                continue
            for figure, what in (("calls_per_second", "calls/s"), ("cpu_seconds_per_call", "CPU per call")):
                cells = (self._ratio(other, load, figure) for load in loads)
                tables.row(f"lean / {other}, {what}", *cells, out=out)

    def all_rounds(self, name: str, load: str, figure: str) -> list[float]:
        """A figure of all rounds; none where it was not measured."""
        return self._rounds[figure].all(name, load)

    def ratios(self, name: str, other: str, load: str, figure: str) -> list[float]:
        """Ratios of a figure within each round; none where one of both was not measured."""
        return self._rounds[figure].ratios(name, other, load)

    def _has(self, name: str, load: str) -> bool:
        return self._rounds["calls_per_second"].has(name, load)

    def _medians(self, name: str, load: str) -> str:
        if not self._has(name, load):
            return "-"
        return in_words(Figures(*(rounds.median(name, load) for rounds in self._rounds.values())))

    def _ratio(self, other: str, load: str, figure: str) -> str:
        if not (self._has(other, load) and self._has(LEAN, load)):
            return "-"
        return f"{self._rounds[figure].ratio(LEAN, other, load):.2f}"


def in_words(figures: Figures) -> str:
    """Figures as a cell of a table."""
    rate, cpu, memory = figures
    return f"{rate:,.0f}/s, {duration(cpu)}, {memory:,.0f} MiB"


def duration(seconds: float) -> str:
    """Microseconds, or milliseconds from one on."""
    milliseconds = seconds * 1e3
    return f"{milliseconds:,.2f} ms" if milliseconds >= 1 else f"{seconds * 1e6:,.2f} us"


def conditions(rounds: int, seconds: int, commit: str) -> str:
    """How the figures were measured; `commit` of the plimsoll command."""
    return (
        f"{rounds} alternating rounds of {seconds} s; {os.cpu_count()} cores ({machine.processor()}), shared by "
        f"generator and server; Linux {platform.release()}; commit {commit}."
    )
