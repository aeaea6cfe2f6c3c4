"""`check-report`: pages in a real browser."""
