"""Commands, processes and servers: their ends, their limits, and the output that an error shows."""

import os
import signal
import sys
import unittest
from pathlib import Path
from unittest import mock

from harness import commands, machine, servers
from harness.commands import CommandError
from harness.processes import Process, ProcessError


def python(program: str) -> commands.Command:
    """A command that runs a program in Python."""
    return [sys.executable, "-c", program]


SLEEPS = python("import time; time.sleep(60)")
IGNORES_THE_SIGNAL = python(
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on a:1', flush=True); time.sleep(60)"
)


def is_alive(process: int) -> bool:
    """Whether a process has not ended."""
    return Path(f"/proc/{process}").exists()


class Commands(unittest.TestCase):
    """Commands that run to their end."""

    def test_an_error_shows_the_output(self) -> None:
        with self.assertRaisesRegex(CommandError, r"status 3:\nout\nreason"):
            commands.output_of(python("import sys; print('out'); sys.exit(print('reason', file=sys.stderr) or 3)"))

    def test_a_command_has_a_time_limit(self) -> None:
        with self.assertRaisesRegex(CommandError, r"did not end within 1 s:\nstarted"):
            commands.output_of(python("import time; print('started', flush=True); time.sleep(60)"), seconds=1)

    def test_other_statuses_can_be_allowed(self) -> None:
        self.assertEqual(commands.finished(python("raise SystemExit(1)"), statuses=(0, 1)).returncode, 1)


class Processes(unittest.TestCase):
    """Child processes."""

    def test_a_server_has_an_address_and_ends(self) -> None:
        with servers.listening(
            python("import time; print('listening on host:1', flush=True); time.sleep(60)")
        ) as server:
            self.assertEqual(server.address, "host:1")
            self.assertTrue(is_alive(server.process.identifier))
        self.assertFalse(is_alive(server.process.identifier))

    def test_output_after_the_address_is_returned(self) -> None:
        program = "import signal; print('on a:1', flush=True); signal.sigwait([signal.SIGINT]); print('counts')"
        blocked = f"import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]); {program}"
        with servers.listening(python(blocked), ending=signal.SIGINT) as server:
            self.assertEqual(server.end(), "counts\n")

    def test_a_server_that_does_not_start_shows_its_reason(self) -> None:
        with (
            self.assertRaisesRegex(ProcessError, "no such port"),
            servers.listening(python("raise SystemExit('no such port')")),
        ):
            self.fail("it has no address")

    def test_a_silent_server_is_not_waited_for_without_a_limit(self) -> None:
        with self.assertRaisesRegex(ProcessError, "did not print"), Process(SLEEPS) as process:
            process.first_line(0.1)
        self.assertFalse(is_alive(process.identifier))

    def test_a_process_that_ignores_the_signal_is_killed(self) -> None:
        with mock.patch("harness.commands.END_SECONDS", 0.1), servers.listening(IGNORES_THE_SIGNAL) as server:
            self.assertTrue(is_alive(server.process.identifier))
        self.assertFalse(is_alive(server.process.identifier))

    def test_a_process_that_fails_by_itself_is_an_error(self) -> None:
        fails = python("import sys; print('broken', file=sys.stderr); sys.exit(5)")
        with self.assertRaisesRegex(ProcessError, r"ended by itself with status 5:\nbroken"), Process(fails) as process:
            # Waits for the end, and leaves the status to the process itself.
            os.waitid(os.P_PID, process.identifier, os.WEXITED | os.WNOWAIT)

    def test_a_process_can_be_bound_to_a_core(self) -> None:
        cores = os.sched_getaffinity(0)
        with machine.on_core(1), Process(SLEEPS) as process:
            self.assertEqual(os.sched_getaffinity(process.identifier), {sorted(cores)[1 % len(cores)]})
        self.assertEqual(os.sched_getaffinity(0), cores)

    def test_an_error_ends_the_process_too(self) -> None:
        with self.assertRaises(ZeroDivisionError), Process(SLEEPS) as process:
            raise ZeroDivisionError
        self.assertFalse(is_alive(process.identifier))
