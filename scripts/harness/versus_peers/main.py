"""Plimsoll's clients next to other load generators, on one server, in alternating rounds.

Generators: h2load (Debian: nghttp2-client), the lean client and the stub, always. ghz where it is found, in PATH or in
`go env GOPATH`; otherwise the script says how to install it.

The server is examples/measuring/plain_server (tonic's own windows and limits); for the large messages also `plimsoll
serve`, and a plain TCP echo as a bound. All generators use two connections. The CPU time per call is the kernel's
account of the whole process, from its start to its end, divided by its replies. Plimsoll verifies each reply, ghz
decodes it, h2load does neither. Every figure is the median of all rounds; every ratio is the median of the ratios
within a round.

Prints Markdown. Needs Python 3 and nothing else; loads loopback only.
"""

import argparse
import io
import shutil
import sys
import tempfile
from pathlib import Path

from harness import binary, cargo, command_line, rounds, servers
from harness.binary import Binary
from harness.commands import Command
from harness.sizes import MIB
from harness.versus_peers import report
from harness.versus_peers.generators import Figures, Generator, Load, find_ghz, ghz, h2load, plimsoll
from harness.versus_peers.report import Report
from harness.versus_peers.usage import measured

SMALL = (1, 64, 256, 1_024)
# A text of 10 bytes.
SMALL_BYTES = 12
LARGE_BYTES = 4 * MIB
LARGE_IN_FLIGHT = 4
PLAIN = "4 MiB, plain server"
REFERENCE = "4 MiB, plimsoll serve"
TCP_ECHO = "TCP echo"
INSTALL_GHZ = "go install github.com/bojand/ghz/cmd/ghz@latest"


def known_generators(own: Binary) -> dict[str, Generator]:
    """Generators that are installed, by name."""
    known = {"h2load": h2load, "lean": plimsoll(own, "lean"), "stub": plimsoll(own, "stub")}
    if find_ghz() is None:
        print(f"ghz is missing and left out; `{INSTALL_GHZ}` brings it", file=sys.stderr)
    else:
        known["ghz"] = ghz
    return known


def tcp_echo(program: Path, seconds: int) -> Figures:
    """Messages per second of a plain TCP echo: a bound for any generator."""
    command: Command = [program, str(LARGE_BYTES), str(LARGE_IN_FLIGHT), str(seconds)]
    usage = measured(command, seconds + 60)
    rate = float(usage.output)
    return Figures(rate, usage.cpu_seconds / (rate * seconds), usage.peak_mib)


def numbers(text: str) -> list[int]:
    """Numbers with commas between them."""
    return [int(number) for number in text.split(",")]


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of all generators and loads [5]")
    parser.add_argument("--seconds", type=int, default=3, help="length of each run [3]")
    parser.add_argument("--only", help="generators, with commas between them")
    parser.add_argument(
        "--small",
        type=numbers,
        default=list(SMALL),
        help="calls in flight of the small messages, with commas between them",
    )
    parser.add_argument("--no-large", action="store_true", help="without the large messages")
    parser.add_argument("-o", "--output", type=Path, help="also write the tables to this file")
    return parser.parse_args()


def main() -> int:
    """Measures all rounds and prints the tables."""
    arguments = parsed()
    if shutil.which("h2load") is None:
        raise SystemExit("h2load is missing; install Debian's nghttp2-client")
    own = binary.built()
    # Built like a service in production: the cheaper the server, the more a generator shows.
    cargo.build("--profile", "peers", "--example", "plain_server", "--example", "tcp_echo")
    examples = cargo.target_folder() / "peers" / "examples"
    generators = known_generators(own)
    names = list(generators)
    if arguments.only:
        names = arguments.only.split(",")
        if unknown := set(names) - set(generators):
            raise SystemExit(f"no such generator here: {', '.join(sorted(unknown))}; there are {', '.join(generators)}")

    figures = Report()
    with (
        tempfile.TemporaryDirectory() as folder,
        servers.listening([examples / "plain_server"]) as plain,
        own.serve("--max-recv-message-size", "64MiB") as reference,
    ):
        small = [
            Load(f"{number} in flight", plain.address, SMALL_BYTES, number, arguments.seconds)
            for number in arguments.small
        ]
        large = [
            Load(label, server.address, LARGE_BYTES, LARGE_IN_FLIGHT, arguments.seconds)
            for label, server in ((PLAIN, plain), (REFERENCE, reference))
            if not arguments.no_large
        ]
        for round_number in range(arguments.rounds):
            for load in (*small, *large):
                for name in rounds.turns(names, round_number):
                    got = generators[name](load, Path(folder))
                    figures.add(name, load.label, got)
                    print(
                        f"round {round_number + 1}, {load.label}, {name}: {report.in_words(got)}",
                        file=sys.stderr,
                        flush=True,
                    )
            if large:
                figures.add(TCP_ECHO, REFERENCE, tcp_echo(examples / "tcp_echo", arguments.seconds))

    out = io.StringIO()
    print(report.conditions(arguments.rounds, arguments.seconds), file=out)
    title = "Text of 10 bytes: calls/s, the generator's CPU time per call, its peak memory."
    figures.print(out, names, [load.label for load in small], title)
    if large:
        figures.print(out, [*names, TCP_ECHO], [load.label for load in large], "Messages of 4 MiB, 4 in flight:")
    print(out.getvalue(), end="")
    if arguments.output is not None:
        arguments.output.write_text(out.getvalue(), encoding="utf-8")
    return 0
