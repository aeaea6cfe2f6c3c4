"""The comparison over TLS: `plimsoll serve` for all generators and loads, and goals for the lean client."""

import io
from collections.abc import Sequence
from pathlib import Path

from harness.binary import Binary
from harness.checks import holds
from harness.sizes import MIB
from harness.versus_peers import certificate, goals
from harness.versus_peers.contest import Contest
from harness.versus_peers.generators import Load, Tls
from harness.versus_peers.report import LEAN

SMALL = (64, 1_024)
SMALL_BYTES = 64
LARGE_BYTES = 4 * MIB
LARGE_IN_FLIGHT = 4
LARGE = "4 MiB"

CONDITIONS = """\
- Server: `plimsoll serve`, one process for all generators, loads and rounds. A cheaper server is not needed: the CPU
  time per call is the generator's own. Calls/s include the server's cost, because both share the cores.
- Ciphers: h2load is limited to the lean client's suite, {cipher}; the stub has it by default.
  h2load-default and ghz offer their own lists. Both lists begin with AES-128, where the processor has AES instructions.
- Certificates: h2load does not verify the server's certificate; the other generators do.
- ALPN: checked to be h2 in each run of h2load, the lean client and the stub."""


def tables(contest: Contest, small_in_flight: Sequence[int], with_large: bool, folder: Path) -> str:
    """Measures all rounds; the tables."""
    made = certificate.make(folder)
    server_arguments = ("--tls-cert", str(made.chain), "--tls-key", str(made.key), "--max-recv-message-size", "64MiB")
    with contest.own.serve(*server_arguments) as server:
        tls = Tls(made.chain, lean_cipher(contest.own, server.address, made.chain))
        small = [
            Load(goals.in_flight(number), server.address, SMALL_BYTES, number, contest.seconds, tls)
            for number in small_in_flight
        ]
        large = [Load(LARGE, server.address, LARGE_BYTES, LARGE_IN_FLIGHT, contest.seconds, tls)] if with_large else []
        for round_number in range(contest.round_count):
            contest.play(round_number, [*small, *large], folder)

    out = io.StringIO()
    print(contest.conditions(), file=out)
    print("\n" + CONDITIONS.format(cipher=tls.cipher), file=out)
    title = "Messages of 64 B over TLS 1.3: calls/s, the generator's CPU time per call, its peak memory."
    contest.figures.print(out, contest.names, [load.label for load in small], title)
    if large:
        contest.figures.print(out, contest.names, [LARGE], "Messages of 4 MiB over TLS 1.3, 4 in flight:")
    if LEAN in contest.names:
        goals.print_all(contest.figures, out)
    return out.getvalue()


def lean_cipher(own: Binary, address: str, root: Path) -> str:
    """OpenSSL's name of the lean client's cipher suite, from one call."""
    result = own.run(f"https://{address}", "--cacert", root, "-n", "1", "-c", "1", "-w", "0s")
    tls = result["target"]["tls"]
    holds(tls["version"] == "1.3" and tls["verified"], tls)
    # rustls: TLS13_AES_128_GCM_SHA256. OpenSSL: TLS_AES_128_GCM_SHA256.
    return str(tls["cipher"]).replace("TLS13_", "TLS_", 1)
