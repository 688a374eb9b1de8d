"""Benchmarks, each read from small files of the layout in which it is published."""

import base64
import json
import os
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("torch")

import pipeline.evaluation.benchmarks as every
from agents.boxes import Box, Size
from agents.views import View
from pipeline.evaluation.benchmarks.options import FEWEST, options, refuse_unshuffled
from pipeline.evaluation.benchmarks.places import beside
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.items import BENCHMARKS, BenchmarkConfig, Item
from pipeline.export import export
from pipeline.training.examples import Example
from pipeline.training.lamps import ANSWERS
from pipeline.training.manner import Manner
from pipeline.training.scenes import HELD_OUT, NUMBERS_PER_SEED, DrawnPhoto, scenes
from tests.benchmark_files import (
    NEAR,
    Thing,
    hr_bench,
    hr_rows,
    is_red,
    marked,
    mme_row,
    mme_zip,
    save_sideways,
    vstar,
    write_lines,
)
from tests.finished import FACTS, Finished
from tests.hub import TOKEN, Hub
from tests.hub import hub as running_hub

THINGS = (Thing(), Thing("What is the colour of the dustpan?", ("purple", "red", "blue", "white"), "C"), NEAR)


def load(name: str, data: Path | str | None = None, **values: Any) -> list[Item]:
    config = BenchmarkConfig(name=name, data=None if data is None else str(data), **values)
    return list(BENCHMARKS[name](config))


def cut(item: Item, box: Box) -> Image.Image:
    """The pixels of a native box, a little inside of its edges."""
    inner = Box(box.x1 + 3, box.y1 + 3, box.x2 - 3, box.y2 - 3)
    return item.example.photo.picture(View(box=inner, width=inner.size.width, height=inner.size.height))


