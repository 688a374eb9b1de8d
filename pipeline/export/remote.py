"""A dataset behind a URI: each shard is written on the disk of the node that makes it, and uploaded from there.

A store of objects renames nothing, so the new dataset cannot take the old one's place at once: the card goes first
and comes last. Where there is a card, all it speaks of is there.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from agents.dialects import Dialect
from pipeline import place
from pipeline.export.folder import WORK
from pipeline.export.plan import ShardPlan
from pipeline.export.shard import ShardDone

CARD = "README.md"
TEXTS = (*Dialect, "rl")
"""The formats that shards write a part of, which are then joined."""
Job = Callable[[ShardPlan], ShardDone]


@contextmanager
def published(folder: Path) -> Iterator[Path]:
    """A fresh folder on this machine, whose files are the dataset at `folder` when the block ends well."""
    with TemporaryDirectory(prefix="dataset-") as here:
        fresh = Path(here)
        (fresh / WORK).mkdir()
        place.remove(folder / CARD)
        place.remove_all(folder)
        yield fresh
        place.upload(fresh, folder, [path for path in _files(fresh) if path.name != CARD])
        place.upload(fresh, folder, [fresh / CARD])
        place.remove_all(folder / WORK)


def write_there(job: Job, folder: Path, plan: ShardPlan) -> ShardDone:
    """Do the job of a plan on this machine's disk, and upload what comes of it."""
    with TemporaryDirectory(prefix="shard-") as here:
        local = plan.model_copy(update={"folder": here})
        local.part("items").parent.mkdir()
        _fetch(local.part("items"), folder)
        done = job(local)
        texts = [local.part(kind) for kind in TEXTS]
        place.upload(Path(here), folder, [*_files(Path(here)), *texts])
    return done


def send_items(plans: Iterable[ShardPlan], fresh: Path, folder: Path) -> None:
    """Put what the shards are to be made of where their writers find it."""
    place.upload(fresh, folder, [plan.part("items") for plan in plans])


def fetch_texts(plans: Iterable[ShardPlan], folder: Path) -> None:
    """Bring the parts that are to be joined to this machine."""
    for plan in plans:
        for kind in TEXTS:
            _fetch(plan.part(kind), folder)


def _fetch(part: Path, folder: Path) -> None:
    part.write_bytes(place.read(folder / WORK / part.name) or b"")


def _files(folder: Path) -> list[Path]:
    """Those of the dataset itself."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and WORK not in path.parts]
