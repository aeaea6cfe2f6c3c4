"""Size limits of other implementations of gRPC, set and found: a matrix.

Each peer is a server and a client of DoFormat, written in scripts/interop/<peer> and built below target/interop. At
each server `plimsoll limits` must find the limits that were set, to the byte, and `plimsoll run` must tell the calls on
both sides of each. Each client must meet the limits of Plimsoll's server, and its own. What cannot be built here is
skipped, and the script says so. Prints Markdown, and ends with `matrix: N passed, N failed, N skipped`; the exit status
is 1 when something failed.
"""

from pathlib import Path

from harness import binary, command_line, tables
from harness.binary import Binary
from harness.checks import Checks
from harness.interop import peers
from harness.interop.matrix import clients, compressed, servers, uploads
from harness.interop.matrix.subject import Matrix, ServerSubject
from harness.interop.peers import MissingToolError, Peer
from harness.sizes import size


def built(checks: Checks, names: list[str]) -> list[tuple[Peer, str]]:
    """Peers that can be built here, and their versions."""
    found = []
    for name in names:
        try:
            peer = peers.built(name)
        except MissingToolError as error:
            checks.skips(name, str(error))
        else:
            found.append((peer, peer.version()))
    return found


def subjects(plimsoll: Binary, there: list[tuple[Peer, str]]) -> list[ServerSubject]:
    """All servers."""
    own = (str(plimsoll.path), "serve", "--listen", "127.0.0.1:0")
    found = [ServerSubject(plimsoll.version(), own, is_plimsoll=True)]
    for peer, version in there:
        serve = (*peer.command, "serve")
        # Go upper-cases one character to one. Java's time grows with the square of the number of characters that
        # grow, and it has no limit for replies.
        found.append(ServerSubject(version, serve, has_send_limit=peer.name != "java", grows=peer.name != "go"))
        if peer.name == "python":
            found.append(ServerSubject(f"{version} aio", (*serve, "--aio")))
    return found


def write_refusals(matrix: Matrix, path: Path) -> None:
    """Writes the refusals that were seen, as tests/data/refusals.tsv has them."""
    lines = ["implementation\tside\tdirection\tcode\tmessage_bytes\tlimit_bytes\ttext"]
    for key, refusal in sorted(matrix.refusals.items()):
        lines.append("\t".join(map(str, (*key, *refusal))))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Makes all checks; exit status."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    parser.add_argument("--peers", default=",".join(peers.NAMES), help="some of python,node,go,java; default: all")
    parser.add_argument(
        "--fixture",
        type=Path,
        help="also write the texts of refusals to this file, as tests/data/refusals.tsv has them",
    )
    arguments = parser.parse_args()
    names = arguments.peers.split(",")
    if unknown := set(names) - set(peers.NAMES):
        parser.error(f"unknown peers: {', '.join(sorted(unknown))}; known: {', '.join(peers.NAMES)}")
    matrix = Matrix(binary.of(arguments), Checks("matrix", prints_passed=False, has_skips=True))
    there = built(matrix.checks, names)
    subjects_here = subjects(matrix.plimsoll, there)

    print("### Servers: limits set, and what `plimsoll limits` found\n")
    tables.header(*servers.COLUMNS)
    for subject in subjects_here:
        with matrix.checks.guarded(subject.name):
            servers.fill(matrix, subject)
    print("\n### Compressed messages (gzip): which bytes the server's limits count\n")
    tables.header(*compressed.COLUMNS)
    for subject in subjects_here:
        with matrix.checks.guarded(f"{subject.name}, compressed"):
            compressed.fill(matrix, subject)
    for peer, version in there:
        if peer.name == "node":
            upload = size(uploads.UPLOAD_BYTES)
            print(f"\n### Refused uploads of {upload}, 16 in flight, at a server that goes on reading them\n")
            tables.header(*uploads.COLUMNS)
            with matrix.checks.guarded(f"{version}, refused uploads"):
                uploads.fill(matrix, version, (*peer.command, "serve"))
    print("\n### Clients at the limits of Plimsoll's server, and at their own\n")
    tables.header(*clients.COLUMNS)
    for peer, version in there:
        with matrix.checks.guarded(f"{version} client"):
            clients.fill(matrix, version, peer.command)

    if arguments.fixture is not None:
        write_refusals(matrix, arguments.fixture)
    print()
    return matrix.checks.close()
