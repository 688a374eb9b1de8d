"""The stages on Ray Data: photos stream to workers, each of which takes its own through all of them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pipeline.config import RunConfig
from pipeline.session import end_with_parent, unwrapped
from pipeline.stage import Stage, Worker

if TYPE_CHECKING:
    from pyarrow import Table
    from ray.data import Dataset

ROWS_AT_ONCE = 20_000
"""Records handed to Ray at a time. Ray Data keeps some 5 kB for each block that ever was as long as a dataset runs;
so what the driver holds does not grow with the run. Workers are started anew for each dataset, which takes seconds."""
ROWS_A_BLOCK = 8
"""Records that travel together, at most: Ray Data does as much for a block of one as for a block of eight."""
_ACTOR_CPUS = 0.5
"""A worker waits on the endpoint much of the time; Ray spreads over the nodes what it takes for busy."""


def stream(
    records: Iterable[BaseModel],
    stages: Sequence[type[Stage]],
    config: RunConfig,
    meter: Any = None,
    gate: Any = None,
) -> Iterator[str]:
    """Send records through the stages; yields the JSON of what comes out of the last as it comes.

    All workers report to the actor `meter` and pass through the actor `gate`, where they are given.
    Raises what a worker raised for the operator: ConfigError, EndpointError, StoreError.
    """
    for rows in _portions(records):
        yield from _stream(rows, stages, config, meter, gate)


def _portions(records: Iterable[BaseModel]) -> Iterator[list[dict[str, str]]]:
    rows: list[dict[str, str]] = []
    for record in records:
        rows.append({"record": record.model_dump_json()})
        if len(rows) == ROWS_AT_ONCE:
            yield rows
            rows = []
    if rows:
        yield rows


def _stream(
    rows: list[dict[str, str]], stages: Sequence[type[Stage]], config: RunConfig, meter: Any, gate: Any
) -> Iterator[str]:
    import ray.data
    from ray.data import ActorPoolStrategy

    runtime = config.runtime
    blocks = math.ceil(len(rows) / _rows_a_block(len(rows), runtime.workers * runtime.photos))
    # A worker is given no more than it works on, so that those that come up later, on other nodes, have their share.
    pool = ActorPoolStrategy(
        size=min(runtime.workers, blocks),
        max_tasks_in_flight_per_actor=runtime.photos,
        max_concurrent_calls_per_actor=runtime.photos,
    )
    dataset: Dataset = ray.data.from_items(rows, override_num_blocks=blocks).map_batches(
        _Bound,
        fn_constructor_args=(stages, config, meter, gate),
        batch_size=None,
        compute=pool,
        num_cpus=_ACTOR_CPUS,
    )
    with unwrapped():
        # Batches would come with a thread for each dataset that never ends (Ray 2.60).
        for bundle in dataset.iter_internal_ref_bundles():
            for block in ray.get(bundle.block_refs):
                yield from _texts(block)


def _texts(block: "Table") -> list[str]:
    """The records of a block; one that nothing came of has no column."""
    return block["record"].to_pylist() if "record" in block.column_names else []


def _rows_a_block(rows: int, places: int) -> int:
    """One where records are few: each goes on as soon as it is done, whatever its neighbours do.

    Where there are many, no place stands empty because of those who wait for the slowest of their block.
    """
    return max(1, min(ROWS_A_BLOCK, rows // (2 * places)))


class _Bound(Worker):
    """A worker that dies with the process that started it."""

    def __init__(self, stages: Sequence[type[Stage]], config: RunConfig, meter: Any, gate: Any) -> None:
        end_with_parent()
        super().__init__(stages, config, meter, gate)
