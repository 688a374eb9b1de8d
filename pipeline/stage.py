"""What a stage is, and the worker that runs them: finished records are remembered, faults find their addressee."""

import asyncio
import hashlib
import time
import traceback
from abc import ABC, abstractmethod
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from agents.case import Case
from agents.endpoint import Endpoint, Journal, RefusedError, ReplyError
from agents.files import FileError
from agents.gate import Turnstile
from agents.masks import MaskError, Segmenter
from agents.messages import Photo
from agents.photos import PhotoCache, PhotoError
from agents.sender import EndpointError
from agents.teachers import EndpointConfig
from pipeline.config import ConfigError, RunConfig
from pipeline.place import StoreError, place_of
from pipeline.records import ImageRecord, Rejected, Task
from pipeline.remote_gate import RemoteGate
from pipeline.sam.choice import segmenter_of
from pipeline.sam.pool import Pool
from pipeline.store import Outcome, Store

REPORT_SECONDS = 0.5
"""Between two reports of a busy worker to the meter: as often as the table of a terminal is drawn."""


class Reject(Exception):
    """Raised by a stage to set a record aside."""

    def __init__(self, reason: str, **evidence: Any) -> None:
        super().__init__(reason)
        self.reason, self.evidence = reason, evidence


class Desk:
    """What a worker has at hand: configuration, endpoint, and the photos it opened last."""

    def __init__(self, config: RunConfig, gate: Turnstile | None = None) -> None:
        self.config = config
        self.endpoint = Endpoint(_endpoint_config(config), config.runtime.replay is not None, gate)
        self._cache = PhotoCache()
        self._sam = Pool(config.segmenter.actors)
        self._photos: OrderedDict[str, Photo] = OrderedDict()

    def photo(self, image: ImageRecord) -> Photo:
        """The photo of a record; its encoded views are kept while it is among the last ones used."""
        if image.sha256 not in self._photos:
            self._photos[image.sha256] = Photo(image.path, image.sha256, image.size, self._cache)
            while len(self._photos) > 2 * self.config.runtime.photos:
                self._photos.popitem(last=False)
        self._photos.move_to_end(image.sha256)
        return self._photos[image.sha256]

    def segmenter(self, image: ImageRecord, journal: Journal) -> Segmenter:
        """Who answers with regions of a photo; what SAM says is kept in the journal."""
        return segmenter_of(image, self.config, self._sam, journal)

    def case(self, task: Task, journal: Journal, purpose: str) -> Case:
        """Everything needed to work on a task."""
        setting = task.setting(self.config.zoom, self.config.teacher.frame)
        seed = seed_of(self.config.seed, task.id, purpose)
        segmenter = self.segmenter(task.image, journal)
        return Case(self.photo(task.image), setting, task.posed, segmenter, self.endpoint, journal, seed)


class Stage(ABC):
    """One step of the pipeline: a record in, records out, or a Reject."""

    name: ClassVar[str]
    consumes: ClassVar[type[BaseModel]]

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.config = desk.config

    @abstractmethod
    async def process(self, record: Any, journal: Journal) -> tuple[list[Any], list[Rejected]]:
        """What becomes of a record: what goes on, and parts of it that were set aside.

        Raises Reject to set all of it aside. Must be deterministic given the replies in the journal.
        """


