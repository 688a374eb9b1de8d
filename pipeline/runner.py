"""A run from photos to dataset: what `synthesize` does."""

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import prompts
from pipeline import sources
from pipeline.acquaintance import acquainted
from pipeline.config import ConfigError, RunConfig, fixed
from pipeline.distinct import Distinct
from pipeline.estimate import Estimate, estimate
from pipeline.flow import stream
from pipeline.gatekeeper import start_gate
from pipeline.place import is_here, said_plainly
from pipeline.progress import progress
from pipeline.records import Candidate, ImageRecord, Traced
from pipeline.sam.choice import who_segments, with_checkpoint
from pipeline.session import ray_session, unwrapped
from pipeline.stage import store_of
from pipeline.stages import STAGES
from pipeline.store import Store
from pipeline.summary import Summary, summarize_run
from pipeline.version import code_version

LAST = STAGES[-1].name
WAVE_SLACK = 1.15
"""With a target, photos taken beyond what the yield so far asks for: a second wave costs a start."""


def synthesize(config: RunConfig, say: Callable[[str], None] = print) -> Summary:
    """Make what is missing of a run's dataset, and say what is in it.

    Raises ConfigError, EndpointError or StoreError for the operator. Running a finished run again
    does nothing.
    """
    config = with_checkpoint(config)
    store = store_of(config)
    with store.lock(say):
        _remember(store, config)
        finished = store.read_json("summary.json")
        if finished is not None:
            return Summary.model_validate(finished)
        photos = _photos(config, say)
        with _workplace(config, say) as ready:
            _flow(ready, photos, say)
            say("export")
            exported = _export(ready, photos)
        store.sweep()
        summary = summarize_run(store, config, exported)
        if not summary.failed:
            store.write_json("summary.json", summary.model_dump(mode="json"))
        return summary


def pilot(config: RunConfig, count: int, say: Callable[[str], None] = print) -> Estimate:
    """Take the first photos of a run through all stages, and say what the whole run will cost.

    They count: the run itself goes on from there. Raises what `synthesize` raises.
    """
    config = with_checkpoint(config)
    store = store_of(config)
    with store.lock(say):
        _remember(store, config)
        photos = _photos(config, say)
        first = photos[:count]
        with _workplace(config, say) as ready:
            _flow(ready, first, say)
        return estimate(store, list(_image_ids(store, first)), len(first), len(photos))


def _photos(config: RunConfig, say: Callable[[str], None]) -> Sequence[Candidate]:
    photos = sources.candidates(config.sample, _images(config, say), config.seed, index_folder(config), say)
    say(f"{len(photos)} photos, run folder {config.folder}")
    if told := who_segments(config, photos):
        say(told)
    return photos


@contextmanager
def _workplace(config: RunConfig, say: Callable[[str], None]) -> Iterator[RunConfig]:
    """A Ray session, a teacher and SAM; gives the configuration with the teacher's address and abilities in it."""
    from pipeline.sam.pool import running_sam
    from pipeline.teacher.launch import running_teacher
    from pipeline.teacher.server import TeacherConfig

    with ExitStack() as stack:
        if config.teacher.local and not config.runtime.replay:
            threads = config.runtime.local_teacher_threads
            url = stack.enter_context(running_teacher(TeacherConfig(threads=threads)))
            # What is sent beyond these would wait at the teacher, against its deadline.
            most = min(2 * threads, config.teacher.limits.concurrency)
            limits = config.teacher.limits.model_copy(update={"concurrency": most})
            teacher = config.teacher.model_copy(update={"base_url": url, "limits": limits})
            config = config.model_copy(update={"teacher": teacher})
        elif not config.runtime.replay:
            config = acquainted(config, store_of(config), say)
        stack.enter_context(ray_session(config.runtime))
        if config.segmenter.checkpoint and not config.runtime.replay:
            stack.enter_context(running_sam(config.segmenter))
        yield config


