"""SAM behind `segment`: native pixels, one embedding a photo, answers that replay, checkpoints nobody vouches for."""

import asyncio
import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.boxes import Box, Size, whole
from agents.masks import MaskError, MaskFile
from agents.photos import file_hash, open_photo
from agents.sender import EndpointError
from pipeline.config import ConfigError, RunConfig, SegmenterConfig, fixed
from pipeline.journal import FileJournal
from pipeline.records import Candidate, ImageRecord
from pipeline.sam.choice import segmenter_of, who_segments, with_checkpoint
from pipeline.sam.prompt import Answer, Grid, Prompt
from pipeline.sam.segmenter import SamSegmenter
from pipeline.sam.worker import SamWorker
from pipeline.stage import Worker
from pipeline.stages.propose import Propose
from tests.conftest import Scripted
from tests.drawn import config_at, record_of
from tests.scripted import fills, texts_of
from tests.small_sam import SCORES, SIDE, paint, save_sam, small_sam

pytest.importorskip("segment_anything")

GRID = Grid(points_per_side=3, pred_iou_thresh=0.88, stability_score_thresh=0.95)
SIZES = {
    "wide": (Size(640, 480), 1),
    "tall": (Size(480, 900), 1),
    "odd": (Size(333, 517), 1),
    "turned": (Size(333, 517), 6),
    "upside down": (Size(701, 299), 3),
    "huge": (Size(4001, 2001), 6),
}


