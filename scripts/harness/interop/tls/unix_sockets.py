"""Unix sockets, without TLS: grpcio's server and client. grpcio and Plimsoll write their addresses alike."""

from pathlib import Path

from harness import commands, servers
from harness.interop.peers import Peer
from harness.interop.tls import clients
from harness.interop.tls.subject import CALLS, CLIENTS, Bench


def check(bench: Bench, python: Peer, folder: Path) -> None:
    """Plimsoll drives Python's server, then Python's client calls Plimsoll's server."""
    with servers.listening([*python.command, "serve", "--listen", f"unix:{folder / 'python.sock'}"]) as server:
        for client in CLIENTS:
            result = bench.plimsoll.run(server.address, "--client", client, "-n", str(CALLS), "-w", "0s")
            bench.checks.all_equal(
                f"python server, {client}, Unix socket",
                (result["calls"]["answered"], CALLS, "answered"),
                (result["target"].get("tls"), None, "TLS"),
            )
    serve: commands.Command = [bench.plimsoll.path, "serve", "--listen", f"unix:{folder / 'plimsoll.sock'}"]
    with servers.listening(serve) as server:
        done = clients.call(python, server.address, ["--authority", "localhost"])
        bench.checks.holds("python client, Unix socket", clients.answered(done), done.stdout + done.stderr)
        # grpcio makes `:authority` of the path, with %2F in it, which h2 and so every server with tonic resets. When
        # this check fails, --authority above may go.
        done = clients.call(python, server.address, [])
        said = done.stdout + done.stderr
        what = "python client, Unix socket, the path as authority: reset"
        bench.checks.holds(what, "RST_STREAM with error code 1" in said, said)
