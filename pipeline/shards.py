"""The export's shards on Ray Data: each is planned on the driver and written by a task."""

import pickle
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import BaseModel

Plan = TypeVar("Plan", bound=BaseModel)
Done = TypeVar("Done", bound=BaseModel)


def on_ray(write: Callable[[Plan], Done], plans: list[Plan]) -> Iterable[Done]:
    """Write each planned shard in a Ray task; gives what each came to, in the order of the plans."""
    import ray.data

    if not plans:
        return
    rows = [{"number": number} for number in range(len(plans))]
    references = [ray.put(plan) for plan in plans]

    def written(row: dict[str, Any]) -> dict[str, Any]:
        done = write(ray.get(references[row["number"]]))
        return {"number": row["number"], "done": pickle.dumps(done)}

    dataset = ray.data.from_items(rows, override_num_blocks=len(rows)).map(written)
    for row in sorted(dataset.take_all(), key=lambda row: int(row["number"])):
        yield pickle.loads(row["done"])
