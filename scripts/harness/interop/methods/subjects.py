"""The servers: started, with the files that their schemas need."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness import commands, environments, ports, servers
from harness.interop.peers import MissingToolError, built
from harness.processes import Process
from harness.repository import SCRIPTS, TARGET

# grpc-go's examples are a module of their own, without releases; go.mod has the version.
EXAMPLES = "google.golang.org/grpc/examples"
EXAMPLES_MODULE = SCRIPTS / "interop" / "go-examples"
# Where Debian's package keeps etcd's sources.
ETCD_SOURCES = "usr/share/gocode/src/go.etcd.io/etcd"


class Etcd(NamedTuple):
    """etcd, and the folder of its `.proto` files. The files that they import for options are not there."""

    address: str
    protos: Path


@contextlib.contextmanager
def etcd() -> Iterator[Etcd]:
    """Debian's etcd with an empty store."""
    program = shutil.which("etcd")
    if program is None:
        raise MissingToolError("no etcd on this machine (Debian's etcd-server)")
    folder = TARGET / "interop" / "etcd"
    protos = etcd_protos(folder)
    shutil.rmtree(folder / "data", ignore_errors=True)
    clients, peers = (f"http://127.0.0.1:{port}" for port in ports.free(2))
    command: list[str | Path] = [program, "--data-dir", folder / "data", "--logger", "zap", "--log-level", "error"]
    command += ["--listen-client-urls", clients, "--advertise-client-urls", clients, "--listen-peer-urls", peers]
    command += ["--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"]
    with Process(command) as process:
        ports.wait_for_listener(int(clients.rsplit(":", 1)[1]), process)
        yield Etcd(clients.removeprefix("http://"), protos)


def etcd_protos(folder: Path) -> Path:
    """`rpc.proto` and what it imports of etcd's own, from Debian's source package."""
    protos = folder / "protos"
    if (protos / "alone" / "rpc.proto").exists():
        return protos
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    download = ["apt-get", "download", "-qq", "golang-etcd-server-dev"]
    try:
        commands.output_of(download, folder=folder)
    except commands.CommandError:
        # The lists of packages are missing, or old.
        commands.output_of(["apt-get", "update", "-qq"])
        commands.output_of(download, folder=folder)
    (package,) = folder.glob("golang-etcd-server-dev_*.deb")
    commands.output_of(["dpkg-deb", "-x", package, folder / "package"])
    sources = folder / "package" / ETCD_SOURCES
    for source, name in (
        ("mvcc/mvccpb/kv.proto", "etcd/mvcc/mvccpb/kv.proto"),
        ("auth/authpb/auth.proto", "etcd/auth/authpb/auth.proto"),
        ("etcdserver/etcdserverpb/rpc.proto", "rpc.proto"),
        # Without the files that it imports.
        ("etcdserver/etcdserverpb/rpc.proto", "alone/rpc.proto"),
    ):
        (protos / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sources / source, protos / name)
    return protos


@contextlib.contextmanager
def python() -> Iterator[str]:
    """Address of a grpcio server with health, channelz and reflection (v1alpha alone)."""
    interpreter = environments.make("interop-methods", SCRIPTS / "interop" / "methods.txt")
    command: list[str | Path] = [interpreter, "-m", "harness.interop.methods.python_server"]
    with servers.listening(command, environment=environments.module_environment()) as server:
        yield server.address


def descriptor_set(source: Path, folder: Path) -> Path:
    """A `.proto` file and its imports below `folder`, as a set of descriptors by protoc."""
    interpreter = environments.make("interop-methods", SCRIPTS / "interop" / "methods.txt")
    out = TARGET / "interop" / f"{source.stem}.binpb"
    out.parent.mkdir(exist_ok=True)
    protoc: list[str | Path] = [interpreter, "-m", "grpc_tools.protoc", "--include_imports"]
    commands.output_of([*protoc, f"--descriptor_set_out={out}", "-I", folder, source])
    return out


@contextlib.contextmanager
def peer(name: str) -> Iterator[str]:
    """Address of the server of a peer that has reflection: node or java."""
    with servers.listening([*built(name).command, "serve"]) as server:
        yield server.address


@contextlib.contextmanager
def go_example(name: str, port: int) -> Iterator[str]:
    """Address of an example server of grpc-go, which listens at a port of its own."""
    go = shutil.which("go")
    if go is None:
        raise MissingToolError("no go on this machine")
    program = TARGET / "interop" / "go-examples" / name.replace("/", "-")
    build: list[str | Path] = [go, "build", "-o", program, f"{EXAMPLES}/{name}/server"]
    commands.output_of(build, seconds=commands.BUILD_SECONDS, folder=EXAMPLES_MODULE)
    with Process([program, "--port", str(port)]) as process:
        ports.wait_for_listener(port, process)
        yield f"127.0.0.1:{port}"


def go_example_file(path: str) -> Path:
    """A source file of grpc-go's examples."""
    go = shutil.which("go")
    if go is None:
        raise MissingToolError("no go on this machine")
    list_folder = [go, "list", "-m", "-f", "{{.Dir}}", EXAMPLES]
    return Path(commands.output_of(list_folder, folder=EXAMPLES_MODULE).strip()) / path
