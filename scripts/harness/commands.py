"""Commands that run to their end: with a time limit, and with their output in the error when they fail."""

import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

Command = Sequence[str | Path]

# Most commands end within seconds; a build or an installation may take long on a busy machine.
PATIENCE_SECONDS = 300
BUILD_SECONDS = 3_600
END_SECONDS = 10
# The reason of a failure stands at the end of its output.
SHOWN_CHARACTERS = 4_000


class CommandError(RuntimeError):
    """A command that ended with an unexpected status, or not in time."""


def written(command: Command) -> str:
    """The command as one line, shortened where it carries a large text."""
    return " ".join(map(str, command))[:300]


def tail(*texts: str) -> str:
    """The last part of a command's output."""
    return "\n".join(text.strip() for text in texts if text.strip())[-SHOWN_CHARACTERS:]


def finished(
    command: Command,
    *,
    seconds: float = PATIENCE_SECONDS,
    statuses: Collection[int] | None = (0,),
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """The finished command. Fails after `seconds`, or with a status that is not in `statuses` (None: any)."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd=folder,
            env=environment,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        # The output is bytes here, whatever was asked for.
        parts = [part.decode(errors="replace") for part in (error.stdout, error.stderr) if isinstance(part, bytes)]
        raise CommandError(f"{written(command)}\ndid not end within {seconds} s:\n{tail(*parts)}") from error
    if statuses is not None and done.returncode not in statuses:
        raise CommandError(
            f"{written(command)}\nended with status {done.returncode}:\n{tail(done.stdout, done.stderr)}"
        )
    return done


def output_of(
    command: Command,
    *,
    seconds: float = PATIENCE_SECONDS,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Standard output of a command that succeeds."""
    return finished(command, seconds=seconds, folder=folder, environment=environment).stdout


def shown(
    command: Command,
    *,
    seconds: float = BUILD_SECONDS,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Exit status of a command that prints to this program's own output."""
    with subprocess.Popen(command, cwd=folder, env=environment) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"{written(command)}\ndid not end within {seconds} s") from error
        finally:
            # Asked first: it may have children of its own to end.
            end(process, signal.SIGTERM)


def end(process: subprocess.Popen[bytes], ending: signal.Signals) -> None:
    """Ends a process, if it runs: with the signal `ending`, and after ten seconds without a choice."""
    if process.poll() is None:
        process.send_signal(ending)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
