"""`slurm-check`: shards of a load test as tasks of a real Slurm."""