def red_of(size: Size) -> Box:
    return Box(size.width // 10, size.height // 5, size.width // 2, size.height * 3 // 5)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_sam(tmp_path_factory.mktemp("sam") / "small.pth")


def config_of(weights: Path, **more: Any) -> SegmenterConfig:
    return SegmenterConfig(checkpoint=str(weights), sha256=file_hash(weights), model="auto", threads=1, **more)


def worker_of(weights: Path, **more: Any) -> SamWorker:
    return SamWorker(config_of(weights, **more), "cpu")


def asked(photo: Path, **what: Any) -> Prompt:
    return Prompt(photo=file_hash(photo), weights="", **what)


def embeddings(worker: SamWorker) -> list[int]:
    """Grows by one whenever a photo goes through the image encoder."""
    counted: list[int] = []
    worker.predictor.model.image_encoder.register_forward_hook(lambda *_: counted.append(1))
    return counted


@pytest.fixture(scope="module")
def worker(weights: Path) -> SamWorker:
    return worker_of(weights)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("kind", ["point", "box", "grid"])
def test_boxes_come_back_in_native_pixels_of_the_upright_photo(
    name: str, kind: str, worker: SamWorker, tmp_path: Path
) -> None:
    size, orientation = SIZES[name]
    red = red_of(size)
    photo = paint(tmp_path / "photo.jpg", size, red, orientation)
    what: dict[str, Any] = {"point": red[:2], "box": red, "grid": GRID}
    (best, *_) = worker.answer(str(photo), asked(photo, **{kind: what[kind]})).regions
    assert best.box.iou(red) > 0.8
    assert best.area == pytest.approx(red.area, rel=0.25)
    assert whole(size).holds(best.box)


@pytest.mark.parametrize("name", SIZES)
def test_a_prompt_reaches_sam_in_the_pixels_that_sam_sees(name: str, weights: Path, tmp_path: Path) -> None:
    size, orientation = SIZES[name]
    red = red_of(size)
    photo = paint(tmp_path / "photo.jpg", size, red, orientation)
    worker = worker_of(weights)
    seen: list[Any] = []
    worker.predictor.model.prompt_encoder.register_forward_pre_hook(
        lambda _, __, given: seen.append(given["boxes"] if given["points"] is None else given["points"][0]),
        with_kwargs=True,
    )
    for what in ({"box": red}, {"point": red[2:]}):
        worker.answer(str(photo), asked(photo, **what))
    scale = SIDE / max(size)
    assert seen[0].flatten().tolist() == pytest.approx([edge * scale for edge in red], abs=0.5)
    assert seen[1].flatten().tolist() == pytest.approx([edge * scale for edge in red[2:]], abs=0.5)


def test_several_masks_come_best_first(worker: SamWorker, photo: Path) -> None:
    paint(photo, Size(640, 480), red_of(Size(640, 480)))
    regions = worker.answer(str(photo), asked(photo, point=(5, 5))).regions
    assert [region.score for region in regions] == sorted(SCORES[1:], reverse=True)


@pytest.mark.parametrize("place", [{"point": (50, 300)}, {"box": Box(20, 30, 200, 400)}], ids=["point", "box"])
def test_it_is_what_the_package_answers(place: dict[str, Any], worker: SamWorker, tmp_path: Path) -> None:
    import numpy as np
    from segment_anything import SamPredictor

    photo = paint(tmp_path / "photo.jpg", Size(333, 517), red_of(Size(333, 517)), 6)
    plain = SamPredictor(small_sam())
    plain.set_image(np.asarray(open_photo(photo)))
    point, box = place.get("point"), place.get("box")
    masks, _, _ = plain.predict(
        point_coords=np.array([point]) if point else None,
        point_labels=np.array([1]) if point else None,
        box=np.array(box) if box else None,
    )
    rows, columns = np.nonzero(masks[0])
    best = worker.answer(str(photo), asked(photo, **place)).regions[0]
    assert best.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert best.area == masks[0].sum()


def test_a_photo_is_embedded_once_whatever_is_asked(weights: Path, photo: Path) -> None:
    worker = worker_of(weights)
    counted = embeddings(worker)
    for what in ({"point": (1, 1)}, {"box": Box(5, 5, 50, 50)}, {"grid": GRID}, {"point": (600, 400)}):
        worker.answer(str(photo), asked(photo, **what))
    assert len(counted) == 1


def test_only_so_many_embeddings_are_kept_and_the_oldest_goes(weights: Path, tmp_path: Path) -> None:
    worker = worker_of(weights, cache=2)
    counted = embeddings(worker)
    one, two, three = (paint(tmp_path / f"{n}.jpg", Size(200 + n, 200), Box(0, 0, 90, 90)) for n in range(3))
    embedded = []
    for photo in (one, two, one, three, one, two):
        before = len(counted)
        worker.answer(str(photo), asked(photo, point=(9, 9)))
        embedded.append(len(counted) > before)
    assert embedded == [True, True, False, True, False, True]


def test_a_photo_that_is_gone_is_a_reason_and_no_crash(worker: SamWorker, tmp_path: Path) -> None:
    prompt = Prompt(photo="ab" * 32, weights="", point=(1, 1))
    assert worker.answer(str(tmp_path / "none.jpg"), prompt).fault == "the file is gone"


def test_a_photo_too_narrow_for_sam_is_a_reason(worker: SamWorker, tmp_path: Path) -> None:
    photo = paint(tmp_path / "thin.jpg", Size(3000, 2), Box(0, 0, 9, 1))
    assert worker.answer(str(photo), asked(photo, point=(1, 1))).fault.startswith("too narrow to segment: 3000x2")


def exhausted(*_: Any) -> None:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")


def test_running_out_of_memory_costs_that_prompt_only(weights: Path, photo: Path) -> None:
    worker = worker_of(weights)
    hook = worker.predictor.model.image_encoder.register_forward_hook(exhausted)
    assert worker.answer(str(photo), asked(photo, point=(1, 1))).fault.startswith("SAM is out of memory: ")
    hook.remove()
    assert worker.answer(str(photo), asked(photo, point=(1, 1))).regions


def test_a_bug_is_not_taken_for_a_lack_of_memory(weights: Path, photo: Path) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("The size of tensor a (4) must match the size of tensor b (5)")

    worker = worker_of(weights)
    worker.predictor.model.image_encoder.register_forward_hook(broken)
    with pytest.raises(RuntimeError, match="size of tensor"):
        worker.answer(str(photo), asked(photo, point=(1, 1)))


class Here:
    """A worker that is asked in this process, and counts."""

    def __init__(self, worker: SamWorker) -> None:
        self.worker = worker
        self.asked: list[Prompt] = []

    async def answer(self, path: str, prompt: Prompt) -> Answer:
        self.asked.append(prompt)
        return self.worker.answer(path, prompt)


def segmenter(weights: Path, image: ImageRecord, sam: Here | None, journal: Path, **more: Any) -> SamSegmenter:
    masks = MaskFile(Path(image.masks), image.size) if image.masks else None
    return SamSegmenter(image, masks, config_of(weights, **more), sam, FileJournal(journal))


@pytest.fixture
def image(tmp_path: Path) -> ImageRecord:
    return record_of(paint(tmp_path / "red.jpg", Size(640, 480), red_of(Size(640, 480))))


def annotated(image: ImageRecord, box: Box) -> ImageRecord:
    """The same photo with an SA-1B annotation of one thing."""
    path = Path(image.path).with_suffix(".json")
    bbox = [box.x1, box.y1, *box.size]
    thing = {"bbox": bbox, "area": box.area, "predicted_iou": 0.9, "segmentation": {"counts": ""}}
    path.write_text(json.dumps({"image": {"width": image.width, "height": image.height}, "annotations": [thing]}))
    return image.model_copy(update={"masks": str(path)})


def test_what_sam_said_is_said_again_without_it(
    weights: Path, worker: SamWorker, image: ImageRecord, tmp_path: Path
) -> None:
    def all_of(sam: Here | None) -> list[Any]:
        one = segmenter(weights, image, sam, tmp_path / "calls.jsonl", points_per_side=3)
        return [
            asyncio.run(answer)
            for answer in (one.regions(), one.at_point(70, 100), one.at_box(Box(50, 50, 99, 99)), one.at_point(70, 100))
        ]

    sam = Here(worker)
    first = all_of(sam)
    assert len(sam.asked) == 3
    assert first[0][0].box.iou(red_of(image.size)) > 0.8
    assert all_of(None) == first


def test_a_prompt_that_the_log_lacks_ends_a_replay(weights: Path, image: ImageRecord, tmp_path: Path) -> None:
    one = segmenter(weights, image, None, tmp_path / "calls.jsonl")
    with pytest.raises(EndpointError, match="the call log lacks a segment request"):
        asyncio.run(one.at_point(1, 1))


def test_a_fault_is_met_again_at_the_same_place(weights: Path, image: ImageRecord, tmp_path: Path) -> None:
    worker = worker_of(weights)
    worker.predictor.model.image_encoder.register_forward_hook(exhausted)
    for sam in (Here(worker), None):
        with pytest.raises(MaskError, match=r"^SAM is out of memory: red\.jpg on cpu$"):
            asyncio.run(segmenter(weights, image, sam, tmp_path / "calls.jsonl").at_point(1, 1))


def test_other_weights_are_asked_anew(worker: SamWorker, image: ImageRecord, weights: Path, tmp_path: Path) -> None:
    sam = Here(worker)
    for checkpoint in (weights, save_sam(tmp_path / "other.pth", seed=1)):
        asyncio.run(segmenter(checkpoint, image, sam, tmp_path / "calls.jsonl").at_point(1, 1))
    assert len({prompt.key for prompt in sam.asked}) == 2


def test_regions_are_those_of_sa_1b_where_there_are_any_and_prompts_are_sams(
    weights: Path, worker: SamWorker, image: ImageRecord, tmp_path: Path
) -> None:
    thing = Box(400, 300, 500, 400)
    sam = Here(worker)
    one = segmenter(weights, annotated(image, thing), sam, tmp_path / "calls.jsonl")
    assert [region.box for region in asyncio.run(one.regions())] == [thing]
    assert asyncio.run(one.at_point(450, 350))[0].box.iou(red_of(image.size)) > 0.8
    assert [prompt.point for prompt in sam.asked] == [(450, 350)]


def test_regions_come_largest_first(weights: Path, worker: SamWorker, image: ImageRecord, tmp_path: Path) -> None:
    one = segmenter(
        weights, image, Here(worker), tmp_path / "c.jsonl", points_per_side=2, pred_iou_thresh=0.0
    )  # all masks
    areas = [region.area for region in asyncio.run(one.regions())]
    assert len(areas) > 1
    assert areas == sorted(areas, reverse=True)


def test_a_photo_without_masks_is_proposed_with_sams_regions(
    weights: Path, worker: SamWorker, image: ImageRecord, tmp_path: Path, scripted: Scripted
) -> None:
    script = scripted([fills({"tasks": []})])
    settings = config_of(weights, points_per_side=3).model_dump()
    stage = Worker((Propose,), config_at(script.url, tmp_path / "run", segmenter=settings))
    stage.desk._sam = Here(worker)  # type: ignore[assignment]
    asyncio.run(stage.work(image.model_dump_json()))
    told = texts_of(script.asked[0])[-1].partition("Segmented things in this picture: ")[2].partition(".")[0]
    ((x1, y1, x2, y2),) = json.loads(told)
    assert Box(x1, y1, x2, y2).iou(red_of(image.size)) > 0.75
    assert len(list(stage.store.calls("propose"))) == 1  # the teacher's alone


def test_out_of_memory_sets_its_record_aside(
    weights: Path, image: ImageRecord, tmp_path: Path, scripted: Scripted
) -> None:
    worker = worker_of(weights)
    worker.predictor.model.image_encoder.register_forward_hook(exhausted)
    config = config_at(scripted([]).url, tmp_path / "run", segmenter=config_of(weights).model_dump())
    stage = Worker((Propose,), config)
    stage.desk._sam = Here(worker)  # type: ignore[assignment]
    assert asyncio.run(stage.work(image.model_dump_json())) == []
    assert [reject.reason for reject in stage.store.rejected("propose")] == ["SAM is out of memory"]


def complaint(path: Path | str, model: str = "auto", **more: Any) -> str:
    config = RunConfig.model_validate({"segmenter": {"checkpoint": str(path), "model": model, **more}})
    with pytest.raises(ConfigError) as caught:
        with_checkpoint(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.path),)


