"""`kubernetes-check`: shards of a load test as pods of an Indexed Job."""
