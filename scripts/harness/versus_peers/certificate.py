"""A certificate for servers on this machine. Made anew for each run, with a life of two days."""

import shutil
from pathlib import Path
from typing import NamedTuple

from harness import commands
from harness.commands import Command

OPENSSL = "openssl"
DAYS = "2"


class Certificate(NamedTuple):
    """A self-signed certificate, which is also the root for clients, and its key; both PEM."""

    chain: Path
    key: Path


def require_openssl() -> None:
    """Ends the program where the openssl command is missing."""
    if shutil.which(OPENSSL) is None:
        raise SystemExit("openssl is missing; install Debian's openssl")


def make(folder: Path) -> Certificate:
    """A certificate for localhost and 127.0.0.1, with a P-256 key."""
    certificate = Certificate(folder / "certificate.pem", folder / "key.pem")
    command: Command = [
        *(OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", DAYS),
        # Without a configuration: Debian's makes a CA, and rustls accepts no CA as a server's certificate.
        *("-config", "/dev/null", "-addext", "basicConstraints=critical,CA:FALSE"),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        *("-out", certificate.chain, "-keyout", certificate.key),
    ]
    commands.output_of(command)
    return certificate
