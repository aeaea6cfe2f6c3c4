"""Reports of a gate, read by the programs that they are for."""
