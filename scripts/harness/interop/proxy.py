"""Limits in front of a server: nginx with `client_max_body_size` before Plimsoll's server, set and found.

A proxy lets any gRPC prefix through and counts whole bodies. So callers meet the proxy's limit, and the server's limit
is behind it. `limits`, `run`, `sweep` and `gate --limits-only` must all report the proxy's limit, over both clients.
Needs nginx (Debian: nginx-core); without it the script checks nothing, says so, and ends with exit status 77. Ends
with `proxy: N passed, N failed`; the exit status is 1 when something failed.
"""

import contextlib
import sys
from collections.abc import Iterator, Mapping

from harness import binary, command_line, nginx
from harness.binary import Binary
from harness.checks import MISSING_TOOL, Checks
from harness.sizes import MIB

# Size of gRPC's prefix in front of each message: nginx counts it too.
PREFIX_BYTES = 5
SERVER_MIB = 100
# The largest body that nginx takes, by the name of its listener.
BODIES = {"large": 10 * MIB, "small": 1 * MIB}
CLIENTS = ("lean", "stub")
TOO_LARGE = 413


class Proxy:
    """Checks of one plimsoll command against nginx."""

    def __init__(self, plimsoll: Binary) -> None:
        self.plimsoll = plimsoll
        self.checks = Checks("proxy")

    def limits(self, target: str, name: str) -> None:
        """`limits` finds nginx's limit, and the server's limit behind it."""
        edge = edge_of(name)
        for client in CLIENTS:
            status, document = self.plimsoll.document("limits", target, "--client", client)
            records = {(record["side"], record["direction"]): record for record in document["limits"]}
            record = records["server", "request"]
            what = f"limits, {name}, {client}"
            self.checks.equal(f"{what}: exit status", status, 0)
            for key, expected in (
                ("state", "found"),
                ("confirmed", True),
                ("largest_passed_bytes", edge),
                ("smallest_refused_bytes", edge + 1),
                ("limit_bytes", edge),
                ("http_status", TOO_LARGE),
                ("cause", "http_status"),
                ("connection_survived", True),
                ("neighbour_survived", True),
            ):
                self.checks.equal(f"{what}: {key}", record.get(key), expected)
            behind = record.get("behind", {}).get("limit_bytes")
            self.checks.equal(f"{what}: the server's own", behind, SERVER_MIB * MIB)
            unstable = [limit for limit, record in records.items() if record["state"] == "unstable"]
            self.checks.equal(f"{what}: unstable limits", unstable, [])

    def run(self, target: str, name: str) -> None:
        """`run` counts answers at nginx's limit and refusals above it."""
        edge = edge_of(name)
        for client in CLIENTS:
            result = self.plimsoll.run(
                *(target, "--client", client, "-n", "40", "-c", "4", "-w", "0s", "-s", f"{edge},{edge + 1}"),
                # A reply is as long as its request.
                *("--max-recv-message-size", "64MiB"),
            )
            by_size = {part["message_bytes"]: part["calls"] for part in result["sizes"]}
            what = f"run, {name}, {client}"
            at, over = by_size[edge], by_size[edge + 1]
            self.checks.equal(f"{what}: answered at the edge", at["answered"], at["planned"])
            self.checks.equal(f"{what}: refused over it", over["refused"], over["planned"])
            refusals = [(r["side"], r["direction"], r["code"], r.get("http_status")) for r in result["refusals"]]
            self.checks.equal(f"{what}: refusals", refusals, [("server", "request", "UNKNOWN", TOO_LARGE)])

    def sweep(self, target: str, name: str) -> None:
        """`sweep` finds nginx's limit, and has a size on each side of it."""
        edge = edge_of(name)
        plan = ["-s", f"{edge // 2}..{edge * 2}", "-c", "1", "-z", "100ms", "-w", "0s", "--repetitions", "1"]
        _, document = self.plimsoll.document("sweep", target, *plan)
        found = [limit.get("limit_bytes") for limit in document["limits"]["limits"] if limit["side"] == "server"]
        self.checks.equal(f"sweep, {name}: its limit for requests", found[0], edge)
        refused = {
            point["plan"]["sizes"][0]["message_bytes"]: point["calls"]["refused"] > 0 for point in document["points"]
        }
        both = (refused.get(edge), refused.get(edge + 1))
        self.checks.equal(f"sweep, {name}: both sides of it", both, (False, True))

    def gate(self, targets: Mapping[str, str]) -> None:
        """`gate --limits-only` finds a moved limit, in either direction."""
        for base, candidate, status, verdict in (
            ("large", "small", 1, "regressed"),
            ("small", "large", 1, "regressed"),
            ("small", "small", 0, "unchanged"),
        ):
            got_status, document = self.plimsoll.document(
                *("gate", "--limits-only", "--base", targets[base], "--candidate", targets[candidate])
            )
            got = (got_status, document["verdict"])
            self.checks.equal(f"gate --limits-only, {base} to {candidate}", got, (status, verdict))


def edge_of(name: str) -> int:
    """The largest message whose body nginx takes."""
    return BODIES[name] - PREFIX_BYTES


@contextlib.contextmanager
def proxies(program: str, plimsoll: Binary) -> Iterator[dict[str, str]]:
    """Addresses of nginx in front of one server, by the name of their body size."""
    with plimsoll.serve("--max-recv-message-size", f"{SERVER_MIB}MiB") as server:
        settings = {name: f"client_max_body_size {body}; keepalive_requests 1000000;" for name, body in BODIES.items()}
        with nginx.in_front_of(program, server.address, settings) as addresses:
            yield addresses


def main() -> int:
    """Makes all checks; exit status."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    arguments = parser.parse_args()
    program = nginx.find()
    if program is None:
        print("SKIPPED proxy: NOTHING WAS CHECKED: nginx is not installed (Debian: nginx-core)", file=sys.stderr)
        return MISSING_TOOL
    proxy = Proxy(binary.of(arguments))
    with proxies(program, proxy.plimsoll) as targets:
        for name, target in targets.items():
            proxy.limits(target, name)
            proxy.run(target, name)
        proxy.sweep(targets["small"], "small")
        proxy.gate(targets)
    return proxy.checks.close()
