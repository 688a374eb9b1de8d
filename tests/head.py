"""A Ray head with its dashboard: `python -m tests.head` prints its address, and ends when its input does."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from pipeline.session import ray_settings
from tests.children import child

STORE_BYTES = 80 * 2**20
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a-token-of-this-cluster-alone"}


class Head(NamedTuple):
    """A cluster of one node."""

    address: str
    """Of the dashboard."""
    files: Path
    """Where it keeps logs and whatever else it writes."""

    @property
    def environment(self) -> dict[str, str]:
        """Of whoever talks to it."""
        return {"RAY_ADDRESS": self.address, **TOKEN}


@contextmanager
def running_head(cwd: Path, **environment: str) -> Iterator[Head]:
    """A head that works in a folder and has an environment of its own, while the block runs."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ours = {"PATH": path, "PYTHONFAULTHANDLER": "1", **TOKEN, **environment}
    # What Ray keeps there tells jobs which cluster is theirs; other sessions of this machine have another place.
    place = TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True)
    with place as files, child("head", cwd=cwd, RAY_TMPDIR=files, **ours) as head:
        yield Head(head.told(), Path(files))


def main() -> None:
    ray_settings()
    from ray.cluster_utils import Cluster

    size: Any = {"num_cpus": 2, "object_store_memory": STORE_BYTES}
    dashboard = {"include_dashboard": True, "dashboard_port": 0, "dashboard_agent_listen_port": 0}
    cluster: Any = Cluster(initialize_head=True, head_node_args={**size, **dashboard})
    print(f"http://{cluster.head_node.webui_url}", flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
