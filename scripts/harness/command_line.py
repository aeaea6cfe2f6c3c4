"""Command lines."""

import argparse


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser whose help begins with a module's description, as it is written."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