def change(file: Path, number: int, **values: Any) -> None:
    """Change one row of a JSONL."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    rows[number].update(values)
    write_lines(file, rows)


def test_every_benchmark_is_registered_under_its_name() -> None:
    assert every.__name__ == "pipeline.evaluation.benchmarks"  # Importing it was enough.
    assert {"hr-bench-4k", "hr-bench-8k", "lamps", "mme-realworld-lite", "shards", "vstar"} <= BENCHMARKS.keys()


# V* Bench


def test_vstar_asks_its_questions_in_its_own_words(tmp_path: Path) -> None:
    file = vstar(tmp_path, THINGS)
    published = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [item.example.asked for item in load("vstar", tmp_path)] == [row["text"] for row in published]


def test_vstar_has_categories_and_shuffled_answers(tmp_path: Path) -> None:
    vstar(tmp_path, THINGS)
    found = [(item.category, item.example.answer, item.example.choices) for item in load("vstar", tmp_path)]
    assert found[1:] == [
        ("direct_attributes", "C", ("purple", "red", "blue", "white")),
        ("relative_position", "B", ("right", "left")),
    ]


def test_vstars_folder_and_its_file_are_both_taken(tmp_path: Path) -> None:
    file = vstar(tmp_path, THINGS)
    assert load("vstar", tmp_path) == load("vstar", file)


def test_a_count_keeps_the_first_questions(tmp_path: Path) -> None:
    vstar(tmp_path, THINGS)
    assert [item.example.id for item in load("vstar", tmp_path, count=2)] == ["vstar-0", "vstar-1"]


def test_the_resolution_is_left_to_the_sweep(tmp_path: Path) -> None:
    vstar(tmp_path, THINGS)
    assert {item.example.resolution for item in load("vstar", tmp_path)} == {None}


def test_vstars_evidence_is_where_the_thing_is(tmp_path: Path) -> None:
    vstar(tmp_path, [Thing(boxes=(Box(40, 100, 90, 160),))])
    (item,) = load("vstar", tmp_path)
    assert item.example.evidence == (Box(40, 100, 90, 160),)
    assert is_red(cut(item, item.example.evidence[0]))


def test_vstars_evidence_lies_in_the_upright_photo(tmp_path: Path) -> None:
    vstar(tmp_path, [Thing(boxes=(Box(40, 100, 90, 160),))])
    save_sideways(marked(Box(40, 100, 90, 160)), tmp_path / "direct_attributes" / "sa_4690.jpg")
    (item,) = load("vstar", tmp_path)
    assert item.example.photo.size == Size(320, 200)
    assert is_red(cut(item, item.example.evidence[0]))


def test_each_thing_of_a_question_is_evidence_as_far_as_the_photo_goes(tmp_path: Path) -> None:
    vstar(tmp_path, [NEAR._replace(boxes=(Box(10, 10, 30, 30), Box(300, 190, 340, 220), Box(400, 0, 410, 9)))])
    (item,) = load("vstar", tmp_path)
    assert item.example.evidence == (Box(10, 10, 30, 30), Box(300, 190, 320, 200))


def test_half_a_pixel_of_a_thing_is_not_cut_off(tmp_path: Path) -> None:
    annotation = vstar(tmp_path, [Thing()]).parent / "direct_attributes" / "sa_4690.json"
    annotation.write_text(json.dumps({"bbox": [[10.4, 10.6, 20.2, 20.0]]}), encoding="utf-8")
    assert load("vstar", tmp_path)[0].example.evidence == (Box(10, 10, 31, 31),)


def test_without_its_json_a_question_has_no_evidence(tmp_path: Path) -> None:
    vstar(tmp_path, [Thing()])
    (tmp_path / "direct_attributes" / "sa_4690.json").unlink()
    assert load("vstar", tmp_path)[0].example.evidence == ()


@pytest.mark.parametrize("boxes", ["[[1, 2, 3]]", "[[1, 2, NaN, 4]]", '"none"', "[[1, 2, 3, 4"])
def test_broken_boxes_are_named_by_their_file(boxes: str, tmp_path: Path) -> None:
    vstar(tmp_path, [Thing()])
    (tmp_path / "direct_attributes" / "sa_4690.json").write_text(f'{{"bbox": {boxes}}}', encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"sa_4690\.json (is not as published|cannot be read)"):
        load("vstar", tmp_path)


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    file = vstar(tmp_path, THINGS)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(load("vstar", tmp_path)) == 3


def test_a_missing_photo_is_refused_as_a_smaller_benchmark_compares_with_nothing(tmp_path: Path) -> None:
    vstar(tmp_path, THINGS)
    (tmp_path / "direct_attributes" / "sa_4691.jpg").unlink()
    with pytest.raises(EvaluationError, match=r"Row 2 of .*sa_4691\.jpg.*the file is gone.*No question is left out"):
        load("vstar", tmp_path)


@pytest.mark.parametrize("name", ["../outside.jpg", "direct_attributes/../../outside.jpg", "/outside.jpg", "a\\b.jpg"])
def test_a_photo_outside_the_benchmark_is_refused(name: str, tmp_path: Path) -> None:
    marked(Box(0, 0, 9, 9)).save(tmp_path / "outside.jpg")
    file = vstar(tmp_path / "vstar", THINGS)
    change(file, 1, image=name)
    with pytest.raises(EvaluationError, match=r"Row 2 of .* is refused: .*outside|Row 2 of .* is refused: 'a"):
        load("vstar", file)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"label": "E"}, r"0 of its options are 'E'"),
        ({"label": None}, r"\(label: "),
        ({"text": "What is it?"}, "no question with options"),
        ({"text": "What is it?\n(A) a glove"}, "not 2 to 8 lines"),
        ({"text": "What is it?\n(A) a glove\n(B) a hat\nor a shoe"}, "not 2 to 8 lines"),
        ({"text": "What is it?\n(A) a glove\n(A) a hat"}, r"2 of its options are 'A'"),
        ({"image": ""}, r"\(image: "),
    ],
)
def test_a_damaged_row_is_named(values: dict[str, Any], why: str, tmp_path: Path) -> None:
    file = vstar(tmp_path, THINGS)
    change(file, 0, **values)
    with pytest.raises(EvaluationError, match=rf"Row 1 of .* is not as published.*{why}"):
        load("vstar", file)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_no_table_says_so(content: bytes, tmp_path: Path) -> None:
    file = vstar(tmp_path, THINGS)
    file.write_bytes(content)
    with pytest.raises(EvaluationError, match=r"test_questions\.jsonl cannot be read after row 0"):
        load("vstar", file)


def test_an_empty_table_is_no_benchmark(tmp_path: Path) -> None:
    file = vstar(tmp_path, THINGS)
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="has no rows"):
        load("vstar", file)


# Options that are not shuffled


def answering(letters: str, choices: tuple[str, ...] = ("one", "two", "three", "four")) -> list[Item]:
    return [
        Item(Example(str(number), DrawnPhoto(0), None, "?", answer, choices)) for number, answer in enumerate(letters)
    ]


def test_options_with_the_right_one_always_first_are_refused_with_the_reason(tmp_path: Path) -> None:
    """As V*'s JSON files have them, and as releases have asked them."""
    vstar(tmp_path, [Thing()] * FEWEST)
    with pytest.raises(EvaluationError, match=r"vstar is refused: .* all 8 questions is A.* count as skill"):
        load("vstar", tmp_path)


