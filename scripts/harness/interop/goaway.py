"""Servers and proxies that close connections in order, and how each client handles it.

Servers: Node's HTTP/2 with GOAWAY after n answers, and nginx with `keepalive_requests` in front of the reference
server. Clients: plimsoll's lean client and its stub, and grpc-go's on one channel. Each case has a server of its own,
whose counts are compared with the client's. The lean client must lose no call where Node closes, and never more than
grpc-go's. What cannot be started here is skipped, and the script says so. Prints Markdown, and ends with
`goaway: N passed, N failed, N skipped`; the exit status is 1 when something failed.
"""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness import binary, command_line, commands, nginx, servers, tables
from harness.binary import Binary
from harness.checks import Checks
from harness.interop import peers
from harness.interop.peers import MissingToolError, Peer
from harness.processes import ProcessError


class Load(NamedTuple):
    """Calls in flight in a closed loop (-c) or calls per second in an open loop (-r), and the number of calls."""

    flag: str
    amount: int
    calls: int


LOADS = (Load("-c", 1, 500), Load("-c", 100, 2_000), Load("-c", 3_000, 6_000), Load("-r", 500, 500))
NODE_REQUESTS = (1, 7, 100, 1_000)
NGINX_REQUESTS = (100, 1_000)
PLIMSOLLS = ("lean", "stub")
GRPC_GO = "grpc-go"
CLIENTS = (*PLIMSOLLS, GRPC_GO)
# Connections that the server counts and the client does not: the first one, one that looks for a listener, and
# sometimes one after the last call.
UNCOUNTED_CONNECTIONS = (2, 3)

# A server at an address, and a function that ends it and returns its own counts, if it has any.
Closing = tuple[str, Callable[[], dict[str, int]]]


@dataclass
class Outcome:
    """What became of a client's calls."""

    answered: int
    lost: int
    seconds: float
    connections: dict[str, Any] = field(default_factory=dict)
    causes: list[str] = field(default_factory=list)


@contextlib.contextmanager
def node(requests: int) -> Iterator[Closing]:
    """Node's server, which closes each connection after so many requests."""
    with servers.listening(["node", peers.source("node") / "goaway.js", "0", str(requests)]) as server:

        def counts() -> dict[str, int]:
            printed = server.end()
            try:
                parsed: dict[str, int] = json.loads(printed)
            except json.JSONDecodeError as error:
                raise ProcessError(f"node printed no counts: {printed}{server.process.errors()}") from error
            return parsed

        yield server.address, counts


@contextlib.contextmanager
def nginx_in_front(program: str, plimsoll: Binary, requests: int) -> Iterator[Closing]:
    """nginx, which closes each connection after so many requests, in front of the reference server."""
    settings = {"closing": f"client_max_body_size 0; keepalive_requests {requests};"}
    with plimsoll.serve() as server, nginx.in_front_of(program, server.address, settings) as addresses:
        yield addresses["closing"], dict


def by_plimsoll(plimsoll: Binary, client: str, address: str, load: Load) -> Outcome:
    """Outcome of one of plimsoll's clients."""
    flags = [
        load.flag,
        str(load.amount),
        "-n",
        str(load.calls),
        "-w",
        "0s",
        "--no-rehearsal",
        "--client",
        client,
    ]
    result = plimsoll.run(address, *flags)
    calls = result["calls"]
    return Outcome(
        answered=calls["answered"],
        lost=calls["planned"] - calls["answered"],
        seconds=result["window_ns"] / 1e9,
        connections=result["connections"],
        causes=[status["message"] for status in result["statuses"]],
    )


def by_grpc_go(go: Peer, address: str, load: Load) -> Outcome:
    """Outcome of grpc-go's client."""
    amount = ["--concurrency" if load.flag == "-c" else "--rate", str(load.amount)]
    printed = commands.output_of([*go.command, "load", address, "--calls", str(load.calls), *amount])
    result = json.loads(printed)
    return Outcome(result["answered"], result["planned"] - result["answered"], result["seconds"])


