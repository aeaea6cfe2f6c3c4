"""Shards of a run, started by a shell, by pdsh, by Open MPI, by MPICH, and with a clock that is wrong.

Each launcher starts the shards against one server. Their results are merged, and must hold all calls of the plan. A
launcher that is not on this machine is skipped, and the script says so. Slurm has `slurm-check`, Kubernetes has
`kubernetes-check`. Ends with `launchers: N passed, N failed, N skipped`.
"""

import functools
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness import binary, command_line, commands
from harness.binary import Binary, Document, conserved
from harness.checks import Checks, equal, holds
from harness.commands import Command

SHARDS = 4
CALLS = 62
PLAN = ("-n", str(CALLS), "-c", "12", "-w", "100ms")
# Four processes on two busy cores stand after less than a second.
START_IN_SECONDS = 2.5
SKEW_SECONDS = 2


def start_at(seconds: float = START_IN_SECONDS) -> str:
    """An instant that is so far away, as all shards get it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


@dataclass
class Launch:
    """Shards of one plan against one server."""

    plimsoll: Binary
    target: str
    folder: Path

    def shard(self, number: str, at: str) -> list[str]:
        """Command of a shard, with its result in the folder."""
        flags = ["--shard", number, "--start-at", at, "-q", "-o", str(self.folder / "{shard}.json")]
        return [str(self.plimsoll.path), "run", self.target, *PLAN, *flags]

    def merged(self, *flags: str) -> Document:
        """The merged result of the folder, with all calls accounted for."""
        command: Command = [self.plimsoll.path, "merge", self.folder, "-O", "json", *flags]
        return conserved(json.loads(commands.output_of(command)))


def whole(result: Document, shards: int) -> None:
    """Fails unless the shards made the whole plan together."""
    calls = result["calls"]
    equal((calls["planned"], calls["answered"], len(result["shards"]["merged"])), (CALLS, CALLS, shards))


def by_shell(launch: Launch) -> None:
    """A loop of a shell, as docs/scale.md has it."""
    shard = " ".join(f"'{word}'" for word in launch.shard("NUMBER", start_at())).replace("'NUMBER'", f"$i/{SHARDS}")
    commands.output_of(["bash", "-c", f"for i in 0 1 2 3; do {shard} & done; wait"])
    whole(launch.merged(), SHARDS)


def by_variables(launch: Launch, index: str, variables: Mapping[str, str]) -> None:
    """Shards whose environment has their number."""
    at = start_at()
    command = " ".join(launch.shard("auto", at))
    commands.output_of(
        ["bash", "-c", f"for i in 0 1 2 3; do {index}=$i {command} & done; wait"],
        environment={**os.environ, **variables},
    )
    whole(launch.merged(), SHARDS)


def by_pdsh(launch: Launch) -> None:
    """The one-liner of docs/scale.md, with `exec` in place of ssh: results on stdout, merged as a stream."""
    shard = [
        str(launch.plimsoll.path),
        "run",
        launch.target,
        *PLAN,
        "--shard",
        f"%n/{SHARDS}",
        "--start-at",
        start_at(),
    ]
    command: Command = ["pdsh", "-N", "-R", "exec", "-w", f"node[0-{SHARDS - 1}]", *shard, "-q", "-O", "json"]
    stream = launch.folder / "stream"
    stream.write_text(commands.output_of(command))
    merge = f"{launch.plimsoll.path} merge - -O json <{stream}"
    whole(conserved(json.loads(commands.output_of(["bash", "-c", merge]))), SHARDS)


def by_mpi(launch: Launch, command: Command) -> None:
    """Ranks of MPI."""
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    commands.output_of([*command, *launch.shard("auto", start_at())], environment=environment)
    whole(launch.merged(), SHARDS)


def with_skew(launch: Launch, ahead_seconds: int, expected: int) -> None:
    """One shard whose clock is ahead: its windows lies earlier, or it is too late and missing.

    No process can see the error of its clock from within. Latencies and counts do not depend on it.
    """
    at = start_at(SKEW_SECONDS + START_IN_SECONDS if expected == SHARDS else START_IN_SECONDS)
    faked = ["faketime", "-f", f"+{ahead_seconds}s"]
    environment = {**os.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    shards = [
        " ".join(f"'{word}'" for word in [*(faked if index == 1 else []), *launch.shard(f"{index}/{SHARDS}", at)])
        for index in range(SHARDS)
    ]
    commands.output_of(["bash", "-c", " & ".join(shards) + " & wait"], environment=environment)
    if expected == SHARDS:
        whole(launch.merged(), SHARDS)
        return
    result = launch.merged("--partial")
    equal(result["shards"]["missing"], [1])
    # Shard 1 of four makes 16 of 62 calls.
    equal(result["calls"]["answered"], CALLS - 16)


def main() -> int:
    """Makes all checks; exit status."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    plimsoll = binary.of(parser.parse_args())
    checks = Checks("launchers", has_skips=True)
    ours = {"PLIMSOLL_SHARDS": str(SHARDS)}
    cases = (
        ("a loop of a shell", "bash", by_shell),
        ("PLIMSOLL_SHARD", "bash", lambda launch: by_variables(launch, "PLIMSOLL_SHARD", ours)),
        ("the index of a Kubernetes Job", "bash", lambda launch: by_variables(launch, "JOB_COMPLETION_INDEX", ours)),
        ("pdsh -R exec", "pdsh", by_pdsh),
        ("Open MPI", "mpirun.openmpi", lambda it: by_mpi(it, ["mpirun.openmpi", "--oversubscribe", "-n", str(SHARDS)])),
        ("MPICH", "mpiexec.hydra", lambda launch: by_mpi(launch, ["mpiexec.hydra", "-n", str(SHARDS)])),
        ("a clock 2 s ahead: earlier", "faketime", lambda launch: with_skew(launch, SKEW_SECONDS, SHARDS)),
        ("a clock 10 s ahead: too late, missing", "faketime", lambda launch: with_skew(launch, 10, SHARDS - 1)),
    )
    with plimsoll.serve() as server:
        for name, program, check in cases:
            if shutil.which(program) is None:
                checks.skips(name, f"no {program} on this machine")
                continue
            with tempfile.TemporaryDirectory() as folder:
                launch = Launch(plimsoll, server.address, Path(folder))
                checks.attempt(name, functools.partial(check, launch))
    holds(checks.passed > 0, "nothing was checked")
    return checks.close()
