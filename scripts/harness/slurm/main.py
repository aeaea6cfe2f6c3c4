"""Shards of a load test as tasks of a real Slurm of four nodes on this machine.

Each node has a network namespace of its own, and so has the server, where the machine allows namespaces. The batch
script is that of `deploy/slurm`. Checked: planned calls and starts of a merged run, a cancelled job, a shard that comes
too late, a killed shard, a batch script without srun, arrays, PMI, and Open MPI in a job. Ends with
`slurm: N passed, N failed, N skipped`; the exit status is 77 where Slurm cannot be had.
"""

import contextlib
import functools
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from harness import binary, command_line, network, servers
from harness.binary import Binary, Document
from harness.checks import MISSING_TOOL, Checks, equal, holds
from harness.commands import Command
from harness.network import Host
from harness.slurm import cluster
from harness.slurm.jobs import Job, Jobs, kill

NODES = 4
# Shards that start by one clock begin their windows within this time, in seconds.
ALIGNED_SECONDS = 0.02


def findings(result: Document) -> list[str]:
    """Names of the findings."""
    return [finding["name"] for finding in result["soundness"]["findings"]]


def shards(result: Document) -> list[int]:
    """Numbers of the merged shards."""
    return [line["index"] for line in result["shards"]["merged"]]


def spread(result: Document) -> float:
    """Seconds between the first and the last start of a shard's window."""
    starts = [datetime.fromisoformat(line["started_at"]) for line in result["shards"]["merged"]]
    return (max(starts) - min(starts)).total_seconds()


def ended(job: Job, status: int) -> None:
    """Fails, with the job's log, unless it ended with this status."""
    holds(job.status == status, f"the job ended with {job.status}, expected {status}:\n{job.log}")


def whole_run(jobs: Jobs) -> None:
    """The batch script: four shards, one start, all calls, and a merged result beside them."""
    job = jobs.batch("-r", "800", "-z", "3s")
    job.wait()
    ended(job, 0)
    result, _ = jobs.merge(job)
    calls = result["calls"]
    equal((calls["planned"], calls["answered"], calls["unfinished"]), (2_400, 2_400, 0))
    equal(shards(result), [0, 1, 2, 3])
    holds(spread(result) <= ALIGNED_SECONDS, f"windows started {spread(result)} s apart")
    holds("windows_not_aligned" not in findings(result), findings(result))
    holds((job.folder / "results.json").is_file(), "the batch script merged nothing")


def missed_objective(jobs: Jobs) -> None:
    """Objectives of the whole run decide on the job's exit status."""
    job = jobs.batch("-n", "40", "-c", "4", variables={"PLIMSOLL_MERGE": "--assert answered==41"})
    job.wait()
    ended(job, 1)


def cancelled(jobs: Jobs) -> None:
    """A cancelled job: all shards save what they measured."""
    job = jobs.batch("-r", "200", "-z", "50s")
    job.wait_for_events("second", NODES)
    job.cancel()
    job.wait()
    result, _ = jobs.merge(job)
    holds(result["interrupted"], result["calls"])
    equal(shards(result), [0, 1, 2, 3])
    holds(0 < result["calls"]["planned"] < 200 * 50, result["calls"])


def late(jobs: Jobs) -> None:
    """A shard that is ready after the start sends nothing, ends the others, and is missing."""
    wrapper = jobs.folder / "late"
    wrapper.write_text(
        "#!/bin/bash\n"
        # The shard's own start is awaited by a file, so that the check depends on no clock.
        '[ "$1" = run ] && [ "$SLURM_PROCID" = 2 ] && until [ -s "$LATE_UNTIL" ]; do sleep 0.05; done\n'
        f'exec {jobs.plimsoll.path} "$@"\n'
    )
    wrapper.chmod(0o755)
    go = jobs.folder / "late-go"
    job = jobs.batch("-r", "200", "-z", "50s", variables={"PLIMSOLL": str(wrapper), "LATE_UNTIL": str(go)})
    job.wait_for_events("second", NODES - 1)
    go.write_text("now")
    job.wait()
    ended(job, 2)
    holds("nothing was sent; give a later --start-at" in job.log, job.log)
    missing_shard(jobs, job, 2)


def killed(jobs: Jobs) -> None:
    """A shard that is killed saves nothing and is missing; the others are ended and save what they measured."""
    job = jobs.batch("-r", "200", "-z", "50s")
    job.wait_for_events("second", NODES)
    kill(job.process_of(1))
    job.wait()
    ended(job, 2)
    missing_shard(jobs, job, 1)


