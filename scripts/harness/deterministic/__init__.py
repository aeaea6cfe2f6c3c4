"""Counts that are equal in each run of equal code: sizes that pass, allocations, instructions."""
