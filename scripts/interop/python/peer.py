"""DoFormat with grpcio, for checks of size limits and of TLS: a server, and a client that says how one call ended.

Data{string text = 1} is the same on the wire as StringValue, so nothing has to be generated.
"""

import argparse
import asyncio
import json
import signal
import sys
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue

VERSION = f"grpcio {grpc.__version__}"
SERVICE = "example.FormatData"
METHOD = "DoFormat"
DEADLINE_SECONDS = 20
ENDINGS = (signal.SIGINT, signal.SIGTERM)


def limits(arguments: argparse.Namespace) -> list[tuple[str, int]]:
    """Limits that were given, as options of grpcio."""
    named = {
        "grpc.max_receive_message_length": arguments.max_recv_message_size,
        "grpc.max_send_message_length": arguments.max_send_message_size,
    }
    return [(name, size) for name, size in named.items() if size is not None]


def content(file: Path | None) -> bytes | None:
    """Bytes of a file that was given."""
    return None if file is None else file.read_bytes()


def prepare(server: Any, do_format: Any, arguments: argparse.Namespace) -> str:
    """Adds DoFormat and a port or a Unix socket to the server; its address."""
    handler = grpc.unary_unary_rpc_method_handler(do_format, StringValue.FromString, StringValue.SerializeToString)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
    address = arguments.listen or f"127.0.0.1:{arguments.port}"
    if arguments.tls_cert is None:
        port = server.add_insecure_port(address)
    else:
        identity = (content(arguments.tls_key), content(arguments.tls_cert))
        roots = content(arguments.tls_client_ca)
        credentials = grpc.ssl_server_credentials([identity], roots, require_client_auth=roots is not None)
        port = server.add_secure_port(address, credentials)
    return arguments.listen or f"127.0.0.1:{port}"


def serve(arguments: argparse.Namespace) -> None:
    """Serves with threads until a signal comes."""

    def do_format(request: Any, _context: Any) -> Any:
        return StringValue(value=request.value.upper())

    # Blocked before any thread starts, so that each thread inherits it and the signals wait for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=server_options(arguments))
    address = prepare(server, do_format, arguments)
    server.start()
    print("listening on", address, flush=True)
    signal.sigwait(ENDINGS)
    server.stop(None)


async def serve_asynchronously(arguments: argparse.Namespace) -> None:
    """Serves with asyncio until a signal comes."""

    async def do_format(request: Any, _context: Any) -> Any:
        return StringValue(value=request.value.upper())

    server = grpc.aio.server(options=server_options(arguments))
    address = prepare(server, do_format, arguments)
    await server.start()
    ended = asyncio.Event()
    for ending in ENDINGS:
        asyncio.get_running_loop().add_signal_handler(ending, ended.set)
    print("listening on", address, flush=True)
    await ended.wait()
    await server.stop(None)


def server_options(arguments: argparse.Namespace) -> list[tuple[str, int]]:
    """Options of a server."""
    # Without it a port that another server has would be shared with it.
    return [*limits(arguments), ("grpc.so_reuseport", 0)]


def text_of_message(size: int) -> str:
    """The text whose message has exactly this size."""
    for length in range(max(size - 6, 0), size + 1):
        text = "a" * length
        if StringValue(value=text).ByteSize() == size:
            return text
    print(f"no text makes a message of {size} bytes", file=sys.stderr)
    sys.exit(64)


def channel_to(arguments: argparse.Namespace) -> Any:
    """A channel to the address, over TLS if its roots were given."""
    options: list[tuple[str, int | str]] = [*limits(arguments)]
    if arguments.authority is not None:
        options.append(("grpc.default_authority", arguments.authority))
    if arguments.tls_ca is None:
        return grpc.insecure_channel(arguments.address, options=options)
    files = (content(file) for file in (arguments.tls_ca, arguments.tls_key, arguments.tls_cert))
    return grpc.secure_channel(arguments.address, grpc.ssl_channel_credentials(*files), options=options)


def call(arguments: argparse.Namespace) -> None:
    """Makes a call of one size between two short ones, and prints how it and the last one ended."""
    text = text_of_message(arguments.size)
    result: dict[str, Any] = {"code": "OK", "number": 0, "message": "", "reply_bytes": None, "is_right": False}
    with channel_to(arguments) as channel:
        do_format = channel.unary_unary(f"/{SERVICE}/{METHOD}", StringValue.SerializeToString, StringValue.FromString)
        do_format(StringValue(value="abc"), timeout=DEADLINE_SECONDS)
        try:
            reply = do_format(StringValue(value=text), timeout=DEADLINE_SECONDS)
            result |= {"reply_bytes": reply.ByteSize(), "is_right": reply.value == text.upper()}
        except grpc.RpcError as error:
            code = error.code()
            result |= {"code": code.name, "number": code.value[0], "message": error.details()}
        try:
            reply = do_format(StringValue(value="abc"), timeout=DEADLINE_SECONDS)
            result["survived"] = reply.value == "ABC"
        except grpc.RpcError:
            result["survived"] = False
    print(json.dumps(result | {"version": VERSION}))


def main() -> None:
    """Runs a subcommand."""
    parser = argparse.ArgumentParser(description=__doc__)
    limited = argparse.ArgumentParser(add_help=False)
    limited.add_argument("--max-recv-message-size", type=int, help="bytes; default: grpcio's own")
    limited.add_argument("--max-send-message-size", type=int, help="bytes; default: grpcio's own")
    secured = argparse.ArgumentParser(add_help=False)
    secured.add_argument("--tls-cert", type=Path, help="PEM file: certificate, then its issuers")
    secured.add_argument("--tls-key", type=Path, help="PEM file: key of --tls-cert")
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve", parents=[limited, secured])
    server.add_argument("--aio", action="store_true", help="serve with grpc.aio")
    server.add_argument("--port", type=int, default=0, help="default: a free one")
    server.add_argument("--listen", help="address in place of --port, such as unix:PATH")
    server.add_argument("--tls-client-ca", type=Path, help="PEM file: roots; each client needs a certificate")
    client = commands.add_parser("call", parents=[limited, secured])
    client.add_argument("address")
    client.add_argument("--size", type=int, required=True, help="bytes of the message")
    client.add_argument("--authority", help="value of :authority; default: grpcio's own, made from the address")
    client.add_argument("--tls-ca", type=Path, help="PEM file: roots of the server's certificate")
    commands.add_parser("version")
    arguments = parser.parse_args()
    if arguments.command == "version":
        print(VERSION)
    elif arguments.command == "call":
        call(arguments)
    elif arguments.aio:
        asyncio.run(serve_asynchronously(arguments))
    else:
        serve(arguments)


if __name__ == "__main__":
    main()
