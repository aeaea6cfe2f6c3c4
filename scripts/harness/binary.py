"""The plimsoll command: found or built, its documents, its servers."""

import argparse
import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness import cargo, commands, servers
from harness.checks import holds

Document = dict[str, Any]


class Binary:
    """A plimsoll command."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    def version(self) -> str:
        """Name and version."""
        return commands.output_of([self.path, "--version"]).strip()

    def commit(self) -> str:
        """Short hash of the commit that the command was built from, `unknown` for a build outside git."""
        result = self.run("-n", "1", "-c", "1", "-w", "0s")
        return str(result["plimsoll"]["commit"] or "unknown")[:7]

    def document(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> tuple[int, Document]:
        """Exit status and JSON document of a subcommand, whatever its exit status."""
        command = [self.path, *arguments, "-q", "-O", "json"]
        done = commands.finished(command, statuses=None, environment=environment)
        try:
            document: Document = json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise commands.CommandError(
                f"{commands.written(command)}\nended with status {done.returncode} and printed no JSON document:\n"
                f"{commands.tail(done.stdout, done.stderr)}"
            ) from error
        return done.returncode, document

    def run(self, *arguments: str | Path) -> Document:
        """Result of a load test, whose calls are all accounted for."""
        return conserved(self.document("run", *arguments)[1])

    @contextlib.contextmanager
    def serve(self, *arguments: str) -> Iterator[servers.Server]:
        """A reference server at a free port."""
        with servers.listening([self.path, "serve", "--listen", "127.0.0.1:0", *arguments]) as server:
            yield server


def conserved(result: Document) -> Document:
    """The result; fails unless each planned call has exactly one outcome."""
    calls = result["calls"]
    outcomes = sum(count for name, count in calls.items() if name != "planned")
    holds(calls["planned"] == outcomes, f"{outcomes} outcomes of {calls['planned']} planned calls: {calls}")
    return result


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Adds the path of the command to a parser."""
    parser.add_argument("binary", nargs="?", type=Path, help="the plimsoll command; built in release when left out")


def of(arguments: argparse.Namespace) -> Binary:
    """The command that was named, or else a release build of this repository."""
    if arguments.binary is not None:
        return Binary(arguments.binary)
    return built()


def built() -> Binary:
    """A release build of this repository."""
    cargo.build("--release", "--bin", "plimsoll")
    return Binary(cargo.target_folder() / "release" / "plimsoll")
