"""The comparison without TLS: a plain tonic server, and for large messages also `plimsoll serve`."""

import io
from collections.abc import Sequence
from pathlib import Path

from harness import cargo, servers
from harness.commands import Command
from harness.sizes import MIB
from harness.versus_peers.contest import Contest
from harness.versus_peers.generators import Figures, Load
from harness.versus_peers.usage import measured

SMALL = (1, 64, 256, 1_024)
# A text of 10 bytes.
SMALL_BYTES = 12
LARGE_BYTES = 4 * MIB
LARGE_IN_FLIGHT = 4
PLAIN = "4 MiB, plain server"
REFERENCE = "4 MiB, plimsoll serve"
TCP_ECHO = "TCP echo"


def tables(contest: Contest, small_in_flight: Sequence[int], with_large: bool, folder: Path) -> str:
    """Measures all rounds; the tables."""
    # Built like a service in production: the cheaper the server, the more a generator shows.
    cargo.build("--profile", "peers", "--example", "plain_server", "--example", "tcp_echo")
    examples = cargo.target_folder() / "peers" / "examples"
    with (
        servers.listening([examples / "plain_server"]) as plain,
        contest.own.serve("--max-recv-message-size", "64MiB") as reference,
    ):
        small = [
            Load(f"{number} in flight", plain.address, SMALL_BYTES, number, contest.seconds)
            for number in small_in_flight
        ]
        large = [
            Load(label, server.address, LARGE_BYTES, LARGE_IN_FLIGHT, contest.seconds)
            for label, server in ((PLAIN, plain), (REFERENCE, reference))
            if with_large
        ]
        for round_number in range(contest.round_count):
            contest.play(round_number, [*small, *large], folder)
            if large:
                contest.figures.add(TCP_ECHO, REFERENCE, tcp_echo(examples / "tcp_echo", contest.seconds))

    out = io.StringIO()
    print(contest.conditions(), file=out)
    title = "Text of 10 bytes: calls/s, the generator's CPU time per call, its peak memory."
    contest.figures.print(out, contest.names, [load.label for load in small], title)
    if large:
        names = [*contest.names, TCP_ECHO]
        contest.figures.print(out, names, [load.label for load in large], "Messages of 4 MiB, 4 in flight:")
    return out.getvalue()


def tcp_echo(program: Path, seconds: int) -> Figures:
    """Messages per second of a plain TCP echo: a bound for any generator."""
    command: Command = [program, str(LARGE_BYTES), str(LARGE_IN_FLIGHT), str(seconds)]
    usage = measured(command, seconds + 60)
    rate = float(usage.output)
    return Figures(rate, usage.cpu_seconds / (rate * seconds), usage.peak_mib)
