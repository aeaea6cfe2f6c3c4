"""Goals of the comparison with other load generators."""

import io
import unittest

from harness.versus_peers import goals
from harness.versus_peers.generators import Figures
from harness.versus_peers.report import Report


class Goals(unittest.TestCase):
    """Bounds of the lean client's ratios."""

    def test_a_ratio_at_its_bound_is_met(self) -> None:
        for goal in goals.GOALS:
            beyond = goal.bound * (1.01 if goal.is_maximum else 0.99)
            self.assertTrue(goal.is_met(goal.bound))
            self.assertFalse(goal.is_met(beyond))

    def test_a_goal_is_judged_by_the_median_of_the_ratios_within_a_round(self) -> None:
        figures = Report()
        for mine, theirs in ((1.0, 2.0), (1.0, 1.0), (3.0, 5.0)):
            figures.add("lean", goals.in_flight(64), Figures(1, mine, 10))
            figures.add("h2load", goals.in_flight(64), Figures(1, theirs, 10))
        printed = self.printed(figures)
        self.assertIn("lean / h2load | <= 0.800 | 0.600 | 0.500 to 1.000 | yes |", printed)
        self.assertIn("lean / ghz | <= 0.167 | - | - | - |", printed)

    def test_peak_memory_is_the_highest_of_all_rounds(self) -> None:
        figures = Report()
        for peak in (14.0, 15.5, 15.0):
            figures.add("lean", goals.in_flight(1_024), Figures(1, 1, peak))
        self.assertIn("1,024 in flight: 15.5 MiB", self.printed(figures))

    def printed(self, figures: Report) -> str:
        out = io.StringIO()
        goals.print_all(figures, out)
        return out.getvalue()
