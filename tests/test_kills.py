"""Ten kills at random moments of each kind of process: what a run makes is what an undisturbed one makes.

By hand or at night: `make test-long`.
"""

import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.store import Store
from tests.flows import flow
from tests.nodes import Nodes, running_nodes
from tests.runs import ROOT, Oracle, Run, alive, asking, cof, files, keys_of, oracle, photos, until

pytestmark = [pytest.mark.ray, pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(3000)]

PHOTOS, REQUESTS = 12, 12 * 29
KILLS = 10


class Scene(NamedTuple):
    """What the kinds of kills share."""

    images: Path
    nodes: Nodes
    undisturbed: dict[str, str]
    """Records and rejects."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    root = tmp_path_factory.mktemp("kills")
    images = photos(root / "photos", PHOTOS)
    with oracle() as (_, script):
        undisturbed = kept(flow(script.url, root / "undisturbed", images).folder)
    with running_nodes(3, root) as nodes:
        yield Scene(images, nodes, undisturbed)


def kept(folder: Path) -> dict[str, str]:
    return files(folder, "records", "rejected")


def moments(seed: int) -> list[int]:
    """Numbers of answered requests at which something is killed."""
    return sorted(random.Random(seed).sample(range(5, REQUESTS - 40), KILLS))


def battered(scene: Scene, folder: Path, seed: int, kill: Callable[[], None]) -> Oracle:
    """A run to its end in which `kill` is called at ten random moments."""
    with oracle() as (teacher, script):
        with Run(asking(script.url, folder, scene.images), cwd=ROOT, **scene.nodes.environment) as run:
            for moment in moments(seed):
                come(run, teacher, moment)
                kill()
            ended = run.end()
        assert ended.code == 0, ended
        return teacher


def come(run: Run, teacher: Oracle, moment: int) -> None:
    """Wait until so many requests are answered."""
    until(lambda: len(teacher.answered) >= moment or run.process.poll() is not None, f"request {moment}")
    assert len(teacher.answered) >= moment, run.end()


def one_of(scene: Scene, name: str, rng: random.Random) -> Callable[[], None]:
    """What kills a random process of this name, somewhere in the cluster."""

    def kill() -> None:
        found: set[int] = set()

        def there() -> bool:
            found.update(set().union(*scene.nodes.processes(name)))
            return bool(alive(found))

        until(there, f"a process {name}")
        os.kill(rng.choice(sorted(alive(found))), signal.SIGKILL)

    return kill


def assert_nothing_lost(scene: Scene, folder: Path, teacher: Oracle, in_flight: int) -> None:
    """The same records, each answer kept once, and no more paid again than may have been on its way."""
    assert kept(folder) == scene.undisturbed
    keys = Counter(keys_of(Store(folder)))
    assert set(keys.values()) == {1}
    assert len(keys) == REQUESTS
    again = len(teacher.answered) - len(set(teacher.answered))
    print(f"paid again: {again} of {REQUESTS}, at {KILLS} kills")
    assert again <= KILLS * in_flight


def test_workers_may_die_at_ten_random_moments(scene: Scene, tmp_path: Path) -> None:
    teacher = battered(scene, tmp_path / "run", 1, one_of(scene, "ray::MapWorker", random.Random(1)))
    assert_nothing_lost(scene, tmp_path / "run", teacher, in_flight=8)


def test_the_gate_may_die_at_ten_random_moments(scene: Scene, tmp_path: Path) -> None:
    teacher = battered(scene, tmp_path / "run", 2, one_of(scene, "ray::Gatekeeper", random.Random(2)))
    assert_nothing_lost(scene, tmp_path / "run", teacher, in_flight=0)


def test_nodes_may_be_lost_at_ten_random_moments(scene: Scene, tmp_path: Path) -> None:
    def lose() -> None:
        scene.nodes.lose()
        scene.nodes.add()

    teacher = battered(scene, tmp_path / "run", 3, lose)
    assert_nothing_lost(scene, tmp_path / "run", teacher, in_flight=40)


def test_the_driver_may_die_at_ten_random_moments(scene: Scene, tmp_path: Path) -> None:
    with oracle() as (teacher, script):
        command = asking(script.url, tmp_path / "run", scene.images)
        for moment in moments(4):
            with Run(command, cwd=ROOT, **scene.nodes.environment) as run:
                come(run, teacher, moment)
                run.kill()
        ended = cof(*command, **scene.nodes.environment)
        assert ended.code == 0, ended
        assert_nothing_lost(scene, tmp_path / "run", teacher, in_flight=40)
