"""Checks of the manifests, of run.sh, and of a real cluster. Runs in the environment of `kubernetes-check`."""

import argparse
import contextlib
import functools
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from harness import commands
from harness.binary import Binary, Document, conserved
from harness.checks import Checks, equal, holds
from harness.commands import Command
from harness.kubernetes import local_pods
from harness.repository import ROOT

DEPLOY = ROOT / "deploy/kubernetes"
# The oldest version with all fields by default, one with a final backoffLimitPerIndex, and the newest one known here.
VERSIONS = ("1.29", "1.34", "1.37")
SHARDS = 3
CALLS = 1_500
PATIENCE_SECONDS = 120

SERVER = """
apiVersion: v1
kind: Pod
metadata:
  name: server
  labels: {app: server}
spec:
  automountServiceAccountToken: false
  containers:
    - name: server
      image: IMAGE
      args: [serve, "--listen", "0.0.0.0:8080"]
      readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: server}
spec:
  selector: {app: server}
  ports: [{port: 8080}]
"""


def rendered(folder: Path) -> list[dict[str, Any]]:
    """What kustomize makes of a folder."""
    return list(yaml.safe_load_all(commands.output_of(["kubectl", "kustomize", folder])))


def overlay(folder: Path, target: str, image: str, shards: int) -> None:
    """Writes a kustomization of one's own over that of the repository, as its users do."""
    text = (DEPLOY / "kustomization.yaml").read_text()
    for old, new in (
        ("value: 4", f"value: {shards}"),
        ("- server:8080", f"- {target}"),
        ("- --rate=4k", "- --rate=500"),
        ("- --duration=60s", f"- --duration={CALLS // 500}s"),
        ("registry.example/plimsoll", image.rpartition(":")[0] or image),
        ("newTag: latest", f"newTag: {image.rpartition(':')[2] or 'latest'}"),
    ):
        holds(old in text, f"{old!r} is not in kustomization.yaml")
        text = text.replace(old, new)
    (folder / "kustomization.yaml").write_text(text)
    (folder / "job.yaml").write_text((DEPLOY / "job.yaml").read_text())


def copies_of_the_count() -> None:
    """The number of shards is written once, and stands in four places."""
    with tempfile.TemporaryDirectory() as folder:
        overlay(Path(folder), "server:8080", "plimsoll:v1", 7)
        (job,) = rendered(Path(folder))
    spec = job["spec"]
    equal((spec["completions"], spec["parallelism"], spec["maxFailedIndexes"]), (7, 7, 7))
    container = spec["template"]["spec"]["containers"][0]
    equal(container["env"], [{"name": "PLIMSOLL_SHARDS", "value": "7"}])
    equal(container["image"], "plimsoll:v1")


def valid(version: str) -> None:
    """The rendered manifest has no field that Kubernetes does not know, and no wrong value."""
    for resource in rendered(DEPLOY):
        kubernetes_validate.validate(resource, version, strict=True)


def a_misspelt_field_is_found() -> None:
    """The validation can fail."""
    (job,) = rendered(DEPLOY)
    job["spec"]["backoffLimitPerIndexes"] = 0
    try:
        kubernetes_validate.validate(job, VERSIONS[-1], strict=True)
    except kubernetes_validate.ValidationError:
        return
    holds(False, "a misspelt field is valid")


@dataclass
class Cluster:
    """Where run.sh finds its pods, and the address of the server there."""

    plimsoll: Binary
    folder: Path
    environment: Mapping[str, str]

    def run(self, *flags: str, statuses: tuple[int, ...] = (0,)) -> tuple[str, str]:
        """What run.sh prints, and its messages."""
        command: Command = [DEPLOY / "run.sh", "-O", "json", *flags]
        environment = {**self.environment, "PLIMSOLL": str(self.plimsoll.path), "PLIMSOLL_KUSTOMIZE": str(self.folder)}
        done = commands.finished(command, environment=environment, statuses=statuses, seconds=PATIENCE_SECONDS)
        return done.stdout, done.stderr


def whole_run(cluster: Cluster) -> None:
    """All shards, one start, all calls."""
    printed, messages = cluster.run("--assert", "errors==0")
    result: Document = conserved(json.loads(printed))
    calls = result["calls"]
    equal((calls["planned"], calls["answered"]), (CALLS, CALLS))
    equal([line["index"] for line in result["shards"]["merged"]], list(range(SHARDS)))
    names = [finding["name"] for finding in result["soundness"]["findings"]]
    holds("windows_not_aligned" not in names, (names, messages))


