"""Any unary method: servers of other implementations, and checks of what Plimsoll prints about them."""
