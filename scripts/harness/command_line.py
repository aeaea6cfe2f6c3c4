"""Command lines."""

import argparse
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

# What a shell reports of a process that a signal ended.
SIGNALLED = 128


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser whose help begins with a module's description, as it is written."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def run(main: Callable[[], int]) -> NoReturn:
    """Runs a program and ends with its exit status. A signal to end it ends its children first."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        # An exception: so each `with` and `finally` ends what it started.
        raise SystemExit(SIGNALLED + number)

    signal.signal(signal.SIGTERM, stop)
    sys.exit(main())
