"""Checks Plimsoll's figures against arithmetic, on the clock and with real processes.

  stop    a server stopped for 1 s in a run of 5 s: p99 of response time within 5 % of arithmetic
  delay   a delay of 5 ms and of 50 ms set at the server: p50 and p99 of service time within 5 % of
          the delay and a round trip without delay
  saturation  three staged runs, and which side each result names as saturated: a server of one thread,
          a generator on one core against a server that does nothing, and both with little to do
  memory  (with --long) the client's peak memory in a run of 10 s and of 60 s: at most 2 MiB apart

Needs an otherwise idle machine, Python 3 and nothing else. Ends with `figures: N passed, N failed`.
"""

import contextlib
import json
import signal
import tempfile
import time
from functools import partial
from pathlib import Path

from harness import binary, cargo, command_line, machine, servers
from harness.binary import Binary, Document, conserved
from harness.checks import Checks, equal, holds
from harness.commands import Command
from harness.processes import Process
from harness.sizes import MIB

TOLERANCE = 0.05
MOST_GROWTH = 2 * MIB
# A run of 5 s ends well within it, even on a busy machine.
PATIENCE_SECONDS = 60


def near(what: str, got_ns: float, expected_ns: float) -> None:
    """Fails unless the figure is within the tolerance."""
    error = got_ns / expected_ns - 1
    print(f"    {what}: {got_ns / 1e6:.3f} ms, arithmetic says {expected_ns / 1e6:.3f} ms, {error:+.2%}")
    holds(abs(error) <= TOLERANCE, f"{what} is {error:+.2%} off")


def stop(plimsoll: Binary) -> None:
    """A server that stops for a second."""
    # A modest rate: the calls that queue up in the stop are answered within a few ms after it.
    rate, length = 300, 5
    with plimsoll.serve() as server:
        plan = ["-r", str(rate), "-z", f"{length}s", "-O", "json"]
        with Process([plimsoll.path, "run", server.address, *plan]) as run:
            run.wait_for_error_output("measuring", PATIENCE_SECONDS)
            time.sleep(2)
            before = time.monotonic()
            server.process.send(signal.SIGSTOP)
            try:
                time.sleep(1)
            finally:
                # A stopped process would not even end.
                server.process.send(signal.SIGCONT)
            stopped = time.monotonic() - before
            status = run.finish(PATIENCE_SECONDS)
            holds(run.output() != "", f"the run ended with {status}: {run.errors()}")
            result: Document = conserved(json.loads(run.output()))
    calls = result["calls"]
    equal((calls["planned"], calls["answered"]), (rate * length, rate * length))
    # The slowest hundredth of all calls arrived within this time after the stop.
    hundredth = 0.01 * length
    response, service, lateness = (result["latency"][name]["p99_ns"] for name in ("response", "service", "lateness"))
    near("p99 of response time", response, (stopped - hundredth) * 1e9)
    print(f"    p99 of service time: {service / 1e6:.3f} ms, of lateness: {lateness / 1e6:.3f} ms")


def delay(plimsoll: Binary) -> None:
    """A server that waits."""
    with plimsoll.serve("--obey") as server:

        def service(delay_us: int) -> Document:
            plan = ["-r", "100", "-z", "6s", "-m", f"plimsoll-delay: {delay_us}us"]
            latency: Document = plimsoll.run(server.address, *plan)["latency"]["service"]
            return latency

        # The round trip is not part of the delay. Cores sleep between rare calls, so it is measured at the same rate.
        round_trip = service(0)
        for delay_ms in (5, 50):
            measured = service(delay_ms * 1_000)
            for quantile in ("p50", "p99"):
                got, alone = measured[f"{quantile}_ns"], round_trip[f"{quantile}_ns"]
                what = f"{delay_ms} ms and a round trip of {alone / 1e6:.3f} ms, {quantile}"
                near(what, got, delay_ms * 1e6 + alone)
                print(f"        against {delay_ms} ms alone: {got / (delay_ms * 1e6) - 1:+.2%}")


def saturation(plimsoll: Binary) -> None:
    """Staged runs with a known bottleneck."""

    def named(expected: str, *arguments: str, core: int | None = None) -> None:
        with machine.on_core(core):
            result = plimsoll.run("-z", "3s", *arguments)
        found = result["soundness"]["saturation"]
        print(f"    {expected}: `{found['saturated']}`, {found['detail']}")
        equal(found["saturated"], expected)

    named("server", "-c", "64", "--server-threads", "1")
    named("neither", "-c", "4", "--server-obey", "-m", "plimsoll-delay: 20ms")
    cargo.build("--release", "--example", "canned_server")
    command: Command = [cargo.target_folder() / "release" / "examples" / "canned_server", "abc"]
    with contextlib.ExitStack() as stack:
        with machine.on_core(1):
            server = stack.enter_context(servers.listening(command))
        text = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "text"
        text.write_text("abc", encoding="utf-8")
        load = ["-c", "4096", "--connections", "4", "--workers", "1", "--text-file", str(text)]
        named("generator", server.address, *load, core=0)


def memory(plimsoll: Binary) -> None:
    """Peak memory in a short and in a long run."""
    peaks = {}
    for seconds in (10, 60):
        result = plimsoll.run("-z", f"{seconds}s")
        peaks[seconds] = result["cost"]["client_peak_rss_bytes"]
        print(f"    {seconds} s: {peaks[seconds] / MIB:.2f} MiB, {result['calls']['answered']} calls")
    growth = peaks[60] - peaks[10]
    holds(growth <= MOST_GROWTH, f"it grew by {growth / MIB:.2f} MiB")


CHECKS = {"stop": stop, "delay": delay, "saturation": saturation, "memory": memory}


def main() -> int:
    """Makes the checks; exit status."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    parser.add_argument("--only", choices=CHECKS, help="one of the checks above")
    parser.add_argument("--long", action="store_true", help="with the check of memory, which takes 70 s")
    arguments = parser.parse_args()
    plimsoll = binary.of(arguments)
    names = [arguments.only] if arguments.only else [name for name in CHECKS if name != "memory" or arguments.long]
    checks = Checks("figures")
    for name in names:
        checks.attempt(name, partial(CHECKS[name], plimsoll))
    return checks.close()
