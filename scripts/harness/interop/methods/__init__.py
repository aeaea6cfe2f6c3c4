"""Any unary method: servers that nobody here wrote, and checks of what Plimsoll prints about them."""
