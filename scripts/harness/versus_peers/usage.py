"""CPU time and peak memory of a command, by the kernel's account of the whole process."""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from harness.commands import Command, CommandError, tail, written
from harness.sizes import KIB

# Peak memory is read this often: it only grows, and the last reading is at most this old.
INTERVAL_SECONDS = 0.02


class Usage(NamedTuple):
    """Output and cost of a command."""

    output: str
    cpu_seconds: float
    peak_mib: float


def measured(command: Command, seconds: float) -> Usage:
    """Runs a command to its end, within `seconds`."""
    until = time.monotonic() + seconds
    with (
        tempfile.TemporaryFile() as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        try:
            memory, ended = 0.0, 0
            # The account's own peak would include this program's: a process begins as a copy of its parent.
            while not ended:
                memory = peak_memory(process.pid) or memory
                time.sleep(INTERVAL_SECONDS)
                if time.monotonic() > until:
                    raise CommandError(f"{written(command)}\ndid not end within {seconds} s:\n{content(out.fileno())}")
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            # Popen did not see the end itself.
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                process.kill()
        output = content(out.fileno())
    if process.returncode != 0:
        raise CommandError(f"{written(command)}\nended with status {process.returncode}:\n{tail(output)}")
    return Usage(output, usage.ru_utime + usage.ru_stime, memory)


def content(file: int) -> str:
    """All that a file contains, read without moving its position: the command writes there."""
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")


def peak_memory(process: int) -> float | None:
    """Peak memory of a process until now, in MiB."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found.group(1)) / KIB if found else None