def plain_pickle(path: Path, content: Any) -> None:
    path.write_bytes(pickle.dumps(content))


def torch_file(path: Path, content: Any) -> None:
    import torch

    torch.save(content, path)


@pytest.mark.parametrize("save", [plain_pickle, torch_file])
def test_a_pickle_that_does_something_is_refused_and_does_nothing(
    save: Callable[[Path, Any], None], tmp_path: Path
) -> None:
    sprung = tmp_path / "sprung"
    save(tmp_path / "trap.pth", {"model": Trap(sprung)})
    assert "trap.pth is refused: it is damaged or holds more than weights" in complaint(tmp_path / "trap.pth")
    assert not sprung.exists()


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 and so on", bytes(range(256)) * 40])
def test_a_file_that_holds_no_weights_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "sam.pth").write_bytes(content)
    assert "is refused" in complaint(tmp_path / "sam.pth")


def test_a_checkpoint_cut_short_is_refused(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "sam.pth").write_bytes(weights.read_bytes()[:-2000])
    assert "is refused" in complaint(tmp_path / "sam.pth")


def test_a_whole_model_instead_of_its_weights_is_refused(tmp_path: Path) -> None:
    torch_file(tmp_path / "sam.pth", small_sam())
    assert "is refused" in complaint(tmp_path / "sam.pth")