def test_it_does_not_matter_which_letter_is_always_right() -> None:
    with pytest.raises(EvaluationError, match="is C, so that"):
        refuse_unshuffled("mine", answering("C" * FEWEST))


@pytest.mark.parametrize("letters", ["A" * (FEWEST - 1), "A" * FEWEST + "B", ""])
def test_shuffled_options_and_a_few_questions_pass(letters: str) -> None:
    refuse_unshuffled("mine", answering(letters))


def test_open_questions_with_one_answer_pass() -> None:
    refuse_unshuffled("mine", answering("A" * FEWEST, choices=()))


@given(st.lists(st.text("xyz (A)", min_size=1).map(str.strip).filter(bool), min_size=2, max_size=8), st.data())
def test_a_label_names_the_option_that_bears_it(texts: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(texts) - 1))
    written = [f"({letter}) {text}" for letter, text in zip("ABCDEFGH", texts, strict=False)]
    choices, answer = options("Row 1", written, "ABCDEFGH"[place])
    assert choices == tuple(texts)
    assert choices["ABCDEFGH".index(answer)] == texts[place]


# HR-Bench


@pytest.fixture
def hr_4k(tmp_path: Path) -> Path:
    return hr_bench(tmp_path / "hr_bench_4k.tsv", hr_rows(["What is written?", "Which way to Alocén?"]))


@pytest.mark.parametrize("ending", ["tsv", "parquet"])
def test_hr_bench_asks_each_question_in_four_orders(ending: str, tmp_path: Path) -> None:
    hr_bench(tmp_path / f"hr_bench_4k.{ending}", hr_rows(["What is written?", "Which way to Alocén?"]))
    items = load("hr-bench-4k", tmp_path)
    assert [item.example.answer for item in items] == [*"ABCD"] * 2
    assert [item.group for item in items] == ["hr-bench-4k-0"] * 4 + ["hr-bench-4k-4"] * 4
    assert [item.category for item in items] == ["single"] * 4 + ["cross"] * 4
    assert items[4].example.question == "Which way to Alocén?"
    assert items[1].example.choices == ('"d" says so', '"a" says so', '"c" says so', '"b" says so')


def test_quotes_tabs_and_lines_inside_a_field_are_part_of_it(tmp_path: Path) -> None:
    rows = hr_rows(['What does\nthe "OPEN"\tsign say?'])
    items = load("hr-bench-4k", hr_bench(tmp_path / "hr_bench_4k.tsv", rows))
    assert [item.example.question for item in items] == ['What does\nthe "OPEN"\tsign say?'] * 4


def test_4k_and_8k_are_told_apart_in_one_folder(hr_4k: Path) -> None:
    hr_bench(hr_4k.with_name("hr_bench_8k.tsv"), hr_rows(["What is written?"], Size(640, 400)))
    assert {item.example.photo.size for item in load("hr-bench-8k", hr_4k.parent)} == {Size(640, 400)}
    assert {item.example.photo.size for item in load("hr-bench-4k", hr_4k.parent)} == {Size(320, 200)}


def test_the_same_question_about_another_photo_is_another_question(tmp_path: Path) -> None:
    items = load("hr-bench-4k", hr_bench(tmp_path / "hr_bench_4k.tsv", hr_rows(["What colour is it?"] * 3)))
    assert [len([one for one in items if one.group == item.group]) for item in items] == [4] * 12


