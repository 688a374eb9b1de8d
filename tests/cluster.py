"""A Ray cluster for many runs: `python -m tests.cluster` prints its address, and ends when its input does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.config import RuntimeConfig
from pipeline.session import ray_session
from tests.children import child


@contextmanager
def running_cluster() -> Iterator[str]:
    """The address of a cluster that lives as long as the block."""
    with child("cluster") as cluster:
        yield cluster.told()


def main() -> None:
    import ray

    with ray_session(RuntimeConfig(cpus=2)):
        print(ray.get_runtime_context().gcs_address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
