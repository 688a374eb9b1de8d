"""A Ray cluster of several nodes on this machine, which may lose some: each has a raylet and an object store."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.session import ray_settings
from tests.children import Child, child
from tests.runs import called, descendants

STORE_BYTES = 80 * 2**20


class Nodes:
    """A cluster in a process of its own, which does as it is told on its standard input."""

    def __init__(self, cluster: Child) -> None:
        self._cluster = cluster
        self.environment = {"RAY_ADDRESS": cluster.told()}

    def lose(self) -> None:
        """Kill all processes of a node that is not the head, workers first to last, as a power cut does."""
        self._cluster.do("lose")

    def add(self) -> None:
        """Have a fresh node join."""
        self._cluster.do("add")

    def processes(self, name: str) -> list[set[int]]:
        """Those of each node, the head first, that are called so: `ray::MapWorker` are the stages' workers."""
        return [set(called(descendants(raylet), name)) for raylet in map(int, self._cluster.do("raylets").split())]


@contextmanager
def running_nodes(count: int, folder: Path) -> Iterator[Nodes]:
    """A cluster of so many nodes while the block runs; `folder` is where its processes work."""
    # Ray notes in there which cluster is running; other sessions of this machine have another place.
    place = TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)
    with place as files, child("nodes", count, cwd=folder, RAY_TMPDIR=files) as cluster:
        yield Nodes(cluster)


def main() -> None:
    ray_settings()
    from ray.cluster_utils import Cluster

    size: Any = {"num_cpus": 2, "object_store_memory": STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args={**size, "include_dashboard": False})
    for _ in range(int(sys.argv[1]) - 1):
        cluster.add_node(**size)
    print(cluster.address, flush=True)
    for line in sys.stdin:
        match line.strip():
            case "lose":
                cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
                print("lost", flush=True)
            case "add":
                cluster.add_node(**size)
                print("there", flush=True)
            case "raylets":
                nodes = [cluster.head_node, *cluster.worker_nodes]
                print(*(node.all_processes["raylet"][0].process.pid for node in nodes), flush=True)
    cluster.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
