"""Load generators: h2load, ghz and plimsoll's clients, with the same load."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from harness import commands
from harness.binary import Binary
from harness.commands import Command, CommandError
from harness.repository import ROOT
from harness.versus_peers import messages
from harness.versus_peers.usage import Usage, measured

CALL = "example.FormatData/DoFormat"
# No more connections than calls in flight.
MOST_CONNECTIONS = 2
# A generator starts, connects and reports besides its load.
EXTRA_SECONDS = 60


class Tls(NamedTuple):
    """TLS of a load: the file with the trusted root, and h2load's cipher suite (None: its own list)."""

    root: Path
    cipher: str | None


class Load(NamedTuple):
    """A load, for all generators alike. Without `tls` it is plaintext."""

    label: str
    address: str
    message_bytes: int
    in_flight: int
    seconds: int
    tls: Tls | None = None

    @property
    def origin(self) -> str:
        """Scheme and address."""
        return f"{'http' if self.tls is None else 'https'}://{self.address}"

    @property
    def connections(self) -> int:
        """Connections of the generator."""
        return min(MOST_CONNECTIONS, self.in_flight)


class Figures(NamedTuple):
    """Figures of one run."""

    calls_per_second: float
    cpu_seconds_per_call: float
    peak_mib: float


Generator = Callable[[Load, Path], Figures]


def run(command: Command, load: Load) -> Usage:
    """Runs a generator with a time limit."""
    return measured(command, load.seconds + EXTRA_SECONDS)


def number(pattern: str, text: str) -> float:
    """The number that a generator printed."""
    found = re.search(pattern, text)
    if found is None:
        raise CommandError(f"the output has no {pattern!r}:\n{commands.tail(text)}")
    return float(found.group(1))


def document(text: str) -> str:
    """The JSON document within an output."""
    place = text.find("{")
    if place < 0:
        raise CommandError(f"the output has no JSON document:\n{commands.tail(text)}")
    return text[place:]


def h2load(load: Load, folder: Path) -> Figures:
    """Figures of h2load, which verifies nothing."""
    body = folder / f"body-{load.message_bytes}"
    if not body.exists():
        body.write_bytes(messages.framed(messages.text_of(load.message_bytes)))
    command: Command = [
        *("h2load", "-t", "1", "-c", str(load.connections), "-m", str(load.in_flight // load.connections)),
        *("-D", str(load.seconds), "-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"),
        *(("--tls13-ciphers", load.tls.cipher) if load.tls and load.tls.cipher else ()),
        f"{load.origin}/{CALL}",
    ]
    usage = run(command, load)
    if load.tls and not re.search("^Application protocol: h2$", usage.output, re.MULTILINE):
        raise CommandError(f"h2load did not negotiate h2:\n{commands.tail(usage.output)}")
    done = number(r"requests: .* (\d+) done", usage.output)
    return Figures(number(r"([\d.]+) req/s", usage.output), usage.cpu_seconds / done, usage.peak_mib)


def h2load_with_own_ciphers(load: Load, folder: Path) -> Figures:
    """Figures of h2load with its own list of cipher suites."""
    return h2load(load._replace(tls=load.tls and load.tls._replace(cipher=None)), folder)


def ghz(load: Load, folder: Path) -> Figures:
    """Figures of ghz, which decodes each reply."""
    program = find_ghz()
    if program is None:
        raise CommandError("ghz is missing")
    request = folder / f"request-{load.message_bytes}.json"
    if not request.exists():
        request.write_text(json.dumps({"text": messages.text_of(load.message_bytes)}), encoding="utf-8")
    command: Command = [
        *(program, *(("--insecure",) if load.tls is None else ("--cacert", load.tls.root, "--cname", "localhost"))),
        *("--proto", ROOT / "proto" / "format_data.proto", "--call", CALL),
        *("-c", str(load.in_flight), "--connections", str(load.connections), "-z", f"{load.seconds}s"),
        *("-D", request, "-O", "json", load.address),
    ]
    usage = run(command, load)
    report = json.loads(document(usage.output))
    return Figures(report["rps"], usage.cpu_seconds / report["count"], usage.peak_mib)


def plimsoll(binary: Binary, client: str) -> Generator:
    """Figures of one of plimsoll's clients, which verifies each reply."""

    def figures(load: Load, _folder: Path) -> Figures:
        command: Command = [
            *(
                binary.path,
                "run",
                load.origin if load.tls else load.address,
                "-q",
                "-O",
                "json",
                "--client",
                client,
                "-c",
                str(load.in_flight),
            ),
            *("--connections", str(load.connections), "--workers", "1", "-w", "0s", "-z", f"{load.seconds}s"),
            *("-s", str(load.message_bytes), "--max-recv-message-size", "64MiB"),
            *(("--cacert", load.tls.root) if load.tls else ()),
        ]
        usage = run(command, load)
        summary = json.loads(document(usage.output))
        calls = summary["calls"]
        if calls["answered"] != calls["planned"]:
            raise CommandError(f"not all calls were answered: {calls}")
        if load.tls and not is_verified_h2(summary["target"]["tls"]):
            raise CommandError(f"not a verified connection with h2: {summary['target']}")
        rate = summary["goodput"]["calls_per_second"]
        return Figures(rate, usage.cpu_seconds / calls["answered"], usage.peak_mib)

    return figures


def is_verified_h2(tls: dict[str, Any] | None) -> bool:
    """Whether Plimsoll verified the certificate, and ALPN selected h2."""
    return tls is not None and tls["verified"] is True and tls["alpn"] == "h2"


def find_ghz() -> Path | None:
    """ghz, in PATH or where Go installs it."""
    found = shutil.which("ghz")
    if found:
        return Path(found)
    if shutil.which("go"):
        installed = Path(commands.output_of(["go", "env", "GOPATH"]).strip()) / "bin" / "ghz"
        if installed.exists():
            return installed
    return None
