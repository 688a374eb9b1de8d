"""The export's shards on Ray Data: each is planned on the driver and written by a task."""

import pickle
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import BaseModel

Plan = TypeVar("Plan", bound=BaseModel)
Done = TypeVar("Done", bound=BaseModel)

FEW = 2
"""So many shards are written sooner than Ray has started a worker for them."""


def on_ray(write: Callable[[Plan], Done], plans: list[Plan]) -> Iterable[Done]:
    """Write each planned shard, many of them in Ray tasks; gives what each came to, in the order of the plans."""
    if len(plans) <= FEW:
        yield from map(write, plans)
        return

    import ray.data

    rows = [{"number": number} for number in range(len(plans))]
    references = [ray.put(plan) for plan in plans]

    def written(row: dict[str, Any]) -> dict[str, Any]:
        done = write(ray.get(references[row["number"]]))
        return {"number": row["number"], "done": pickle.dumps(done)}

    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map(written)
    for row in sorted(dataset.take_all(), key=lambda row: int(row["number"])):
        yield pickle.loads(row["done"])
