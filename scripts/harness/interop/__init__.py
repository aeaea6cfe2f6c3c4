"""Checks against other implementations of gRPC, against proxies, and against readers of reports."""
