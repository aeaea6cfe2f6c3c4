"""Plimsoll and Python's gRPC against each other: each side's client drives the other side's server.

Makes a virtual environment below target/ and generates Python code from proto/ there. Needs Python 3, and a network
for its first run only. Ends with `interop: N passed, N failed`; the exit status is 1 when something failed.
"""

from harness import binary, command_line, commands, environments
from harness.repository import ROOT, SCRIPTS, TARGET

# Apart from target/interop: the peers of the matrix are built there.
NAME = "interop-python"


def main() -> int:
    """Exit status of the checks."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    plimsoll = binary.of(parser.parse_args())
    python = environments.make(NAME, SCRIPTS / "interop" / "requirements.txt")
    generated = TARGET / NAME / "generated"
    generated.mkdir(exist_ok=True)
    protos = ROOT / "proto"
    outputs = [f"--python_out={generated}", f"--grpc_python_out={generated}"]
    commands.output_of([python, "-m", "grpc_tools.protoc", "-I", protos, *outputs, protos / "format_data.proto"])
    return environments.run_module(python, "harness.interop.python.checks", [plimsoll.path], [generated])
