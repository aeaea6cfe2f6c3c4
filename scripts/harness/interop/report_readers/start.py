"""Reports of a run, read by the programs that they are for.

Readers: hdrhistogram (PyPI) for the base64 of a result, .hgrm and .hlog; prometheus-client (PyPI) for both formats of
Prometheus; promtool and prometheus (Debian), which checks the final figures, backfills a run, and answers every query
of `docs/grafana/plimsoll.json`; pandas (PyPI) for the code of `docs/notebook.md`. Makes a virtual environment below
target/; needs Python 3, and a network for its first run only. Ends with
`report-readers: N passed, N failed, N skipped`.
"""

from harness import binary, command_line, environments
from harness.repository import SCRIPTS


def main() -> int:
    """Exit status of the checks."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    plimsoll = binary.of(parser.parse_args())
    python = environments.make("report-readers", SCRIPTS / "interop" / "report-readers.txt")
    return environments.run_module(python, "harness.interop.report_readers.checks", [plimsoll.path])
