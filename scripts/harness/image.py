"""The container image: the static binary, and nothing else. Built without a daemon, and run.

Builds the binary for musl with the profile `image`, and the image of the Dockerfile with buildah. Writes it as
target/plimsoll-image.tar, an OCI archive that docker, podman and skopeo load. With --check: unpacks the image and runs
it with runc, as its user, without network, and checks its size and its result; ends with `image: N passed, N failed`.
Needs Rust with rustup, musl-tools and buildah; for --check also umoci and runc. The exit status is 77 without them.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness import cargo, command_line, commands
from harness.binary import conserved
from harness.checks import MISSING_TOOL, Checks, equal, holds
from harness.commands import Command
from harness.repository import ROOT, TARGET

RUST_TARGET = "x86_64-unknown-linux-musl"
ARCHIVE = TARGET / "plimsoll-image.tar"
BUILDERS = ("rustup", "musl-gcc", "buildah")
RUNNERS = ("umoci", "runc")
LARGEST_BYTES = 15_000_000
CALLS = 2_000


def build_binary() -> Path:
    """The static binary."""
    commands.output_of(["rustup", "target", "add", RUST_TARGET])
    compiler = {**os.environ, f"CC_{RUST_TARGET.replace('-', '_')}": "musl-gcc"}
    cargo.build("--profile", "image", "--target", RUST_TARGET, "--bin", "plimsoll", environment=compiler)
    return cargo.target_folder() / RUST_TARGET / "image" / "plimsoll"


class Store:
    """buildah's store, in a folder of its own: the machine's own images are not touched."""

    def __init__(self, folder: Path) -> None:
        self._flags = ["--storage-driver", "vfs", "--root", str(folder / "root"), "--runroot", str(folder / "run")]

    def buildah(self, *arguments: str | Path) -> str:
        """What a command of buildah prints."""
        return commands.output_of(["buildah", *self._flags, *arguments])


@contextlib.contextmanager
def image(binary: Path) -> Iterator[Path]:
    """An OCI layout with the image; also written as an archive."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        context = folder / "context"
        context.mkdir()
        shutil.copy(binary, context / "plimsoll")
        store = Store(folder)
        store.buildah(
            *("build", "--isolation", "chroot", "--build-arg", "BINARY=plimsoll", "--tag", "plimsoll"),
            *("--file", ROOT / "Dockerfile", context),
        )
        ARCHIVE.unlink(missing_ok=True)
        store.buildah("push", "plimsoll", f"oci-archive:{ARCHIVE}:plimsoll:latest")
        store.buildah("push", "plimsoll", f"oci:{folder / 'layout'}:latest")
        yield folder / "layout"


class Bundle:
    """The unpacked image, and a configuration of runc."""

    def __init__(self, layout: Path, folder: Path) -> None:
        self._folder = folder / "bundle"
        self._state = folder / "state"
        commands.output_of(["umoci", "unpack", "--image", f"{layout}:latest", self._folder])

    def files(self) -> list[str]:
        """Names of the files in the image."""
        root = self._folder / "rootfs"
        return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

    def run(self, *arguments: str) -> str:
        """What the entry point prints with these arguments, without a network."""
        path = self._folder / "config.json"
        configuration = json.loads(path.read_text())
        process = configuration["process"]
        process["terminal"] = False
        process["args"] = [*process["args"][:1], *arguments]
        # The machine's control groups may be of any kind; the image needs none.
        configuration["mounts"] = [mount for mount in configuration["mounts"] if mount["type"] != "cgroup"]
        for of_control_groups in ("resources", "cgroupsPath"):
            configuration["linux"].pop(of_control_groups, None)
        path.write_text(json.dumps(configuration))
        command: Command = ["runc", "--root", self._state, "run", "--bundle", self._folder, "plimsoll-image-check"]
        return commands.output_of(command, seconds=60)


def check(binary: Path, layout: Path) -> int:
    """Runs the image; exit status."""
    checks = Checks("image")
    size = binary.stat().st_size
    checks.holds(f"{size / 1e6:.1f} MB, at most {LARGEST_BYTES / 1e6:.0f} MB", size <= LARGEST_BYTES, size)
    packed = ARCHIVE.stat().st_size
    checks.holds(f"{packed / 1e6:.1f} MB as an archive", packed < size, packed)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Bundle(layout, Path(folder))

        def version() -> None:
            equal(bundle.files(), ["plimsoll"])
            holds(bundle.run("--version").startswith("plimsoll "), "no version")

        def whole_run() -> None:
            result = conserved(json.loads(bundle.run("run", "-n", str(CALLS), "-q", "-O", "json")))
            equal(result["calls"]["answered"], CALLS)

        checks.attempt("it holds one file, which runs", version)
        checks.attempt(f"{CALLS:,} calls with a server of its own, as another user than root", whole_run)
    return checks.close()


def main() -> int:
    """Builds the image, and checks it if asked to; exit status."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--check", action="store_true", help="run the image, and check its size and its result")
    arguments = parser.parse_args()
    needed = (*BUILDERS, *(RUNNERS if arguments.check else ()))
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        print(f"SKIPPED image: no {', '.join(missing)} here", file=sys.stderr)
        return MISSING_TOOL
    binary = build_binary()
    with image(binary) as layout:
        print(f"{ARCHIVE.relative_to(ROOT)}: {ARCHIVE.stat().st_size / 1e6:.1f} MB", flush=True)
        return check(binary, layout) if arguments.check else 0
