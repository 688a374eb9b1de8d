"""Verifying a finished run: every look and every crop made again, every claim of every trace checked anew."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from PIL import Image
from pydantic import ValidationError

from agents.boxes import Box, Size, checked, parse_box, whole
from agents.dialects import Setting
from agents.photos import PhotoError, file_hash, open_photo, pixel_hash, taken
from agents.trace import Focus, Zoom
from agents.trajectory import Step
from agents.views import View, crop_view, render, zoom_view
from pipeline.checks import Fault, check_trace
from pipeline.config import ConfigError, RunConfig
from pipeline.export.rows import Item, settled
from pipeline.inspection import run_config
from pipeline.place import contents, files_below
from pipeline.records import ImageRecord, Searched, Traced
from pipeline.stages import STAGES
from pipeline.store import Store

LAST = STAGES[-1].name
_TOLD = 40
"""Faults named in the text; all of them are in the report."""


class Found(NamedTuple):
    """One thing that is wrong: the id of a trace, or the path of a file of the dataset, and why."""

    id: str
    reason: str


class Report(NamedTuple):
    """What was checked, and all that was found wrong."""

    checked: Counter[str]
    """How many traces, zooming ones, photos, looks, boxes, crops; rows, embedded pictures, files."""
    faults: list[Found]

    @property
    def text(self) -> str:
        """One paragraph, and a line for each fault."""
        n = self.checked
        direct = n["traces"] - n["zooming"]
        paragraph = (
            f"Checked {n['traces']} traces on {n['photos']} photos: {n['looks']} looks of the agent made again from "
            f"their arguments and compared pixel for pixel; {n['boxes']} boxes against the borders of their photos; "
            f"{n['crops']} crops of traces against the box in focus, and the last of each trace against the evidence; "
            f"{n['zooming']} zooming traces for being unanswerable at the posed resolution, and {direct} direct ones "
            f"for being answerable; the words and boxes of all. {self._dataset} {self._verdict}"
        )
        lines = [f"  {found.id}: {found.reason}" for found in self.faults[:_TOLD]]
        more = len(self.faults) - len(lines)
        return "\n".join([paragraph, *lines, *([f"  and {more} more"] if more else [])])

    @property
    def _dataset(self) -> str:
        if not self.checked["rows"]:
            return "There is no dataset yet."
        return (
            f"In the dataset, {self.checked['rows']} rows against their traces, "
            f"and {self.checked['embedded']} pictures in them and {self.checked['files']} files against their names."
        )

    @property
    def _verdict(self) -> str:
        if not self.faults:
            return "Nothing is wrong."
        owners = len({found.id for found in self.faults})
        return f"FAULTS: {len(self.faults)}, in {owners} places:"


def verify_run(run: Path) -> Report:
    """Check every trace of a run and its dataset; raises ConfigError if there is no run or no trace in it."""
    config, store = run_config(run), Store(run)
    report = Report(Counter(), [])
    # A trace's id begins with its photo's, so that the traces of one photo are neighbours.
    for image, group in groupby(_traces(store, report), key=lambda traced: traced.task.image):
        _verify_photo(image, list(group), config, report)
    if not report.checked["traces"] and not report.faults:
        raise ConfigError(f"{run} holds no trace yet. Finish it first: run its `synthesize` again.")
    report.faults.extend(_dataset_faults(store, config, report.checked))
    return report


def _traces(store: Store, report: Report) -> Iterator[Traced]:
    for identity, content in store.outcomes(LAST):
        for record in content["records"]:
            try:
                yield Traced.model_validate(record)
            except ValidationError as error:
                report.faults.append(Found(identity, f"not a trace: {error.errors()[0]['msg']}"))


def _verify_photo(image: ImageRecord, group: list[Traced], config: RunConfig, report: Report) -> None:
    """All traces of one photo, which is opened once."""
    report.checked["photos"] += 1
    photo, why = _opened(image)
    for traced in group:
        reasons = [why] if why else []
        reasons += _claim_faults(traced, config, report.checked)
        for step in traced.trajectory.looks:
            reasons += _look_faults(step, traced.task.setting(config.zoom, config.teacher.frame), photo)
        report.checked["looks"] += len(traced.trajectory.looks)
        report.faults.extend(Found(traced.id, reason) for reason in dict.fromkeys(reasons))


def _opened(image: ImageRecord) -> tuple[Image.Image | None, str]:
    """A photo, if it is still the one that was recorded, and else why it is not."""
    try:
        held = taken(image.path)
        if (isinstance(held, bytes) or held.is_file()) and file_hash(held) != image.sha256:
            return None, "the photo's file has changed"
        photo = open_photo(held)
    except (PhotoError, OSError) as error:
        return None, f"the photo cannot be opened: {error}"
    if Size(*photo.size) != image.size:
        return None, "the photo has another size than recorded"
    return photo, ""


def _claim_faults(traced: Traced, config: RunConfig, count: Counter[str]) -> Iterator[str]:
    """What is wrong with a trace that can be told without its pixels."""
    task, trace = traced.task, traced.trace
    boxes = _boxes(traced)
    count.update(traces=1, boxes=len(boxes), crops=len(trace.zooms), zooming=bool(trace.zooms))
    if not all(_inside(box, task.image.size) for box in boxes):
        yield "a box outside the photo"
    setting = task.setting(config.zoom, config.teacher.frame)
    for focus, zoom in pairwise(trace.segments):
        if isinstance(focus, Focus) and isinstance(zoom, Zoom) and zoom != setting.zoom(focus.box):
            yield "a crop that is not the zoom of its box"
    if trace.zooms and not trace.zooms[-1].view.box.holds(task.evidence_box):
        yield "the evidence is not in the last crop"
    readable = task.screening is not None and task.truth.accepts(task.screening.posed)
    if trace.zooms and readable:
        yield "it zooms, but its answer was readable at the posed resolution"
    if not trace.zooms and not readable:
        yield "it answers directly, but its answer was not readable at the posed resolution"
    try:
        check_trace(trace, Searched(id=traced.id, task=task, trajectory=traced.trajectory))
    except Fault as fault:
        yield str(fault)


def _boxes(traced: Traced) -> list[Box]:
    """Every native box that a trace and its trajectory speak of."""
    steps = traced.trajectory.steps
    asked = [step.box for step in steps if step.box]
    shown = [step.view.box for step in steps if step.view]
    given = [box for step in steps for box in step.boxes]
    crops = [zoom.view.box for zoom in traced.trace.zooms]
    return [*traced.task.evidence, *asked, *given, *shown, *traced.trace.boxes, *crops]


def _inside(box: Box, photo: Size) -> bool:
    return whole(photo).holds(box) and box.area > 0


def _look_faults(step: Step, setting: Setting, photo: Image.Image | None) -> Iterator[str]:
    """What is wrong with one look: the box it was asked for, the view made of it, the pixels shown."""
    assert step.view is not None  # only steps that brought a picture are looks
    try:
        if step.tool in {"zoom", "crop"} and step.box != _asked(step, setting):
            yield f"a {step.tool} of another box than was asked for"
    except (KeyError, ValueError):
        yield f"a {step.tool} whose arguments cannot be read"
    if step.box and _inside(step.box, setting.photo) and _seen(step, step.box, setting) != step.view:
        yield f"a {step.tool} that shows another view than its box gives"
    if photo and _inside(step.view.box, setting.photo) and pixel_hash(render(photo, step.view)) != step.pixels:
        yield f"a {step.tool} whose pixels come out otherwise"


def _asked(step: Step, setting: Setting) -> Box:
    """The native box of a call's arguments, read as the tool read it."""
    written = parse_box(step.arguments["box"])
    return setting.read(checked(written, setting.frame.size(setting.photo, setting.posed)))


