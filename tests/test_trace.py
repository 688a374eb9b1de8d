"""The structured trace: what is well formed, and that its prose holds no markup."""

import pytest
from pydantic import ValidationError

from agents.boxes import Box
from agents.trace import Answer, Focus, Segment, Think, Trace, Zoom
from agents.views import View

BOX = Box(10, 20, 110, 120)
THINK, FOCUS = Think(text="I look closer."), Focus(box=BOX)
ZOOM, ANSWER = Zoom(view=View(box=BOX, width=56, height=56)), Answer(text="red")


def trace(*segments: Segment) -> Trace:
    return Trace(segments=segments)


@pytest.mark.parametrize(
    "segments",
    [
        (THINK, ANSWER),
        (THINK, FOCUS, ANSWER),
        (THINK, FOCUS, ZOOM, THINK, ANSWER),
        (THINK, FOCUS, ZOOM, FOCUS, ANSWER),
        (THINK, FOCUS, FOCUS, ZOOM, THINK, FOCUS, ZOOM, THINK, ANSWER),
        (THINK, FOCUS, THINK, ANSWER),
    ],
)
def test_a_chain_of_focus_is_well_formed(segments: tuple[Segment, ...]) -> None:
    assert trace(*segments).answer == "red"


@pytest.mark.parametrize(
    ("segments", "what"),
    [
        ((), "ends with its one answer"),
        ((THINK,), "ends with its one answer"),
        ((THINK, FOCUS, ZOOM), "ends with its one answer"),
        ((THINK, ANSWER, ANSWER), "ends with its one answer"),
        ((THINK, ANSWER, THINK), "ends with its one answer"),
        ((ANSWER,), "begins with a thought"),
        ((FOCUS, ZOOM, THINK, ANSWER), "begins with a thought"),
        ((THINK, FOCUS, ZOOM, ANSWER), "says what it saw after its last zoom"),
        ((THINK, ZOOM, THINK, ANSWER), "follows the focus"),
        ((THINK, FOCUS, ZOOM, ZOOM, THINK, ANSWER), "follows the focus"),
        ((THINK, FOCUS, THINK, ZOOM, THINK, ANSWER), "follows the focus"),
        ((THINK, THINK, ANSWER), "one thought"),
    ],
)
def test_what_is_no_chain_of_focus_is_refused(segments: tuple[Segment, ...], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        trace(*segments)


MARKUP = [
    "<|image_zoomin|>",
    "<|box_start|>",
    "<|im_end|>",
    "a <|vision_start|><|image_pad|> b",
    "<think>",
    "</think>",
    "<THINK>",
    "<answer>",
    "the </answer> ends",
    "<tool_call>",
    "</tool_response>",
    "<image>",
    "<video>",
    '<image src="x">',
    "[1, 2, 3, 4]",
    "at [10,20,30,40] there",
    "[ -1, 2,\n3, 4 ]",
]


@pytest.mark.parametrize("text", MARKUP)
def test_prose_with_markup_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="prose holds markup"):
        Think(text=text)


@pytest.mark.parametrize("text", MARKUP)
def test_an_answer_with_markup_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="prose holds markup"):
        Answer(text=text)


@pytest.mark.parametrize("text", ["", " ", " a", "a ", "a\n"])
def test_prose_is_not_empty_and_has_no_space_around_it(text: str) -> None:
    with pytest.raises(ValidationError, match="prose is not empty"):
        Think(text=text)


@pytest.mark.parametrize(
    "text",
    [
        'the sign "STOP"',
        "5 < 7 > 3",
        "[sic]",
        "[1, 2]",
        "a|b",
        "I think so",
        "<3",
        "an image of",
        "é ñ 漢字 🙂",
        "{x}",
    ],
)
def test_ordinary_prose_is_allowed(text: str) -> None:
    assert Think(text=text).text == text


def test_a_trace_tells_its_zooms_its_boxes_and_its_prose() -> None:
    made = trace(THINK, FOCUS, ZOOM, Think(text="It is red."), ANSWER)
    assert (made.zooms, made.boxes, made.prose) == ([ZOOM], [BOX], "I look closer. It is red.")


def test_a_trace_survives_the_way_through_json() -> None:
    made = trace(THINK, FOCUS, ZOOM, THINK, ANSWER)
    assert Trace.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize("box", [[5, 5, 5, 9], [1, 2, 3], "all of it"])
def test_a_focus_is_on_a_box(box: object) -> None:
    with pytest.raises(ValidationError):
        Focus.model_validate({"box": box})
