"""Change points, as Apache Otava prints them."""

import json
from typing import NamedTuple


class Change(NamedTuple):
    """A metric that changed at a commit."""

    commit: str
    metric: str
    percent: float


def of(document: str) -> list[Change]:
    """Changes in Otava's JSON document."""
    return [
        Change(
            point["attributes"].get("commit", point["time"]),
            change["metric"],
            (float(change["mean_after"]) / float(change["mean_before"]) - 1) * 100,
        )
        for point in json.loads(document)["gate"]
        for change in point["changes"]
    ]
