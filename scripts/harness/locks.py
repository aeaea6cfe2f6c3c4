"""Locks between programs of this repository that run at the same time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from harness.repository import TARGET


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Waits until no other program holds the lock `name`, and holds it: of two, one makes what both need."""
    TARGET.mkdir(exist_ok=True)
    with (TARGET / f"{name}.lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
