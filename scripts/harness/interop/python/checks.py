"""Checks of Plimsoll against Python's gRPC, in both directions. Ends with `interop: N passed, N failed`.

Runs in the environment that `harness.interop.python.start` makes.
"""

import contextlib
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import format_data_pb2_grpc
import grpc
from format_data_pb2 import Data
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from harness import command_line, commands, servers
from harness.binary import Binary, Document
from harness.checks import CheckError, Checks, equal, holds
from harness.sizes import MIB

LIMIT = 4 * MIB
RAISED = 100 * MIB
CLIENTS = ("lean", "stub")
# Long next to any call here: what lasts longer is a failure.
DEADLINE_SECONDS = 30
# Any server answers more in two seconds.
FEWEST_ANSWERED = 100
# Code points that are no characters.
SURROGATES = range(0xD800, 0xE000)
# Characters of some years of Unicode.
MOST_DIFFERING = 100


class Driver:
    """One of Plimsoll's clients."""

    def __init__(self, binary: Binary, client: str) -> None:
        self.binary = binary
        self.client = client

    def run(self, address: str, *arguments: str) -> Document:
        """The result of a `plimsoll run`, whatever its exit status."""
        return self.binary.run(address, "--client", self.client, *arguments)

    def few(self, address: str, size: int, *arguments: str) -> Document:
        """The result of eight calls of one size."""
        return self.run(address, "-n", "8", "-c", "2", "-w", "0s", "-s", str(size), *arguments)


@contextlib.contextmanager
def python_server(*arguments: str) -> Iterator[str]:
    """Address of Python's server."""
    command = [sys.executable, "-m", "harness.interop.python.format_server", *arguments]
    with servers.listening(command, ending=signal.SIGINT) as server:
        yield server.address


@contextlib.contextmanager
def stub(address: str, **limits: int) -> Iterator[Any]:
    """Python's client."""
    options = [(f"grpc.max_{which}_message_length", size) for which, size in limits.items()]
    with grpc.insecure_channel(address, options=options) as channel:
        yield format_data_pb2_grpc.FormatDataStub(channel)


def refused_as(result: Document, side: str, direction: str, message_bytes: int, limit: int, code: str) -> None:
    """Fails unless all eight calls were refused like this."""
    equal(result["calls"]["refused"], 8)
    (refusal,) = result["refusals"]
    got = [refusal[key] for key in ("side", "direction", "message_bytes", "limit_bytes", "code")]
    equal(got, [side, direction, message_bytes, limit, code])


# Plimsoll drives Python's server.


def plimsoll_measures_the_python_server(plimsoll: Driver) -> None:
    with python_server() as address:
        closed = plimsoll.run(address, "-z", "2s", "-c", "8")
        equal(closed["calls"]["answered"], closed["calls"]["planned"])
        holds(closed["calls"]["answered"] > FEWEST_ANSWERED, closed["calls"])
        opened = plimsoll.run(address, "-z", "2s", "-r", "200")
        equal(opened["calls"]["answered"], 400)
        for kind in ("json", "unicode", "expanding"):
            equal(plimsoll.few(address, 10_000, "--text", kind)["calls"]["answered"], 8)
        print(f"    {closed['goodput']['calls_per_second']:.0f} calls/s at 8 in flight")


def plimsoll_names_the_python_servers_limit(plimsoll: Driver) -> None:
    with python_server() as address:
        equal(plimsoll.few(address, LIMIT)["calls"]["answered"], 8)
        refused_as(plimsoll.few(address, LIMIT + 1), "server", "request", LIMIT + 1, LIMIT, "RESOURCE_EXHAUSTED")
        grown = plimsoll.few(address, 2 * MIB, "--text", "expanding")
        equal((grown["refusals"][0]["side"], grown["refusals"][0]["direction"]), ("client", "response"))


def plimsoll_passes_limits_that_both_sides_raised(plimsoll: Driver) -> None:
    with python_server("--max-message-size", str(RAISED)) as address:
        equal(plimsoll.few(address, 8 * MIB, "--max-recv-message-size", "100MiB")["calls"]["answered"], 8)
        own = plimsoll.few(address, 8 * MIB)
        refused_as(own, "client", "response", 8 * MIB, LIMIT, "OUT_OF_RANGE")


def plimsoll_names_the_python_servers_send_limit(plimsoll: Driver) -> None:
    with python_server("--max-message-size", "1000") as address:
        grown = plimsoll.few(address, 900, "--text", "expanding")
        (refusal,) = grown["refusals"]
        equal((refusal["side"], refusal["direction"], refusal["limit_bytes"]), ("server", "response", 1000))


def plimsoll_call_prints_the_reply(plimsoll: Driver) -> None:
    with python_server() as address:
        flags = ["--client", plimsoll.client, "-v", "-m", "ip: 127.0.0.1"]
        done = commands.finished([plimsoll.binary.path, "call", *flags, address, "hello,world!"])
        equal(done.stdout, "HELLO,WORLD!\n")
        holds("  ip: 127.0.0.1\n" in done.stderr, done.stderr)


# Python's clients call Plimsoll's server.


def python_calls_and_waits(binary: Binary) -> None:
    with binary.serve() as server, stub(server.address) as client:
        metadata = (("ip", "127.0.0.1"), ("hello", "360"))
        equal(client.DoFormat(Data(text="hello,world!"), metadata=metadata, timeout=5).text, "HELLO,WORLD!")


