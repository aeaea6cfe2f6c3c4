"""Servers: limits set, and what `plimsoll limits` and `plimsoll run` find."""

from harness import servers, tables
from harness.binary import Document
from harness.interop.matrix.subject import CLIENTS, DEFAULT, Limits, Matrix, Refusal, ServerSubject
from harness.sizes import MIB, size

COLUMNS = (
    *("server", "limit", "set", "found", "code", "side named", "connection survived", "neighbour survived"),
    *("refusal", "uploaded", "probes", "time"),
)
SETTINGS = (
    Limits(),
    Limits(receive=1_000),
    Limits(receive=100 * MIB),
    Limits(send=1_000),
    Limits(send=5 * MIB),
)
# A server that needs 105 ms for a refusal has a limit for its probes, other servers for the time.
MOST_PROBES = 30
MOST_SECONDS = 2.0
# Where a limit is above the largest whole message, one of 64 MiB goes there and back: 1.6 s at the slowest server.
MOST_SECONDS_WITH_A_LARGE_MESSAGE = 6.0
SLOW_TO_REFUSE_NS = 50_000_000
# Larger messages are never sent whole, and never reported as passed.
LARGEST_WHOLE = 64 * MIB
CALLS = 20

Expectation = tuple[object, object, str]


def fill(matrix: Matrix, subject: ServerSubject) -> None:
    """Sets each limit at a server of its own, and prints a row per limit."""
    for limits in SETTINGS:
        if limits.send is not None and not subject.has_send_limit:
            what = f"{subject.name}, server's send limit {size(limits.send)}"
            matrix.checks.skips(what, "the implementation has none")
            continue
        with servers.listening([*subject.command, *limits.flags()]) as server:
            _, document = matrix.plimsoll.document("limits", server.address)
            for record in document["limits"]:
                if record["side"] == "server":
                    one_limit(matrix, subject, record, limits)
            across(matrix, subject, server.address, limits)


def one_limit(matrix: Matrix, subject: ServerSubject, record: Document, limits: Limits) -> None:
    """Checks and prints what was found of one limit."""
    is_receive = record["direction"] == "request"
    limit = limits.receive if is_receive else limits.send
    expected = DEFAULT if limit is None else limit
    is_hidden = not is_receive and is_out_of_reach(subject, limits)
    what = f"{subject.name}: {'receive' if is_receive else 'send'} limit {size(limit)}"
    if is_hidden:
        matrix.checks.all_equal(what, (record["state"] in ("not_reached", "hidden"), True, "state"))
    elif record["state"] != "found":
        matrix.checks.all_equal(what, (record["state"], "found", "state"))
    else:
        matrix.checks.all_equal(what, *expectations(record, expected))
        remember(matrix, subject, record)
    tables.row(
        subject.name,
        "server receives" if is_receive else "server sends",
        "default" if limit is None else size(limit),
        found(record),
        record.get("code", "-"),
        f"{record['side']}, {record['direction']}" if record.get("cause") == "words" else record.get("cause", "-"),
        tables.yes(record.get("connection_survived")),
        tables.yes(record.get("neighbour_survived")),
        f"{record['refusal_ns'] / 1e6:.2f} ms" if "refusal_ns" in record else "-",
        f"{record['uploaded_bytes']:,} B" if "uploaded_bytes" in record else "-",
        record["probes"],
        f"{record['elapsed_ns'] / 1e9:.2f} s",
    )


def is_out_of_reach(subject: ServerSubject, limits: Limits) -> bool:
    """Whether no reply can meet the send limit: it has none, or a larger reply needs a request that is refused."""
    taken = DEFAULT if limits.receive is None else limits.receive
    return limits.send is None or (not subject.grows and limits.send > taken)


def expectations(record: Document, limit: int) -> list[Expectation]:
    """What must hold of a limit that was found."""
    is_confirmed = limit < LARGEST_WHOLE
    expected: list[Expectation] = [
        (record["state"], "found", "state"),
        (record.get("limit_bytes"), limit, "limit"),
        (record.get("cause"), "words", "recognised by"),
        (record.get("connection_survived"), True, "connection survived"),
        (record.get("neighbour_survived"), True, "neighbour survived"),
        (record["confirmed"], is_confirmed, "confirmed"),
        (record.get("largest_passed_bytes"), min(limit, LARGEST_WHOLE), "passed"),
        (record.get("behind"), None, "a limit behind it"),
    ]
    if record["refusal_ns"] > SLOW_TO_REFUSE_NS:
        probes = record["probes"]
        expected.append((probes <= MOST_PROBES, True, f"{probes} probes are within {MOST_PROBES}"))
    else:
        most = MOST_SECONDS if is_confirmed else MOST_SECONDS_WITH_A_LARGE_MESSAGE
        seconds = record["elapsed_ns"] / 1e9
        expected.append((seconds < most, True, f"{seconds:.1f} s are within {most} s"))
    return expected


def found(record: Document) -> str:
    """The limit that was found, and how; or the state."""
    if record["state"] != "found":
        return str(record["state"]).replace("_", " ")
    limit = size(record.get("limit_bytes"))
    return limit if record["confirmed"] else f"{limit} (by prefix)"


def remember(matrix: Matrix, subject: ServerSubject, record: Document) -> None:
    """Keeps the first refusal of each kind, for the tests of the classifier."""
    key = (subject.name, record["side"], record["direction"])
    if record["confirmed"] and key not in matrix.refusals and not subject.is_plimsoll:
        matrix.refusals[key] = Refusal(
            record["code"], record["smallest_refused_bytes"], record["limit_bytes"], record["message"]
        )


def across(matrix: Matrix, subject: ServerSubject, address: str, limits: Limits) -> None:
    """A run with messages on both sides of the limit that callers meet, with both clients."""
    receive = limits.receive or DEFAULT
    if limits.send is not None and limits.send < DEFAULT:
        direction, limit = "response", limits.send
    elif receive <= DEFAULT:
        direction, limit = "request", receive
    else:
        return
    for client in CLIENTS:
        result = matrix.plimsoll.run(
            *(
                address,
                "--client",
                client,
                "-n",
                str(CALLS),
                "-c",
                "4",
                "-w",
                "0s",
                "-s",
                f"{limit},{limit + 1}",
            )
        )
        calls = result["calls"]
        by_size = {part["message_bytes"]: part["calls"] for part in result["sizes"]}
        refusals = [(r["side"], r["direction"], r.get("limit_bytes")) for r in result.get("refusals", [])]
        matrix.checks.all_equal(
            f"{subject.name}: a run across {size(limit)}, {client}",
            (calls["answered"] + calls["refused"], CALLS, "answered and refused"),
            (by_size.get(limit, {}).get("answered"), calls["answered"], "answered under the limit"),
            (by_size.get(limit + 1, {}).get("refused"), calls["refused"], "refused over it"),
            (refusals, [("server", direction, limit)], "refusals"),
        )
