"""`report-readers`: the formats of a run, read by other programs."""
