"""Change points of a history that `plimsoll gate --history` wrote, found by Apache Otava.

Installs Otava into target/history the first time. Prints each change point with its size. Ends with 0
whether there are any or not; with 2 when the history cannot be read.
"""

import csv
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import command_line, commands, environments
from harness.history import points
from harness.repository import SCRIPTS

# More is better for columns that end with it; for all other columns, less is.
MORE_IS_BETTER = "calls_per_second"
# Otava looks at as many rows at a time: a history shorter than a few of them has no change points.
WINDOW = 30
# Two sides of a change point that differ so by chance once in a thousand.
P_VALUE = 0.001
KEYS = ["time", "commit"]
CANNOT_READ = 2


class HistoryError(Exception):
    """A history that cannot be read."""


def otava() -> Path:
    """The program: next to this Python, or in an environment of its own."""
    name = "otava"
    here = Path(sys.executable).parent / name
    if here.exists():
        return here
    return environments.make("history", SCRIPTS / "history" / "requirements.txt").parent / name


def configuration(name: str, path: Path, columns: Sequence[str]) -> str:
    """Otava's configuration of one test, as YAML."""
    lines = ["tests:", f"  {name}:", "    type: csv", f"    file: {json.dumps(str(path))}"]
    lines += ["    time_column: time", "    attributes: [commit]", "    metrics:"]
    for column in columns:
        direction = 1 if column.endswith(MORE_IS_BETTER) else -1
        key = json.dumps(column)
        lines += [
            f"      {key}:",
            f"        column: {key}",
            f"        direction: {direction}",
            "        scale: 1",
        ]
    return "\n".join([*lines, "csv_options:", "  delimiter: ','", ""])


def read(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
    except (OSError, ValueError) as error:
        raise HistoryError(f"cannot read {path}: {error}") from error
    if header[: len(KEYS)] != KEYS:
        raise HistoryError(
            f"{path} begins with {header[: len(KEYS)]}, not with time,commit: "
            "it is no history of plimsoll gate --history"
        )
    return header, rows


def complete_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Metrics with a value in each row: Otava takes no empty cells."""
    return [
        name
        for place, name in enumerate(header)
        if place >= len(KEYS) and all(place < len(row) and row[place] != "" for row in rows)
    ]


def search(path: Path, columns: Sequence[str]) -> str:
    """Otava's document."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "otava.yaml"
        config.write_text(configuration("gate", path.resolve(), columns), encoding="utf-8")
        command: commands.Command = [
            *(otava(), "analyze", "--config-file", config, "gate", "--output", "json"),
            *("--window", str(WINDOW), "-P", str(P_VALUE), "--since", "50 years ago"),
        ]
        return commands.output_of(command)


def main() -> int:
    """Prints the change points; exit status."""
    parser = command_line.parser(__doc__)
    parser.add_argument("history", type=Path, help="CSV file with a row per build")
    parser.add_argument("--json", action="store_true", help="print Otava's own document")
    arguments = parser.parse_args()
    try:
        header, rows = read(arguments.history)
        columns = complete_columns(header, rows)
        for name in sorted(set(header[len(KEYS) :]) - set(columns)):
            print(f"changes: {name} was not measured in every build: left out", file=sys.stderr)
        document = search(arguments.history, columns)
    except (HistoryError, commands.CommandError) as error:
        print(f"changes: {error}", file=sys.stderr)
        return CANNOT_READ
    if arguments.json:
        print(document)
        return 0
    changes = points.of(document)
    for change in changes:
        print(f"{change.commit}: {change.metric} {change.percent:+.1f} %")
    if not changes:
        print(f"no change point in {len(rows)} rows")
    return 0
