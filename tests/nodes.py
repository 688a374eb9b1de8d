"""A Ray cluster of several nodes on this machine, which may lose some: each has a raylet and an object store."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.session import ray_settings
from tests.runs import ROOT, called, descendants

STORE_BYTES = 80 * 2**20


class Nodes:
    """A cluster in a process of its own, which does as it is told on its standard input."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.address = self._told()
        self.environment = {"RAY_ADDRESS": self.address}

    def lose(self) -> None:
        """Kill all processes of a node that is not the head, workers first to last, as a power cut does."""
        self._do("lose")

    def add(self) -> None:
        """Have a fresh node join."""
        self._do("add")

    def processes(self, name: str) -> list[set[int]]:
        """Those of each node, the head first, that are called so: `ray::MapWorker` are the stages' workers."""
        return [set(called(descendants(raylet), name)) for raylet in map(int, self._do("raylets").split())]

    def _do(self, what: str) -> str:
        assert self._process.stdin
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._told()

    def _told(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


@contextmanager
def running_nodes(count: int, folder: Path) -> Iterator[Nodes]:
    """A cluster of so many nodes while the block runs; `folder` is where its processes work."""
    command = [sys.executable, "-m", "tests.nodes", str(count)]
    pipe: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    # Ray notes in there which cluster is running; other sessions of this machine have another place.
    with TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as files:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "RAY_TMPDIR": files}
        with subprocess.Popen(command, cwd=folder, env=env, **pipe) as process:
            assert process.stdin
            try:
                yield Nodes(process)
            finally:
                process.stdin.close()


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
