"""Builds with cargo, and the folder that they go to."""

import json
from collections.abc import Mapping
from pathlib import Path

from harness import commands
from harness.repository import ROOT


def build(*arguments: str, environment: Mapping[str, str] | None = None) -> None:
    """Builds this repository; cargo's messages are shown."""
    command = ["cargo", "build", "--locked", "--quiet", *arguments]
    status = commands.shown(command, folder=ROOT, environment=environment)
    if status != 0:
        raise commands.CommandError(f"{commands.written(command)}\nended with status {status}")


def target_folder() -> Path:
    """The folder of all builds: target/, or wherever cargo was told to build."""
    metadata = commands.output_of(["cargo", "metadata", "--format-version", "1", "--no-deps", "--locked"], folder=ROOT)
    return Path(json.loads(metadata)["target_directory"])