@contextlib.contextmanager
def local(plimsoll: Binary, fault: str = "") -> Iterator[Cluster]:
    """A stand-in for a cluster, with the reference server of this machine. `fault` stands before shard 1's command."""
    with plimsoll.serve() as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "deploy").mkdir()
        overlay(folder / "deploy", server.address, "plimsoll:v1", SHARDS)
        (job,) = rendered(folder / "deploy")
        (folder / "job.json").write_text(json.dumps(job))
        programs = folder / "programs"
        programs.mkdir()
        kubectl = programs / "kubectl"
        kubectl.write_text(f'#!/bin/sh\nexec {sys.executable} {local_pods.__file__} "$@"\n')
        pod = programs / "pod"
        pod.write_text(f'#!/bin/bash\n[ "$JOB_COMPLETION_INDEX" = 1 ] && {fault or ":"}\nexec {plimsoll.path} "$@"\n')
        for program in (kubectl, pod):
            program.chmod(0o755)
        environment = {
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "LOCAL_PODS": str(folder),
            "LOCAL_PLIMSOLL": str(pod),
            "PLIMSOLL_START_IN": "5",
        }
        try:
            yield Cluster(plimsoll, folder / "deploy", environment)
        finally:
            commands.output_of([kubectl, "delete", "job", "plimsoll"], environment=environment)


def failed_before_the_start(cluster: Cluster) -> None:
    """A pod that fails before the start ends the script at once, with what it printed."""
    printed, messages = cluster.run(statuses=(2,))
    equal(printed, "")
    holds("pods failed before the start" in messages and "cannot start" in messages, messages)


def failed_pod(cluster: Cluster) -> None:
    """A pod that fails is missing and named; the others are merged when that is asked for."""
    _, messages = cluster.run(statuses=(2,))
    holds("no result: cannot start" in messages, messages)
    holds(f"1 of {SHARDS} shards is missing: 1; --partial" in messages, messages)


def failed_pod_partial(cluster: Cluster) -> None:
    """The others merge, with a warning."""
    result = conserved(json.loads(cluster.run("--partial")[0]))
    equal(result["shards"]["missing"], [1])
    equal(result["calls"]["answered"], CALLS * (SHARDS - 1) // SHARDS)


@contextlib.contextmanager
def real(plimsoll: Binary, image: str) -> Iterator[Cluster]:
    """The cluster that kubectl points to: a namespace of its own, with a reference server in it."""
    namespace = f"plimsoll-check-{secrets.token_hex(4)}"
    kubectl = ["kubectl", "--namespace", namespace]
    with contextlib.ExitStack() as undo, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands.output_of(["kubectl", "create", "namespace", namespace])
        undo.callback(commands.output_of, ["kubectl", "delete", "namespace", namespace, "--wait=false"])
        server = folder / "server.yaml"
        server.write_text(SERVER.replace("IMAGE", image))
        commands.output_of([*kubectl, "apply", "-f", server])
        commands.output_of([*kubectl, "wait", "--for=condition=Ready", "pod/server", "--timeout=120s"])
        (folder / "deploy").mkdir()
        overlay(folder / "deploy", f"server.{namespace}:8080", image, SHARDS)
        yield Cluster(plimsoll, folder / "deploy", {**os.environ, "PLIMSOLL_NAMESPACE": namespace})


def main() -> int:
    """Makes all checks; exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=Path)
    parser.add_argument("--cluster")
    arguments = parser.parse_args()
    plimsoll = Binary(arguments.binary)
    checks = Checks("kubernetes", has_skips=True)
    for version in VERSIONS:
        checks.attempt(f"the rendered manifest is valid in Kubernetes {version}", functools.partial(valid, version))
    checks.attempt("a misspelt field is found", a_misspelt_field_is_found)
    checks.attempt("the number of shards is copied to all its places", copies_of_the_count)
    with local(plimsoll) as cluster:
        checks.attempt("run.sh, pods as processes: all calls, one start, merged", lambda: whole_run(cluster))
    with local(plimsoll, '{ echo "cannot start"; exit 1; }') as cluster:
        checks.attempt("run.sh, a pod that fails before the start: at once", lambda: failed_before_the_start(cluster))
    fault = '{ until [ -s "$POD/at" ]; do sleep 0.05; done; echo "cannot start"; exit 1; }'
    with local(plimsoll, fault) as cluster:
        checks.attempt("run.sh, a failed pod: missing and named", lambda: failed_pod(cluster))
    with local(plimsoll, fault) as cluster:
        checks.attempt("run.sh --partial, a failed pod: the others merge", lambda: failed_pod_partial(cluster))
    if arguments.cluster:
        with real(plimsoll, arguments.cluster) as cluster:
            checks.attempt("run.sh in the cluster: all calls, one start, merged", lambda: whole_run(cluster))
    else:
        checks.skips("run.sh in a cluster", "no --cluster IMAGE")
    return checks.close()


if __name__ == "__main__":
    sys.exit(main())
