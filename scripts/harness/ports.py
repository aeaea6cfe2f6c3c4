"""Ports of this machine."""

import contextlib
import socket
import time

from harness.processes import Process, ProcessError

LISTEN_SECONDS = 10


def free(count: int) -> list[int]:
    """Different ports without a listener."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listening.getsockname()[1] for listening in sockets]


def wait_for_listener(port: int, process: Process) -> None:
    """Waits until the process accepts connections at this port."""
    until = time.monotonic() + LISTEN_SECONDS
    while process.is_running() and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise ProcessError(f"no listener at port {port}: {process.errors().strip()}")
