"""Peers: a server and a client of DoFormat in another language, in scripts/interop/<peer>, built below target/."""

from dataclasses import dataclass
from pathlib import Path

from harness import commands, locks
from harness.checks import MISSING_TOOL
from harness.repository import SCRIPTS, TARGET

NAMES = ("python", "node", "go", "java")


class MissingToolError(RuntimeError):
    """A peer cannot be built, because this machine has no tool for it. The text names the tool."""


@dataclass(frozen=True)
class Peer:
    """A peer that is built."""

    name: str
    command: tuple[str, ...]

    def version(self) -> str:
        """Name and exact version of the implementation."""
        return commands.output_of([*self.command, "version"]).strip()


def source(name: str) -> Path:
    """The folder of a peer's sources."""
    return SCRIPTS / "interop" / name


def built(name: str) -> Peer:
    """The peer, built from its sources as they are now."""
    out = TARGET / "interop" / name
    with locks.only_one(f"peer-{name}"):
        done = commands.finished(
            [source(name) / "build", out], seconds=commands.BUILD_SECONDS, statuses=(0, MISSING_TOOL)
        )
    if done.returncode == MISSING_TOOL:
        raise MissingToolError(done.stderr.strip().removeprefix(f"SKIPPED {name}: "))
    return Peer(name, (str(source(name) / "peer"), str(out)))
