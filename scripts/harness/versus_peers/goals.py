"""Goals for the lean client over TLS: bounds of its ratios to other generators."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple, TextIO

from harness import tables
from harness.versus_peers.report import LEAN, Report

CPU_PER_CALL = "cpu_seconds_per_call"
CALLS_PER_SECOND = "calls_per_second"
PEAK_MEMORY = "peak_mib"
WORDS = {CPU_PER_CALL: "CPU per call", CALLS_PER_SECOND: "calls/s"}
MANY_IN_FLIGHT = 1_024


def in_flight(number: int) -> str:
    """Label of a load with small messages."""
    return f"{number:,} in flight"


class Goal(NamedTuple):
    """A bound of the ratio of the lean client to another generator."""

    figure: str
    load: str
    other: str
    bound: float
    is_maximum: bool

    def is_met(self, ratio: float) -> bool:
        """Whether the ratio is within the bound."""
        return ratio <= self.bound if self.is_maximum else ratio >= self.bound

    def written_bound(self) -> str:
        """The bound, as text."""
        return f"{'<=' if self.is_maximum else '>='} {self.bound:.3f}"


GOALS = (
    Goal(CPU_PER_CALL, in_flight(64), "h2load", 0.8, is_maximum=True),
    Goal(CPU_PER_CALL, in_flight(64), "h2load-default", 0.8, is_maximum=True),
    Goal(CPU_PER_CALL, in_flight(64), "ghz", 1 / 6, is_maximum=True),
    Goal(CALLS_PER_SECOND, "4 MiB", "h2load", 1.1, is_maximum=False),
    Goal(CALLS_PER_SECOND, "4 MiB", "h2load-default", 1.1, is_maximum=False),
)


def print_all(figures: Report, out: TextIO) -> None:
    """Prints the goals that were measured, and the lean client's peak memory with many calls in flight."""
    print("\nGoals (median of the ratios within a round; a missed goal does not change the exit status):\n", file=out)
    tables.header("goal for the lean client", "bound", "ratio", "lowest to highest round", "met", out=out)
    for goal in GOALS:
        ratios = figures.ratios(LEAN, goal.other, goal.load, goal.figure)
        tables.row(*cells(goal, ratios), out=out)
    if peak := figures.all_rounds(LEAN, in_flight(MANY_IN_FLIGHT), PEAK_MEMORY):
        print(
            f"\nPeak memory of the lean client at {in_flight(MANY_IN_FLIGHT)}: {max(peak):.1f} MiB "
            "(highest of all rounds).",
            file=out,
        )


def cells(goal: Goal, ratios: Sequence[float]) -> list[str]:
    """A row: the goal, its bound, the measured ratio, and whether it is met."""
    name = f"{WORDS[goal.figure]}, {goal.load}: lean / {goal.other}"
    if not ratios:
        return [name, goal.written_bound(), "-", "-", tables.yes(None)]
    ratio = median(ratios)
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    return [name, goal.written_bound(), f"{ratio:.3f}", spread, tables.yes(goal.is_met(ratio))]
