"""Size limits of other implementations of gRPC, set and found.

`servers`, `compressed`, `uploads` and `clients` fill a table each; `main` prints them in order.
"""