def python_reads_the_metadata_that_it_sent(binary: Binary) -> None:
    with binary.serve() as server, stub(server.address) as client:
        metadata = (("ip", "127.0.0.1"), ("hello", "360"), ("key-bin", b"\x00\xff"))
        reply, call = client.DoFormat.with_call(Data(text='{"command": "x"}'), metadata=metadata, timeout=5)
        equal(reply.text, '{"COMMAND": "X"}')
        echoed = {key: value for key, value in call.initial_metadata() if key in dict(metadata)}
        equal(echoed, dict(metadata))
        strange = {"te", "content-type", "user-agent"} & {key for key, _ in call.initial_metadata()}
        equal(strange, set())
        equal(call.code(), grpc.StatusCode.OK)


def python_has_many_calls_in_flight(binary: Binary) -> None:
    with binary.serve() as server, stub(server.address) as client:
        calls = [client.DoFormat.future(Data(text=f"call {k}"), metadata=(("k", str(k)),)) for k in range(200)]
        for k, call in enumerate(calls):
            equal(call.result(timeout=10).text, f"CALL {k}")
            equal(dict(call.initial_metadata())["k"], str(k))


def python_meets_a_deadline(binary: Binary) -> None:
    with binary.serve("--obey") as server, stub(server.address) as client:
        try:
            client.DoFormat(Data(text="late"), metadata=(("plimsoll-delay", "2s"),), timeout=0.1)
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        else:
            raise CheckError("the deadline passed unnoticed")


def python_meets_the_limits_of_both_sides(binary: Binary) -> None:
    def code(client: Any, size: int) -> Any:
        try:
            # One byte of tag and four of length stand before the text.
            return len(client.DoFormat(Data(text="x" * (size - 5)), timeout=DEADLINE_SECONDS).text) + 5
        except grpc.RpcError as error:
            return error.code()

    with binary.serve() as server, stub(server.address) as client:
        equal(code(client, LIMIT), LIMIT)
        equal(code(client, LIMIT + 1), grpc.StatusCode.OUT_OF_RANGE)
    with binary.serve("--max-recv-message-size", "100MiB") as server:
        with stub(server.address) as client:
            equal(code(client, LIMIT + 1), grpc.StatusCode.RESOURCE_EXHAUSTED)
        with stub(server.address, send=RAISED, receive=RAISED) as client:
            equal(code(client, 20 * MIB), 20 * MIB)
    with binary.serve("--max-send-message-size", str(3 * MIB)) as server, stub(server.address) as client:
        equal(code(client, 3 * MIB), 3 * MIB)
        equal(code(client, 3 * MIB + 1), grpc.StatusCode.OUT_OF_RANGE)


def upper_is_pythons_for_every_character(binary: Binary) -> None:
    """Characters that only one side's Unicode version knows may differ; no others."""
    with binary.serve() as server, stub(server.address) as client:
        scalars = [chr(code) for code in range(0x110000) if code not in SURROGATES]
        differing = []
        for start in range(0, len(scalars), 50_000):
            chunk = scalars[start : start + 50_000]
            replies = client.DoFormat(Data(text="\n".join(chunk)), timeout=DEADLINE_SECONDS).text.split("\n")
            # The line break is among the characters: its line is two empty ones.
            expected = "\n".join(chunk).upper().split("\n")
            equal(len(replies), len(expected))
            differing += [(mine, theirs) for mine, theirs in zip(replies, expected, strict=True) if mine != theirs]
        # Python leaves alone what its Unicode does not know, or knew without a capital.
        for _, theirs in differing:
            equal(len(theirs), 1)
            holds(unicodedata.category(theirs) in ("Cn", "Ll"), hex(ord(theirs)))
        print(f"    {len(differing)} characters differ, by Unicode {unicodedata.unidata_version}'s age")
        holds(len(differing) < MOST_DIFFERING, differing)


def python_asks_for_health(binary: Binary) -> None:
    with binary.serve() as server, grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "example.FormatData"):
            reply = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            equal(reply.status, health_pb2.HealthCheckResponse.SERVING)


def python_asks_for_reflection(binary: Binary) -> None:
    with binary.serve() as server, grpc.insecure_channel(server.address) as channel:
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        requests = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="example.FormatData"),
        ]
        listed, described = list(reflection.ServerReflectionInfo(iter(requests), timeout=5))
        names = {service.name for service in listed.list_services_response.service}
        holds({"example.FormatData", "grpc.health.v1.Health"} <= names, names)
        file = FileDescriptorProto.FromString(described.file_descriptor_response.file_descriptor_proto[0])
        equal(file.service[0].method[0].name, "DoFormat")


DRIVEN_BY_PLIMSOLL: tuple[Callable[[Driver], None], ...] = (
    plimsoll_measures_the_python_server,
    plimsoll_names_the_python_servers_limit,
    plimsoll_passes_limits_that_both_sides_raised,
    plimsoll_names_the_python_servers_send_limit,
    plimsoll_call_prints_the_reply,
)
DRIVEN_BY_PYTHON: tuple[Callable[[Binary], None], ...] = (
    python_calls_and_waits,
    python_reads_the_metadata_that_it_sent,
    python_has_many_calls_in_flight,
    python_meets_a_deadline,
    python_meets_the_limits_of_both_sides,
    upper_is_pythons_for_every_character,
    python_asks_for_health,
    python_asks_for_reflection,
)


def main() -> int:
    """Makes all checks; exit status."""
    binary = Binary(Path(sys.argv[1]))
    checks = Checks("interop")
    for driven in DRIVEN_BY_PLIMSOLL:
        for client in CLIENTS:
            checks.attempt(f"{driven.__name__} ({client} client)", partial(driven, Driver(binary, client)))
    for driving in DRIVEN_BY_PYTHON:
        checks.attempt(driving.__name__, partial(driving, binary))
    return checks.close()


if __name__ == "__main__":
    command_line.run(main)
