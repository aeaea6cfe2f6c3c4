"""Calls to and from Python's gRPC, in both directions."""