def test_rows_in_the_order_of_the_cycles_give_the_same_questions(tmp_path: Path) -> None:
    rows = hr_rows(["What is written?", "What colour is it?"])
    items = load("hr-bench-4k", hr_bench(tmp_path / "hr_bench_4k.tsv", rows))
    by_cycle = sorted(rows, key=lambda row: row["cycle_category"])
    assert load("hr-bench-4k", hr_bench(tmp_path / "hr_bench_4k.tsv", by_cycle)) == items


def test_a_count_keeps_all_orders_of_a_question_and_reads_no_further(tmp_path: Path) -> None:
    rows = hr_rows(["one", "two", "three"])
    rows[8]["image"] = "not base64"
    items = load("hr-bench-4k", hr_bench(tmp_path / "hr_bench_4k.tsv", rows), count=2)
    assert [item.example.question for item in items] == ["one"] * 4 + ["two"] * 4


def test_a_photo_of_four_rows_is_written_once(hr_4k: Path) -> None:
    items = load("hr-bench-4k", hr_4k)
    assert len({str(item.example.photo) for item in items}) == 2
    assert len([path for path in beside(hr_4k).rglob("*") if path.is_file()]) == 2


def test_a_second_reading_writes_no_photo_again(hr_4k: Path) -> None:
    load("hr-bench-4k", hr_4k)
    before = {path: path.stat().st_mtime_ns for path in beside(hr_4k).rglob("*")}
    load("hr-bench-4k", hr_4k)
    assert {path: path.stat().st_mtime_ns for path in beside(hr_4k).rglob("*")} == before


def test_no_more_than_a_few_rows_are_in_memory(tmp_path: Path) -> None:
    """8K is a file of many GB."""
    rows = hr_rows([str(number) for number in range(8)])
    for number, row in enumerate(rows):
        row["image"] = base64.b64encode(base64.b64decode(row["image"]) + bytes([number // 4]) * 2**20).decode()
    file = hr_bench(tmp_path / "hr_bench_8k.tsv", rows)
    tracemalloc.start()
    items = load("hr-bench-8k", file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(items) == 32
    assert peak < file.stat().st_size / 2


def test_a_row_may_name_an_earlier_one_for_its_photo(tmp_path: Path) -> None:
    rows = hr_rows(["What is written?"])
    for row in rows[1:]:
        row["image"] = "0"
    items = load("hr-bench-4k", hr_bench(tmp_path / "hr_bench_4k.tsv", rows))
    assert len({item.group for item in items}) == 1
    assert is_red(cut(items[3], Box(10, 10, 40, 40)))


def test_photos_go_to_the_users_cache_where_the_folder_is_not_his(
    hr_4k: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    items = load("hr-bench-4k", hr_4k)
    assert is_red(cut(items[0], Box(10, 10, 40, 40)))
    assert (tmp_path / "cache" / "chain-of-focus").is_dir()
    assert not hr_4k.with_name("hr_bench_4k.tsv.photos").exists()


def test_a_question_that_lacks_an_order_is_refused(tmp_path: Path) -> None:
    file = hr_bench(tmp_path / "hr_bench_4k.tsv", hr_rows(["one", "two"])[:-1])
    with pytest.raises(EvaluationError, match="asks hr-bench-4k-4 in 3 orders of its options, not 4"):
        load("hr-bench-4k", file)


def test_an_order_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    rows = hr_rows(["one"])
    file = hr_bench(tmp_path / "hr_bench_4k.tsv", [*rows, {**rows[0], "index": 4}])
    with pytest.raises(EvaluationError, match=r"Row 5 of .* asks again what cycle 0 has asked"):
        load("hr-bench-4k", file)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"image": "%%%"}, "holds a broken photo"),
        ({"image": "bm8gcGhvdG8="}, "cannot be used .not an image"),
        ({"answer": "F"}, "is not as published .answer"),
        ({"D": ""}, "is not as published .D"),
    ],
)
def test_a_damaged_row_of_hr_bench_is_named(values: dict[str, Any], why: str, tmp_path: Path) -> None:
    rows = hr_rows(["one"])
    rows[2].update(values)
    with pytest.raises(EvaluationError, match=f"Row 3 of .* {why}"):
        load("hr-bench-4k", hr_bench(tmp_path / "hr_bench_4k.tsv", rows))


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hr_bench_4k.tsv").write_text("index\tquestion\n0\tone\textra\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"Row 1 of .* is not as published \(answer: "):
        load("hr-bench-4k", tmp_path)


