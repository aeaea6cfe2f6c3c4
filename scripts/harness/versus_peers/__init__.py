"""Plimsoll's clients next to other load generators, on one server, in alternating rounds."""
