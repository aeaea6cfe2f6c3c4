"""Runs gates whose right verdict is known, and keeps their documents.

Usage: scripts/gate-proof/collect PLIMSOLL FOLDER [--again N]

Identical servers, and candidates that need some 2, 3, 5, 8 and 10 % more: CPU time in each call (`serve
--extra-work`), or waiting (`serve --extra-delay`, at a server that waits 1 ms anyway). Each gate runs twice: on a
machine with no other load, and next to a process that keeps a core busy in bursts of random length. The order is
random too, so that no condition has a part of the time to itself.

Documents that are in the folder already are not made again: the program can be interrupted and started over. It takes
about an hour and a half. `examples/measuring/gate_error_rates.rs` reads the folder.
"""

import contextlib
import json
import random
import sys
import time
from pathlib import Path
from typing import NamedTuple

from harness import command_line, commands
from harness.binary import Binary, Document
from harness.commands import Command, CommandError
from harness.processes import Process

# Some 2, 3, 4, 5, 8 and 10 % of a call's CPU time: the exact part is measured.
WORK_NS = (224, 336, 560, 700, 896, 1_120)
# The delay of the base, and 2, 3, 5, 8 and 10 % of its p50.
DELAY_NS = 1_000_000
MORE_DELAY_NS = (24_000, 36_000, 60_000, 96_000, 120_000)
# Gates of identical servers, with and without other load.
SAME = 12
ORDER_SEED = 6
# A gate takes about a minute.
GATE_SECONDS = 1_800

BURSTS = """
import random, time
while True:
    end = time.perf_counter() + random.expovariate(1 / 0.3)
    while time.perf_counter() < end:
        pass
    time.sleep(random.expovariate(1 / 0.3))
"""


class Gate(NamedTuple):
    """A gate with a known right verdict."""

    name: str
    base: tuple[str, ...]
    candidate: tuple[str, ...]
    is_loaded: bool

    def file_name(self) -> str:
        """Name of its document."""
        return f"{'loaded' if self.is_loaded else 'quiet'}-{self.name}.json"

    def priority(self) -> str:
        """Gates that show most come first, should the time be too short for all."""
        return "0" if self.name.startswith("same") else self.name[-1]


def gates(again: int) -> list[Gate]:
    """All gates, in a random order within a priority."""
    servers: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = []
    for number in range(SAME):
        servers.append((f"same-{number:02}", (), ()))
    for work in WORK_NS:
        for number in range(again):
            servers.append((f"work-{work:04}ns-{number}", (), ("--extra-work", f"{work}ns")))
    for more in MORE_DELAY_NS:
        base, candidate = (("--extra-delay", f"{delay}ns") for delay in (DELAY_NS, DELAY_NS + more))
        servers.append((f"delay-{more // 1000:03}us-0", base, candidate))
    found = [Gate(*server, is_loaded) for server in servers for is_loaded in (False, True)]
    random.Random(ORDER_SEED).shuffle(found)
    return sorted(found, key=Gate.priority)


def collect(plimsoll: Binary, gate: Gate, seed: int, path: Path) -> Document:
    """Runs a gate, and keeps its document when it was measured to its end."""
    part = path.with_suffix(".part")
    serve = [str(plimsoll.path), "serve", "--listen", "127.0.0.1:{port}", "--until-input-ends"]
    command: Command = [
        *(
            plimsoll.path,
            "gate",
            "-q",
            "--only",
            "small",
            "--no-limits",
            "--seed",
            str(seed),
            "--label",
            gate.name,
        ),
        *(
            "--base",
            " ".join([*serve, *gate.base]),
            "--candidate",
            " ".join([*serve, *gate.candidate]),
            "-o",
            part,
        ),
    ]
    bursts = Process([sys.executable, "-c", BURSTS]) if gate.is_loaded else contextlib.nullcontext()
    with bursts:
        # Status 1 is a verdict too: it regressed.
        commands.finished(command, seconds=GATE_SECONDS, statuses=(0, 1))
    verdict: Document = json.loads(part.read_text(encoding="utf-8"))
    if verdict.get("interrupted") or not verdict["scenarios"][0]["metrics"]:
        raise CommandError(f"not measured to its end: {verdict['reason']}")
    part.rename(path)
    return verdict


def main() -> int:
    """Runs all gates whose documents are missing; exit status."""
    parser = command_line.parser(__doc__)
    parser.add_argument("plimsoll", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--again", type=int, default=2, help="gates for each amount of CPU time [2]")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    plimsoll = Binary(arguments.plimsoll)
    for seed, gate in enumerate(gates(arguments.again)):
        path = arguments.folder / gate.file_name()
        if path.exists():
            continue
        started = time.monotonic()
        try:
            verdict = collect(plimsoll, gate, seed, path)
        except CommandError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            return 1
        ratios = {metric["metric"]: round(metric["ratio"], 4) for metric in verdict["scenarios"][0]["metrics"]}
        print(f"{path.name}: {verdict['verdict']}, {time.monotonic() - started:.0f} s, {ratios}", flush=True)
    return 0
