"""Messages of DoFormat with an exact size."""

# Compression flag and length, in front of each gRPC message.
UNCOMPRESSED = b"\0"
# Field 1, length-delimited.
TEXT_TAG = b"\x0a"
# Tag and the longest length of a text of less than 4 GiB.
MOST_OVERHEAD = 6
CONTINUES = 0x80


def text_of(message_bytes: int) -> str:
    """The text whose message has this size."""
    for text_bytes in range(max(message_bytes - MOST_OVERHEAD, 0), message_bytes + 1):
        if len(encoded("a" * text_bytes)) == message_bytes:
            return "a" * text_bytes
    raise ValueError(f"no text makes a message of {message_bytes} bytes")


def encoded(text: str) -> bytes:
    """The message: tag, length and text."""
    written = text.encode()
    return TEXT_TAG + varint(len(written)) + written


def framed(text: str) -> bytes:
    """The message behind gRPC's prefix: the body of a request."""
    message = encoded(text)
    return UNCOMPRESSED + len(message).to_bytes(4, "big") + message


def varint(number: int) -> bytes:
    """A number in protobuf's encoding: seven bits per byte, the lowest first."""
    written = bytearray()
    while number >= CONTINUES:
        written.append(number & (CONTINUES - 1) | CONTINUES)
        number >>= 7
    written.append(number)
    return bytes(written)
