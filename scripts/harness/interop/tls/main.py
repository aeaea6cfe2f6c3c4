"""TLS, client certificates (mTLS) and Unix sockets between Plimsoll and other implementations of gRPC.

Makes a CA and certificates with openssl 3 or later. Plimsoll drives the servers of the peers in scripts/interop/python,
go and node, and their clients call Plimsoll's server, with the same certificates. Where a certificate is missing or
wrong, the connection must fail, and Plimsoll's sentence must name the way out. Then grpcio and Plimsoll meet at Unix
sockets. What cannot be built here is skipped. Prints a table of these sentences, and ends with
`tls: N passed, N failed, N skipped`; the exit status is 1 when something failed.
"""

import tempfile
from pathlib import Path

from harness import binary, command_line, tables
from harness.checks import Checks
from harness.interop import peers
from harness.interop.peers import MissingToolError, Peer
from harness.interop.tls import clients, servers, unix_sockets
from harness.interop.tls.certificates import Certificates
from harness.interop.tls.subject import Bench, Subject

NAMES = ("python", "go", "node")


def built(checks: Checks, names: list[str]) -> list[Peer]:
    """Peers that can be built here."""
    found = []
    for name in names:
        try:
            found.append(peers.built(name))
        except MissingToolError as error:
            checks.skips(name, str(error))
    return found


def over_tls(bench: Bench, there: list[Peer], folder: Path) -> None:
    """The checks of TLS, with one set of certificates."""
    try:
        certificates = Certificates(folder)
    except MissingToolError as error:
        bench.checks.skips("TLS", str(error))
        return
    for peer in there:
        subject = Subject(bench, peer, certificates)
        with bench.checks.guarded(f"{peer.name} server"):
            servers.check(subject)
        with bench.checks.guarded(f"{peer.name} client"):
            clients.check(subject)


def main() -> int:
    """Makes all checks; exit status."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    parser.add_argument("--peers", default=",".join(NAMES), help="some of %(default)s; default: all")
    arguments = parser.parse_args()
    names = arguments.peers.split(",")
    if unknown := set(names) - set(NAMES):
        parser.error(f"unknown peers: {', '.join(sorted(unknown))}; known: {', '.join(NAMES)}")
    bench = Bench(binary.of(arguments), Checks("tls", has_skips=True))
    there = built(bench.checks, names)
    # In /tmp, not below target/: the path of a Unix socket has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="plimsoll-tls-") as name:
        folder = Path(name)
        with bench.checks.guarded("TLS"):
            over_tls(bench, there, folder)
        for peer in there:
            if peer.name == "python":
                with bench.checks.guarded("Unix sockets"):
                    unix_sockets.check(bench, peer, folder)
    if bench.sentences:
        print()
        tables.header("server", "fault", "Plimsoll's client", "sentence")
        for sentence in bench.sentences:
            tables.row(*sentence)
        print()
    return bench.checks.close()
