"""Jobs of a load test: batch scripts, their results, and the shards' processes."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import commands, repository
from harness.binary import Binary, Document, conserved
from harness.commands import Command
from harness.processes import ProcessError
from harness.slurm.cluster import Cluster

BATCH = repository.ROOT / "deploy/slurm/run.sbatch"
JOB_SECONDS = 60
# From a job's start to its window: srun, connections and a warm-up of 500 ms on two busy cores. The instant is cut to
# whole seconds.
START_IN_SECONDS = 4


@dataclass
class Job:
    """A job: its number, the folder that it runs in, and the folder of its results."""

    number: str
    folder: Path
    results: Path
    cluster: Cluster
    # Exit status and output, when it has ended.
    status: int = -1
    log: str = ""

    def cancel(self) -> None:
        """Cancels the job, as its owner does."""
        commands.output_of(["scancel", self.number], environment=self.cluster.environment)

    def wait(self) -> None:
        """Waits until the job has ended, and reads its log."""
        until = time.monotonic() + JOB_SECONDS
        while self.state() not in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL"):
            if time.monotonic() > until:
                raise ProcessError(
                    f"job {self.number} is {self._state_with_reason()} after {JOB_SECONDS} s\n{_logs(self.folder)}"
                )
            time.sleep(0.1)
        shown = self._shown()
        self.status = int(shown["ExitCode"].partition(":")[0])
        self.log = _logs(self.folder)

    def state(self) -> str:
        """Slurm's word for its state."""
        return self._shown()["JobState"]

    def wait_for_events(self, event: str, shards: int) -> None:
        """Waits until so many shards have written this event."""
        until = time.monotonic() + JOB_SECONDS
        while self._with_event(event) < shards:
            if time.monotonic() > until:
                seen = f"{self._with_event(event)} of {shards} shards have the event {event!r}"
                raise ProcessError(f"{seen}; job {self.number} is {self._state_with_reason()}\n{_logs(self.folder)}")
            time.sleep(0.02)

    def process_of(self, shard: int) -> int:
        """Process id of a shard, by Slurm's variables in its environment."""
        wanted = {f"SLURM_JOB_ID={self.number}".encode(), f"SLURM_PROCID={shard}".encode()}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                is_plimsoll = b"--shard" in (folder / "cmdline").read_bytes().split(b"\0")
                if is_plimsoll and wanted <= set((folder / "environ").read_bytes().split(b"\0")):
                    return int(folder.name)
        raise ProcessError(f"no process of shard {shard} of job {self.number}")

    def _state_with_reason(self) -> str:
        shown = self._shown()
        return f"{shown['JobState']} ({shown['Reason']})"

    def _with_event(self, event: str) -> int:
        files = self.folder.glob("events-*")
        return sum(any(json.loads(line)["event"] == event for line in _whole_lines(file)) for file in files)

    def _shown(self) -> dict[str, str]:
        shown = commands.output_of(["scontrol", "-o", "show", "job", self.number], environment=self.cluster.environment)
        return dict(word.partition("=")[::2] for word in shown.split() if "=" in word)


def _whole_lines(file: Path) -> Iterator[str]:
    """Lines of a file that is still being written."""
    for line in file.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield line


@dataclass
class Jobs:
    """Jobs of one cluster against one server."""

    cluster: Cluster
    plimsoll: Binary
    target: str
    folder: Path
    number: int = 0

    def batch(self, *arguments: str, variables: Mapping[str, str] | None = None) -> Job:
        """Submits the batch script of the repository."""
        folder = self._fresh()
        own = {
            "PLIMSOLL_RESULTS": str(folder / "results"),
            "PLIMSOLL_START_IN": str(START_IN_SECONDS),
            **(variables or {}),
        }
        events = ["--events", str(folder / "events-{shard}")]
        return self._submit(folder, own, [str(BATCH), self.target, *arguments, "-w", "500ms", *events])

    def script(self, text: str, *options: str) -> Job:
        """Runs a script of one's own to its end."""
        folder = self._fresh()
        script = folder / "job.sh"
        script.write_text(f"#!/bin/bash\n{text}\n")
        (folder / "results").mkdir()
        job = self._submit(folder, {}, ["--wait", *options, str(script)], statuses=None)
        job.log = _logs(folder)
        return job

    def merge(self, job: Job, *flags: str) -> tuple[Document, str]:
        """The merged result of a job, and what merge printed beside it. Every planned call has one outcome."""
        command: Command = [self.plimsoll.path, "merge", job.results, "-O", "json", *flags]
        done = commands.finished(command)
        return conserved(json.loads(done.stdout)), done.stderr

    def merge_error(self, job: Job) -> str:
        """Error of a merge that must fail."""
        return commands.finished([self.plimsoll.path, "merge", job.results], statuses=(2,)).stderr

    def _fresh(self) -> Path:
        self.number += 1
        folder = self.folder / f"job-{self.number}"
        folder.mkdir()
        return folder

    def _submit(
        self,
        folder: Path,
        variables: Mapping[str, str],
        arguments: list[str],
        statuses: tuple[int, ...] | None = (0,),
    ) -> Job:
        environment = {
            **self.cluster.environment,
            "PLIMSOLL": str(self.plimsoll.path),
            "TARGET": self.target,
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            **variables,
        }
        command: Command = ["sbatch", "--parsable", f"--chdir={folder}", "--output=job-%A_%a.log", *arguments]
        done = commands.finished(command, environment=environment, statuses=statuses, seconds=JOB_SECONDS)
        return Job(done.stdout.strip(), folder, folder / "results", self.cluster, done.returncode)


def kill(process: int) -> None:
    """Ends a shard's process without a choice, as the kernel does when memory is short."""
    os.kill(process, signal.SIGKILL)


def _logs(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.glob("*.log")))
