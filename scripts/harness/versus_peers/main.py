"""Plimsoll's clients next to other load generators, on one server, in alternating rounds.

Generators: h2load (Debian: nghttp2-client), the lean client and the stub, always. ghz where it is found, in PATH or in
`go env GOPATH`; otherwise the script says how to install it.

The server is examples/measuring/plain_server (tonic's own windows and limits); for the large messages also `plimsoll
serve`, and a plain TCP echo as a bound. With --tls the server is `plimsoll serve` for all messages, with a certificate
from the openssl command (Debian: openssl); h2load runs with the lean client's cipher suite, and once more with its own
list; a last table compares the lean client's ratios with its goals.

All generators use two connections. The CPU time per call is the kernel's account of the whole process, from its start
to its end, divided by its replies. Plimsoll verifies each reply, ghz decodes it, h2load does neither. Every figure is
the median of all rounds; every ratio is the median of the ratios within a round.

Prints Markdown. Needs Python 3 and nothing else; loads loopback only.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from harness import binary, command_line
from harness.binary import Binary
from harness.versus_peers import certificate, plaintext, tls
from harness.versus_peers.contest import Contest
from harness.versus_peers.generators import Generator, find_ghz, ghz, h2load, h2load_with_own_ciphers, plimsoll

INSTALL_GHZ = "go install github.com/bojand/ghz/cmd/ghz@latest"


def known_generators(own: Binary, with_tls: bool) -> dict[str, Generator]:
    """Generators that are installed, by name."""
    known: dict[str, Generator] = {"h2load": h2load}
    if with_tls:
        known["h2load-default"] = h2load_with_own_ciphers
    known |= {"lean": plimsoll(own, "lean"), "stub": plimsoll(own, "stub")}
    if find_ghz() is None:
        print(f"ghz is missing and left out; `{INSTALL_GHZ}` brings it", file=sys.stderr)
    else:
        known["ghz"] = ghz
    return known


def chosen(known: dict[str, Generator], only: str | None) -> dict[str, Generator]:
    """Generators with the names in `only`, in its order; all without it."""
    if only is None:
        return known
    names = only.split(",")
    if unknown := set(names) - set(known):
        raise SystemExit(f"no such generator here: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return {name: known[name] for name in names}


def numbers(text: str) -> list[int]:
    """Numbers with commas between them."""
    return [int(number) for number in text.split(",")]


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    parser.add_argument("--tls", action="store_true", help="load over TLS; the server is `plimsoll serve`")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all generators and loads [5]")
    parser.add_argument("--seconds", type=int, default=3, help="length of each run [3]")
    parser.add_argument("--only", help="generators, with commas between them")
    parser.add_argument(
        "--small",
        type=numbers,
        help="calls in flight of the small messages, with commas between them [1,64,256,1024; with --tls 64,1024]",
    )
    parser.add_argument("--no-large", action="store_true", help="without the large messages")
    parser.add_argument("-o", "--output", type=Path, help="also write the tables to this file")
    return parser.parse_args()


def main() -> int:
    """Measures all rounds and prints the tables."""
    arguments = parsed()
    if shutil.which("h2load") is None:
        raise SystemExit("h2load is missing; install Debian's nghttp2-client")
    if arguments.tls:
        certificate.require_openssl()
    own = binary.of(arguments)
    generators = chosen(known_generators(own, arguments.tls), arguments.only)
    contest = Contest(own, generators, arguments.rounds, arguments.seconds)
    tables_of, small = (tls.tables, tls.SMALL) if arguments.tls else (plaintext.tables, plaintext.SMALL)
    with tempfile.TemporaryDirectory() as folder:
        tables = tables_of(contest, arguments.small or small, not arguments.no_large, Path(folder))
    print(tables, end="")
    if arguments.output is not None:
        arguments.output.write_text(tables, encoding="utf-8")
    return 0
