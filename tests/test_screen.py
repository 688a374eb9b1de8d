"""screen, with a scripted teacher: tried out blind, on the evidence, for uniqueness, and as posed."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents.boxes import Box
from pipeline.records import Rejected, Task
from pipeline.stage import Worker
from pipeline.stages.screen import Screen
from tests.conftest import Scripted
from tests.drawn import config_at, record_of
from tests.scripted import Body, Response, Script, fills, form_of, pictures_of, says, texts_of

NONE, RED, ONE = (
    fills({"answer": None, "note": ""}),
    fills({"answer": "red", "note": ""}),
    fills({"things": 1}),
)


def task(photo: Path, **changes: Any) -> Task:
    image = record_of(photo)
    values = {
        "id": f"{image.id}-00",
        "image": image,
        "kind": "colour",
        "question": "What colour is the box?",
        "answer": "red",
        "evidence": (Box(256, 192, 384, 288),),
        "resolution": 224,
        "calls": ("proposed",),
    }
    return Task.model_validate({**values, **changes})


def screen(script: Script, photo: Path, blind_asks: int = 1, **changes: Any) -> tuple[list[Task], list[Rejected]]:
    asks = {"blind_asks": blind_asks, "evidence_margins": [0.2, 0.4]}
    worker = Worker((Screen,), config_at(script.url, photo.parent / "run", screen=asks))
    made = asyncio.run(worker.work(task(photo, **changes).model_dump_json()))
    assert list(worker.store.failed("screen")) == []
    return [Task.model_validate_json(text) for text in made], list(worker.store.rejected("screen"))


def reason(script: Script, photo: Path, **changes: Any) -> str:
    made, (reject,) = screen(script, photo, **changes)
    assert made == []
    return reject.reason


def test_a_good_task_passes_with_what_was_answered(scripted: Scripted, photo: Path) -> None:
    (passed,), _ = screen(scripted([NONE, RED, RED, ONE, NONE]), photo)
    screening = passed.screening
    assert screening is not None
    assert (screening.blind, screening.evidence, screening.things) == ((None,), ("red", "red"), 1)
    assert (screening.posed, screening.direct) == (None, False)


def test_what_the_posed_view_shows_needs_no_zoom(scripted: Scripted, photo: Path) -> None:
    (passed,), _ = screen(scripted([NONE, RED, RED, ONE, RED]), photo)
    assert passed.screening is not None
    assert passed.screening.direct


def test_a_task_names_all_requests_so_far(scripted: Scripted, photo: Path) -> None:
    (passed,), _ = screen(scripted([NONE, RED, RED, ONE, NONE]), photo)
    assert (passed.calls[0], len(passed.calls), len(set(passed.calls))) == ("proposed", 6, 6)


def test_blind_means_without_a_picture(scripted: Scripted, photo: Path) -> None:
    script = scripted([NONE, RED, RED, ONE, NONE])
    screen(script, photo)
    assert [len(pictures_of(body)) for body in script.asked] == [0, 1, 1, 1, 1]


def test_what_can_be_guessed_is_rejected_at_once(scripted: Scripted, photo: Path) -> None:
    script = scripted([RED])
    assert reason(script, photo) == "answered without the image"
    assert len(script.asked) == 1


@pytest.mark.parametrize("answers", [[NONE], [fills({"answer": "blue"})], [RED, fills({"answer": "pink"})]])
def test_what_the_evidence_does_not_show_each_time_is_rejected(
    answers: list[Response], scripted: Scripted, photo: Path
) -> None:
    assert reason(scripted([NONE, *answers]), photo) == "not the same answer on the evidence"


@pytest.mark.parametrize("things", [0, 2, -1])
def test_a_question_that_does_not_fit_one_thing_is_rejected(things: int, scripted: Scripted, photo: Path) -> None:
    assert reason(scripted([NONE, RED, RED, fills({"things": things})]), photo) == "not one thing"


def test_an_unusable_reply_rejects_the_task(scripted: Scripted, photo: Path) -> None:
    assert reason(scripted([says("hm"), says("hm")]), photo) == "unusable reply"


def test_each_asking_on_the_evidence_sees_it_cut_otherwise(scripted: Scripted, photo: Path) -> None:
    script = scripted([NONE, RED, RED, ONE, NONE])
    screen(script, photo)
    first, second = (pictures_of(body)[0] for body in script.asked[1:3])
    assert first != second


def test_options_are_posed_blind_in_another_order_and_judged_by_what_they_say(scripted: Scripted, photo: Path) -> None:
    choices = ("blue", "green", "red", "white")

    def knows_red(body: Body) -> Response:
        """Names the letter of red, wherever it stands."""
        lines = texts_of(body)[-1].splitlines()
        return fills({"answer": next(line[1] for line in lines if line.endswith(") red"))})

    script = scripted(knows_red)
    assert reason(script, photo, choices=choices, answer="C") == "answered without the image"
    assert form_of(script.asked[0]) == "Answered"


def test_each_blind_asking_has_its_own_order(scripted: Scripted, photo: Path) -> None:
    script = scripted(lambda _: NONE)
    choices = ("blue", "green", "red", "white")
    screen(script, photo, blind_asks=4, choices=choices, answer="C")
    posed = [[line for line in texts_of(body)[-1].splitlines() if line.startswith("(")] for body in script.asked[:4]]
    assert len({tuple(options) for options in posed}) > 1
    assert all(sorted(option[4:] for option in options) == sorted(choices) for options in posed)


def test_a_reject_shows_the_question_and_the_answers(scripted: Scripted, photo: Path) -> None:
    _, (reject,) = screen(scripted([NONE, fills({"answer": "pink"})]), photo)
    assert (reject.evidence["question"], reject.evidence["answers"]) == ("What colour is the box?", ["pink"])
