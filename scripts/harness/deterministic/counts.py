"""Counts of this build: sizes that pass, allocations and instructions per call."""

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from harness import cargo, commands, machine, servers
from harness.commands import Command
from harness.repository import ROOT

# How this crate is cut into codegen units decides what is inlined, and any change cuts it anew: the lean client's
# counts of equal sources were up to 3 % apart.
ONE_UNIT = "profile.release.package.plimsoll.codegen-units=1"
EXAMPLES = ("fixed_calls", "fixed_allocations", "fixed_load", "canned_server")
# Lengths of texts, and calls for each: enough calls that one more lookup in a hash table, whose seeds differ from
# run to run, is far below the tolerance.
CALLS = {0: 400, 1_024: 400, 65_536: 60, 1_048_576: 12, 4_194_240: 6}
# Calls whose blocks and bytes `fixed_allocations` adds up.
ALLOCATING_CALLS = 16
RUNS = 3
# Valgrind is some fifty times slower than the processor.
PATIENCE_SECONDS = 1_800
# With it the C library copies in one way, whatever string instructions the processor has.
ENVIRONMENT = {**os.environ, "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-ERMS,-FSRM"}

Counts = dict[str, Any]


class LeanLoad(NamedTuple):
    """A load of the lean client."""

    text_bytes: int
    in_flight: int
    calls: int

    def name(self) -> str:
        """Key in the document."""
        return f"text of {self.text_bytes} B, {self.in_flight} in flight"


# No message is larger than HTTP/2's first window: the canned server opens no more.
LEAN = (
    LeanLoad(62, 1, 20_000),
    LeanLoad(62, 64, 20_000),
    LeanLoad(32_768, 1, 2_000),
    LeanLoad(32_768, 16, 2_000),
)


class ImpossibleCountError(RuntimeError):
    """A count that cannot be right: the tool did not measure."""


def run(*command: str | Path) -> str:
    """Output of a command."""
    return commands.output_of(command, seconds=PATIENCE_SECONDS, folder=ROOT, environment=ENVIRONMENT)


def build() -> Path:
    """The folder of the programs to count in."""
    examples = [part for name in EXAMPLES for part in ("--example", name)]
    cargo.build("--release", "--config", ONE_UNIT, *examples)
    return cargo.target_folder() / "release" / "examples"


def compiler() -> str:
    """Release and host of the compiler: counts depend on it."""
    lines = dict(line.split(": ", 1) for line in run("rustc", "-vV").splitlines() if ": " in line)
    return f"{lines['release']} {lines['host']}"


def total_instructions(command: Command) -> int:
    """Instructions of a whole process, by valgrind's callgrind."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        run("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command)
        lines = out.read_text(encoding="utf-8").splitlines()
    totals = [int(line.split()[1]) for line in lines if line.startswith("totals:")]
    if not totals or totals[0] == 0:
        raise ImpossibleCountError("callgrind counted nothing")
    return totals[0]


def instructions(calls: int, command: Command) -> int:
    """Instructions per call. The command takes the number of calls as its last argument.

    Twice the calls less those of once the calls: so the start of the process is left out.
    """
    once = min(total_instructions([*command, str(calls)]) for _ in range(RUNS))
    twice = min(total_instructions([*command, str(2 * calls)]) for _ in range(RUNS))
    if twice <= once:
        raise ImpossibleCountError("twice the calls take no more instructions")
    return round((twice - once) / calls)


def server_instructions(programs: Path, text_bytes: int) -> int:
    """Instructions per call of the reference server and tonic's client."""
    return instructions(CALLS[text_bytes], [programs / "fixed_calls", str(text_bytes)])


def lean_instructions(programs: Path, load: LeanLoad) -> int:
    """Instructions per call of the lean client."""
    command: Command = [programs / "canned_server", "a" * load.text_bytes]
    with servers.listening(command, environment=ENVIRONMENT) as server:
        program: Command = [programs / "fixed_load", server.address, str(load.text_bytes), str(load.in_flight)]
        return instructions(load.calls, program)


def allocations(programs: Path) -> dict[str, dict[str, float]]:
    """Blocks and bytes that a call allocates, by length of text."""
    found = {}
    for line in run(programs / "fixed_allocations").splitlines():
        text_bytes, blocks, size = map(int, line.split())
        found[str(text_bytes)] = {"blocks": blocks / ALLOCATING_CALLS, "bytes": size / ALLOCATING_CALLS}
    return found


def measure(programs: Path) -> Counts:
    """All counts; without instructions where valgrind is missing."""
    got: Counts = {
        "compiler": compiler(),
        "processor": machine.processor(),
        "limits": run(programs / "fixed_calls", "limits").splitlines(),
        "allocations": allocations(programs),
    }
    if shutil.which("valgrind"):
        with ThreadPoolExecutor(2) as pool:
            # The longest first: the other thread is not idle at the end.
            server = {size: pool.submit(server_instructions, programs, size) for size in sorted(CALLS, reverse=True)}
            lean = {load.name(): pool.submit(lean_instructions, programs, load) for load in LEAN}
            got["instructions"] = {str(size): server[size].result() for size in sorted(server)}
            got["lean_instructions"] = {name: count.result() for name, count in lean.items()}
    return got