def _seen(step: Step, box: Box, setting: Setting) -> View | None:
    """The view a look at a box gives; of a tool not known here, the one that was recorded."""
    if step.tool == "zoom":
        return zoom_view(setting.photo, box, setting.policy, setting.posed)
    return crop_view(setting.photo, box, setting.policy) if step.tool == "crop" else step.view


def _dataset_faults(store: Store, config: RunConfig, count: Counter[str]) -> Iterator[Found]:
    """What is wrong with the exported rows and the files named by their content."""
    folder = store.folder / "dataset"
    for identity, trace, pictures in _rows(folder):
        count.update(rows=1, embedded=len(pictures))
        if any(hashlib.sha256(picture["bytes"]).hexdigest() != Path(picture["path"]).stem for picture in pictures):
            yield Found(identity, "its row holds a picture that is not what its name says")
        records = store.finished(LAST, identity)
        if not records:
            yield Found(identity, "a row of the dataset that is no trace of this run")
        elif trace != _exported(records[0], config):
            yield Found(identity, "its row in the dataset holds another trace")
    named = (path for kind in ("images", "photos") for path in files_below(folder / kind))
    for path, data in contents(named):
        count["files"] += 1
        if file_hash(data) != path.stem:
            yield Found(str(PurePosixPath(*path.parts[-3:])), "the file is not what its name says")


def _rows(folder: Path) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Id, trace and pictures of every row of a dataset; a few rows are in memory at a time."""
    from pyarrow.parquet import ParquetFile

    for path in sorted((folder / "data").glob("*.parquet")):
        with path.open("rb") as opened, ParquetFile(opened) as file:
            for batch in file.iter_batches(16, columns=["id", "trace", "images"]):
                yield from ((row["id"], row["trace"], row["images"]) for row in batch.to_pylist())


def _exported(record: str, config: RunConfig) -> str | None:
    """A trace as the export writes it; None if it leaves it out, or if the record is none."""
    try:
        traced = Traced.model_validate_json(record)
    except ValidationError:
        return None
    item = settled(traced, config.exporting)
    return item.trace.model_dump_json() if isinstance(item, Item) else None