def test_what_is_no_parquet_says_so(tmp_path: Path) -> None:
    (tmp_path / "hr_bench_4k.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(EvaluationError, match="cannot be read after row 0"):
        load("hr-bench-4k", tmp_path)


# MME-RealWorld-Lite


def test_mme_realworld_is_read_from_its_zip(tmp_path: Path) -> None:
    mme_zip(tmp_path / "data.zip", [mme_row("B"), mme_row("E", Task="Reasoning", Subtask="Autonomous_Driving")])
    first, second = load("mme-realworld-lite", tmp_path)
    assert (first.category, second.category) == ("Perception/Remote Sensing", "Reasoning/Autonomous_Driving")
    assert (first.example.answer, second.example.answer) == ("B", "E")
    assert first.example.choices[2:] == (
        "In the lower right area\r\n of it",
        "In the lower left area",
        "This image doesn't feature the position.",
    )
    assert is_red(cut(first, Box(0, 0, 20, 20)))


def test_mme_realworld_is_read_where_somebody_unpacked_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(mme_zip(tmp_path / "data.zip", [mme_row()])) as archive:
        archive.extractall(tmp_path / "unpacked")
    file = tmp_path / "unpacked" / "data" / "MME-RealWorld-Lite.json"
    for place in (tmp_path / "unpacked", tmp_path / "unpacked" / "data", file):
        (item,) = load("mme-realworld-lite", place)
        assert is_red(cut(item, Box(0, 0, 20, 20)))


def test_published_rows_that_repeat_stay_and_have_ids_of_their_own(tmp_path: Path) -> None:
    items = load("mme-realworld-lite", mme_zip(tmp_path / "data.zip", [mme_row("B")] * 3))
    assert len({item.example.id for item in items}) == 3
    assert all("perception/remote_sensing/position/2527" in item.example.id for item in items)


def test_the_right_option_is_found_where_published_letters_repeat(tmp_path: Path) -> None:
    """Two published questions have options A, B, C, D, D and E, and the answer E."""
    written = ["(A) straight", "(B) left", "(C) right", "(D) not moving", "(D) None of the above", "(E) All are wrong."]
    (item,) = load("mme-realworld-lite", mme_zip(tmp_path / "data.zip", [mme_row("E", **{"Answer choices": written})]))
    assert item.example.answer == "F"
    assert item.example.truth.accepts("All are wrong.")


def test_a_zip_is_unpacked_once_and_what_was_cut_short_again(tmp_path: Path) -> None:
    archive = mme_zip(tmp_path / "data.zip", [mme_row()])
    (item,) = load("mme-realworld-lite", archive)
    (photo,) = beside(archive).rglob("*.png")
    written = photo.stat().st_mtime_ns
    load("mme-realworld-lite", archive)
    assert photo.stat().st_mtime_ns == written
    photo.write_bytes(photo.read_bytes()[:50])
    assert load("mme-realworld-lite", archive) == [item]
    assert is_red(cut(item, Box(0, 0, 20, 20)))


def test_a_zip_whose_names_lead_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    archive = mme_zip(tmp_path / "data.zip", [mme_row()], ["../../../../escaped.png"])
    with pytest.raises(EvaluationError, match=r"is refused: .*escaped"):
        load("mme-realworld-lite", archive)
    assert not list(tmp_path.parent.rglob("escaped.png"))


def test_a_damaged_zip_says_so(tmp_path: Path) -> None:
    archive = mme_zip(tmp_path / "data.zip", [mme_row()])
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(EvaluationError, match=r"data\.zip is damaged"):
        load("mme-realworld-lite", archive)


# Drawn scenes


def test_lamps_are_the_scenes_that_training_is_tested_on() -> None:
    tested = scenes(HELD_OUT + 3 * NUMBERS_PER_SEED, 2, 112, Manner())
    for item, example in zip(load("lamps", seed=3, count=2), tested, strict=True):
        assert item.example == example._replace(id=item.example.id, resolution=None, trace=None)


def test_lamps_can_be_asked_for_by_place() -> None:
    for item in load("lamps", count=3):
        assert item.where is not None
        assert item.where.replace("Where is", "What colour is") == item.example.question
        assert (item.example.choices, item.example.answer in ANSWERS) == ((), True)


def test_there_are_a_thousand_lamps_unless_told_otherwise() -> None:
    assert len(BENCHMARKS["lamps"](BenchmarkConfig(name="lamps"))) == 1000


@pytest.mark.parametrize(("seed", "count"), [(-1, 10), (100, 1), (99, 100_001)])
def test_lamps_never_reach_scenes_that_were_trained_on(seed: int, count: int) -> None:
    with pytest.raises(EvaluationError, match="never trained on"):
        load("lamps", seed=seed, count=count)


def test_lamps_take_no_data() -> None:
    with pytest.raises(EvaluationError, match="leave the benchmark's data out"):
        load("lamps", "somewhere")


# Shards


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp("run"))


