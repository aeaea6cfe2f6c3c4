"""The part of the regression gate that needs no statistics: counts that only a change of the code can change.

Of the reference server and tonic's client, in one thread, over memory instead of a socket:
- the outcome of each size in each direction, at the default limit and at limits of 1,000 bytes;
- blocks and bytes that a call allocates;
- instructions per call, counted by valgrind's callgrind: twice the calls less once the calls, so that the start is
  left out; the fewest of three runs. Without valgrind they are skipped, and the script says so.

Of the lean client, as `run` uses it, against a server in another process that answers without reading:
- instructions per call, counted likewise, for each size and number of calls in flight.

Compared with tests/data/deterministic.json. --update writes that file anew, after it has shown the difference.
Counts depend on the compiler: those of another compiler are shown, and not judged. They depend a little on the
processor too, because the C library asks it how to copy: on another model, 3 % are tolerated.

Ends with 0 when all is as expected or better; 1 when something is worse; 2 when it cannot be measured.
"""

import json
import sys

from harness import command_line
from harness.commands import CommandError
from harness.deterministic import counts
from harness.deterministic.comparison import compare
from harness.deterministic.counts import Counts, ImpossibleCountError
from harness.processes import ProcessError
from harness.repository import ROOT

EXPECTED = ROOT / "tests" / "data" / "deterministic.json"
CANNOT_MEASURE = 2


def main() -> int:
    """Measures and compares; exit status."""
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--update", action="store_true", help="write what was measured to tests/data/deterministic.json"
    )
    arguments = parser.parse_args()
    expected: Counts = {"allocations": {}}
    if EXPECTED.exists():
        expected = json.loads(EXPECTED.read_text(encoding="utf-8"))
    try:
        got = counts.measure(counts.build())
    except (CommandError, ProcessError, ImpossibleCountError) as error:
        print(f"deterministic-gate: {error}", file=sys.stderr)
        return CANNOT_MEASURE
    worse = compare(expected, got)
    if not arguments.update:
        print(f"deterministic-gate: {worse} worse")
        return 1 if worse else 0
    if "instructions" not in got and ("instructions" in expected or "lean_instructions" in expected):
        print("deterministic-gate: nothing is updated without valgrind", file=sys.stderr)
        return CANNOT_MEASURE
    EXPECTED.write_text(json.dumps(got, indent=2) + "\n", encoding="utf-8")
    print(f"deterministic-gate: wrote {EXPECTED.relative_to(ROOT)}")
    return 0
