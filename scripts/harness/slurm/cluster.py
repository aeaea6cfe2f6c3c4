"""A Slurm of several nodes on this machine: munge, the controller, and one daemon per node.

Debian's build can run several node daemons on one machine. Each has a network namespace of its own where the machine
allows it, and a port of its own otherwise.
"""

import contextlib
import os
import platform
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import commands, ports
from harness.commands import Command
from harness.network import PREFIX, Host
from harness.processes import Process, ProcessError

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "scancel", "sinfo", "squeue")
START_SECONDS = 60
# Seconds between SIGTERM and SIGKILL of a cancelled job: longer than the drain of a run.
KILL_WAIT = 10
# Declared processors of a node. More than the machine has: the check counts calls and measures nothing.
NODE_CORES = 4

CONFIGURATION = """
ClusterName=plimsoll
SlurmctldHost={machine}({controller})
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait={kill_wait}
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=60 State=UP OverSubscribe=YES
"""


@dataclass
class Node:
    """A node: its name, address and port, and the host that it runs in."""

    name: str
    address: str
    port: int
    host: Host | None

    def within(self, command: Command) -> Command:
        """The command, to be run where this node runs."""
        return self.host.within(command) if self.host else command


class Cluster:
    """A running Slurm. Its commands find it by their environment."""

    def __init__(self, folder: Path, nodes: list[Node]) -> None:
        self.folder = folder
        self.nodes = nodes
        self.environment: Mapping[str, str] = {**os.environ, "SLURM_CONF": str(folder / "etc/slurm.conf")}

    def idle(self) -> int:
        """Number of nodes that wait for work; none before the controller listens."""
        done = commands.finished(["sinfo", "-h", "-N", "-o", "%t"], environment=self.environment, statuses=None)
        return done.stdout.split().count("idle")

    def log(self) -> str:
        """The end of each log, for an error."""
        logs = sorted((self.folder / "log").glob("*.log"))
        return "\n".join(f"{log.name}:\n{commands.tail(log.read_text(errors='replace'))[-800:]}" for log in logs)


@contextlib.contextmanager
def running(folder: Path, hosts: list[Host], count: int) -> Iterator[Cluster]:
    """A cluster of so many nodes, in these hosts if there are any."""
    for name in ("etc", "state", "log", "run", "munge"):
        (folder / name).mkdir()
    free = ports.free(count + 1)
    nodes = [
        Node(f"n{number}", host.address if host else "127.0.0.1", free[number], host)
        for number, host in enumerate(hosts[:count] or [None] * count, 1)
    ]
    for node in nodes:
        (folder / "spool" / node.name).mkdir(parents=True)
    machine = platform.node()
    lines = (
        f"NodeName={node.name} NodeHostname={machine} NodeAddr={node.address} Port={node.port} CPUs={NODE_CORES} "
        "RealMemory=1000 State=UNKNOWN"
        for node in nodes
    )
    configuration = CONFIGURATION.format(
        machine=machine,
        controller=f"{PREFIX}.254" if hosts else "127.0.0.1",
        port=free[0],
        folder=folder,
        kill_wait=KILL_WAIT,
        nodes="\n".join(lines),
    )
    (folder / "etc/slurm.conf").write_text(configuration)
    cluster = Cluster(folder, nodes)
    with contextlib.ExitStack() as processes:
        processes.enter_context(_munge(folder))
        daemons = [["slurmctld", "-D", "-i"], *(node.within(["slurmd", "-D", "-N", node.name]) for node in nodes)]
        started = [processes.enter_context(Process(it, environment=cluster.environment)) for it in daemons]
        until = time.monotonic() + START_SECONDS
        while cluster.idle() < count:
            if time.monotonic() > until or not all(daemon.is_running() for daemon in started):
                raise ProcessError(f"not all of {count} nodes are idle\n{cluster.log()}")
            time.sleep(0.2)
        yield cluster


def _munge(folder: Path) -> Process:
    """The daemon that signs Slurm's messages, with a key of its own."""
    keys = folder / "munge"
    keys.chmod(0o700)
    key = keys / "key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    run = folder / "run"
    # Checks that no other user could replace its files: the folder must not be below a folder that others may write to.
    process = Process(
        [
            *("munged", "-F", "--force", f"--key-file={key}", f"--socket={run}/munge.socket"),
            *(f"--pid-file={run}/munged.pid", f"--log-file={folder}/log/munged.log", f"--seed-file={keys}/seed"),
            "--num-threads=2",
        ]
    )
    until = time.monotonic() + START_SECONDS
    while not (run / "munge.socket").exists():
        if not process.is_running() or time.monotonic() > until:
            raise ProcessError(f"munged does not listen: {process.errors()}")
        time.sleep(0.02)
    return process
