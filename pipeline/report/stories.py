"""The stories of a whole run, photo by photo, in one pass over its folder."""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from pipeline.config import RunConfig
from pipeline.inspection import run_config
from pipeline.records import Rejected, Searched, Task, Traced
from pipeline.stages import STAGES
from pipeline.store import Store
from pipeline.story import Story, told

_KNOWN: tuple[tuple[str, type[Task | Searched | Traced]], ...] = (
    ("propose", Task), ("screen", Task), ("search", Searched), ("summarize", Traced)
)  # fmt: skip
"""What each stage makes of a task; of two stages the later knows more."""


class _Bug(NamedTuple):
    stage: str
    traceback: str


_Told = tuple[str, Task | Searched | Traced | Rejected | _Bug]
"""An id and one thing that the run knows of it."""


def stories(run: Path) -> Iterator[list[Story]]:
    """Every task and every reject as far as it came, those of one photo together, in order of id.

    A few photos are in memory at a time. Raises ConfigError if the folder is no run.
    """
    config, store = run_config(run), Store(run)
    streams = [_made(store, stage, kind) for stage, kind in _KNOWN]
    streams += [aside(store, stage.name) for stage in STAGES for aside in (_rejects, _bugs)]
    for _, things in groupby(merge(*streams, key=_photo), key=_photo):
        yield list(_of_photo(config, things))


def _photo(thing: _Told) -> str:
    """The photo that an id speaks of, which its children's ids begin with."""
    return thing[0].partition("-")[0]


def _made(store: Store, stage: str, kind: type[Task | Searched | Traced]) -> Iterator[_Told]:
    for _, content in store.outcomes(stage):
        for record in content["records"]:
            yield record["id"], kind.model_validate(record)


def _rejects(store: Store, stage: str) -> Iterator[_Told]:
    return ((reject.id, reject) for reject in store.rejected(stage))


def _bugs(store: Store, stage: str) -> Iterator[_Told]:
    return ((identity, _Bug(stage, content["traceback"])) for identity, content in store.failed(stage))


def _of_photo(config: RunConfig, things: Iterable[_Told]) -> Iterator[Story]:
    """The stories of one photo; what is told comes in order of the stages."""
    known: dict[str, Task | Searched | Traced] = {}
    rejects: dict[str, Rejected] = {}
    bugs: dict[str, _Bug] = {}
    for identity, thing in things:
        match thing:
            case Rejected():
                rejects[identity] = thing
            case _Bug():
                bugs[identity] = thing
            case _:
                known[identity] = thing
    for identity in sorted(known.keys() | rejects.keys() | bugs.keys()):
        yield told(config, identity, known.get(identity), rejects.get(identity), bugs.get(identity))