def faults(
    client: str, server: str, load: Load, got: Outcome, theirs: Outcome | None, counted: dict[str, int]
) -> Iterator[str]:
    """What is wrong with the outcome of one of plimsoll's clients."""
    connections = got.connections
    if connections["paused_ns"] or connections["failed_attempts"]:
        yield f"it waited after attempts to connect that did not fail: {connections}"
    if client == "stub":
        unnamed = [cause for cause in got.causes if "GOAWAY" not in cause]
        if unnamed:
            yield f"broken calls without their cause: {unnamed}"
        return
    if server == "node" and got.lost:
        yield f"{got.lost} calls lost: {got.causes}"
    if theirs and got.lost > theirs.lost:
        yield f"{got.lost} calls lost, and {theirs.lost} of grpc-go's client"
    if counted and counted["answers"] != load.calls:
        yield f"the server answered {counted['answers']} calls of {load.calls}"
    if counted and counted["connections"] - connections["made"] not in UNCOUNTED_CONNECTIONS:
        yield f"the server had {counted['connections']} connections, and the client made {connections['made']}"


@dataclass
class Case:
    """A server that closes connections after so many requests."""

    name: str
    requests: int
    start: Callable[[int], AbstractContextManager[Closing]]


def cases(checks: Checks, plimsoll: Binary, names: list[str]) -> Iterator[Case]:
    """Servers that can be started here."""
    if "node" in names:
        if shutil.which("node"):
            for requests in NODE_REQUESTS:
                yield Case("node", requests, node)
        else:
            checks.skips("node", "no node on this machine")
    if "nginx" in names:
        program = nginx.find()
        if program is None:
            checks.skips("nginx", "no nginx on this machine")
        else:
            for requests in NGINX_REQUESTS:
                yield Case("nginx", requests, lambda requests: nginx_in_front(program, plimsoll, requests))


def grpc_go(checks: Checks) -> Peer | None:
    """grpc-go's client, if Go is here. Without it the check is weaker, and the script says so."""
    try:
        return peers.built("go")
    except MissingToolError as error:
        checks.skips(GRPC_GO, str(error))
        return None


def compare(checks: Checks, plimsoll: Binary, go: Peer | None, case: Case, load: Load) -> None:
    """Checks plimsoll's clients with one load, and prints a row."""
    results: dict[str, Outcome] = {}
    counts: dict[str, dict[str, int]] = {}
    for client in reversed(CLIENTS):
        if client == GRPC_GO and go is None:
            continue
        with case.start(case.requests) as (address, stop):
            if client == GRPC_GO and go is not None:
                results[client] = by_grpc_go(go, address, load)
            else:
                results[client] = by_plimsoll(plimsoll, client, address, load)
            counts[client] = stop()
    for client in PLIMSOLLS:
        what = f"{case.name}, {case.requests} requests, {load.flag} {load.amount}, {client}"
        wrong = list(faults(client, case.name, load, results[client], results.get(GRPC_GO), counts[client]))
        if wrong:
            checks.fails(what, "; ".join(wrong))
        else:
            checks.passes(what)
    cells = [
        f"{got.lost:,} of {load.calls:,}, {got.answered / max(got.seconds, 1e-9):,.0f}"
        if (got := results.get(client))
        else "-"
        for client in CLIENTS
    ]
    unit = "in flight" if load.flag == "-c" else "calls/s"
    tables.row(f"{case.name}, {case.requests:,}", f"{load.amount:,} {unit}", *cells)


def main() -> int:
    """Makes all checks; exit status."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    parser.add_argument("--servers", default="node,nginx", help="some of node,nginx; default: both")
    arguments = parser.parse_args()
    names = arguments.servers.split(",")
    if unknown := set(names) - {"node", "nginx"}:
        parser.error(f"unknown servers: {', '.join(sorted(unknown))}; known: node, nginx")
    plimsoll = binary.of(arguments)
    checks = Checks("goaway", prints_passed=False, has_skips=True)
    go = grpc_go(checks)
    started = list(cases(checks, plimsoll, names))
    tables.header("server closes after", "load", *(f"{client}: lost of calls, calls/s" for client in CLIENTS))
    for case in started:
        for load in LOADS:
            compare(checks, plimsoll, go, case, load)
    print()
    return checks.close()
