"""Clients at the limits of Plimsoll's server, and at their own."""

import json
from typing import NamedTuple

from harness import commands, tables
from harness.binary import Document
from harness.interop.matrix.subject import DEFAULT, Limits, Matrix
from harness.sizes import size

COLUMNS = ("client", "limit", "set", "code", "text", "later call answered")


class Case(NamedTuple):
    """A limit that a call meets, and where it is set."""

    which: str
    limit: int
    client: Limits
    server: Limits


CASES = (
    Case("client sends", 1_000, Limits(send=1_000), Limits()),
    Case("server receives", 1_000, Limits(), Limits(receive=1_000)),
    Case("server sends", 1_000, Limits(), Limits(send=1_000)),
    Case("client receives", 1_000, Limits(receive=1_000), Limits()),
    Case("server receives", DEFAULT, Limits(), Limits()),
)


def fill(matrix: Matrix, name: str, command: tuple[str, ...]) -> None:
    """Prints a row per limit that a client meets."""
    for which, limit, own, servers in CASES:
        with matrix.plimsoll.serve(*servers.flags()) as server:
            at, over = (call(command, server.address, bytes_, own) for bytes_ in (limit, limit + 1))
        matrix.checks.all_equal(
            f"{name} client: {which} {size(limit)}",
            (
                (at["number"], at["is_right"], at["reply_bytes"], at["survived"]),
                (0, True, limit, True),
                "at the limit",
            ),
            (over["number"] != 0, True, "an error over it"),
            (over["survived"], True, "a later call on the same channel"),
        )
        tables.row(name, which, size(limit), over["code"], over["message"], tables.yes(over["survived"]))


def call(command: tuple[str, ...], address: str, message_bytes: int, limits: Limits) -> Document:
    """How a call of one size ended, and the call after it."""
    document: Document = json.loads(
        commands.output_of([*command, "call", address, "--size", str(message_bytes), *limits.flags()])
    )
    return document
