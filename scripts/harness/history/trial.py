"""Tries the search for change points on a made history: steps of 3 % and of 10 %, in the noise of a gate.

The history has 120 builds. From build 40 on the server needs 3 % more CPU time per call, from build 80 on 10 % more
than that; calls per second do not change. A row's ratio has the noise of a gate of 12 repetitions, 0.7 % (`results/`).
Ends with 1 when a step is missed by more than three builds, or a change point is found where no step is.
"""

import csv
import datetime
import random
import sys
import tempfile
from pathlib import Path

from harness import command_line, commands
from harness.history import points
from harness.repository import SCRIPTS

BUILDS = 120
NOISE = 0.007
STEPS = {40: 1.03, 80: 1.10}
NEAR = 3
RATE, CPU = "small.calls_per_second", "small.server_cpu_ns_per_call"
# The first use installs Otava.
PATIENCE_SECONDS = commands.BUILD_SECONDS


def write(path: Path, seed: int) -> None:
    """Writes a history whose steps are known."""
    noise = random.Random(seed)
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    level = 1.0
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["time", "commit", RATE, CPU])
        for build in range(BUILDS):
            level *= STEPS.get(build, 1.0)
            time = (start + datetime.timedelta(hours=build)).isoformat().replace("+00:00", "Z")
            figures = [f"{value * noise.gauss(1, NOISE):.6f}" for value in (1.0, level)]
            rows.writerow([time, f"build-{build}", *figures])


def step_near(build: int) -> int | None:
    """The build whose step this one shows."""
    return next((step for step in STEPS if abs(build - step) <= NEAR), None)


def main() -> int:
    """Makes a history, searches it and compares; exit status."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the noise [1]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        history = Path(folder) / "history.csv"
        write(history, arguments.seed)
        search: commands.Command = [sys.executable, SCRIPTS / "history" / "changes", history, "--json"]
        changes = points.of(commands.output_of(search, seconds=PATIENCE_SECONDS))
    wrong = 0
    found = set()
    for change in changes:
        build = int(change.commit.removeprefix("build-"))
        step = step_near(build)
        found.add(step)
        is_expected = change.metric == CPU and step is not None
        wrong += not is_expected
        note = "" if is_expected else "  <- there is none"
        print(f"build {build}: {change.metric} {change.percent:+.1f} %{note}")
    for step, factor in STEPS.items():
        if step not in found:
            wrong += 1
            print(f"build {step}: {(factor - 1) * 100:.0f} % not found")
    print(f"history: {len(STEPS)} steps made, {len(changes)} change points found, {wrong} wrong")
    return 1 if wrong else 0
