"""Folders of the repository, and its commit."""

from pathlib import Path

from harness import commands

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
# Virtual environments and peers go here, wherever cargo builds to.
TARGET = ROOT / "target"


def commit() -> str:
    """Short hash of the checked-out commit."""
    return commands.output_of(["git", "rev-parse", "--short", "HEAD"], folder=ROOT).strip()
