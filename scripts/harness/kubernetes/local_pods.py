"""A stand-in for kubectl: the pods of a Job are processes of this machine.

It knows the commands of `deploy/kubernetes/run.sh` alone. A pod runs the command and the variables of the rendered
manifest; what the manifest mounts at /start/at is a file, which an annotation is written to. The state lies in the
folder of the variable LOCAL_PODS: `job.json` (the rendered Job), and per pod its start file, output and exit status.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

# The path of the start file in the manifest, and the index that Kubernetes gives each pod.
START_FILE = "/start/at"
INDEX = "JOB_COMPLETION_INDEX"


def folder() -> Path:
    """The folder of the state."""
    return Path(os.environ["LOCAL_PODS"])


def pods() -> list[Path]:
    """Folders of the pods, in their order."""
    return sorted(folder().glob("pod-*"))


def apply() -> None:
    """Starts the pods of the Job."""
    job = json.loads((folder() / "job.json").read_text())
    container = job["spec"]["template"]["spec"]["containers"][0]
    variables = {variable["name"]: variable["value"] for variable in container["env"]}
    for index in range(job["spec"]["completions"]):
        pod = folder() / f"pod-{index:04}"
        pod.mkdir()
        start = pod / "at"
        # An empty annotation is an empty file.
        start.write_text("")
        arguments = [argument.replace(START_FILE, str(start)) for argument in container["args"]]
        command = [os.environ["LOCAL_PLIMSOLL"], *arguments]
        # A shell writes the exit status when the process has ended.
        script = '"$@" >"$POD/log" 2>&1; echo $? >"$POD/status.new"; mv "$POD/status.new" "$POD/status"'
        environment = {**os.environ, **variables, INDEX: str(index), "POD": str(pod)}
        # No pipe of the caller stays open in a pod.
        process = subprocess.Popen(
            ["bash", "-c", script, "pod", *command],
            env=environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        (pod / "group").write_text(str(process.pid))


def delete() -> None:
    """Ends the pods that still run."""
    for pod in pods():
        if not (pod / "status").exists():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int((pod / "group").read_text()), signal.SIGTERM)


def annotate(pair: str) -> None:
    """Writes the start into the file of each pod, as the kubelet does: a new file takes the place of the old one."""
    for pod in pods():
        new = pod / "at.new"
        new.write_text(pair.partition("=")[2])
        new.rename(pod / "at")


def count(state: str) -> int:
    """Number of pods that run and have not ended, or that failed."""
    ended = [status.read_text().strip() for pod in pods() if (status := pod / "status").exists()]
    if state == "failed":
        return sum(status != "0" for status in ended)
    return sum((pod / "log").exists() for pod in pods()) - len(ended)


def conditions() -> str:
    """Condition of the Job: of pods that all ended well, or of some that did not."""
    statuses = [status.read_text().strip() for pod in pods() if (status := pod / "status").exists()]
    if len(statuses) < len(pods()):
        return ""
    return "Complete" if set(statuses) == {"0"} else "Failed"


def main() -> None:
    """Does one command of kubectl."""
    words = [word for word in sys.argv[1:] if word not in ("--namespace", os.environ.get("PLIMSOLL_NAMESPACE"))]
    match words:
        case ["delete", "job", "plimsoll", *_]:
            delete()
        case ["apply", "-k", _]:
            apply()
        case ["get", "job", "plimsoll", "-o", "jsonpath={.spec.completions}"]:
            print(len(pods()), end="")
        case ["get", "job", "plimsoll", "-o", path] if "status.conditions" in path:
            print(conditions(), end="")
        case ["get", "job", "plimsoll", "-o", "jsonpath={.status.ready}" | "jsonpath={.status.failed}" as path]:
            print(count(path.removesuffix("}").rpartition(".")[2]) or "", end="")
        case ["annotate", "pods", "-l", _, "--overwrite", pair]:
            annotate(pair)
        case ["logs", "-l", _, "--tail=-1" | "--tail=20"]:
            for pod in pods():
                print((pod / "log").read_text(), end="")
        case _:
            sys.exit(f"the stand-in does not know: kubectl {' '.join(sys.argv[1:])}")


if __name__ == "__main__":
    main()
