"""Comparison of counts with the expected ones."""

from collections.abc import Iterator

from harness.deterministic.counts import Counts

# Runs of one build are within 0.11 % at 1 KiB and 0.01 % at 4 MiB.
TOLERANCE = 0.01
# The C library asks the processor how to copy: counts on another model differ a little.
TOLERANCE_ELSEWHERE = 0.03
UPDATE = "scripts/deterministic-gate --update"

Row = tuple[str, float | None, float]


def rows(expected: Counts, got: Counts) -> Iterator[Row]:
    """Name, expected count and count of everything that was counted."""
    for size, counts in got["allocations"].items():
        for name in ("blocks", "bytes"):
            old = expected["allocations"].get(size, {}).get(name)
            yield f"{name} allocated per call, text of {size} B", old, counts[name]
    for size, count in got.get("instructions", {}).items():
        old = expected.get("instructions", {}).get(size)
        yield f"instructions per call, text of {size} B", old, count
    for load, count in got.get("lean_instructions", {}).items():
        old = expected.get("lean_instructions", {}).get(load)
        yield f"instructions per call of the lean client, {load}", old, count


def compare(expected: Counts, got: Counts) -> int:
    """Prints what differs; how many counts are worse."""
    is_judged = expected.get("compiler") == got["compiler"]
    if not is_judged:
        print(
            f"deterministic-gate: NOT JUDGED: counts were made with rustc {expected.get('compiler')}, and this is "
            f"{got['compiler']}: {UPDATE} at a commit that is known to be good"
        )
    tolerance = TOLERANCE if expected.get("processor") == got["processor"] else TOLERANCE_ELSEWHERE
    worse = moved_limits(expected, got) + missing(expected, got)
    worse += sum(row_is_worse(row, tolerance, is_judged=is_judged) for row in rows(expected, got))
    if "instructions" not in got:
        print("deterministic-gate: SKIPPED: instructions: valgrind is not installed")
    return worse


def moved_limits(expected: Counts, got: Counts) -> int:
    """Prints sizes whose outcome differs; how many lines."""
    moved = sorted(set(got["limits"]) ^ set(expected.get("limits", [])))
    for line in moved:
        print(f"limits: {'now' if line in got['limits'] else 'was'} {line}")
    print(f"limits: {len(got['limits'])} sizes tried")
    return len(moved)


def missing(expected: Counts, got: Counts) -> int:
    """Prints cases that are not measured any more; how many. Valgrind's are none where it is not installed."""
    found = 0
    for name in ("allocations", "instructions", "lean_instructions"):
        cases = set(expected.get(name, {}))
        for case in sorted(cases - set(got.get(name, cases))):
            found += 1
            print(f"{name}, {case}: not measured any more")
    return found


def row_is_worse(row: Row, tolerance: float, *, is_judged: bool) -> bool:
    """Prints a count next to the expected one; whether it is worse."""
    what, old, new = row
    if new <= 0:
        print(f"{what}: {new}, which cannot be")
        return True
    if not old:
        print(f"{what}: {new:,.1f}, and nothing to compare with")
        return False
    change = new / old - 1
    word = "as expected"
    if change > tolerance:
        word = "WORSE" if is_judged else "more, not judged"
    elif change < -tolerance:
        word = f"better: {UPDATE} keeps it so"
    print(f"{what}: {old:,.1f} -> {new:,.1f} ({change:+.2%}), {word}")
    return word == "WORSE"
