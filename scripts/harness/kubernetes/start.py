"""Shards of a load test as pods of an Indexed Job: the manifests, run.sh, and a real cluster if there is one.

Without --cluster: renders `deploy/kubernetes` with `kubectl kustomize`, validates the result against the schemas of
Kubernetes, and runs run.sh with a stand-in for kubectl, whose pods are processes of this machine with the command, the
variables and the start file of the rendered Job. With --cluster IMAGE: also runs run.sh in the cluster that kubectl
points to, in a namespace of its own, with a reference server in it. IMAGE is the image of the Dockerfile, as that
cluster finds it. Ends with `kubernetes: N passed, N failed, N skipped`; the exit status is 77 without kubectl 1.27 or
later.
"""

import re
import shutil
import sys
from pathlib import Path

from harness import binary, command_line, commands, environments
from harness.checks import MISSING_TOOL

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
# The first with `kubectl wait --for=jsonpath` and kustomize's replacements as used here.
OLDEST_KUBECTL = (1, 27)


def missing_kubectl() -> str | None:
    """Reason why kubectl cannot be used; None if it can."""
    if shutil.which("kubectl") is None:
        return "no kubectl here"
    shown = commands.finished(["kubectl", "version", "--client"], statuses=None).stdout
    found = re.search(r"v(\d+)\.(\d+)", shown)
    version = tuple(map(int, found.groups())) if found else ()
    return None if version >= OLDEST_KUBECTL else f"kubectl {version} is too old: 1.27 or later"


def main() -> int:
    """Makes the environment, and runs the checks in it; exit status."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    parser.add_argument("--cluster", metavar="IMAGE", help="use the cluster that kubectl points to, with this image")
    arguments = parser.parse_args()
    if reason := missing_kubectl():
        print(f"SKIPPED kubernetes: {reason}", file=sys.stderr)
        return MISSING_TOOL
    python = environments.make("kubernetes", REQUIREMENTS)
    plimsoll = binary.of(arguments)
    image = ["--cluster", arguments.cluster] if arguments.cluster else []
    return environments.run_module(python, "harness.kubernetes.checks", [plimsoll.path, *image])