def test_weights_of_something_else_are_no_sam(tmp_path: Path) -> None:
    import torch

    torch_file(tmp_path / "other.pth", {"layer.weight": torch.zeros(3, 3)})
    assert "other.pth holds no SAM (" in complaint(tmp_path / "other.pth")


@pytest.mark.parametrize("change", ["lacks", "adds", "reshapes"])
def test_weights_that_do_not_fit_together_are_no_sam(change: str, tmp_path: Path) -> None:
    state = small_sam().state_dict()
    name = "mask_decoder.iou_token.weight"
    weight = state.pop(name)
    extra = {"lacks": {}, "adds": {name: weight, "teeth": weight}, "reshapes": {name: weight[:, :5]}}
    torch_file(tmp_path / "sam.pth", {**state, **extra[change]})
    assert "holds no SAM (" in complaint(tmp_path / "sam.pth")


def test_another_sam_than_the_named_one_is_refused_with_the_remedy(weights: Path) -> None:
    assert complaint(weights, "vit_h").endswith("small.pth is no vit_h: set segmenter.model=auto.")


def test_a_checkpoint_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "none.pth cannot be read: No such file or directory." in complaint(tmp_path / "none.pth")


@pytest.mark.parametrize("package", ["segment_anything", "torch"])
def test_a_package_that_is_missing_is_named(package: str, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    assert f"needs the package {package!r}, which is not installed: pip install" in complaint(weights)


def test_other_weights_than_the_pinned_ones_are_refused(weights: Path) -> None:
    assert f"its SHA-256 is {file_hash(weights)}." in complaint(weights, sha256="0" * 64)


def test_a_hash_without_a_checkpoint_is_refused() -> None:
    config = RunConfig.model_validate({"segmenter": {"sha256": "0" * 64}})
    with pytest.raises(ConfigError, match=r"give their file too, as segmenter\.checkpoint="):
        with_checkpoint(config)


def test_a_run_remembers_what_the_checkpoint_holds_and_not_where_it_lies(weights: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.pth"
    moved.write_bytes(weights.read_bytes())
    here, there = (
        fixed(with_checkpoint(RunConfig.model_validate({"segmenter": {"checkpoint": str(path), "model": "auto"}})))
        for path in (weights, moved)
    )
    assert here == there
    assert here["segmenter.sha256"] == file_hash(weights)


@pytest.mark.parametrize("name", ["vit_b", "vit_l", "vit_h"])
def test_the_tensors_of_every_named_sam_tell_its_sizes(name: str) -> None:
    """Without weights: shapes are all that is looked at."""
    import torch
    from segment_anything import sam_model_registry

    from pipeline.sam.weights import MODELS, build, sizes_of

    with torch.device("meta"):
        theirs = sam_model_registry[name]()
    sizes = sizes_of(theirs.state_dict())
    ours = build(sizes)
    assert MODELS[(sizes.width, sizes.depth, sizes.heads)] == name
    assert str(ours) == str(theirs)
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, v.shape) for k, v in theirs.state_dict().items()
    ]
    windows = [block.window_size for block in ours.image_encoder.blocks]
    assert windows == [block.window_size for block in theirs.image_encoder.blocks]


