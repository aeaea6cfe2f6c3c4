"""nginx in front of a server."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness import ports
from harness.processes import Process

CONFIGURATION = """
worker_processes 1; daemon off; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
  upstream up {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}
  {listeners}
}}
"""
LISTENER = "server {{ listen 127.0.0.1:{port} http2; {settings} location / {{ grpc_pass grpc://up; }} }}"


def find() -> str | None:
    """The program, if it is installed: Debian has it where only the superuser looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextlib.contextmanager
def in_front_of(program: str, upstream: str, settings: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Addresses of listeners in front of the server `upstream`, by name. Each has settings of its own."""
    with tempfile.TemporaryDirectory() as folder:
        by_name = dict(zip(settings, ports.free(len(settings)), strict=True))
        listeners = " ".join(LISTENER.format(port=by_name[name], settings=text) for name, text in settings.items())
        path = Path(folder) / "nginx.conf"
        path.write_text(CONFIGURATION.format(upstream=upstream, listeners=listeners), encoding="utf-8")
        with Process([program, "-e", "stderr", "-c", path, "-p", folder]) as process:
            for port in by_name.values():
                ports.wait_for_listener(port, process)
            yield {name: f"127.0.0.1:{port}" for name, port in by_name.items()}
