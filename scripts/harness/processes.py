"""A child process that always ends: asked first, killed when it does not follow."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Self

from harness.commands import Command, end, tail, written

# Polling interval while a process is waited for: short next to the second that a server takes to start.
INTERVAL_SECONDS = 0.005


class ProcessError(RuntimeError):
    """A process that ended by itself, or did not do what was expected in time."""


class Process:
    """A running command. Its output goes to files, so that it never waits for a reader.

    Use it in a `with` statement: at its end the process gets the signal `ending`, and is killed after ten seconds.
    A process that failed by itself before is an error, and its output is shown.
    """

    def __init__(
        self,
        command: Command,
        *,
        ending: signal.Signals = signal.SIGTERM,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.command = command
        self._ending = ending
        self._is_expected_to_end = False
        self._is_reported = False
        with contextlib.ExitStack() as files:
            self._output = files.enter_context(tempfile.TemporaryFile())
            self._errors = files.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._errors, env=environment
            )
            # Closed after the process's end. A command that cannot be started leaves no files open.
            self._files = files.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._files:
            failed_by_itself = self._process.poll() not in (None, 0) and not self._is_expected_to_end
            self.end()
            if not failed_by_itself:
                return
            was_reported = self._is_reported
            message = self._said(f"ended by itself with status {self._process.returncode}")
            if error is None:
                raise ProcessError(message)
            # A signal to this program may have reached its children too: their end is no news then.
            if not was_reported and isinstance(error, Exception):
                print(message, file=sys.stderr)

    @property
    def identifier(self) -> int:
        """The process id."""
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def output(self) -> str:
        """Standard output until now."""
        return _content(self._output)

    def errors(self) -> str:
        """Standard error until now."""
        return _content(self._errors)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def finish(self, seconds: float) -> int:
        """Exit status of a process that ends by itself, within `seconds`."""
        self._is_expected_to_end = True
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise ProcessError(self._said(f"did not end within {seconds} s")) from error

    def end(self) -> None:
        """Ends the process."""
        if self.is_running():
            self._is_expected_to_end = True
            end(self._process, self._ending)

    def first_line(self, seconds: float) -> str:
        """The first line of standard output."""
        return self._line_with("\n", self._output, seconds).partition("\n")[0]

    def wait_for_error_output(self, text: str, seconds: float) -> None:
        """Waits until standard error contains a text."""
        self._line_with(text, self._errors, seconds)

    def _line_with(self, text: str, file: IO[bytes], seconds: float) -> str:
        until = time.monotonic() + seconds
        while True:
            # Asked before the output is read: what was printed last is not missed.
            is_last_look = not self.is_running() or time.monotonic() > until
            content = _content(file)
            if text in content:
                return content
            if is_last_look:
                state = f"for {seconds} s" if self.is_running() else f"and ended with {self._process.returncode}"
                raise ProcessError(self._said(f"did not print {text!r} {state}"))
            time.sleep(INTERVAL_SECONDS)

    def _said(self, what: str) -> str:
        self._is_reported = True
        return f"{written(self.command)}\n{what}:\n{tail(self.output(), self.errors())}"


def _content(file: IO[bytes]) -> str:
    # Reads at a position of its own: the process's own position must not move.
    length = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), length, 0).decode(errors="replace")
