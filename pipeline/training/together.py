"""Several processes that train one model, each on its share of every batch: who they are, and who writes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def is_first() -> bool:
    """Whether this process writes what all of them have in common; true where there is no other."""
    return int(os.environ.get("RANK", "0")) == 0


def processes() -> int:
    """How many train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


@contextmanager
def together(rank: int, count: int, meeting: str) -> Iterator[None]:
    """Be one of `count` processes on this machine's CPUs that meet through a file nobody has written yet.

    For the rest of this process's life: accelerate reads who it is from the variables that torchrun sets, once.
    """
    from torch import distributed

    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    os.environ.update({name: str(number) for name, number in place.items()})
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=count)
    try:
        yield
    finally:
        distributed.destroy_process_group()  # Also after an error: the others would wait for this one.
