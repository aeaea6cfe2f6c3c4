"""Markdown tables."""

import sys
from typing import TextIO


def cell(value: object) -> str:
    """Text of a cell: a bar would end it."""
    return str(value).replace("|", "\\|")


def row(*cells: object, out: TextIO | None = None) -> None:
    """Prints a row. It appears at once: a table may take minutes to fill."""
    print("| " + " | ".join(map(cell, cells)) + " |", file=out or sys.stdout, flush=True)


def header(*names: str, out: TextIO | None = None) -> None:
    """Prints the head of a table."""
    row(*names, out=out)
    print("|" + "---|" * len(names), file=out or sys.stdout, flush=True)


def yes(value: bool | None) -> str:
    """A word for a condition that should hold; `-` where it is not known."""
    return {True: "yes", False: "**no**", None: "-"}[value]
