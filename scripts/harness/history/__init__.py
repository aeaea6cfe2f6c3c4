"""Change points in a history of gate ratios."""
