"""Virtual environments below target/, and modules of this package that run in them."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness import commands, locks
from harness.repository import ROOT, SCRIPTS, TARGET

# A module that runs in an environment may take minutes: it has time limits of its own for all that it starts.
MODULE_SECONDS = 3_600


def make(name: str, requirements: Path) -> Path:
    """Python of the environment `name`, with these requirements: made at the first use, or when they changed."""
    with locks.only_one(name):
        return _made(name, requirements)


def _made(name: str, requirements: Path) -> Path:
    folder = TARGET / name
    python = folder / "bin" / "python"
    # Written last: an installation that was interrupted is made again.
    installed = folder / "installed.txt"
    wanted = requirements.read_text(encoding="utf-8")
    if python.exists() and installed.exists() and installed.read_text(encoding="utf-8") == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    commands.output_of([sys.executable, "-m", "venv", folder], seconds=commands.BUILD_SECONDS)
    install: commands.Command = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        requirements,
    ]
    commands.output_of(install, seconds=commands.BUILD_SECONDS)
    installed.write_text(wanted, encoding="utf-8")
    return python


def module_environment(*folders: Path) -> Mapping[str, str]:
    """Variables of a Python that finds this package, and modules in further folders."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (SCRIPTS, *folders))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run_module(python: Path, module: str, arguments: Sequence[str | Path], folders: Sequence[Path] = ()) -> int:
    """Exit status of a module of this package in an environment; it prints to this program's own output."""
    command = [python, "-m", module, *arguments]
    return commands.shown(command, seconds=MODULE_SECONDS, folder=ROOT, environment=module_environment(*folders))
