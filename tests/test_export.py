"""The export: real photos in, a real dataset out, opened by the libraries people use."""

import errno
import hashlib
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from datasets import Dataset, DatasetDict, load_dataset
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from agents.boxes import Box, BoxFrame
from agents.dialects import Dialect, parse
from agents.photos import ORIENTATION_TAG, encode_jpeg, file_hash, open_photo, upright_size
from agents.trace import Answer, Focus, Segment, Think, Trace, Zoom
from agents.trajectory import Attempt, Trajectory
from agents.views import ZoomPolicy, render, zoom_view
from pipeline.export import CardFacts, ExportConfig, ExportError, FunnelStage, ShardDone, ShardPlan, export
from pipeline.export.config import Split
from pipeline.export.rows import Item, Picture, rl_row, settled, sft_row, sharegpt_row, turns
from pipeline.export.split import held_out
from pipeline.journal import Usage
from pipeline.records import ImageRecord, Rejected, Task, Traced

GOLDEN = Path(__file__).parent / "golden"
FACTS = CardFacts(
    teacher="a-teacher",
    seed=7,
    code_version="0.1.0",
    prompts={"search_system": "0123456789abcdef"},
    funnel=(FunnelStage(stage="screen", taken=5, accepted=3, rejected={"answered blind": 2}),),
    configuration={"sample": {"images": "/somewhere/on/this/machine/photos", "count": 40}},
    usage={"screen": Usage(12, 3400, 560)},
)
PHOTOS = {"a": (640, 427, 1), "b": (333, 501, 1), "c": (800, 520, 6), "d": (421, 421, 1), "e": (57, 900, 1)}
"""Width and height as stored, and EXIF orientation: 6 lies on its side."""


