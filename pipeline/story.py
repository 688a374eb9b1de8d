"""Everything a run knows of one task or reject, found by its id or by the beginning of it."""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agents.boxes import Box
from agents.dialects import settle
from agents.trace import Trace
from agents.trajectory import Step, Trajectory
from pipeline.config import ConfigError, RunConfig
from pipeline.export.rows import settled
from pipeline.inspection import find, run_config
from pipeline.records import Rejected, Searched, Task, Traced
from pipeline.stages import STAGES
from pipeline.store import Store


class Story(NamedTuple):
    """One task as far as it came."""

    id: str
    config: RunConfig
    task: Task | None
    """None for what was set aside before it was a task."""
    trajectory: Trajectory | None
    """Also that of a search which found no accepted answer."""
    trace: Trace | None
    """As it is exported: its boxes as their frame can write them."""
    reject: Rejected | None
    bug: tuple[str, str] | None
    """Stage and traceback, where a record met one."""
    kept: frozenset[Box] = frozenset()
    """Boxes of the looks that led to the answer, as the agent had them."""

    @property
    def status(self) -> str:
        if self.reject:
            return f"set aside by {self.reject.stage}: {self.reject.reason}"
        if self.bug:
            return f"met a bug in {self.bug[0]}"
        if self.trace is None:
            return "not finished yet"
        looks = len(self.trace.zooms)
        return f"a trace with {looks} zoom{'s' * (looks > 1)}" if looks else "a trace without a zoom"

    def led_astray(self, step: Step) -> bool:
        """Whether a look is not part of the trace that came of the search."""
        box = step.box or (step.view and step.view.box)
        return self.trace is not None and step.view is not None and box not in self.kept


def story_of(run: Path, identity: str) -> Story:
    """What a run knows of an id, or of the only id that begins so.

    Raises ConfigError if the folder is no run, and if no id or several fit, naming the nearest.
    """
    config, store = run_config(run), Store(run)
    identity = _resolve(store, identity)
    known = find(run, identity) or _proposed(store, identity)
    return told(config, identity, known, next(_rejects(store, identity), None), _bug(store, identity))


def told(
    config: RunConfig,
    identity: str,
    known: Task | Searched | Traced | None,
    reject: Rejected | None,
    bug: tuple[str, str] | None,
) -> Story:
    """The story of an id, from the furthest record that there is of it, its reject and its bug."""
    story = Story(identity, config, None, None, None, reject, bug)
    match known:
        case Traced(task=task, trajectory=trajectory, trace=trace):
            exported = settle(trace, task.setting(config.zoom, config.export.frame))
            left_out = settled(known, config.exporting)
            reject = left_out if isinstance(left_out, Rejected) else reject
            kept = frozenset(trace.boxes)
            return story._replace(task=task, trajectory=trajectory, trace=exported, reject=reject, kept=kept)
        case Searched(task=task, trajectory=trajectory):
            return story._replace(task=task, trajectory=trajectory)
    return story._replace(task=known, trajectory=_vain(reject))


def _resolve(store: Store, wanted: str) -> str:
    ids = sorted(_ids(store))
    fitting = [wanted] if wanted in ids else [one for one in ids if wanted and one.startswith(wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        shown = ", ".join(fitting[:8]) + (", ..." if len(fitting) > 8 else "")
        raise ConfigError(f"{len(fitting)} ids of {store.folder} begin with {wanted!r}: {shown}.")
    nearest = ", ".join(difflib.get_close_matches(wanted, ids, n=5, cutoff=0) or ["none: the run is empty"])
    raise ConfigError(f"{store.folder} knows no {wanted!r}. Nearest ids: {nearest}.")


def _ids(store: Store) -> set[str]:
    """Ids of every task, and of everything that was set aside or met a bug."""
    tasks = {record["id"] for _, content in store.outcomes("propose") for record in content["records"]}
    aside = {one for kind in ("rejected", "failed") for stage in STAGES for one in store.ids(kind, stage.name)}
    return tasks | aside


def _rejects(store: Store, identity: str) -> Iterator[Rejected]:
    for stage in STAGES:
        content = store.read_json(f"rejected/{stage.name}/{identity[:2]}/{identity}.json")
        if content is not None:
            yield Rejected.model_validate(content)


def _bug(store: Store, identity: str) -> tuple[str, str] | None:
    for stage in STAGES:
        content = store.read_json(f"failed/{stage.name}/{identity[:2]}/{identity}.json")
        if content is not None:
            return stage.name, content["traceback"]
    return None


def _proposed(store: Store, identity: str) -> Task | None:
    """A task that was never screened to its end."""
    for record in store.finished("propose", identity.partition("-")[0]) or ():
        task = Task.model_validate_json(record)
        if task.id == identity:
            return task
    return None


def _vain(reject: Rejected | None) -> Trajectory | None:
    """The trajectory of a search that was set aside, which is its evidence."""
    told = reject.evidence.get("trajectory") if reject else None
    return Trajectory.model_validate(told) if told else None
