"""Checks: counted, failures printed, and a closing line with the counts."""

import contextlib
import sys
import traceback
from collections.abc import Callable, Iterator

# Exit status of a program that could check nothing, because a tool is missing.
MISSING_TOOL = 77


class CheckError(AssertionError):
    """A check that failed."""


def equal(got: object, expected: object) -> None:
    """Fails unless both are equal."""
    if got != expected:
        raise CheckError(f"got {got!r}, expected {expected!r}")


def holds(condition: bool, seen: object) -> None:
    """Fails, and shows what was seen, unless the condition holds."""
    if not condition:
        raise CheckError(str(seen))


class Checks:
    """Counts of a program's checks."""

    def __init__(self, name: str, *, prints_passed: bool = True, has_skips: bool = False) -> None:
        self.name = name
        self.passed = self.failed = self.skipped = 0
        self._prints_passed = prints_passed
        self._has_skips = has_skips

    def passes(self, what: str) -> None:
        """Counts a passed check."""
        self.passed += 1
        if self._prints_passed:
            print(f"passed  {what}", flush=True)

    def fails(self, what: str, why: object) -> None:
        """Counts a failed check."""
        self.failed += 1
        print(f"FAILED  {what}: {why}", file=sys.stderr, flush=True)

    def skips(self, what: str, why: str) -> None:
        """Counts a check that cannot be made here."""
        self.skipped += 1
        print(f"SKIPPED {what}: {why}", file=sys.stderr, flush=True)

    def equal(self, what: str, got: object, expected: object) -> None:
        """One check: both are equal."""
        self.all_equal(what, (got, expected, ""))

    def holds(self, what: str, condition: bool, seen: object = "") -> None:
        """One check: the condition holds."""
        if condition:
            self.passes(what)
        else:
            self.fails(what, f"not so: {seen}")

    def all_equal(self, what: str, *expectations: tuple[object, object, str]) -> None:
        """One check: of each (got, expected, label) the first two are equal. Prints all that differ."""
        wrong = [
            f"{label}{': ' if label else ''}got {got!r}, expected {expected!r}"
            for got, expected, label in expectations
            if got != expected
        ]
        if wrong:
            self.fails(what, "; ".join(wrong))
        else:
            self.passes(what)

    def attempt(self, what: str, check: Callable[[], None]) -> None:
        """One check: a function that raises nothing. An error does not stop the checks after it."""
        with self.guarded(what) as errors:
            check()
        if not errors:
            self.passes(what)

    @contextlib.contextmanager
    def guarded(self, what: str) -> Iterator[list[Exception]]:
        """Counts an error as a failed check, and goes on after it."""
        errors: list[Exception] = []
        try:
            yield errors
        except Exception as error:  # Any error is a failure of this check, and of no other.
            errors.append(error)
            self.fails(what, error)
            traceback.print_exc()

    def close(self) -> int:
        """Prints the closing line; exit status: 1 when a check failed."""
        skipped = f", {self.skipped} skipped" if self._has_skips else ""
        print(f"{self.name}: {self.passed} passed, {self.failed} failed{skipped}", flush=True)
        return 1 if self.failed else 0