def test_without_a_checkpoint_the_masks_of_sa_1b_answer(image: ImageRecord, tmp_path: Path) -> None:
    thing = Box(400, 300, 500, 400)
    one = segmenter_of(annotated(image, thing), RunConfig(), None, FileJournal(tmp_path / "c.jsonl"))
    assert isinstance(one, MaskFile)
    assert [region.box for region in asyncio.run(one.regions())] == [thing]


def photos(*masked: bool) -> list[Candidate]:
    return [Candidate(id=f"{n}", path=f"{n}.jpg", masks="m.json" if has else None) for n, has in enumerate(masked)]


@pytest.mark.parametrize(
    ("masked", "words"),
    [
        ((True, True), ""),
        ((True, False, False), "segment: the SA-1B masks of 1 of them answer; segmenter.checkpoint="),
        ((False, False), "segment: nothing answers, for they have no SA-1B masks; segmenter.checkpoint="),
    ],
)
def test_a_run_without_a_checkpoint_says_who_answers(masked: tuple[bool, ...], words: str) -> None:
    said = who_segments(RunConfig(), photos(*masked))
    assert said.startswith(words)
    assert bool(said) == bool(words)


def test_a_run_with_a_checkpoint_says_so() -> None:
    config = RunConfig.model_validate({"segmenter": {"checkpoint": "/models/sam_vit_h.pth"}})
    assert who_segments(config, photos(False)) == "segment: SAM vit_h of sam_vit_h.pth, workers: 1"