def draw_photo(path: Path, width: int, height: int, orientation: int) -> ImageRecord:
    image = Image.effect_noise((width, height), 40).convert("RGB")
    ImageDraw.Draw(image).rectangle((width // 3, height // 3, width // 2, height // 2), fill=(200, 30, 60))
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    image.save(path, quality=90, exif=exif)
    sha256, size = file_hash(path), upright_size(path)
    return ImageRecord(id=sha256[:16], path=str(path), sha256=sha256, width=size.width, height=size.height)


def make_traced(image: ImageRecord, number: int, boxes: list[Box], **task: Any) -> Traced:
    """A trace that zooms at each box in turn and answers B."""
    segments: list[Segment] = []
    for index, box in enumerate(boxes):
        segments.append(Think(text=f"I cannot read it yet, so I look at place {index + 1}."))
        segments += [Focus(box=box), crop_of(image, box)]
    segments += [Think(text="Now it is clear: the plate is “red”."), Answer(text="B")]
    values: dict[str, Any] = {
        "kind": "colour",
        "question": "What colour is the plate?",
        "choices": ("blue", "red"),
        "answer": "B",
        "evidence": tuple(boxes[-1:]) or (Box(10, 10, 40, 40),),
        "resolution": 224,
    }
    identity = f"{image.id}-{number:03d}"
    return Traced(
        id=identity,
        task=Task(id=identity, image=image, **(values | task)),
        trajectory=Trajectory(attempts=(Attempt(steps=()),), calls=()),
        trace=Trace(segments=tuple(segments)),
        calls=("call-1", "call-2"),
    )


def crop_of(image: ImageRecord, box: Box) -> Zoom:
    return Zoom(view=zoom_view(image.size, box, ZoomPolicy()))


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> list[Traced]:
    """Three tasks on each photo: direct, one zoom, two zooms; sorted by id."""
    folder = tmp_path_factory.mktemp("photos")
    traces = []
    for name, (width, height, orientation) in PHOTOS.items():
        image = draw_photo(folder / f"{name}.JPG", width, height, orientation)
        near = Box(image.width // 3, image.height // 3, image.width // 2, image.height // 2)
        wide = Box(image.width // 5, image.height // 5, image.width * 3 // 4, image.height * 3 // 4)
        for number, boxes in enumerate(([], [near], [wide, near])):
            resolution = (224, 336, None)[number]
            traces.append(make_traced(image, number, boxes, resolution=resolution))
    return sorted(traces, key=lambda one: one.id)


@pytest.fixture(scope="module")
def dataset(traced: list[Traced], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "dataset"
    export(iter(traced), ExportConfig(validation_share=0.4), folder, FACTS)
    return folder


@pytest.fixture(scope="module")
def loaded(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> DatasetDict:
    return load_dataset(str(dataset), cache_dir=str(tmp_path_factory.mktemp("cache")))


def files(folder: Path) -> dict[str, str]:
    """Every file of a dataset with the hash of its bytes."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): file_hash(path) for path in paths}


def rows(loaded: DatasetDict) -> Iterator[dict[str, Any]]:
    for split in loaded.values():
        yield from split


def by_id(traced: list[Traced]) -> dict[str, Traced]:
    return {one.id: one for one in traced}


def card_head(folder: Path) -> dict[str, Any]:
    text = (folder / "README.md").read_text()
    head: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return head


def image_blocks(row: dict[str, Any]) -> list[str]:
    """The role of the turn in which each picture enters."""
    return [turn["role"] for turn in row["messages"] for block in turn["content"] if block["type"] == "image"]


def test_the_dataset_opens_and_holds_every_trace(loaded: DatasetDict, traced: list[Traced]) -> None:
    assert sorted(row["id"] for row in rows(loaded)) == [one.id for one in traced]


def test_every_picture_has_its_block_in_a_user_turn(loaded: DatasetDict) -> None:
    for row in rows(loaded):
        assert image_blocks(row) == ["user"] * len(row["images"]) == ["user"] * (row["zooms"] + 1)


def test_in_the_inline_dialect_crops_enter_the_assistant_turn(traced: list[Traced], tmp_path: Path) -> None:
    export(traced, ExportConfig(dialect=Dialect.INLINE), tmp_path / "d", FACTS)
    for row in rows(load_dataset(str(tmp_path / "d"), cache_dir=str(tmp_path / "cache"))):
        assert image_blocks(row) == ["user"] + ["assistant"] * row["zooms"]
        assert len(row["images"]) == row["zooms"] + 1


def test_pictures_are_the_posed_view_and_the_crops_of_the_upright_photo(dataset: Path, traced: list[Traced]) -> None:
    known = by_id(traced)
    for path in (dataset / "data").iterdir():
        for row in pyarrow.parquet.read_table(path).to_pylist():
            task = known[row["id"]].task
            item = settled(known[row["id"]], ExportConfig())
            assert isinstance(item, Item)
            photo = open_photo(Path(task.image.path))
            assert photo.size == (row["width"], row["height"]) == task.image.size
            assert [image["bytes"] for image in row["images"]] == [
                encode_jpeg(render(photo, view)) for view in item.views
            ]


def test_the_text_reads_back_as_the_stored_trace(loaded: DatasetDict, traced: list[Traced]) -> None:
    known = by_id(traced)
    for row in rows(loaded):
        task, trace = known[row["id"]].task, Trace.model_validate_json(row["trace"])
        item = Item(id=row["id"], task=task, trace=trace, calls=())
        said = turns(item, ExportConfig(), Dialect.TOOL_CALL)
        assert parse(said, task.setting(ZoomPolicy(), BoxFrame.MODEL), Dialect.TOOL_CALL) == trace
        assert ["".join(b["text"] or "" for b in turn["content"]) for turn in row["messages"]] == [
            "".join(part or "" for part in turn.content) for turn in said
        ]
        assert row["boxes"] == [list(box) for box in trace.boxes]


def test_provenance_leads_from_a_row_to_its_calls(loaded: DatasetDict) -> None:
    for row in rows(loaded):
        told = json.loads(row["provenance"])
        assert told["image"]["sha256"] == row["image_sha256"]
        assert told["image"]["file"].endswith(".JPG") and "/" not in told["image"]["file"]
        assert (told["teacher"], told["seed"], told["calls"]) == ("a-teacher", 7, ["call-1", "call-2"])


def test_no_photo_is_in_both_splits(loaded: DatasetDict) -> None:
    train, validation = (set(loaded[split]["image_sha256"]) for split in ("train", "validation"))
    assert train and validation and not train & validation


@given(st.sets(st.text(min_size=1), min_size=2, max_size=20), st.floats(0.01, 0.99))
def test_neither_split_is_ever_empty(images: set[str], share: float) -> None:
    held = held_out(images, share)
    assert 0 < len(held) < len(images)


@given(st.sets(st.text(min_size=1), max_size=20))
def test_without_a_share_nothing_is_held_out(images: set[str]) -> None:
    assert held_out(images, 0) == frozenset()


def test_about_the_share_is_held_out() -> None:
    images = [f"image-{number}" for number in range(2000)]
    assert 0.07 < len(held_out(images, 0.1)) / 2000 < 0.13


def test_one_photo_makes_a_dataset_of_one_split(traced: list[Traced], tmp_path: Path) -> None:
    result = export(traced[:3], ExportConfig(), tmp_path / "d", FACTS)
    assert result.rows == {"train": 3} and result.photos == 1
    opened = load_dataset(str(tmp_path / "d"), cache_dir=str(tmp_path / "cache"))
    assert list(opened) == ["train"]


def scattered(job: Any, plans: list[ShardPlan]) -> Iterable[ShardDone]:
    """Like a cluster: everything travels as bytes, and the last comes first."""
    return [pickle.loads(pickle.dumps(job))(pickle.loads(pickle.dumps(plan))) for plan in reversed(plans)]


def test_the_order_of_work_changes_no_byte(traced: list[Traced], tmp_path: Path) -> None:
    config = ExportConfig(shard_bytes=150_000)
    export(traced, config, tmp_path / "one", FACTS)
    export(iter(traced), config, tmp_path / "other", FACTS, map=scattered)
    assert files(tmp_path / "one") == files(tmp_path / "other")


def test_exporting_again_changes_no_byte(dataset: Path, traced: list[Traced], tmp_path: Path) -> None:
    target = tmp_path / "dataset"
    for _ in range(2):
        export(traced, ExportConfig(validation_share=0.4), target, FACTS)
        assert files(target) == files(dataset)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_no_file_knows_where_it_was_made(dataset: Path, traced: list[Traced]) -> None:
    places = [str(dataset.parent), str(Path(traced[0].task.image.path).parent), "/somewhere/on"]
    for path in dataset.rglob("*"):
        if path.suffix in {".md", ".json", ".parquet"}:
            content = path.read_bytes()
            assert not [place for place in places if place.encode() in content], path


def test_shards_stay_below_their_limit_and_keep_the_order(traced: list[Traced], tmp_path: Path) -> None:
    limit = 150_000
    result = export(traced, ExportConfig(shard_bytes=limit, validation_share=0), tmp_path / "d", FACTS)
    shards = sorted((tmp_path / "d" / "data").iterdir())
    assert result.shards == len(shards) > 3
    assert [path.name for path in shards] == [
        f"train-{index:05d}-of-{len(shards):05d}.parquet" for index in range(len(shards))
    ]
    tables = [pyarrow.parquet.read_table(path, columns=["id"]) for path in shards]
    assert [row["id"] for table in tables for row in table.to_pylist()] == [one.id for one in traced]
    assert all(path.stat().st_size <= limit or table.num_rows == 1 for path, table in zip(shards, tables, strict=True))


def test_pictures_are_named_by_their_content_and_stored_once(dataset: Path) -> None:
    stored = {path.stem: path for path in (dataset / "images").glob("*/*.jpg")}
    for name, path in stored.items():
        assert file_hash(path) == name and path.parent.name == name[:2]
    shown = {
        hashlib.sha256(image["bytes"]).hexdigest()
        for shard in (dataset / "data").iterdir()
        for row in pyarrow.parquet.read_table(shard).to_pylist()
        for image in row["images"]
    }
    assert shown == set(stored)


def test_tasks_that_share_a_view_share_its_picture(traced: list[Traced], tmp_path: Path) -> None:
    image = traced[0].task.image
    twice = [make_traced(image, number, []) for number in (1, 2)]
    assert export(twice, ExportConfig(), tmp_path / "d", FACTS).pictures == 1


def test_photos_of_one_size_keep_their_own_pictures(tmp_path: Path) -> None:
    images = [draw_photo(tmp_path / f"{name}.jpg", 200, 150, 1) for name in "ab"]
    traces = sorted((make_traced(image, 0, []) for image in images), key=lambda one: one.id)
    assert export(traces, ExportConfig(validation_share=0), tmp_path / "d", FACTS).pictures == 2


def sharegpt(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and row of everything that LLaMA-Factory is told of."""
    index = json.loads((folder / "sharegpt" / "dataset_info.json").read_text())
    for name, entry in index.items():
        for row in json.loads((folder / "sharegpt" / entry["file_name"]).read_text()):
            yield name, row


def test_llama_factory_finds_every_picture_from_the_folder_of_its_index(dataset: Path) -> None:
    for _, row in sharegpt(dataset):
        text = "".join(message["content"] for message in row["messages"])
        assert text.count("<image>") == len(row["images"])
        assert all((dataset / "sharegpt" / path).is_file() for path in row["images"])


def test_the_index_names_both_dialects_and_both_splits(dataset: Path, traced: list[Traced]) -> None:
    found = [name for name, _ in sharegpt(dataset)]
    assert set(found) == {f"cof_sft_{dialect}{suffix}" for dialect in Dialect for suffix in ("", "_validation")}
    assert len(found) == 2 * len(traced)


def test_tool_call_conversations_have_the_released_shape(dataset: Path) -> None:
    for name, row in sharegpt(dataset):
        if "tool_call" in name:
            looks = len(row["images"]) - 1
            assert [message["role"] for message in row["messages"]] == [
                "system", "user", *["assistant", "user"] * looks, "assistant"
            ]  # fmt: skip


def test_rl_rows_lead_to_the_native_photo(dataset: Path, traced: list[Traced], tmp_path: Path) -> None:
    tasks = load_dataset(str(dataset), "rl", cache_dir=str(tmp_path))
    assert sum(len(split) for split in tasks.values()) == len(traced)
    for name, split in tasks.items():
        for index, row in enumerate(split):
            extra = row["extra_info"]
            create = extra["tools_kwargs"]["image_zoom_in_tool"]["create_kwargs"]
            assert (extra["index"], extra["split"]) == (index, name)
            assert file_hash(dataset / create["image_path"]) == extra["image_sha256"]
            assert open_photo(dataset / extra["image_path"]).size == (extra["width"], extra["height"])
            with Image.open(dataset / row["images"][0]["image"]) as posed:
                assert posed.size == (create["posed_width"], create["posed_height"])
            assert "".join(turn["content"] for turn in row["prompt"]).count("<image>") == 1


def test_rl_and_sft_have_the_same_splits(dataset: Path, loaded: DatasetDict, tmp_path: Path) -> None:
    tasks = load_dataset(str(dataset), "rl", cache_dir=str(tmp_path))
    for split in ("train", "validation"):
        assert [row["extra_info"]["id"] for row in tasks[split]] == list(loaded[split]["id"])


def test_rl_rows_are_counted_through_all_shards(traced: list[Traced], tmp_path: Path) -> None:
    config = ExportConfig(shard_bytes=150_000, validation_share=0)
    assert export(traced, config, tmp_path / "d", FACTS).shards > 1
    table = pyarrow.parquet.read_table(tmp_path / "d" / "rl" / "train.parquet")
    assert [row["extra_info"]["index"] for row in table.to_pylist()] == list(range(len(traced)))


def test_photos_can_be_left_out(traced: list[Traced], tmp_path: Path) -> None:
    export(traced, ExportConfig(copy_photos=False), tmp_path / "d", FACTS)
    assert not (tmp_path / "d" / "photos").exists()
    rl: Dataset = load_dataset(str(tmp_path / "d"), "rl", cache_dir=str(tmp_path / "cache"))["train"]
    assert {row["extra_info"]["image_path"] for row in rl} <= {f"{name}.JPG" for name in PHOTOS}


def test_the_card_counts_what_is_there(dataset: Path, loaded: DatasetDict) -> None:
    (info,) = [one for one in card_head(dataset)["dataset_info"] if one["config_name"] == "default"]
    told = {split["name"]: split["num_examples"] for split in info["splits"]}
    assert told == {name: len(split) for name, split in loaded.items()}
    assert info["download_size"] == sum(path.stat().st_size for path in (dataset / "data").iterdir())


def test_the_card_tells_licence_teacher_funnel_and_prompts(dataset: Path) -> None:
    head, text = card_head(dataset), (dataset / "README.md").read_text()
    assert head["license"] == "other" and head["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in head["configs"]] == ["default", "rl"]
    for words in ("a-teacher", "answered blind: 2", "0123456789abcdef", "SA-1B Dataset Research License"):
        assert words in text
    assert not re.search(r"\{\{|\{%|\n\n\n", text)


def test_the_card_warns_of_pictures_larger_than_the_processor_takes(tmp_path: Path) -> None:
    image = draw_photo(tmp_path / "large.jpg", 4200, 3100, 1)
    export([make_traced(image, 0, [], resolution=None)], ExportConfig(), tmp_path / "d", FACTS)
    assert "raise its `max_pixels`" in (tmp_path / "d" / "README.md").read_text()


def far_photo() -> ImageRecord:
    """A photo that is only spoken of: nothing opens it."""
    return ImageRecord(id="0" * 16, path="photos/sa_1.jpg", sha256="0" * 64, width=3000, height=2000)


def test_a_trace_whose_evidence_falls_out_of_the_crop_is_left_out() -> None:
    # Posed at 336, a pixel is 7 native ones: without a margin, rounding cuts into the box.
    config = ExportConfig(policy=ZoomPolicy(margin=0, min_side=1))
    dropped = settled(make_traced(far_photo(), 0, [Box(1005, 1005, 1090, 1090)], resolution=336), config)
    assert isinstance(dropped, Rejected)
    assert (dropped.stage, dropped.reason) == ("export", "the evidence is not inside the last crop")
    assert dropped.image == "0" * 16


def test_the_usual_margin_keeps_the_evidence_in_the_crop() -> None:
    kept = settled(make_traced(far_photo(), 0, [Box(1005, 1005, 1090, 1090)], resolution=336), ExportConfig())
    assert isinstance(kept, Item)
    assert kept.trace.zooms[-1].view.box.holds(Box(1005, 1005, 1090, 1090))


@pytest.mark.parametrize("question", ["What does <image> say?", "Is <|image_pad|> red?"])
def test_a_question_that_would_pass_for_a_picture_is_left_out(question: str) -> None:
    dropped = settled(make_traced(far_photo(), 0, [], question=question), ExportConfig())
    assert isinstance(dropped, Rejected) and dropped.reason == "the question holds markup"


def test_what_is_left_out_is_counted(traced: list[Traced], tmp_path: Path) -> None:
    bad = make_traced(traced[0].task.image, 900, [], question="<image>?")
    result = export(sorted([*traced, bad], key=lambda one: one.id), ExportConfig(), tmp_path / "d", FACTS)
    assert [one.id for one in result.dropped] == [bad.id]
    assert sum(result.rows.values()) == len(traced)
    assert "the question holds markup: 1" in (tmp_path / "d" / "README.md").read_text()


def disk_full(job: Any, plans: list[ShardPlan]) -> Iterable[ShardDone]:
    yield job(plans[0])
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_the_old_dataset_whole(traced: list[Traced], tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    export(traced, ExportConfig(), folder, FACTS)
    before = files(folder)
    with pytest.raises(OSError, match="No space left"):
        export(traced, ExportConfig(jpeg_quality=50), folder, FACTS, map=disk_full)
    assert files(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


DYING = """
import os, sys
from pathlib import Path
from pipeline.export import CardFacts, ExportConfig, export
from pipeline.records import Traced

def killed(job, plans):
    yield job(plans[0])
    os._exit(137)

folder, records = map(Path, sys.argv[1:])
traced = [Traced.model_validate_json(line) for line in records.read_text().splitlines()]
export(traced, ExportConfig(), folder, CardFacts(teacher="", seed=0, code_version=""), map=killed)
"""
"""A process that dies after its first shard."""


def test_a_kill_leaves_no_half_dataset_and_the_next_export_succeeds(
    traced: list[Traced], dataset: Path, tmp_path: Path
) -> None:
    records, folder = tmp_path / "records.jsonl", tmp_path / "made" / "dataset"
    records.write_text("\n".join(one.model_dump_json() for one in traced))
    call = [sys.executable, "-c", DYING, str(folder), str(records)]
    assert subprocess.run(call, cwd=Path(__file__).parent.parent, check=False).returncode == 137
    assert not folder.exists() and (folder.parent / ".dataset.new" / "data").exists()
    export(traced, ExportConfig(validation_share=0.4), folder, FACTS)
    assert files(folder) == files(dataset)
    assert [path.name for path in folder.parent.iterdir()] == ["dataset"]


def test_a_mapper_that_loses_a_shard_is_a_bug(traced: list[Traced], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="every job once"):
        export(traced, ExportConfig(), tmp_path / "d", FACTS, map=lambda job, plans: [job(plans[0])])
    assert not list(tmp_path.iterdir())


def test_a_dataset_set_aside_by_a_kill_comes_back(traced: list[Traced], dataset: Path, tmp_path: Path) -> None:
    export(traced, ExportConfig(validation_share=0.4), tmp_path / "dataset", FACTS)
    (tmp_path / "dataset").rename(tmp_path / ".dataset.old")
    with pytest.raises(ExportError):
        export([], ExportConfig(), tmp_path / "dataset", FACTS)
    assert files(tmp_path / "dataset") == files(dataset)


def test_nothing_to_export_is_said(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Nothing to export"):
        export([], ExportConfig(), tmp_path / "d", FACTS)
    assert not list(tmp_path.iterdir())


def test_a_photo_that_changed_is_refused(tmp_path: Path) -> None:
    image = draw_photo(tmp_path / "a.jpg", 90, 80, 1)
    (tmp_path / "a.jpg").write_bytes(b"something else")
    with pytest.raises(ExportError, match="the file has changed"):
        export([make_traced(image, 0, [])], ExportConfig(), tmp_path / "d", FACTS)


def test_traces_out_of_order_are_refused(traced: list[Traced], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sorted by id"):
        export(reversed(traced), ExportConfig(), tmp_path / "d", FACTS)


def golden_item() -> Item:
    boxes = [Box(600, 400, 1800, 1400), Box(1200, 800, 1290, 860)]
    evidence = (Box(1210, 805, 1240, 850), Box(1245, 810, 1280, 850))
    item = settled(make_traced(far_photo(), 3, boxes, resolution=448, evidence=evidence), ExportConfig())
    assert isinstance(item, Item)
    return item


def golden_pictures() -> list[Picture]:
    return [Picture(f"images/{n}{n}/{str(n) * 64}.jpg", b"jpeg") for n in range(3)]


@pytest.mark.parametrize("dialect", Dialect)
def test_a_sharegpt_row_is_exactly_this(dialect: Dialect) -> None:
    row = sharegpt_row(golden_item(), golden_pictures(), ExportConfig(), dialect)
    assert row == json.loads((GOLDEN / f"sharegpt_{dialect}.json").read_text())


def test_an_rl_row_is_exactly_this() -> None:
    split: Split = "train"
    posed, photo = golden_pictures()[0].path, f"photos/00/{'0' * 64}.jpg"
    row = rl_row(golden_item(), posed, photo, ExportConfig(), split, 17)
    assert row == json.loads((GOLDEN / "rl.json").read_text())


def test_an_sft_row_is_exactly_this() -> None:
    row = sft_row(golden_item(), golden_pictures(), ExportConfig(), FACTS)
    row["images"] = [image["path"] for image in row["images"]]
    assert row == json.loads((GOLDEN / "sft.json").read_text())
