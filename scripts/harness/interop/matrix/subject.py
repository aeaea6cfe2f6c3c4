"""Subjects of the matrix: servers with limits that can be set, and the flags for these limits."""

from dataclasses import dataclass, field
from typing import NamedTuple

from harness.binary import Binary
from harness.checks import Checks
from harness.sizes import MIB

# gRPC's default for received messages, in each implementation here.
DEFAULT = 4 * MIB
CLIENTS = ("lean", "stub")


class Limits(NamedTuple):
    """Limits of a server or client, in bytes; None: the implementation's default."""

    receive: int | None = None
    send: int | None = None

    def flags(self) -> list[str]:
        """Flags that set the limits: all peers have the same."""
        named = (("--max-recv-message-size", self.receive), ("--max-send-message-size", self.send))
        return [part for flag, size in named if size is not None for part in (flag, str(size))]


@dataclass(frozen=True)
class ServerSubject:
    """A server whose limits are set and found."""

    name: str
    command: tuple[str, ...]
    has_send_limit: bool = True
    # Whether a reply can be larger than its request: some upper-case letters are longer.
    grows: bool = True
    is_plimsoll: bool = False


class Refusal(NamedTuple):
    """A refusal in an implementation's own words, for the tests of the classifier."""

    code: str
    message_bytes: int
    limit_bytes: int
    text: str


@dataclass
class Matrix:
    """The plimsoll command, the counts of checks, and the refusals that were seen."""

    plimsoll: Binary
    checks: Checks
    refusals: dict[tuple[str, str, str], Refusal] = field(default_factory=dict)
