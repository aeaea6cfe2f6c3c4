"""DoFormat in Python: upper-cases the text, and echoes custom metadata as initial metadata.

Prints its address, and serves until it is ended. Runs in the environment that `harness.interop.python.start` makes.
"""

import argparse
import contextlib
from concurrent import futures
from typing import Any

import format_data_pb2
import format_data_pb2_grpc
import grpc


class FormatData:
    """The service."""

    def DoFormat(self, request: Any, context: Any) -> Any:
        """The text in upper case."""
        reserved = ("user-agent", "grpc-")
        context.send_initial_metadata(
            [(key, value) for key, value in context.invocation_metadata() if not key.startswith(reserved)]
        )
        return format_data_pb2.Data(text=request.text.upper())


def main() -> None:
    """Serves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-message-size", type=int, help="both limits, in bytes; default: gRPC's own")
    arguments = parser.parse_args()
    options = []
    if arguments.max_message_size is not None:
        options = [
            ("grpc.max_send_message_length", arguments.max_message_size),
            ("grpc.max_receive_message_length", arguments.max_message_size),
        ]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=options)
    format_data_pb2_grpc.add_FormatDataServicer_to_server(FormatData(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    # An interrupt ends it at once, as the simplest server in the field does.
    with contextlib.suppress(KeyboardInterrupt):
        server.wait_for_termination()


if __name__ == "__main__":
    main()
