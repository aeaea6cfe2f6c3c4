"""Sizes in bytes, written for people."""

KIB = 1 << 10
MIB = 1 << 20


def size(value: int | None) -> str:
    """A size in the largest unit that divides it; `-` for none."""
    if value is None:
        return "-"
    for unit, name in ((MIB, "MiB"), (KIB, "KiB")):
        if value >= unit and value % unit == 0:
            return f"{value // unit} {name}"
    return f"{value:,} B"
