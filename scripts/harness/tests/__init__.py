"""Tests of the package itself: `scripts/lint` runs them. They need no plimsoll command."""
