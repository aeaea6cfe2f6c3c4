"""TLS, client certificates and Unix sockets between Plimsoll and other implementations."""
