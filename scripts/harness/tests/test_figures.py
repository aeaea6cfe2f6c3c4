"""Messages, rounds, counts of checks, and the comparison of deterministic counts."""

import contextlib
import io
import json
import unittest

from harness import rounds, sizes
from harness.checks import CheckError, Checks, equal
from harness.deterministic.comparison import compare
from harness.deterministic.counts import Counts
from harness.versus_peers import messages


class Messages(unittest.TestCase):
    """Messages of an exact size."""

    def test_a_message_has_the_size_that_was_asked_for(self) -> None:
        for size in (2, 12, 129, 1_000, 16_388, 4 << 20):
            text = messages.text_of(size)
            self.assertEqual(len(messages.encoded(text)), size)
            self.assertEqual(len(messages.framed(text)), size + 5)

    def test_a_size_without_a_text_is_an_error(self) -> None:
        # One byte more of text makes the length a byte longer.
        for size in (1, 130):
            with self.assertRaises(ValueError):
                messages.text_of(size)

    def test_the_bytes_are_those_of_protobuf(self) -> None:
        self.assertEqual(messages.framed("aaa"), b"\0\0\0\0\5\x0a\x03aaa")
        self.assertEqual(messages.varint(300), b"\xac\x02")


class Alternating(unittest.TestCase):
    """Rounds."""

    def test_each_contender_goes_first(self) -> None:
        names = ["a", "b", "c"]
        self.assertEqual([rounds.turns(names, number)[0] for number in range(4)], ["a", "b", "c", "a"])
        self.assertEqual(sorted(rounds.turns(names, 2)), names)

    def test_a_ratio_is_within_a_round(self) -> None:
        figures = rounds.Rounds()
        for mine, theirs in ((1, 2), (10, 20), (300, 100)):
            figures.add("mine", "load", mine)
            figures.add("theirs", "load", theirs)
        self.assertEqual(figures.ratio("mine", "theirs", "load"), 0.5)
        self.assertEqual(figures.median("mine", "load"), 10)


class Counting(unittest.TestCase):
    """Counts of checks."""

    def test_failures_are_counted_and_printed(self) -> None:
        def fails() -> None:
            equal(1, 2)

        checks = Checks("name", has_skips=True)
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            checks.equal("same", 1, 1)
            checks.all_equal("several", (1, 1, "first"), (2, 3, "second"))
            checks.attempt("raises", fails)
            checks.attempt("passes", lambda: None)
            checks.skips("absent", "no tool")
            status = checks.close()
        self.assertEqual(status, 1)
        self.assertTrue(out.getvalue().endswith("name: 2 passed, 2 failed, 1 skipped\n"))
        self.assertIn("FAILED  several: second: got 2, expected 3", errors.getvalue())
        self.assertIn("FAILED  raises: got 1, expected 2", errors.getvalue())

    def test_an_interrupt_is_no_failed_check(self) -> None:
        def interrupted() -> None:
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            Checks("name").attempt("interrupted", interrupted)

    def test_a_difference_names_both_values(self) -> None:
        with self.assertRaisesRegex(CheckError, "got 'a', expected 'b'"):
            equal("a", "b")

    def test_sizes_have_the_largest_unit_that_divides_them(self) -> None:
        written = [sizes.size(value) for value in (None, 1_000, 1_024, 4 << 20, (4 << 20) + 1)]
        self.assertEqual(written, ["-", "1,000 B", "1 KiB", "4 MiB", "4,194,305 B"])


class Comparison(unittest.TestCase):
    """Deterministic counts."""

    def counts(self, **changed: object) -> Counts:
        """Counts of a build."""
        return {
            "compiler": "1 host",
            "processor": "model",
            "limits": ["request default 0 Ok"],
            "allocations": {"0": {"blocks": 10.0, "bytes": 1_000.0}},
            "instructions": {"0": 1_000},
            "lean_instructions": {"text": 1_000},
            **changed,
        }

    def worse(self, got: Counts) -> tuple[int, str]:
        """How many counts are worse, and what is printed."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            worse = compare(json.loads(json.dumps(self.counts())), got)
        return worse, out.getvalue()

    def test_equal_counts_are_as_expected(self) -> None:
        self.assertEqual(self.worse(self.counts())[0], 0)

    def test_more_is_worse_and_less_is_better(self) -> None:
        self.assertEqual(self.worse(self.counts(instructions={"0": 1_011}))[0], 1)
        self.assertEqual(self.worse(self.counts(instructions={"0": 1_009}))[0], 0)
        worse, printed = self.worse(self.counts(instructions={"0": 900}))
        self.assertEqual(worse, 0)
        self.assertIn("better", printed)

    def test_another_processor_has_a_wider_tolerance(self) -> None:
        self.assertEqual(self.worse(self.counts(processor="other", instructions={"0": 1_029}))[0], 0)
        self.assertEqual(self.worse(self.counts(processor="other", instructions={"0": 1_031}))[0], 1)

    def test_another_compiler_is_not_judged(self) -> None:
        worse, printed = self.worse(self.counts(compiler="2 host", instructions={"0": 2_000}))
        self.assertEqual(worse, 0)
        self.assertIn("NOT JUDGED", printed)

    def test_moved_limits_missing_cases_and_impossible_counts_are_worse(self) -> None:
        self.assertEqual(self.worse(self.counts(limits=["request default 0 Refused"]))[0], 2)
        self.assertEqual(self.worse(self.counts(lean_instructions={}))[0], 1)
        self.assertEqual(self.worse(self.counts(lean_instructions={"text": 0}))[0], 1)

    def test_without_valgrind_instructions_are_skipped(self) -> None:
        got = self.counts()
        del got["instructions"], got["lean_instructions"]
        worse, printed = self.worse(got)
        self.assertEqual(worse, 0)
        self.assertIn("SKIPPED: instructions", printed)