def missing_shard(jobs: Jobs, job: Job, index: int) -> None:
    """The merge names the missing shard, and merges the others only when it is told to."""
    for text in (job.log, jobs.merge_error(job)):
        holds(f"1 of 4 shards is missing: {index}; --partial" in text, text)
    result, _ = jobs.merge(job, "--partial")
    equal(shards(result), [number for number in range(NODES) if number != index])
    equal(result["shards"]["missing"], [index])
    holds(result["interrupted"] and "shards_missing" in findings(result), findings(result))


def without_srun(jobs: Jobs) -> None:
    """A batch script is no task: the error gives the way out."""
    job = jobs.script('"$PLIMSOLL" run "$TARGET" -n 8 -c 4 --shard auto', "-n4")
    ended(job, 2)
    holds("srun did not start this process" in job.log and "write: srun plimsoll run" in job.log, job.log)


def array(jobs: Jobs) -> None:
    """Elements of an array, whose numbers need not begin at 0 or follow each other."""
    script = '"$PLIMSOLL" run "$TARGET" -n 31 -c 6 -w 0s --shard auto -o "results/{shard}.json"'
    job = jobs.script(script, "--nodes=1", "--array=1-5:2")
    ended(job, 0)
    holds("shard 2 of 3, as Slurm array says" in job.log, job.log)
    result, _ = jobs.merge(job)
    equal((result["calls"]["planned"], result["calls"]["answered"], shards(result)), (31, 31, [0, 1, 2]))


def tasks(launch: str, count: int, launcher: str, *options: str) -> Callable[[Jobs], None]:
    """A check of tasks that another launcher numbers."""

    def check(jobs: Jobs) -> None:
        script = (
            f'{launch} "$PLIMSOLL" run "$TARGET" -n 62 -c 12 -w 200ms --shard auto '
            '--start-at "$(date -u -d "+5 seconds" +%FT%TZ)" -o "results/{shard}.json"'
        )
        job = jobs.script(script, *options)
        ended(job, 0)
        holds(f"shard {count - 1} of {count}, as {launcher} says" in job.log, job.log)
        result, _ = jobs.merge(job)
        equal((result["calls"]["planned"], result["calls"]["answered"], len(shards(result))), (62, 62, count))
        holds(spread(result) <= ALIGNED_SECONDS, f"windows started {spread(result)} s apart")

    return check


CHECKS: tuple[tuple[str, Callable[[Jobs], None]], ...] = (
    ("sbatch, four nodes: all calls, one start, merged", whole_run),
    ("sbatch: a missed objective is the job's exit status", missed_objective),
    ("scancel: all shards are saved, and merge", cancelled),
    ("a shard that is too late is missing and named", late),
    ("a killed shard is missing and named", killed),
    ("a batch script without srun is an error with the way out", without_srun),
    ("sbatch --array=1-5:2: three shards", array),
    ("srun --mpi=pmi2: eight tasks on four nodes", tasks("srun --mpi=pmi2", 8, "PMI", "-N4", "--ntasks-per-node=2")),
)
OPEN_MPI = ("mpirun in a job: six ranks on three nodes", tasks("mpirun", 6, "Open MPI", "-N3", "--ntasks-per-node=2"))


@contextlib.contextmanager
def server(plimsoll: Binary, host: Host | None) -> Iterator[str]:
    """The reference server, in a host of its own if there is one; its address."""
    command: Command = [plimsoll.path, "serve", "--listen", f"{host.address if host else '127.0.0.1'}:0"]
    with servers.listening(host.within(command) if host else command) as started:
        yield started.address


def main() -> int:
    """Makes all checks; exit status."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    arguments = parser.parse_args()
    missing = [name for name in cluster.PROGRAMS if shutil.which(name) is None]
    if missing:
        print(f"SKIPPED slurm: no {', '.join(missing)} here (Debian: slurm-wlm, munge)", file=sys.stderr)
        return MISSING_TOOL
    plimsoll = binary.of(arguments)
    checks = Checks("slurm", has_skips=True)
    reason = network.are_possible()
    if reason:
        checks.skips("a network namespace for each node", reason)
    with contextlib.ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="plimsoll-slurm-")))
        hosts = [] if reason else running.enter_context(network.hosts(NODES + 1))
        (folder / "slurm").mkdir()
        slurm = running.enter_context(cluster.running(folder / "slurm", hosts[:NODES], NODES))
        target = running.enter_context(server(plimsoll, hosts[NODES] if hosts else None))
        jobs = Jobs(slurm, plimsoll, target, folder)
        for name, check in CHECKS:
            checks.attempt(name, functools.partial(check, jobs))
        if shutil.which("mpirun"):
            checks.attempt(OPEN_MPI[0], functools.partial(OPEN_MPI[1], jobs))
        else:
            checks.skips(OPEN_MPI[0], "no mpirun here (Debian: openmpi-bin)")
    return checks.close()
