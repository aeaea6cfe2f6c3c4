"""Plimsoll on methods of other implementations' servers, with schemas by reflection or from files.

etcd (no reflection; `.proto` files whose imports are nowhere), Python's grpcio (health, channelz, reflection v1alpha),
grpc-go's examples (reflection v1; a schema in edition 2023), the peers in scripts/interop/node and java (reflection v1
and v1alpha of grpc-node and grpc-java; Java's health). A server that cannot be started here is skipped. Prints a table
of what was measured, and ends with `methods: N passed, N failed, N skipped`; the exit status is 1 when something
failed.
"""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import binary, command_line, commands, ports, tables
from harness.binary import Binary, Document
from harness.checks import Checks
from harness.interop.methods import subjects
from harness.interop.peers import MissingToolError

CLIENTS = ("lean", "stub")
CALLS = 2_000
# "a" and "x" in base64, which JSON has in place of bytes.
A, X = "YQ==", "eA=="


class Driver:
    """Plimsoll on one server."""

    def __init__(self, plimsoll: Binary, checks: Checks, rows: list[Sequence[object]], server: str) -> None:
        self.plimsoll, self.checks, self.rows, self.server = plimsoll, checks, rows, server

    def drives(self, address: str, method: str, *arguments: str | Path) -> Document:
        """Two checks: each client's calls of a method are all answered. The lean client's result."""
        results = []
        for client in CLIENTS:
            result = self.plimsoll.run(
                address, "--method", method, "--client", client, "-n", str(CALLS), "-w", "0s", *arguments
            )
            calls = result["calls"]
            self.checks.equal(f"{self.server} {method} {client}", calls["answered"], CALLS)
            results.append(result)
        lean, stub = results
        sizes = [result["replies"]["max_bytes"] for result in results]
        self.checks.equal(f"{self.server} {method}: both clients see replies of one size", sizes[0], sizes[1])
        speeds = [f"{result['goodput']['calls_per_second']:,.0f}" for result in (lean, stub)]
        plan = lean["plan"]
        self.rows.append((self.server, method, plan["expect"], plan["sizes"][0]["message_bytes"], sizes[0], *speeds))
        return lean

    def prints(self, what: str, words: str, *arguments: str | Path, status: int = 0) -> None:
        """One check: a command prints these words, on stdout or on stderr, and ends with this status."""
        done = commands.finished([self.plimsoll.path, *arguments], statuses=None)
        said = done.stdout + done.stderr
        seen = f"status {done.returncode}: {said}"
        self.checks.holds(f"{self.server} {what}", words in said and done.returncode == status, seen)


def on_etcd(driver: Driver) -> None:
    """A schema from files; bytes, 64-bit integers, nested replies."""
    with subjects.etcd() as etcd:
        schema: tuple[str | Path, ...] = ("--proto", etcd.protos / "rpc.proto", "-I", etcd.protos)
        kv = "etcdserverpb.KV"
        driver.prints("has no reflection", "does not serve reflection", "methods", etcd.address, status=2)
        driver.prints("lists methods", "Put(etcdserverpb.PutRequest) returns", "methods", *schema)
        driver.drives(etcd.address, f"{kv}/Put", *schema, "-d", f'{{"key":"{A}","value":"{X}"}}')
        driver.drives(etcd.address, f"{kv}/Range", *schema, "-d", f'{{"key":"{A}"}}', "--expect", "same")
        lease = "etcdserverpb.Lease/LeaseGrant"
        driver.drives(etcd.address, lease, *schema, "-d", '{"TTL":"60"}', "--check", "TTL == request.TTL")
        checks = ("--check", "header.revision > 0", "--check", 'version != ""')
        driver.drives(etcd.address, "etcdserverpb.Maintenance/Status", *schema, *checks)
        call = ("call", etcd.address, *schema, "--method")
        driver.prints("answers a call", f'"value": "{X}"', *call, f"{kv}/Range", "-d", f'{{"key":"{A}"}}')
        driver.prints("streams", "streams its requests and replies", *call, "etcdserverpb.Watch/Watch", status=2)
        driver.prints(
            "says where a type is missing",
            "etcd/mvcc/mvccpb/kv.proto",
            *("methods", "--proto", etcd.protos / "alone" / "rpc.proto"),
            status=2,
        )
        driver.prints(
            "refuses an empty key at once",
            "the first call ended with INVALID_ARGUMENT",
            *("run", etcd.address, *schema, "--method", f"{kv}/Put"),
            status=2,
        )


