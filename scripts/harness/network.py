"""Hosts on one machine: network namespaces on a bridge, each with an address of its own."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from harness import commands
from harness.commands import Command, CommandError

# A network of this machine alone, which no route leads to.
PREFIX = "10.77.0"
# Names of interfaces have at most 15 characters.
BRIDGE = "plimsoll0"


class Host:
    """A host: commands run in it have its address."""

    def __init__(self, number: int) -> None:
        self.name = f"plimsoll-{number}"
        self.address = f"{PREFIX}.{number}"

    def within(self, command: Command) -> Command:
        """The command, to be run in this host."""
        # `ip netns exec` would mount another /sys, without the control groups that Slurm's daemon looks for.
        return ["nsenter", f"--net=/run/netns/{self.name}", *command]


def are_possible() -> str | None:
    """Reason why this machine can have no such hosts; None if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        commands.output_of(["ip", "netns", "list"])
    except (CommandError, FileNotFoundError):
        return "no `ip netns` on this machine"
    if Path("/sys/class/net", BRIDGE).exists():
        return f"the interface {BRIDGE} exists already: another check runs, or was killed (`ip link del {BRIDGE}`)"
    return None


@contextlib.contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Hosts with the addresses 1 to count; this machine has the address 254 beside them."""
    made = [Host(number) for number in range(1, count + 1)]
    with contextlib.ExitStack() as undo:
        _ip("link", "add", BRIDGE, "type", "bridge")
        undo.callback(_ip, "link", "del", BRIDGE)
        _ip("addr", "add", f"{PREFIX}.254/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number, host in enumerate(made, 1):
            _ip("netns", "add", host.name)
            undo.callback(_ip, "netns", "del", host.name)
            outside = f"plimsollv{number}"
            _ip("link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", host.name)
            _ip("link", "set", outside, "master", BRIDGE, "up")
            _ip("-n", host.name, "addr", "add", f"{host.address}/24", "dev", "eth0")
            for interface in ("eth0", "lo"):
                _ip("-n", host.name, "link", "set", interface, "up")
        yield made


def _ip(*arguments: str) -> None:
    commands.output_of(["ip", *arguments])
