"""DoFormat in Python: upper-cases the text, and echoes custom metadata as initial metadata.

Prints its port, and serves until it is ended.
"""

import argparse
import contextlib
from concurrent import futures

import format_data_pb2
import format_data_pb2_grpc
import grpc


class FormatData(format_data_pb2_grpc.FormatDataServicer):
    def DoFormat(self, request, context):
        reserved = ("user-agent", "grpc-")
        context.send_initial_metadata(
            [(key, value) for key, value in context.invocation_metadata() if not key.startswith(reserved)]
        )
        return format_data_pb2.Data(text=request.text.upper())


def main():
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
    print(port, flush=True)
    # An interrupt ends it at once, as the simplest server in the field does.
    with contextlib.suppress(KeyboardInterrupt):
        server.wait_for_termination()


if __name__ == "__main__":
    main()
