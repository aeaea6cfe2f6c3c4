"""Checks of the formats of a run. Runs in the environment of `report-readers`."""

import functools
import json
import math
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

from harness import commands, ports
from harness.binary import Binary, Document, conserved
from harness.checks import Checks, equal, holds
from harness.processes import Process, ProcessError
from harness.repository import ROOT

HOUR_NS = 3_600_000_000_000
DASHBOARD = ROOT / "docs/grafana/plimsoll.json"
NOTEBOOK = ROOT / "docs/notebook.md"
START_SECONDS = 30
# A rate over this time holds at least two samples of a run with rows of a second.
RATE_INTERVAL = "4s"


@dataclass
class Run:
    """A run and its reports."""

    plimsoll: Binary
    folder: Path
    result: Document

    @classmethod
    def make(cls, plimsoll: Binary, folder: Path) -> "Run":
        """Runs a mix with refused calls in an open loop, and writes its result."""
        plan = [
            "-r",
            "500",
            "-z",
            "6s",
            "-w",
            "200ms",
            "-s",
            "64@50,5MiB@1",
            "--label",
            "readers",
            "--assert",
            "p99<1h",
        ]
        result = folder / "result.json"
        commands.output_of([plimsoll.path, "run", *plan, "-q", "-o", result])
        return cls(plimsoll, folder, conserved(json.loads(result.read_text())))

    def report(self, form: str) -> Path:
        """The run in a format."""
        path = self.folder / f"run.{form}"
        commands.output_of([self.plimsoll.path, "report", self.folder / "result.json", f"--{form}", path, "-q"])
        return path


def histogram(run: Run) -> HdrHistogram:
    """The response time, decoded by the other library."""
    return HdrHistogram.decode(run.result["latency"]["response"]["histogram"].encode())


def base64(run: Run) -> None:
    """The histogram of a result has the figures of the result."""
    record, read = run.result["latency"]["response"], histogram(run)
    equal(read.get_total_count(), record["count"])
    for name, quantile in (("p50_ns", 50.0), ("p99_ns", 99.0)):
        holds(math.isclose(read.get_value_at_percentile(quantile), record[name], rel_tol=0.001), (name, record))


def hgrm(run: Run) -> None:
    """Each row of the percentile distribution is what the other library has at its percentile.

    The rows are those of the Java library. This library steps through the percentiles in another way, so its own print
    cannot be compared line by line.
    """
    read = histogram(run)
    lines = run.report("hgrm").read_text().split("\n")
    rows = [line.split() for line in lines if re.match(r"\s*\d", line)]
    holds(len(rows) > 10, f"{len(rows)} rows")  # noqa: PLR2004  a tail of thousands of replies
    for value, quantile, count, *_ in rows:
        # Between two replies, either may stand for the percentile.
        next_quantile = min(1.0, float(quantile) + 1 / read.get_total_count())
        low, high = (read.get_value_at_percentile(100 * each) / 1e6 for each in (float(quantile), next_quantile))
        holds(low * 0.998 - 0.002 <= float(value) <= high * 1.002 + 0.002, (value, quantile, low, high))
        share = int(count) / read.get_total_count()
        holds(share >= float(quantile) - 1e-9, (quantile, count))
    equal(int(rows[-1][2]), read.get_total_count())
    longest = re.search(r"#\[Max +=\s*([\d.]+)", "\n".join(lines))
    holds(longest is not None, lines[-4:])
    if longest:
        holds(math.isclose(float(longest[1]), read.get_max_value() / 1e6, rel_tol=0.002), longest[0])


def hlog(run: Run) -> None:
    """The interval log has all answered calls, each interval at its place."""
    sum_of_all = HdrHistogram(1, HOUR_NS, 3)
    reader = HistogramLogReader(str(run.report("hlog")), sum_of_all)
    starts = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        starts.append(interval.get_start_time_stamp())
        sum_of_all.add(interval)
    equal(sum_of_all.get_total_count(), run.result["calls"]["answered"])
    equal(len(starts), len(run.result["intervals"]))
    holds(starts == sorted(starts), starts)


def final_figures(run: Run) -> None:
    """The final figures are valid in both formats, and hold the calls of the result."""
    text = run.report("prometheus").read_text()
    for read in (read_prometheus, read_openmetrics):
        samples = [sample for family in read(text) for sample in family.samples]
        calls = {sample.labels["outcome"]: sample.value for sample in samples if sample.name == "plimsoll_run_calls"}
        equal(calls["answered"], float(run.result["calls"]["answered"]))
        equal(sum(calls.values()), float(run.result["calls"]["planned"]))
        holds(all(sample.timestamp is None for sample in samples), "a textfile collector refuses times")