def exported(run: Finished, folder: Path, **values: Any) -> Path:
    config = run.config.exporting.model_copy(update={"validation_share": 0.5, **values})
    export(sorted((run.zooming, run.direct), key=lambda one: one.id), config, folder, FACTS)
    return folder


def test_a_datasets_validation_split_is_a_benchmark_for_any_policy(run: Finished, tmp_path: Path) -> None:
    (item,) = load("shards", exported(run, tmp_path / "d"))
    (asked,) = [one.task for one in (run.zooming, run.direct) if one.id == item.example.id]
    assert (item.example.question, item.example.answer) == (asked.question, asked.answer)
    assert (item.example.evidence, item.example.trace, item.example.resolution) == (asked.evidence, None, None)
    view = item.example._replace(resolution=100).posed
    assert item.example.photo.picture(view).size == view.size


def test_a_dataset_without_its_photos_is_no_benchmark(run: Finished, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"without the photo of .*export\.copy_photos=true"):
        load("shards", exported(run, tmp_path / "d", copy_photos=False))


def test_shards_need_to_be_told_where_they_are() -> None:
    with pytest.raises(EvaluationError, match="set it to the folder of a run"):
        load("shards")


# The Hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A Hub on loopback with three questions of V* Bench and a file nobody asks for."""
    vstar(tmp_path / "published", THINGS)
    (tmp_path / "published" / "README.md").write_text("a card", encoding="utf-8")
    with running_hub(tmp_path / "home") as there:
        there.hold("craigwu/vstar_bench", tmp_path / "published")
        yield there


def downloads(hub: Hub) -> list[str]:
    return [line for line in hub.door.asked if line.startswith("GET") and "/resolve/" in line]


def test_a_benchmark_comes_from_where_its_authors_published_it(hub: Hub) -> None:
    assert [item.example.id for item in load("vstar")] == ["vstar-0", "vstar-1", "vstar-2"]
    once = downloads(hub)
    assert any("test_questions.jsonl" in line for line in once) and not any("README.md" in line for line in once)
    assert [item.example.id for item in load("vstar", "craigwu/vstar_bench", count=1)] == ["vstar-0"]
    assert downloads(hub) == once


def test_a_name_that_the_hub_does_not_know_is_one_sentence(hub: Hub) -> None:
    with pytest.raises(EvaluationError, match="neither a folder nobody/nothing here nor a dataset") as said:
        load("vstar", "nobody/nothing")
    assert TOKEN not in str(said.value) and hub.door.asked


def test_without_the_hub_the_remedy_is_said(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", "http://127.0.0.1:9")
    with pytest.raises(EvaluationError, match=r"DreamMr/HR-Bench cannot be fetched from the Hub \(\w+\)") as said:
        load("hr-bench-8k")
    assert TOKEN not in str(said.value) and not hub.door.asked


def test_a_path_that_is_not_there_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"There is no .*/nowhere: correct the benchmark's data"):
        load("vstar", tmp_path / "nowhere")


def test_a_folder_without_the_questions_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"There is no hr_bench_4k\.tsv or hr_bench_4k\.parquet in "):
        load("hr-bench-4k", tmp_path)
