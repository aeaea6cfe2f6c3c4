"""Certificates for one run, made by openssl: a CA, a server behind an intermediate CA, clients, and a second CA."""

import shutil
from pathlib import Path

from harness import commands
from harness.interop.peers import MissingToolError

# The machine's own configuration of openssl may add extensions: this one replaces it.
CONFIGURATION = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
[client]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
"""
# Longer than any run of these checks, shorter than anyone could rely on.
DAYS = "2"


class Certificates:
    """PEM files in a folder."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("openssl")
        if program is None:
            raise MissingToolError("no openssl on this machine")
        self._openssl = program
        self._folder = folder
        (folder / "openssl.cnf").write_text(CONFIGURATION, encoding="utf-8")
        self.ca = self._make("ca", "authority")
        intermediate = self._make("intermediate", "authority", issuer="ca")
        self.server = self._make("server", "server", issuer="intermediate")
        # The server sends its issuer too: peers trust the root alone.
        chain = self.server.read_text(encoding="utf-8") + intermediate.read_text(encoding="utf-8")
        self.server.write_text(chain, encoding="utf-8")
        self.client = self._make("client", "client", issuer="ca")
        self.other_ca = self._make("other-ca", "authority")
        self.other_client = self._make("other-client", "client", issuer="other-ca")

    def key(self, certificate: Path) -> Path:
        """Key of a certificate."""
        return certificate.with_suffix(".key")

    def of_server(self, *, needs_client: bool) -> list[str]:
        """Flags of a server, the same for Plimsoll and for the peers."""
        flags = ["--tls-cert", str(self.server), "--tls-key", str(self.key(self.server))]
        return [*flags, "--tls-client-ca", str(self.ca)] if needs_client else flags

    def _make(self, name: str, extensions: str, issuer: str | None = None) -> Path:
        """A certificate, signed by an issuer or by itself, and its key."""
        certificate = self._folder / f"{name}.pem"
        command: list[str | Path] = [self._openssl, "req", "-x509", "-config", self._folder / "openssl.cnf"]
        command += ["-extensions", extensions, "-days", DAYS, "-subj", f"/CN={name}", "-nodes"]
        command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        command += ["-keyout", self.key(certificate), "-out", certificate]
        if issuer is not None:
            issued_by = self._folder / f"{issuer}.pem"
            command += ["-CA", issued_by, "-CAkey", self.key(issued_by)]
        commands.output_of(command)
        return certificate