def _flow(config: RunConfig, photos: Sequence[Candidate], say: Callable[[str], None]) -> None:
    """All photos through all stages; with a target, wave after wave until it is reached."""
    names = [stage.name for stage in STAGES]
    started = 0
    # The local teacher is ours alone and refuses nobody.
    gate = None if config.teacher.local else start_gate(config.teacher, config.folder)
    near = config.sample.near_duplicates
    distinct = Distinct(config, near) if near else None
    with progress(names, len(photos), config.runtime.progress_seconds) as meter:
        while started < len(photos):
            wave = photos[started : started + _wave(config, started, len(photos))]
            started += len(wave)
            if distinct:
                distinct.settle(wave)
            for _ in stream(wave, STAGES, config, meter, gate):
                pass
            if config.target is not None and len(_chosen(config, photos)) >= config.target:
                say(f"target of {config.target} traces reached after {started} photos")
                return


def _wave(config: RunConfig, started: int, photos: int) -> int:
    """How many photos to take next."""
    if config.target is None:
        return photos
    made = sum(1 for _ in store_of(config).outcomes(LAST))
    if not started or not made:
        return max(4, config.target // 4)
    return max(2, int(WAVE_SLACK * (config.target - made) * started / made))


def _chosen(config: RunConfig, photos: Sequence[Candidate]) -> list[str]:
    """Ids of the traces to export, in order of id.

    With a target they are those of the first photos that reach it, so that the choice does not
    depend on how far the run went beyond.
    """
    store = store_of(config)
    done = sorted(record["id"] for _, content in store.outcomes(LAST) for record in content["records"])
    if config.target is None:
        return done
    order = {image: number for number, image in enumerate(_image_ids(store, photos))}
    first = sorted(done, key=lambda identity: (order[identity.partition("-")[0]], identity))
    return sorted(first[: config.target])


def _image_ids(store: Store, photos: Sequence[Candidate]) -> Iterator[str]:
    for photo in photos:
        for record in store.finished("sample", photo.id) or ():
            yield ImageRecord.model_validate_json(record).id


def _export(config: RunConfig, photos: Sequence[Candidate]) -> Any:
    from pipeline.export import export
    from pipeline.facts import card_facts
    from pipeline.shards import on_ray

    store = store_of(config)
    chosen = _chosen(config, photos)

    def traced() -> Iterator[Traced]:
        for identity in chosen:
            for record in store.finished(LAST, identity) or ():
                yield Traced.model_validate_json(record)

    with said_plainly(config.folder), unwrapped():
        return export(traced(), config.exporting, config.folder / "dataset", card_facts(store, config), on_ray)


def _images(config: RunConfig, say: Callable[[str], None]) -> str | list[str]:
    """Where the photos are; draws the sample set first where it is asked for."""
    if config.sample.images != "drawn":
        return config.sample.images
    from pipeline.scenes import draw_scenes

    folder, truth = drawn_folders(config)
    count = config.sample.count or 40
    say(f"drawing {count} sample scenes in {folder}")
    draw_scenes(folder, truth, count, config.seed, workers=os.cpu_count() or 1)
    return str(folder)


def index_folder(config: RunConfig) -> Path:
    """Where the indexes of tars lie: beside the run, so that other runs find them."""
    beside = config.folder if is_here(config.folder) else Path("outputs", config.folder.name)
    return Path(config.sample.index) if config.sample.index else beside.parent / "index"


def drawn_folders(config: RunConfig) -> tuple[Path, Path]:
    """Where the drawn sample set lies, and where, apart from it, what was really drawn."""
    name = f"drawn-{config.seed}-{config.sample.count or 40}"
    return config.folder.parent / name, config.folder.parent / f"{name}-truth"


def _remember(store: Store, config: RunConfig) -> None:
    """Keep the configuration with the run; raises ConfigError if the folder was made with another."""
    known = store.read_json("run.json")
    now: dict[str, Any] = {
        "config": fixed(config),
        "prompts": prompts.hashes(),
        "code": code_version(),
        "python": platform.python_version(),
    }
    if known is None:
        store.write_json("run.json", now)
        return
    for part in ("config", "prompts"):
        changed = [key for key in {**known[part], **now[part]} if known[part].get(key) != now[part].get(key)]
        if changed:
            key = sorted(changed)[0]
            raise ConfigError(
                f"{store.folder} was made with another {part[:6]}: {key} was {known[part].get(key)!r}, "
                f"is now {now[part].get(key)!r}. Choose another out=, or remove the folder."
            )