def series(run: Run) -> None:
    """The run over time is valid OpenMetrics, and its counters end at the totals of the result.

    The histogram is left to Prometheus: this reader keeps the first point of a histogram and drops the others.
    """
    lines = run.report("openmetrics").read_text().splitlines(keepends=True)
    text = "".join(line for line in lines if "plimsoll_latency_seconds" not in line)
    last: dict[str, float] = {}
    for family in read_openmetrics(text):
        for sample in family.samples:
            if sample.name == "plimsoll_calls_total":
                last[sample.labels["outcome"]] = sample.value
    calls = run.result["calls"]
    equal((last["answered"], last["refused"]), (float(calls["answered"]), float(calls["refused"])))


def promtool(run: Run) -> None:
    """Debian's promtool finds nothing wrong with the final figures."""
    text = run.report("prometheus")
    command = ["bash", "-c", f"promtool check metrics <{text}"]
    done = commands.finished(command, statuses=None)
    equal((done.returncode, done.stderr.strip()), (0, ""))


def dashboard(run: Run) -> None:
    """A real Prometheus, backfilled with the run, answers every query of the dashboard."""
    data = run.folder / "data"
    series_file = run.report("openmetrics")
    commands.output_of(["promtool", "tsdb", "create-blocks-from", "openmetrics", series_file, data])
    (port,) = ports.free(1)
    configuration = run.folder / "prometheus.yml"
    configuration.write_text("global: {}\n")
    command = [
        *("prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={data}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=100y"),
    ]
    started = datetime.fromisoformat(run.result["started_at"]).timestamp()
    end = started + run.result["window_ns"] / 1e9
    with Process(command, ending=signal.SIGTERM) as process:
        ask = functools.partial(query, port, started, end)
        wait_until_ready(port, process)
        panels = json.loads(DASHBOARD.read_text())["panels"]
        queries = [target["expr"] for panel in panels for target in panel["targets"]]
        holds(len(queries) >= len(panels) > 1, queries)
        for written in queries:
            asked = written.replace("$__rate_interval", RATE_INTERVAL).replace("$run", ".*")
            found = ask(asked)
            values = [float(value) for each in found for _, value in each["values"]]
            holds(any(not math.isnan(value) for value in values), f"no value for {asked}")
        # The last point of a query lies before the end of the drain, at a step of whole seconds.
        total = run.result["calls"]["answered"]
        for name in ('plimsoll_calls_total{outcome="answered"}', "plimsoll_latency_seconds_count"):
            values = [float(value) for _, value in ask(name)[0]["values"]]
            holds(values == sorted(values) and 0.8 * total <= values[-1] <= total, (name, values, total))


def wait_until_ready(port: int, process: Process) -> None:
    """Waits until Prometheus answers queries."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.is_running():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2) as answer:
                if answer.status == 200:  # noqa: PLR2004  HTTP's OK
                    return
        except OSError:
            time.sleep(0.1)
    raise ProcessError(f"prometheus is not ready: {process.errors()[-2_000:]}")


def query(port: int, start: float, end: float, text: str) -> list[Any]:
    """Series of a query over the run."""
    parameters = urllib.parse.urlencode({"query": text, "start": start, "end": end, "step": 1})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query_range?{parameters}", timeout=10) as answer:
        found: list[Any] = json.load(answer)["data"]["result"]
    holds(bool(found), f"no series for {text}")
    return found


def notebook(run: Run) -> None:
    """The code of docs/notebook.md runs as written, beside a result."""
    blocks = re.findall(r"```python\n(.*?)```", NOTEBOOK.read_text(), re.DOTALL)
    holds(bool(blocks), "docs/notebook.md has no code")
    code = run.folder / "notebook.py"
    code.write_text("\n".join(blocks))
    printed = commands.output_of([sys.executable, code], folder=run.folder, environment=dict(os.environ))
    p99 = run.result["latency"]["response"]["p99_ns"] / 1e6
    shown = re.search(r"p99 ([\d.]+) ms", printed)
    holds(shown is not None and math.isclose(float(shown[1]), p99, rel_tol=0.002, abs_tol=0.002), (p99, printed))


def main() -> int:
    """Makes all checks; exit status."""
    plimsoll = Binary(Path(sys.argv[1]))
    checks = Checks("report-readers", has_skips=True)
    cases: tuple[tuple[str, str, Callable[[Run], None]], ...] = (
        ("hdrhistogram: base64 of a result", "python3", base64),
        ("hdrhistogram: .hgrm", "python3", hgrm),
        ("hdrhistogram: .hlog", "python3", hlog),
        ("prometheus-client: final figures", "python3", final_figures),
        ("prometheus-client: the run over time", "python3", series),
        ("promtool check metrics", "promtool", promtool),
        ("prometheus: every query of the dashboard", "prometheus", dashboard),
        ("pandas: docs/notebook.md", "python3", notebook),
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Run.make(plimsoll, Path(folder))
        for name, program, check in cases:
            if shutil.which(program) is None:
                checks.skips(name, f"no {program} here (Debian: prometheus)")
                continue
            checks.attempt(name, functools.partial(check, run))
    return checks.close()


if __name__ == "__main__":
    sys.exit(main())
