"""Checks Plimsoll against Python's gRPC, in both directions. Ends with `N passed, N failed`."""

import contextlib
import json
import signal
import subprocess
import sys
import traceback
import unicodedata

import format_data_pb2
import format_data_pb2_grpc
import grpc
from format_data_pb2 import Data
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

CLIENT = "lean"
CLIENT = "lean"
BINARY = sys.argv[1]
MIB = 1 << 20
LIMIT = 4 * MIB
RAISED = 100 * MIB


@contextlib.contextmanager
def process(*command):
    """A process whose first line names where it listens; ended at the end."""
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield started, started.stdout.readline().split()[-1]
    finally:
        started.send_signal(signal.SIGINT)
        try:
            started.wait(timeout=10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextlib.contextmanager
def python_server(*arguments):
    with process(sys.executable, "scripts/interop/format_server.py", *arguments) as (_, port):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def plimsoll_server(*arguments):
    with process(BINARY, "serve", "--listen", "127.0.0.1:0", *arguments) as (_, address):
        yield address


@contextlib.contextmanager
def stub(address, **limits):
    options = [(f"grpc.max_{which}_message_length", size) for which, size in limits.items()]
    with grpc.insecure_channel(address, options=options) as channel:
        yield format_data_pb2_grpc.FormatDataStub(channel)


def clients_of(check):
    return ("lean", "stub") if check.__name__.startswith("plimsoll_") else ("lean",)


def run(address, *arguments):
    """The result of a `plimsoll run`, whatever its exit status."""
    command = [BINARY, "run", address, "-q", "-O", "json", "--client", CLIENT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    calls = result["calls"]
    assert calls["planned"] == sum(calls.values()) - calls["planned"], calls
    return result


def few(address, size, *arguments):
    return run(address, "-n", "8", "-c", "2", "-w", "0s", "-s", str(size), *arguments)


def equal(got, expected):
    assert got == expected, f"got {got!r}, expected {expected!r}"


def refused_as(result, side, direction, message_bytes, limit, code):
    equal(result["calls"]["refused"], 8)
    (refusal,) = result["refusals"]
    got = [refusal[key] for key in ("side", "direction", "message_bytes", "limit_bytes", "code")]
    equal(got, [side, direction, message_bytes, limit, code])


# Plimsoll drives Python's server.


def plimsoll_measures_the_python_server():
    with python_server() as address:
        closed = run(address, "-z", "2s", "-c", "8")
        equal(closed["calls"]["answered"], closed["calls"]["planned"])
        assert closed["calls"]["answered"] > 100, closed["calls"]
        opened = run(address, "-z", "2s", "-r", "200")
        equal(opened["calls"]["answered"], 400)
        for kind in ("json", "unicode", "expanding"):
            equal(few(address, 10_000, "--text", kind)["calls"]["answered"], 8)
        print(f"    {closed['goodput']['calls_per_second']:.0f} calls/s at 8 in flight")


def plimsoll_names_the_python_servers_limit():
    with python_server() as address:
        equal(few(address, LIMIT)["calls"]["answered"], 8)
        refused_as(few(address, LIMIT + 1), "server", "request", LIMIT + 1, LIMIT, "RESOURCE_EXHAUSTED")
        grown = few(address, 2 * MIB, "--text", "expanding")
        equal((grown["refusals"][0]["side"], grown["refusals"][0]["direction"]), ("client", "response"))


def plimsoll_passes_limits_that_both_sides_raised():
    with python_server("--max-message-size", str(RAISED)) as address:
        equal(few(address, 8 * MIB, "--max-recv-message-size", "100MiB")["calls"]["answered"], 8)
        own = few(address, 8 * MIB)
        refused_as(own, "client", "response", 8 * MIB, LIMIT, "OUT_OF_RANGE")


def plimsoll_names_the_python_servers_send_limit():
    with python_server("--max-message-size", "1000") as address:
        grown = few(address, 900, "--text", "expanding")
        (refusal,) = grown["refusals"]
        equal((refusal["side"], refusal["direction"], refusal["limit_bytes"]), ("server", "response", 1000))


def plimsoll_call_prints_the_reply():
    with python_server() as address:
        done = subprocess.run([BINARY, "call", "--client", CLIENT, "-v", "-m", "ip: 127.0.0.1", address, "hello,world!"], capture_output=True, text=True, check=True)
        equal(done.stdout, "HELLO,WORLD!\n")
        assert "  ip: 127.0.0.1\n" in done.stderr, done.stderr


# Python's clients call Plimsoll's server.


def python_calls_and_waits():
    with plimsoll_server() as address, stub(address) as client:
        metadata = (("ip", "127.0.0.1"), ("hello", "360"))
        equal(client.DoFormat(Data(text="hello,world!"), metadata=metadata, timeout=5).text, "HELLO,WORLD!")


def python_reads_the_metadata_that_it_sent():
    with plimsoll_server() as address, stub(address) as client:
        metadata = (("ip", "127.0.0.1"), ("hello", "360"), ("key-bin", b"\x00\xff"))
        reply, call = client.DoFormat.with_call(Data(text='{"command": "x"}'), metadata=metadata, timeout=5)
        equal(reply.text, '{"COMMAND": "X"}')
        echoed = {key: value for key, value in call.initial_metadata() if key in dict(metadata)}
        equal(echoed, dict(metadata))
        strange = {"te", "content-type", "user-agent"} & {key for key, _ in call.initial_metadata()}
        equal(strange, set())
        equal(call.code(), grpc.StatusCode.OK)


def python_has_many_calls_in_flight():
    with plimsoll_server() as address, stub(address) as client:
        calls = [client.DoFormat.future(Data(text=f"call {k}"), metadata=(("k", str(k)),)) for k in range(200)]
        for k, call in enumerate(calls):
            equal(call.result(timeout=10).text, f"CALL {k}")
            equal(dict(call.initial_metadata())["k"], str(k))


def python_meets_a_deadline():
    with plimsoll_server("--obey") as address, stub(address) as client:
        try:
            client.DoFormat(Data(text="late"), metadata=(("plimsoll-delay", "2s"),), timeout=0.1)
        except grpc.RpcError as error:
            equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        else:
            raise AssertionError("the deadline passed unnoticed")


def python_meets_the_limits_of_both_sides():
    def code(client, size):
        try:
            # One byte of tag and four of length stand before the text.
            return len(client.DoFormat(Data(text="x" * (size - 5))).text) + 5
        except grpc.RpcError as error:
            return error.code()

    with plimsoll_server() as address, stub(address) as client:
        equal(code(client, LIMIT), LIMIT)
        equal(code(client, LIMIT + 1), grpc.StatusCode.OUT_OF_RANGE)
    with plimsoll_server("--max-recv-message-size", "100MiB") as address:
        with stub(address) as client:
            equal(code(client, LIMIT + 1), grpc.StatusCode.RESOURCE_EXHAUSTED)
        with stub(address, send=RAISED, receive=RAISED) as client:
            equal(code(client, 20 * MIB), 20 * MIB)
    with plimsoll_server("--max-send-message-size", str(3 * MIB)) as address, stub(address) as client:
        equal(code(client, 3 * MIB), 3 * MIB)
        equal(code(client, 3 * MIB + 1), grpc.StatusCode.OUT_OF_RANGE)


def upper_is_pythons_for_every_character():
    """Characters that only one side's Unicode version knows may differ; no others."""
    with plimsoll_server() as address, stub(address) as client:
        scalars = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
        differing = []
        for start in range(0, len(scalars), 50_000):
            chunk = scalars[start : start + 50_000]
            replies = client.DoFormat(Data(text="\n".join(chunk))).text.split("\n")
            # The line break is among the characters: its line is two empty ones.
            expected = "\n".join(chunk).upper().split("\n")
            equal(len(replies), len(expected))
            differing += [(mine, theirs) for mine, theirs in zip(replies, expected) if mine != theirs]
        # Python leaves alone what its Unicode does not know, or knew without a capital.
        for mine, theirs in differing:
            equal(len(theirs), 1)
            assert unicodedata.category(theirs) in ("Cn", "Ll"), hex(ord(theirs))
        print(f"    {len(differing)} characters differ, by Unicode {unicodedata.unidata_version}'s age")
        assert len(differing) < 100, differing


def python_asks_for_health():
    with plimsoll_server() as address, grpc.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "example.FormatData"):
            reply = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            equal(reply.status, health_pb2.HealthCheckResponse.SERVING)


def python_asks_for_reflection():
    with plimsoll_server() as address, grpc.insecure_channel(address) as channel:
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        requests = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol="example.FormatData"),
        ]
        listed, described = list(reflection.ServerReflectionInfo(iter(requests), timeout=5))
        names = {service.name for service in listed.list_services_response.service}
        assert {"example.FormatData", "grpc.health.v1.Health"} <= names, names
        file = FileDescriptorProto.FromString(described.file_descriptor_response.file_descriptor_proto[0])
        equal(file.service[0].method[0].name, "DoFormat")


CHECKS = [
    plimsoll_measures_the_python_server,
    plimsoll_names_the_python_servers_limit,
    plimsoll_passes_limits_that_both_sides_raised,
    plimsoll_names_the_python_servers_send_limit,
    plimsoll_call_prints_the_reply,
    python_calls_and_waits,
    python_reads_the_metadata_that_it_sent,
    python_has_many_calls_in_flight,
    python_meets_a_deadline,
    python_meets_the_limits_of_both_sides,
    upper_is_pythons_for_every_character,
    python_asks_for_health,
    python_asks_for_reflection,
]


def main():
    global CLIENT
    # What Plimsoll drives, it drives with each of its clients.
    turns = [(check, client) for check in CHECKS for client in clients_of(check)]
    failed = 0
    for check, CLIENT in turns:
        name = f"{check.__name__} ({CLIENT} client)" if len(clients_of(check)) > 1 else check.__name__
        try:
            check()
        except Exception:  # every check is to have its turn
            failed += 1
            print(f"FAILED  {name}")
            traceback.print_exc()
        else:
            print(f"passed  {name}")
    print(f"interop: {len(turns) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
