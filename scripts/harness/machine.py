"""The machine: its processor, and processes bound to one core."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def processor() -> str:
    """Model name of the processor, `unknown` where the system has none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


@contextlib.contextmanager
def on_core(number: int | None) -> Iterator[None]:
    """Binds processes that are started here to one core; None: to no core.

    A process inherits the cores of the thread that starts it. The thread gets its own cores back at the end.
    """
    if number is None:
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[number % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
