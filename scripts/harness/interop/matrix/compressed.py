"""Compressed messages: which bytes the server's limits count."""

from harness import servers, tables
from harness.interop.matrix.subject import Limits, Matrix, ServerSubject

COLUMNS = ("server", "limit", "counts", "code when only the decompressed message is over it", "text")
RECEIVE, SEND = 100_000, 50_000


def fill(matrix: Matrix, subject: ServerSubject) -> None:
    """Prints a row per limit of a server."""
    limits = Limits(RECEIVE, SEND if subject.has_send_limit else None)
    compression = ["--compress", "gzip"] if subject.is_plimsoll else []
    with servers.listening([*subject.command, *compression, *limits.flags()]) as server:
        _, document = matrix.plimsoll.document("limits", server.address, "--compress", "gzip")
    records = [record for record in document["limits"] if record["side"] == "server"]
    for which, record in zip(("server receives", "server sends"), records, strict=True):
        seen = record.get("compressed")
        if seen is None:
            continue
        if which == "server receives":
            # A limit that does not count one of the two lets a large upload or a decompression bomb through.
            matrix.checks.all_equal(
                f"{subject.name}: compressed requests", (seen["counts"], "both", "bytes that are counted")
            )
        tables.row(
            subject.name,
            which,
            seen["counts"].replace("_", " "),
            seen.get("code", "-"),
            seen.get("message", "-"),
        )
