"""Alternating rounds: each load with each generator, and the figures of all rounds."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness import rounds
from harness.binary import Binary
from harness.versus_peers import report
from harness.versus_peers.generators import Generator, Load
from harness.versus_peers.report import Report


class Contest:
    """Generators that take turns, and their figures."""

    def __init__(self, own: Binary, generators: Mapping[str, Generator], round_count: int, seconds: int) -> None:
        self.own = own
        self.generators = generators
        self.names = list(generators)
        self.round_count = round_count
        self.seconds = seconds
        self.figures = Report()

    def play(self, round_number: int, loads: Sequence[Load], folder: Path) -> None:
        """Adds the figures of one round; `folder` holds the messages."""
        for load in loads:
            for name in rounds.turns(self.names, round_number):
                got = self.generators[name](load, folder)
                self.figures.add(name, load.label, got)
                print(
                    f"round {round_number + 1}, {load.label}, {name}: {report.in_words(got)}",
                    file=sys.stderr,
                    flush=True,
                )

    def conditions(self) -> str:
        """Number and length of the rounds, the machine and the commit."""
        return report.conditions(self.round_count, self.seconds, self.own.commit())
