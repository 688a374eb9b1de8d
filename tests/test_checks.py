"""What a trace must satisfy before it is data: each fault is found, and a good trace passes."""

from typing import Any

import pytest

from agents.boxes import Box
from agents.trace import Answer, Focus, Segment, Think, Trace
from agents.trajectory import Attempt, Step, Trajectory, Verdict
from pipeline.checks import Fault, check_trace
from pipeline.records import ImageRecord, Screening, Searched, Task
from tests.drawn import setting_of

IMAGE = ImageRecord(id="ab12", path="/photos/one.jpg", sha256="ab12", width=640, height=480)
SETTING = setting_of(IMAGE.size)
WIDE, NEAR, FAR = Box(200, 100, 500, 400), Box(256, 192, 384, 288), Box(0, 0, 60, 60)
EVIDENCE = Box(270, 200, 370, 280)


def searched(direct: bool = False, **task: Any) -> Searched:
    """A task solved by looking at all three boxes."""
    one = Task(
        **{
            "id": "ab12-00",
            "image": IMAGE,
            "kind": "text",
            "question": 'What is written below "OPEN"?',
            "answer": "MARKET",
            "evidence": (EVIDENCE,),
            "resolution": 224,
            "screening": Screening(direct=direct),
            **task,
        }
    )
    steps = tuple(
        Step(thought="", tool="zoom", arguments={}, observation="", box=box, view=SETTING.zoom(box).view)
        for box in (WIDE, NEAR, FAR)
    )
    attempt = Attempt(steps=steps, answer=one.answer, verdict=Verdict(correct=True))
    return Searched(id=one.id, task=one, trajectory=Trajectory(attempts=(attempt,), calls=()))


def trace(*boxes: Box, before: str = "I look closer.", last: str = "Now I see it.", answer: str = "MARKET") -> Trace:
    """A trace that looks at each box and answers."""
    segments: list[Segment] = []
    for number, box in enumerate(boxes):
        words = before if number == 0 else f"Still closer, {number}."
        segments += [Think(text=words), Focus(box=box), SETTING.zoom(box)]
    return Trace(segments=(*segments, Think(text=last), Answer(text=answer)))


@pytest.mark.parametrize("boxes", [(NEAR,), (WIDE, NEAR), (FAR, WIDE, NEAR)])
def test_a_trace_that_closes_in_on_the_evidence_passes(boxes: tuple[Box, ...]) -> None:
    check_trace(trace(*boxes), searched())


def test_a_direct_task_is_answered_directly() -> None:
    check_trace(trace(), searched(direct=True))


def test_options_are_answered_by_their_letter() -> None:
    check_trace(trace(NEAR, answer="B"), searched(choices=("HALL", "MARKET"), answer="B"))


FAULTS: dict[str, tuple[Trace, Searched]] = {
    "looked closer without need": (trace(NEAR), searched(direct=True)),
    "answered without the closer look it needs": (trace(), searched()),
    "the evidence is not in the last crop": (trace(NEAR, FAR), searched()),
    "a box that was not visited": (trace(Box(250, 190, 390, 290)), searched()),
    "the same box twice": (trace(NEAR, NEAR), searched()),
    "another answer than the accepted one": (trace(NEAR, answer="MARKET HALL"), searched()),
    "the prose speaks of the machinery": (trace(NEAR, last="The verifier told me so."), searched()),
    "the answer is told before it is seen": (trace(NEAR, before="It may be MARKET."), searched()),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found(fault: str) -> None:
    with pytest.raises(Fault) as caught:
        check_trace(*FAULTS[fault])
    assert str(caught.value) == fault


@pytest.mark.parametrize(
    "prose",
    [
        "I zoom in.",
        "The crop shows it.",
        "I ask again.",
        "As the hint says, it is lower.",
        "My answer was not accepted.",
        "It was verified.",
        "The ground truth is clear.",
        "In step 3 I saw it.",
        "In look 2 I saw it.",
        "In this tile I see it.",
        "Let me call the tool.",
        "I locate it.",
        "I adjust the box.",
        "I segment it.",
    ],
)
def test_words_of_the_workshop_are_found(prose: str) -> None:
    with pytest.raises(Fault, match="machinery"):
        check_trace(trace(NEAR, last=prose), searched())


@pytest.mark.parametrize(
    "prose",
    [
        'The sign says "TOOL HIRE".',
        "It says “Ask here”.",
        "I look closer at the stool.",
        "Now I can read it.",
        "The rejecting hand.",
    ],
)
def test_words_that_are_written_in_the_photo_are_allowed(prose: str) -> None:
    check_trace(trace(NEAR, last=prose), searched())


def test_the_answer_may_be_told_after_the_last_look() -> None:
    check_trace(trace(NEAR, last='It says "MARKET".'), searched())


def test_the_answer_may_be_named_early_where_the_question_names_it() -> None:
    question = 'Which is higher, "MARKET" or "HALL"?'
    check_trace(trace(NEAR, before="I look for MARKET."), searched(question=question))


def test_the_text_of_an_option_may_not_be_told_early_either() -> None:
    record = searched(choices=("HALL", "MARKET"), answer="B")
    with pytest.raises(Fault, match="told before it is seen"):
        check_trace(trace(NEAR, before="It may be market.", answer="B"), record)


def test_a_crop_that_was_shown_counts_as_visited() -> None:
    record = searched()
    view = SETTING.zoom(NEAR).view
    step = Step(thought="", tool="locate", arguments={}, observation="", view=view)
    attempt = record.trajectory.attempts[0].model_copy(update={"steps": (step,)})
    seen = record.model_copy(update={"trajectory": Trajectory(attempts=(attempt,), calls=())})
    check_trace(trace(view.box), seen)