def on_python(driver: Driver) -> None:
    """Reflection in v1alpha alone; maps, oneofs, timestamps."""
    with subjects.python() as address:
        driver.prints("lists methods", "GetServers(grpc.channelz.v1.GetServersRequest)", "methods", address)
        driver.drives(address, "grpc.health.v1.Health/Check", "--expect", '{"status":"SERVING"}')
        driver.drives(address, "grpc.channelz.v1.Channelz/GetServers", "-d", '{"maxResults":"5"}')
        driver.prints(
            "shows a nested reply",
            '"lastCallStartedTimestamp": "20',
            *("call", address, "--method", "grpc.channelz.v1.Channelz/GetServers"),
        )


def on_go(driver: Driver) -> None:
    """Reflection in v1, one file at a time; a schema in edition 2023."""
    (port,) = ports.free(1)
    with subjects.go_example("features/reflection", port) as address:
        driver.drives(
            address, "helloworld.Greeter/SayHello", "-d", '{"name":"ship"}', "--expect", '{"message":"Hello ship"}'
        )
        echo = "grpc.examples.echo.Echo/UnaryEcho"
        driver.drives(address, echo, "-d", '{"message":"salt"}', "--expect", "same")
        driver.prints(
            "suggests the nearest",
            "did you mean SayHello?",
            "call",
            address,
            "--method",
            "helloworld.Greeter/SayHelo",
            status=2,
        )
    source = subjects.go_example_file("route_guide/routeguide/route_guide.proto")
    driver.prints("is in an edition", "is written in edition 2023", "methods", "--proto", source, status=2)
    compiled = subjects.descriptor_set(source, source.parent)
    (port,) = ports.free(1)
    with subjects.go_example("route_guide", port) as address:
        point = '{"latitude":409146138,"longitude":-746188906}'
        feature = ("routeguide.RouteGuide/GetFeature", "--protoset", compiled, "-d", point)
        driver.drives(address, *feature, "--check", "location.latitude == request.latitude")
        driver.prints(
            "shows a feature", "Berkshire Valley Management Area Trail", "call", address, "--method", *feature
        )
        streams = ("call", address, "--protoset", compiled, "--method", "routeguide.RouteGuide/ListFeatures")
        driver.prints("streams", "streams its replies; this version drives unary methods", *streams, status=2)


def on_node(driver: Driver) -> None:
    """Reflection by @grpc/reflection, in v1 and v1alpha."""
    with subjects.peer("node") as address:
        on_format_data(driver, address)


def on_java(driver: Driver) -> None:
    """Reflection by grpc-services, in v1 and v1alpha; health, whose schema is generated."""
    with subjects.peer("java") as address:
        on_format_data(driver, address)
        driver.prints("lists health", "Check(grpc.health.v1.HealthCheckRequest)", "methods", address)
        driver.drives(address, "grpc.health.v1.Health/Check", "--expect", '{"status":"SERVING"}')


def on_format_data(driver: Driver, address: str) -> None:
    """Lists DoFormat, and drives it, by reflection."""
    driver.prints("lists methods", "DoFormat(example.Data) returns (example.Data)", "methods", address)
    method = "example.FormatData/DoFormat"
    driver.drives(address, method, "-d", '{"text":"salt"}', "--expect", '{"text":"SALT"}')
    suggestion = "did you mean DoFormat?"
    driver.prints("suggests the nearest", suggestion, "call", address, "--method", f"{method}s", status=2)


SERVERS: tuple[tuple[str, Callable[[Driver], None]], ...] = (
    ("etcd", on_etcd),
    ("python", on_python),
    ("grpc-go", on_go),
    ("node", on_node),
    ("java", on_java),
)


def main() -> int:
    """Exit status of the checks."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    parser.add_argument(
        "--servers", default=",".join(name for name, _ in SERVERS), help="comma-separated; default: %(default)s"
    )
    arguments = parser.parse_args()
    plimsoll = binary.of(arguments)
    checks = Checks("methods", has_skips=True)
    rows: list[Sequence[object]] = []
    wanted = arguments.servers.split(",")
    for name, check in SERVERS:
        if name not in wanted:
            continue
        with checks.guarded(name), contextlib.ExitStack():
            try:
                check(Driver(plimsoll, checks, rows, name))
            except MissingToolError as error:
                checks.skips(name, str(error))
    tables.header("server", "method", "check", "request bytes", "reply bytes", "lean calls/s", "stub calls/s")
    for row in rows:
        tables.row(*row)
    return checks.close()
