"""Gates of a few seconds with known verdicts, and what other programs read of their files.

Runs in the environment that `harness.interop.verdict_readers.start` makes.
"""

import csv
import json
import sys
import tempfile
from pathlib import Path

import junitparser
from markdown_it import MarkdownIt

from harness import command_line, commands
from harness.binary import Binary, Document
from harness.checks import Checks
from harness.repository import SCRIPTS

SCENARIOS = """
[[scenario]]
name = "quick"
size = 64
concurrency = 4
slice = "10ms"
rounds = 3

[[scenario]]
name = "odd, <name> | `with` *all*"
size = "1KiB"
concurrency = 2
slice = "10ms"
rounds = 3
"""
FORMATS = ("markdown", "junit", "bencher", "benchmark-smaller", "benchmark-bigger")
# A gate of a few seconds lasts minutes where its servers have to wait for a core.
GATE_SECONDS = 1_800
# GitHub's limit for a comment.
MARKDOWN_BYTES = 1 << 20
# Time and commit, and three metrics of each scenario.
HISTORY_COLUMNS = 2 + 2 * 3
# No figure of these servers is so far from the other one.
SMALLEST_RATIO, LARGEST_RATIO = 0.01, 100


class Gate:
    """A gate whose verdict is known, and the files that it wrote."""

    def __init__(self, binary: Binary, folder: Path, name: str, candidate: str) -> None:
        serve = f"{binary.path} serve --listen 127.0.0.1:{{port}} --until-input-ends "
        scenarios, document = folder / "scenarios.toml", folder / f"{name}.json"
        scenarios.write_text(SCENARIOS, encoding="utf-8")
        self.files = {flag: folder / f"{name}.{flag}" for flag in FORMATS}
        self.files["history"] = folder / "history.csv"
        flags = [part for flag, path in self.files.items() for part in (f"--{flag}", str(path))]
        # Status 1: both gates here find a regression.
        command: commands.Command = [
            *(binary.path, "gate", "-q", "--scenarios", str(scenarios), "--repetitions", "12", "--base", serve),
            *("--candidate", serve + candidate, "--commit", name, "-o", str(document), *flags),
        ]
        commands.finished(command, seconds=GATE_SECONDS, statuses=(1,), environment={"PATH": "/usr/bin:/bin"})
        self.verdict: Document = json.loads(document.read_text(encoding="utf-8"))


def junit(checks: Checks, path: Path, verdict: Document) -> None:
    """JUnit's XML, by junitparser."""
    xml = junitparser.JUnitXml.fromfile(str(path))
    suites = list(xml)
    cases = [case for suite in suites for case in suite]
    metrics = sum(len(scenario["metrics"]) for scenario in verdict["scenarios"])
    checks.holds("a case for the limits and for each metric", len(cases) >= 1 + metrics, len(cases))
    checks.holds("counts are those of the cases", xml.tests == len(cases) and suites[0].tests == len(cases))
    failed = [case for case in cases if any(isinstance(result, junitparser.Failure) for result in case.result)]
    checks.holds("failures are what regressed", len(failed) == xml.failures and bool(failed), failed)
    checks.holds("time is there", xml.time > 0 and suites[0].timestamp is not None)
    checks.holds("names come through", any("odd, <name> | `with` *all*" in case.classname for case in cases))


def markdown(checks: Checks, path: Path, verdict: Document) -> None:
    """GitHub's Markdown, by markdown-it."""
    text = path.read_text(encoding="utf-8")
    checks.holds("it is below GitHub's bound", len(text.encode()) < MARKDOWN_BYTES)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    checks.holds("a heading comes first", tokens[0].type == "heading_open" and verdict["verdict"] in tokens[1].content)
    rows = [index for index, token in enumerate(tokens) if token.type == "tr_open"]
    widths = set()
    for index in rows:
        end = next(place for place in range(index, len(tokens)) if tokens[place].type == "tr_close")
        widths.add(sum(token.type in ("td_open", "th_open") for token in tokens[index:end]))
    checks.holds("each row has six cells", widths == {6}, widths)
    opened = sum("<details>" in token.content for token in tokens if token.type == "html_block")
    checks.holds("each scenario is folded away", opened == len(verdict["scenarios"]), opened)


def bencher(checks: Checks, path: Path, verdict: Document) -> None:
    """Bencher's metric format."""
    report = json.loads(path.read_text(encoding="utf-8"))
    checks.holds("a benchmark for each scenario", len(report) == len(verdict["scenarios"]), list(report))
    for measures in report.values():
        checks.holds("latency and throughput", {"latency", "throughput"} <= measures.keys(), measures.keys())
        for measure in measures.values():
            checks.holds("values and bounds", measure.keys() <= {"value", "lower_value", "upper_value"}, measure)
            low, high = (measure.get(key, measure["value"]) for key in ("lower_value", "upper_value"))
            checks.holds("in their order", low <= measure["value"] <= high, measure)


def action(checks: Checks, path: Path) -> None:
    """The format of github-action-benchmark."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    checks.holds("an array that is not empty", isinstance(entries, list) and len(entries) > 0)
    for entry in entries:
        checks.holds("its keys", entry.keys() <= {"name", "unit", "value", "range", "extra"}, entry)
        checks.holds("their kinds", isinstance(entry["value"], (int, float)) and entry["range"].startswith("± "), entry)
    checks.holds("names are unique", len({entry["name"] for entry in entries}) == len(entries))


def history(checks: Checks, path: Path, commits: list[str]) -> None:
    """The history, by Apache Otava."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    checks.holds("a row per build", [row["commit"] for row in rows] == commits, rows)
    checks.holds("a column per metric", len(rows[0]) == HISTORY_COLUMNS, list(rows[0]))
    checks.holds(
        "ratios",
        all(SMALLEST_RATIO < float(value) < LARGEST_RATIO for row in rows for key, value in row.items() if "." in key),
        rows,
    )
    # The entry point, with this environment's Python: Otava is installed there.
    found = commands.finished([sys.executable, SCRIPTS / "history" / "changes", path], statuses=None)
    checks.holds(
        "Otava reads it",
        found.returncode == 0 and "no change point" in found.stdout,
        found.stdout + found.stderr,
    )


def main() -> int:
    """Makes all checks; exit status."""
    binary = Binary(Path(sys.argv[1]))
    checks = Checks("verdict-readers", prints_passed=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        slow = Gate(binary, folder, "slow", "--extra-work 300us")
        checks.passes("slow ends with 1")
        checks.equal("it regressed", slow.verdict["verdict"], "regressed")
        junit(checks, slow.files["junit"], slow.verdict)
        moved = Gate(binary, folder, "moved", "--max-recv-message-size 4194305")
        checks.passes("moved ends with 1")
        checks.equal("limits that moved", len(moved.verdict["limits"]["moved"]), 1)
        junit(checks, moved.files["junit"], moved.verdict)
        for gate in (slow, moved):
            markdown(checks, gate.files["markdown"], gate.verdict)
            bencher(checks, gate.files["bencher"], gate.verdict)
            action(checks, gate.files["benchmark-smaller"])
            action(checks, gate.files["benchmark-bigger"])
        history(checks, slow.files["history"], ["slow", "moved"])
    return checks.close()


if __name__ == "__main__":
    command_line.run(main)
