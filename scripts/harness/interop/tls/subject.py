"""A subject of the checks: another implementation's server and client, next to Plimsoll's."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.binary import Binary
from harness.checks import Checks
from harness.interop.peers import Peer
from harness.interop.tls.certificates import Certificates

CLIENTS = ("lean", "stub")
CALLS = 500


@dataclass
class Bench:
    """The plimsoll command, the counts of checks, and the sentences that Plimsoll printed in place of a result."""

    plimsoll: Binary
    checks: Checks
    sentences: list[Sequence[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    """A peer that is built, and the certificates of both sides."""

    bench: Bench
    peer: Peer
    certificates: Certificates

    def of_plimsoll(self, ca: Path, client: Path | None = None) -> list[str]:
        """Flags of Plimsoll as a client: the trusted CA, and its own certificate."""
        return ["--cacert", str(ca), *self._identity("--cert", "--key", client)]

    def of_peer(self, ca: Path, client: Path | None = None) -> list[str]:
        """Flags of the peer as a client: the trusted CA, and its own certificate."""
        return ["--tls-ca", str(ca), *self._identity("--tls-cert", "--tls-key", client)]

    def _identity(self, certificate_flag: str, key_flag: str, certificate: Path | None) -> list[str]:
        if certificate is None:
            return []
        return [certificate_flag, str(certificate), key_flag, str(self.certificates.key(certificate))]
