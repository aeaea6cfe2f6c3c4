"""Reports of a gate, read by the programs that they are for, where these can be installed.

Readers: junitparser for XML, Apache Otava for the history, markdown-it for GitHub's tables. Bencher and
github-action-benchmark publish no reader: the rules of their formats are checked as their documents state them.
Makes a virtual environment below target/; needs Python 3, and a network for its first run only. Ends with
`verdict-readers: N passed, N failed`; the exit status is 1 when something failed.
"""

from harness import binary, command_line, environments
from harness.repository import SCRIPTS


def main() -> int:
    """Exit status of the checks."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    plimsoll = binary.of(parser.parse_args())
    python = environments.make("verdict-readers", SCRIPTS / "interop" / "verdict-readers.txt")
    return environments.run_module(python, "harness.interop.verdict_readers.checks", [plimsoll.path])
