"""Refused uploads at a server that continues to read them."""

from harness import servers, tables
from harness.interop.matrix.subject import CLIENTS, Matrix
from harness.sizes import MIB, size

COLUMNS = ("server", "client", "refused", "uploaded for nothing", "client's peak memory", "time", "said")
UPLOADS = 1_500
UPLOAD_BYTES = 5 * MIB
# The client's peak memory, its own messages included.
MOST_MEMORY = 256 * MIB


def fill(matrix: Matrix, name: str, command: tuple[str, ...]) -> None:
    """Prints a row per client of plimsoll."""
    with servers.listening(command) as server:
        for client in CLIENTS:
            plan = ["-n", str(UPLOADS), "-c", "16", "-w", "0s", "-s", str(UPLOAD_BYTES)]
            result = matrix.plimsoll.run(server.address, "--client", client, *plan)
            peak = result["cost"]["client_peak_rss_bytes"]
            findings = [finding["name"] for finding in result["soundness"]["findings"]]
            matrix.checks.all_equal(
                f"{name}: {UPLOADS} refused uploads of {size(UPLOAD_BYTES)}, {client}",
                (result["calls"]["refused"], UPLOADS, "refused"),
                (peak < MOST_MEMORY, True, f"{peak / MIB:.0f} MiB are within {size(MOST_MEMORY)}"),
                # Tonic cannot take back a message, and so its uploads are held back.
                ("uploads_held_back" in findings, client == "stub", "said to be held back"),
            )
            for_nothing = result.get("connections", {}).get("uploaded_in_vain_bytes")
            tables.row(
                name,
                client,
                f"{result['calls']['refused']:,} of {UPLOADS:,}",
                f"{for_nothing / MIB:,.0f} MiB" if for_nothing is not None else "-",
                f"{peak / MIB:,.0f} MiB",
                f"{result['window_ns'] / 1e9:.1f} s",
                ", ".join(findings) or "-",
            )
