"""Server processes: started, their address read from their first line, ended."""

import contextlib
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.commands import Command
from harness.processes import Process

# Java on a busy machine takes some seconds.
START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A server that accepts connections."""

    process: Process
    address: str

    def end(self) -> str:
        """Ends the server; what it printed after its address."""
        self.process.end()
        return self.process.output().partition("\n")[2]


@contextlib.contextmanager
def listening(
    command: Command,
    *,
    ending: signal.Signals = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server whose first line ends with its address."""
    with Process(command, ending=ending, environment=environment) as process:
        words = process.first_line(START_SECONDS).split()
        yield Server(process, words[-1])
