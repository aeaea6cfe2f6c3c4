"""Other implementations' clients, which call Plimsoll's server."""

import json
import subprocess
from pathlib import Path

from harness import commands
from harness.interop.peers import Peer
from harness.interop.tls.subject import Subject

MESSAGE_BYTES = 100


def check(subject: Subject) -> None:
    """A server that has a certificate, then a server that also requires certificates of its clients."""
    made = subject.certificates
    plimsoll = subject.bench.plimsoll
    with plimsoll.serve(*made.of_server(needs_client=False)) as server:
        is_answered(subject, server.address, "no client certificate required")
    with plimsoll.serve(*made.of_server(needs_client=True)) as server:
        is_answered(subject, server.address, "client certificate", made.client)
        is_unavailable(subject, server.address, "no client certificate")
        is_unavailable(subject, server.address, "client certificate of another CA", made.other_client)


def is_answered(subject: Subject, address: str, what: str, client_certificate: Path | None = None) -> None:
    """One check: the peer's calls are answered."""
    flags = subject.of_peer(subject.certificates.ca, client_certificate)
    done = call(subject.peer, localhost(address), flags)
    subject.bench.checks.holds(f"{subject.peer.name} client, {what}", answered(done), done.stdout + done.stderr)


def is_unavailable(subject: Subject, address: str, what: str, client_certificate: Path | None = None) -> None:
    """One check: the peer's calls fail with UNAVAILABLE, because there is no connection."""
    flags = subject.of_peer(subject.certificates.ca, client_certificate)
    done = call(subject.peer, localhost(address), flags)
    said = done.stdout + done.stderr
    # Python and Node write the status in capitals, Go does not.
    subject.bench.checks.holds(f"{subject.peer.name} client, {what}: fails", "unavailable" in said.lower(), said)


def localhost(address: str) -> str:
    """The address under the name `localhost`."""
    return f"localhost:{address.rsplit(':', 1)[1]}"


def call(peer: Peer, address: str, flags: list[str]) -> subprocess.CompletedProcess[str]:
    """The peer's calls, whatever their end."""
    return commands.finished([*peer.command, "call", address, "--size", str(MESSAGE_BYTES), *flags], statuses=None)


def answered(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether the calls were answered, and correctly."""
    if done.returncode != 0:
        return False
    result = json.loads(done.stdout)
    got = [result[key] for key in ("code", "is_right", "reply_bytes", "survived")]
    return got == ["OK", True, MESSAGE_BYTES, True]
