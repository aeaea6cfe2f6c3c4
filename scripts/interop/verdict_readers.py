"""Gates of a few seconds with known verdicts, and what other programs read of their files."""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import junitparser
from markdown_it import MarkdownIt

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

CHANGES = Path(__file__).resolve().parent.parent / "history" / "changes"
checks = 0


def check(what, holds, seen=""):
    global checks
    checks += 1
    if not holds:
        sys.exit(f"verdict-readers: not so: {what}: {seen}")


def gate(binary, folder, name, base, candidate, status):
    serve = f"{binary} serve --listen 127.0.0.1:{{port}} --until-input-ends "
    scenarios = folder / "scenarios.toml"
    scenarios.write_text(SCENARIOS)
    files = {flag: folder / f"{name}.{flag}" for flag in
             ("markdown", "junit", "bencher", "benchmark-smaller", "benchmark-bigger")}
    files["history"] = folder / "history.csv"
    flags = [part for flag, path in files.items() for part in (f"--{flag}", str(path))]
    done = subprocess.run(
        [binary, "gate", "-q", "--scenarios", str(scenarios), "--repetitions", "12", "--base", serve + base,
         "--candidate", serve + candidate, "--commit", name, "-o", str(folder / f"{name}.json"), *flags],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"},
    )
    check(f"{name} ends with {status}", done.returncode == status, f"{done.returncode}: {done.stderr}{done.stdout}")
    return json.loads((folder / f"{name}.json").read_text()), files


def junit(path, verdict, failures):
    xml = junitparser.JUnitXml.fromfile(str(path))
    suites = list(xml)
    cases = [case for suite in suites for case in suite]
    metrics = sum(len(scenario["metrics"]) for scenario in verdict["scenarios"])
    check("a case for the limits and for each metric", len(cases) >= 1 + metrics, len(cases))
    check("counts are those of the cases", xml.tests == len(cases) and suites[0].tests == len(cases))
    failed = [case for case in cases if any(isinstance(result, junitparser.Failure) for result in case.result)]
    check("failures are what regressed", len(failed) == xml.failures and bool(failed) == failures, failed)
    check("time is there", xml.time > 0 and suites[0].timestamp is not None)
    check("names come through", any("odd, <name> | `with` *all*" in case.classname for case in cases))


def markdown(path, verdict):
    text = path.read_text()
    check("it is below GitHub's bound", len(text.encode()) < 1 << 20)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    check("a heading comes first", tokens[0].type == "heading_open" and verdict["verdict"] in tokens[1].content)
    rows = [index for index, token in enumerate(tokens) if token.type == "tr_open"]
    widths = set()
    for index in rows:
        end = next(place for place in range(index, len(tokens)) if tokens[place].type == "tr_close")
        widths.add(sum(token.type in ("td_open", "th_open") for token in tokens[index:end]))
    check("each row has six cells", widths == {6}, widths)
    opened = sum("<details>" in token.content for token in tokens if token.type == "html_block")
    check("each scenario is folded away", opened == len(verdict["scenarios"]), opened)


def bencher(path, verdict):
    report = json.loads(path.read_text())
    check("a benchmark for each scenario", len(report) == len(verdict["scenarios"]), list(report))
    for measures in report.values():
        check("latency and throughput", {"latency", "throughput"} <= measures.keys(), measures.keys())
        for measure in measures.values():
            check("values and bounds", measure.keys() <= {"value", "lower_value", "upper_value"}, measure)
            low, high = (measure.get(key, measure["value"]) for key in ("lower_value", "upper_value"))
            check("in their order", low <= measure["value"] <= high, measure)


def action(path):
    entries = json.loads(path.read_text())
    check("an array that is not empty", isinstance(entries, list) and len(entries) > 0)
    for entry in entries:
        check("its keys", entry.keys() <= {"name", "unit", "value", "range", "extra"}, entry)
        check("their kinds", isinstance(entry["value"], (int, float)) and entry["range"].startswith("± "), entry)
    check("names are unique", len({entry["name"] for entry in entries}) == len(entries))


def history(path, commits):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    check("a row a build", [row["commit"] for row in rows] == commits, rows)
    check("a column a metric", len(rows[0]) == 2 + 2 * 3, list(rows[0]))
    check("ratios", all(0.01 < float(value) < 100 for row in rows for key, value in row.items() if "." in key), rows)
    found = subprocess.run([sys.executable, CHANGES, path], capture_output=True, text=True, check=False)
    check("Otava reads it", found.returncode == 0 and "no change point" in found.stdout, found.stdout + found.stderr)


def main():
    binary = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        slow, files = gate(binary, folder, "slow", "", "--extra-work 300us", 1)
        check("it regressed", slow["verdict"] == "regressed")
        junit(files["junit"], slow, True)
        moved, more = gate(binary, folder, "moved", "", "--max-recv-message-size 4194305", 1)
        check("a limit moved", len(moved["limits"]["moved"]) == 1)
        junit(more["junit"], moved, True)
        for verdict, files in ((slow, files), (moved, more)):
            markdown(files["markdown"], verdict)
            bencher(files["bencher"], verdict)
            action(files["benchmark-smaller"])
            action(files["benchmark-bigger"])
        history(files["history"], ["slow", "moved"])
    print(f"verdict-readers: {checks} checks passed")


if __name__ == "__main__":
    main()
