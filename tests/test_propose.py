"""propose, with a scripted teacher: what becomes a task, what is set aside, and nothing asked twice."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agents.boxes import Box, whole
from pipeline.records import ImageRecord, Rejected, Task
from pipeline.stage import Worker
from pipeline.stages.propose import Propose
from tests.conftest import Scripted
from tests.drawn import config_at, draw, record_of
from tests.scripted import Script, fault, fills, pictures_of, says, texts_of

COLOUR = {
    "kind": "colour",
    "question": "What colour is the box in the middle?",
    "answer": "red",
    "wrong": ["blue", "green", "white"],
    "evidence": [[256, 192, 384, 288]],
}
TEXT = {**COLOUR, "kind": "text", "question": "What does the sign say?", "answer": "EXIT", "wrong": []}


def suggested(**changes: Any) -> dict[str, Any]:
    return {**COLOUR, **changes}


def propose(script: Script, photo: Path, masks: Path | None = None, **config: Any) -> tuple[list[Task], list[Rejected]]:
    """What the stage makes of a photo, through its worker."""
    frame = config.pop("frame", "native")
    worker = Worker((Propose,), config_at(script.url, photo.parent / "run", frame, propose=config))
    made = asyncio.run(worker.work(record_of(photo, masks).model_dump_json()))
    assert list(worker.store.failed("propose")) == []
    return [Task.model_validate_json(text) for text in made], list(worker.store.rejected("propose"))


def of(scripted: Scripted, photo: Path, *tasks: dict[str, Any], **config: Any) -> tuple[list[Task], list[Rejected]]:
    return propose(scripted([fills({"tasks": list(tasks)})]), photo, **config)


def reasons(rejects: list[Rejected]) -> list[str]:
    return [reject.reason for reject in rejects]


def test_a_suggestion_becomes_a_task(scripted: Scripted, photo: Path) -> None:
    (task,), rejects = of(scripted, photo, COLOUR, choice_share=0)
    assert (task.kind, task.question, task.answer) == ("colour", COLOUR["question"], "red")
    assert (task.choices, rejects) == ((), [])


def test_evidence_comes_back_to_the_pixels_of_the_photo(scripted: Scripted, photo: Path) -> None:
    (task,), _ = of(scripted, photo, COLOUR)
    box, wanted = task.evidence[0], Box(256, 192, 384, 288)
    assert box.iou(wanted) > 0.9  # the picture is the photo in whole patches


def test_a_relative_teacher_writes_thousandths(scripted: Scripted, photo: Path) -> None:
    (task,), _ = of(scripted, photo, suggested(evidence=[[400, 400, 600, 600]]), frame="relative")
    assert task.evidence[0].iou(Box(256, 192, 384, 288)) > 0.95


def test_options_are_shuffled_with_the_answer_among_them(scripted: Scripted, photo: Path) -> None:
    (task,), _ = of(scripted, photo, COLOUR, choice_share=1)
    assert sorted(task.choices) == ["blue", "green", "red", "white"]
    assert (task.answer_text, task.choices["ABCD".index(task.answer)]) == ("red", "red")


def test_without_a_wrong_option_a_question_stays_open(scripted: Scripted, photo: Path) -> None:
    (task,), _ = of(scripted, photo, TEXT, choice_share=1)
    assert (task.choices, task.answer) == ((), "EXIT")


def test_wrong_options_that_say_the_answer_are_left_out(scripted: Scripted, photo: Path) -> None:
    (task,), _ = of(scripted, photo, suggested(wrong=["Red", "red.", " ", "blue"]), choice_share=1)
    assert sorted(task.choices) == ["blue", "red"]


def test_a_task_is_posed_at_one_of_the_resolutions(scripted: Scripted, photo: Path) -> None:
    (task,), _ = of(scripted, photo, COLOUR, resolutions={"336": 1})
    assert (task.resolution, task.posed.box) == (336, Box(0, 0, 640, 480))


def test_native_is_no_resolution(scripted: Scripted, photo: Path) -> None:
    assert of(scripted, photo, COLOUR, resolutions={"native": 1})[0][0].resolution is None


def test_a_task_names_the_request_it_came_from(scripted: Scripted, photo: Path) -> None:
    (task,), _ = of(scripted, photo, COLOUR)
    (journal,) = (photo.parent / "run" / "calls" / "propose").rglob("*.jsonl")
    assert task.calls == (json.loads(journal.read_text())["key"],)


def test_the_id_of_a_task_begins_with_that_of_its_photo(scripted: Scripted, photo: Path) -> None:
    (task,), _ = of(scripted, photo, COLOUR)
    assert task.id == f"{task.image.id}-00"


@pytest.mark.parametrize("box", [[9000, 9000, 9100, 9100], [640 + 28, 0, 700, 50]])
def test_evidence_outside_the_picture_sets_a_suggestion_aside(box: list[int], scripted: Scripted, photo: Path) -> None:
    tasks, rejects = of(scripted, photo, COLOUR, suggested(question="What colour is that?", evidence=[box]))
    assert (len(tasks), reasons(rejects)) == (1, ["evidence outside the picture"])


def test_evidence_that_leaves_the_picture_is_cut(scripted: Scripted, photo: Path) -> None:
    (task,), _ = of(scripted, photo, suggested(evidence=[[-50, -50, 100, 100]]))
    assert whole(task.image.size).holds(task.evidence[0])


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (suggested(), "the same question again"),
        (suggested(question="WHAT COLOUR IS  the box in the middle?"), "the same question again"),
        (suggested(question="Which colour has that box?"), "the same task again"),
        (suggested(question="Which colour?", answer="..."), "no answer"),
        ({**TEXT, "question": 'Which sign says "exit"?'}, "the question holds its answer"),
    ],
)
def test_a_faulty_suggestion_is_set_aside_with_the_reason(
    second: dict[str, Any], reason: str, scripted: Scripted, photo: Path
) -> None:
    tasks, rejects = of(scripted, photo, COLOUR, second)
    assert (len(tasks), reasons(rejects)) == (1, [reason])


def test_a_reject_says_what_was_asked(scripted: Scripted, photo: Path) -> None:
    _, (reject,) = of(scripted, photo, COLOUR, COLOUR)
    assert reject.evidence == {"photo": "photo.jpg", "question": COLOUR["question"], "answer": "red"}


@pytest.mark.parametrize("tasks", [[], [suggested(evidence=[[9000, 9000, 9100, 9100]])]])
def test_a_photo_about_which_nothing_can_be_asked_is_rejected(
    tasks: list[dict[str, Any]], scripted: Scripted, photo: Path
) -> None:
    made, rejects = of(scripted, photo, *tasks)
    assert (made, reasons(rejects)) == ([], ["nothing can be asked"])
    assert (rejects[0].evidence["parts"], rejects[0].evidence["suggested"]) == (1, len(tasks))


def test_a_reply_that_stays_malformed_rejects_the_photo(scripted: Scripted, photo: Path) -> None:
    script = scripted([says("no idea"), says("really none")])
    assert reasons(propose(script, photo)[1]) == ["unusable reply"]
    assert len(script.asked) == 2


@pytest.mark.parametrize(
    "bad",
    [
        suggested(kind="guess"),
        suggested(question="What?"),
        suggested(answer=""),
        suggested(answer="x" * 121),
        suggested(evidence=[]),
        suggested(evidence=[[10, 10, 5, 5]]),
        suggested(wrong=["a"] * 8),
    ],
)
def test_a_suggestion_that_follows_no_form_is_repaired(bad: dict[str, Any], scripted: Scripted, photo: Path) -> None:
    script = scripted([fills({"tasks": [bad]}), fills({"tasks": [COLOUR]})])
    tasks, _ = propose(script, photo)
    assert (len(tasks), len(script.asked)) == (1, 2)


def test_no_more_tasks_are_kept_than_asked_for(scripted: Scripted, photo: Path) -> None:
    many = [
        suggested(question=f"What colour is box number {n}?", evidence=[[30 * n, 0, 30 * n + 20, 20]]) for n in range(9)
    ]
    assert len(of(scripted, photo, *many, tasks_per_image=4)[0]) == 4


def test_kinds_take_turns(scripted: Scripted, photo: Path) -> None:
    many = [
        suggested(question=f"What colour is box number {n}?", evidence=[[30 * n, 0, 30 * n + 20, 20]]) for n in range(9)
    ]
    count = suggested(kind="count", question="How many dots are there?", answer="3", evidence=[[500, 400, 520, 420]])
    kinds = {task.kind for task in of(scripted, photo, *many, count, tasks_per_image=2)[0]}
    assert kinds == {"colour", "count"}


def test_every_part_of_a_large_photo_is_shown(scripted: Scripted, tmp_path: Path) -> None:
    photo = draw(tmp_path / "large.jpg", 1200, 800)
    script = scripted(lambda _: fills({"tasks": []}))
    propose(script, photo, tile=700, overlap=100)
    assert len(script.asked) == 1 + 4
    assert all(len(pictures_of(body)) == 1 for body in script.asked)


def test_the_teacher_is_told_at_which_edges_the_photo_goes_on(scripted: Scripted, tmp_path: Path) -> None:
    photo = draw(tmp_path / "large.jpg", 1200, 400)
    script = scripted(lambda _: fills({"tasks": []}))
    propose(script, photo, tile=700, overlap=100)
    said = [texts_of(body)[-1] for body in script.asked]
    assert ["goes on" in text for text in said] == [False, True, True]
    assert "its right edge" in said[1]
    assert "its left edge" in said[2]


def test_the_teacher_is_told_the_masked_things(scripted: Scripted, photo: Path) -> None:
    masks = photo.with_suffix(".json")
    thing = {"bbox": [64, 48, 64, 48], "area": 3000, "predicted_iou": 0.9, "segmentation": {"counts": ""}}
    masks.write_text(json.dumps({"image": {"width": 640, "height": 480}, "annotations": [thing]}))
    script = scripted([fills({"tasks": []})])
    propose(script, photo, masks, frame="relative")
    told = texts_of(script.asked[0])[-1].partition("Segmented things in this picture: ")[2].partition(".")[0]
    ((x1, y1, x2, y2),) = json.loads(told)
    assert Box(x1, y1, x2, y2).iou(Box(100, 100, 200, 200)) > 0.95


def test_a_photo_that_was_cut_off_goes_on_where_it_stopped(scripted: Scripted, tmp_path: Path) -> None:
    photo = draw(tmp_path / "large.jpg", 1200, 400)
    broken = scripted([fills({"tasks": []}), fills({"tasks": []}), fault(401)])
    with pytest.raises(Exception, match="refused the key"):
        propose(broken, photo, tile=700, overlap=100)
    script = scripted([fills({"tasks": [COLOUR]})])
    assert len(propose(script, photo, tile=700, overlap=100)[0]) == 1
    assert len(script.asked) == 1


def test_the_same_replies_make_the_same_tasks(scripted: Scripted, photo: Path, tmp_path: Path) -> None:
    many = [
        suggested(question=f"What colour is box number {n}?", evidence=[[30 * n, 0, 30 * n + 20, 20]]) for n in range(9)
    ]
    first, _ = of(scripted, photo, *many)
    (tmp_path / "run").rename(tmp_path / "first-run")
    again, _ = of(scripted, photo, *many)
    assert first == again


def test_a_damaged_photo_is_rejected(scripted: Scripted, photo: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:6000])
    assert reasons(propose(scripted([]), photo)[1]) == ["damaged image"]


def test_an_image_record_survives_the_way_through_json(photo: Path) -> None:
    record = record_of(photo)
    assert ImageRecord.model_validate_json(record.model_dump_json()) == record