class Station:
    """One stage at work, over JSON records."""

    def __init__(self, stage: Stage, store: Store, meter: Any = None) -> None:
        self.stage, self.store, self.meter = stage, store, meter
        self._counts: dict[str, float] = defaultdict(float)
        self._reported = 0.0

    async def work(self, text: str) -> list[str]:
        """The records that come of one, from disk if it was finished before."""
        name = self.stage.name
        record = self.stage.consumes.model_validate_json(text)
        identity: str = record.id  # type: ignore[attr-defined]
        done = await asyncio.to_thread(self.store.finished, name, identity)
        if done is None:
            started = time.monotonic()
            done = await self._process(record, identity)
            await asyncio.to_thread(self.store.time, name, time.monotonic() - started)
        self._count(seen=1, made=len(done))
        return done

    async def _process(self, record: Any, identity: str) -> list[str]:
        name, journal = self.stage.name, self.store.journal(self.stage.name, identity)
        try:
            made, rejects = await self.stage.process(record, journal)
        except (ConfigError, EndpointError, FileError, StoreError):
            raise  # The operator's: the run stops, and goes on from here when it is started again.
        except Reject as reject:
            made, rejects = [], [rejection(name, record, reject.reason, reject.evidence)]
        except (PhotoError, MaskError) as error:
            reason, _, detail = str(error).partition(":")
            made, rejects = [], [rejection(name, record, reason, {"detail": detail.strip()})]
        except ReplyError as error:
            made, rejects = [], [rejection(name, record, "unusable reply", {"detail": str(error)})]
        except RefusedError as error:
            made, rejects = [], [rejection(name, record, "refused by the teacher", {"detail": str(error)})]
        except Exception:  # A bug of ours costs its own record, never the others.
            await asyncio.to_thread(self.store.fail, name, identity, traceback.format_exc())
            self._count(failed=1)
            return []
        outcome = Outcome([one.model_dump_json() for one in made], rejects)
        await asyncio.to_thread(self.store.finish, name, identity, outcome)
        usage = journal.usage
        tokens = usage.prompt_tokens + usage.completion_tokens
        self._count(rejected=len(rejects), calls=usage.calls, tokens=tokens, cost=usage.cost)
        return outcome.records

    def _count(self, **counts: float) -> None:
        for name, number in counts.items():
            self._counts[name] += number
        if time.monotonic() - self._reported > REPORT_SECONDS:
            self.report()

    def report(self) -> None:
        """Tell the meter what was counted since the last time."""
        if self.meter is not None and self._counts:
            self.meter.add.remote(self.stage.name, dict(self._counts))
        self._counts.clear()
        self._reported = time.monotonic()


class Worker:
    """Takes records through stages in one process: a photo is opened, and each picture encoded, once for them all."""

    def __init__(self, stages: Sequence[type[Stage]], config: RunConfig, meter: Any = None, gate: Any = None) -> None:
        self.desk = Desk(config, RemoteGate(gate) if gate is not None else None)
        self.store = store_of(config)
        self._stations = [Station(stage(self.desk), self.store, meter) for stage in stages]
        self._places = asyncio.Semaphore(config.runtime.photos)
        """Records in flight, of whatever batch, with all that comes of them."""

    async def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        made = await asyncio.gather(*(self.work(str(text)) for text in batch["record"]))
        for station in self._stations:
            station.report()
        return {"record": [record for records in made for record in records]}

    async def work(self, text: str) -> list[str]:
        """What comes of a record behind the last stage."""
        async with self._places:
            return await self._through(self._stations, text)

    async def _through(self, stations: Sequence[Station], text: str) -> list[str]:
        """Each record goes on as soon as it is there; none waits for those that were made with it."""
        if not stations:
            return [text]
        first, *others = stations
        made = await asyncio.gather(*(self._through(others, record) for record in await first.work(text)))
        return [record for records in made for record in records]


def rejection(stage: str, record: Any, reason: str, evidence: dict[str, Any]) -> Rejected:
    """A reject of a whole record, with what a person needs to judge it."""
    task = record if isinstance(record, Task) else getattr(record, "task", None)
    if task is not None:
        evidence = {"question": task.question, "answer": task.answer_text, **evidence}
    image = task.image if task is not None else record
    return Rejected(
        id=record.id,
        stage=stage,
        reason=reason,
        evidence={"photo": Path(getattr(image, "path", "")).name, **evidence},
        image=image.id,
    )


def store_of(config: RunConfig) -> Store:
    """The folder of a run, with the one whose answers it replays."""
    return Store(config.folder, place_of(config.runtime.replay) if config.runtime.replay else None)


def seed_of(*parts: object) -> int:
    """A seed that depends on all of its parts and on nothing else."""
    text = ":".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % 2**31


def _endpoint_config(config: RunConfig) -> EndpointConfig:
    names = EndpointConfig.model_fields
    return EndpointConfig(**{name: getattr(config.teacher, name) for name in names})
