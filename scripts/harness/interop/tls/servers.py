"""Other implementations' servers, driven by Plimsoll."""

from pathlib import Path

from harness import commands, servers
from harness.interop.tls.subject import CALLS, CLIENTS, Subject
from harness.sizes import MIB

# gRPC's default for received messages.
LIMIT = 4 * MIB
USAGE = 2


def check(subject: Subject) -> None:
    """A server that has a certificate, then a server that also requires certificates of its clients."""
    made = subject.certificates
    serve = [*subject.peer.command, "serve"]
    with servers.listening([*serve, *made.of_server(needs_client=False)]) as server:
        target = https(server.address)
        answers(subject, target)
        finds_the_limit(subject, server.address)
        fails(subject, target, "another CA is trusted", "--cacert FILE", subject.of_plimsoll(made.other_ca))
    with servers.listening([*serve, *made.of_server(needs_client=True)]) as server:
        target = https(server.address)
        answers(subject, target, made.client)
        fails(subject, target, "no client certificate", "--cert FILE", subject.of_plimsoll(made.ca))
        untrusted = subject.of_plimsoll(made.ca, made.other_client)
        fails(subject, target, "client certificate of another CA", "--cert", untrusted)


def https(address: str) -> str:
    """The address as a target whose certificate must be for the name `localhost`."""
    return f"https://localhost:{address.rsplit(':', 1)[1]}"


def answers(subject: Subject, target: str, client_certificate: Path | None = None) -> None:
    """One check per client: all calls are answered, over HTTP/2 in TLS."""
    flags = subject.of_plimsoll(subject.certificates.ca, client_certificate)
    for client in CLIENTS:
        result = subject.bench.plimsoll.run(target, "--client", client, "-n", str(CALLS), "-w", "0s", *flags)
        tls = result["target"]["tls"]
        has_certificate = client_certificate is not None
        subject.bench.checks.all_equal(
            f"{subject.peer.name} server, {client}{', client certificate' if has_certificate else ''}",
            (result["calls"]["answered"], CALLS, "answered"),
            (tls["version"], "1.3", "version"),
            (tls["alpn"], "h2", "ALPN"),
            (tls["verified"], True, "verified"),
            (tls["client_certificate"], has_certificate, "client certificate"),
        )


def finds_the_limit(subject: Subject, address: str) -> None:
    """One check: `limits` finds the limit for requests. The certificate must be for the IP address."""
    flags = subject.of_plimsoll(subject.certificates.ca)
    status, document = subject.bench.plimsoll.document("limits", f"https://{address}", *flags)
    (record,) = (limit for limit in document["limits"] if (limit["side"], limit["direction"]) == ("server", "request"))
    subject.bench.checks.all_equal(
        f"{subject.peer.name} server, its limit",
        (status, 0, "exit status"),
        (record["state"], "found", f"state ({record.get('detail', '-')})"),
        (record.get("limit_bytes"), LIMIT, "limit"),
        (record.get("confirmed"), True, "confirmed"),
    )


def fails(subject: Subject, target: str, fault: str, way_out: str, flags: list[str]) -> None:
    """One check per client: Plimsoll ends with a sentence that names the way out."""
    plimsoll = subject.bench.plimsoll
    for client in CLIENTS:
        run: commands.Command = [plimsoll.path, "run", target, "--client", client, "-n", "1", "-w", "0s", "-q", *flags]
        done = commands.finished(run, statuses=None)
        said = done.stderr.strip()
        what = f"{subject.peer.name} server, {client}, {fault}"
        seen = f"status {done.returncode}: {said}"
        subject.bench.checks.holds(what, done.returncode == USAGE and way_out in said, seen)
        subject.bench.sentences.append((subject.peer.name, fault, client, said))
