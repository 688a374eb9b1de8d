"""The tools: what the model reads of them, what they bring, and what they say to a call that is wrong."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.boxes import Box, BoxFrame, whole
from agents.case import Case
from agents.endpoint import ReplyError
from agents.masks import Region
from agents.tools import TOOLS, Observation, Tool, ToolError
from agents.views import crop_view, zoom_view
from tests.conftest import Scripted
from tests.drawn import POLICY, case_at
from tests.scripted import Body, closed_port, fills, form_of, pictures_of, says, texts_of

BY_NAME = {tool.name: tool for tool in TOOLS}
RED = Box(256, 192, 384, 288)
"""The red box of the drawn photo."""


@pytest.fixture
def case(photo: Path, tmp_path: Path) -> Case:
    """A case without a teacher: whoever asks one fails."""
    return case_at(closed_port(), photo, tmp_path / "calls.jsonl")


@pytest.fixture
def asking(scripted: Scripted, photo: Path, tmp_path: Path) -> Callable[..., tuple[Case, list[Body]]]:
    """A case whose teacher says what is given, and the list of what it is asked."""

    def build(*replies: Any, frame: BoxFrame = BoxFrame.NATIVE) -> tuple[Case, list[Body]]:
        script = scripted([fills(reply) if isinstance(reply, dict) else says(reply) for reply in replies])
        return case_at(script.url, photo, tmp_path / "calls.jsonl", frame), script.asked

    return build


Asking = Callable[..., tuple[Case, list[Body]]]


def use(name: str, case: Case, arguments: Any) -> Observation:
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    observation, _ = asyncio.run(BY_NAME[name](case, written))
    return observation


def refusal(name: str, case: Case, arguments: Any) -> str:
    with pytest.raises(ToolError) as caught:
        use(name, case, arguments)
    return str(caught.value)


def test_there_are_the_six_tools_of_the_paper() -> None:
    assert sorted(BY_NAME) == ["adjust", "ask", "crop", "locate", "segment", "zoom"]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: str(tool.name))
def test_what_a_model_reads_of_a_tool_is_its_docstring_and_its_arguments(tool: Tool) -> None:
    function = tool.schema["function"]
    assert function["description"] == tool.function.__doc__
    assert function["parameters"]["additionalProperties"] is False
    assert "case" not in function["parameters"]["properties"]


def test_a_box_argument_is_declared_as_four_integers() -> None:
    box = BY_NAME["zoom"].schema["function"]["parameters"]["properties"]["box"]
    assert box == {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}


def test_zoom_brings_the_view_all_other_zooms_take(case: Case) -> None:
    found = use("zoom", case, {"box": list(RED)})
    assert found.view == zoom_view(case.photo.size, RED, POLICY, case.posed.size)


def test_crop_brings_the_box_as_it_is(case: Case) -> None:
    assert use("crop", case, {"box": list(RED)}).view == crop_view(case.photo.size, RED, POLICY)


def test_a_box_that_leaves_the_photo_is_cut(case: Case) -> None:
    found = use("crop", case, {"box": [600, 400, 900, 700]})
    assert found.view is not None
    assert found.view.box == Box(600, 400, 640, 480)


@pytest.mark.parametrize(
    ("frame", "written"),
    [
        (BoxFrame.NATIVE, [320, 240, 480, 360]),
        (BoxFrame.MODEL, [126, 98, 189, 147]),
        (BoxFrame.RELATIVE, [500, 500, 750, 750]),
    ],
)
def test_a_box_is_read_in_the_frame_of_the_teacher(
    frame: BoxFrame, written: list[int], photo: Path, tmp_path: Path
) -> None:
    found = use("crop", case_at(closed_port(), photo, tmp_path / "c.jsonl", frame), {"box": written})
    assert found.view is not None
    assert found.view.box == Box(320, 240, 480, 360)


WRONG_CALLS = {
    "no JSON": ("zoom it!", "zoom: the arguments are not a JSON object."),
    "half a JSON": ('{"box": [1, 2', "zoom: the arguments are not a JSON object."),
    "no arguments": ("", "zoom: box Field required"),
    "an empty object": ("{}", "zoom: box Field required"),
    "a list": ("[1, 2, 3, 4]", "zoom: "),
    "a text": ('"box"', "zoom: "),
    "null": ("null", "zoom: "),
    "a box that is a text": ('{"box": "all"}', "zoom: box A box is four numbers"),
    "three numbers": ('{"box": [1, 2, 3]}', "A box is four numbers"),
    "NaN": ('{"box": [NaN, 0, 10, 10]}', "A box holds finite numbers, not 'nan'"),
    "infinity": ('{"box": [0, 0, Infinity, 10]}', "A box holds finite numbers, not 'inf'"),
    "a huge number": ('{"box": [0, 0, 1e999, 10]}', "A box holds finite numbers, not 'inf'"),
    "a number of many digits": (f'{{"box": [0, 0, {10**400}, 10]}}', "box"),
    "a reversed box": ('{"box": [100, 0, 10, 10]}', "empty or reversed"),
    "an empty box": ('{"box": [10, 10, 10, 10]}', "empty or reversed"),
    "a box outside": ('{"box": [700, 500, 800, 600]}', "lies outside the image, which is 640x480"),
    "one argument too many": ('{"box": [1, 2, 30, 40], "colour": "red"}', "zoom: colour Extra inputs"),
    "nested without end": ("[" * 100_000, "zoom: "),
}


@pytest.mark.parametrize("what", WRONG_CALLS)
def test_a_wrong_call_is_refused_in_words_for_the_model(what: str, case: Case) -> None:
    written, words = WRONG_CALLS[what]
    assert words in refusal("zoom", case, written)


def test_a_refusal_speaks_of_the_frame_the_model_writes_in(photo: Path, tmp_path: Path) -> None:
    case = case_at(closed_port(), photo, tmp_path / "c.jsonl", BoxFrame.RELATIVE)
    assert "which is 1000x1000" in refusal("zoom", case, {"box": [1100, 0, 1200, 50]})


def test_a_refusal_is_short_however_long_the_arguments(case: Case) -> None:
    assert len(refusal("zoom", case, {"box": "x" * 100_000})) <= 400


def test_locate_brings_native_boxes_best_first(asking: Asking) -> None:
    case, asked = asking({"boxes": [[100, 70, 151, 105], [0, 0, 10, 10]], "note": "Two."})
    found = use("locate", case, {"thing": "the red box"})
    assert found.boxes == tuple(
        case.setting.from_picture(Box(*box), case.posed) for box in ((100, 70, 151, 105), (0, 0, 10, 10))
    )
    assert found.text.startswith("Two. Boxes, best first: [")
    assert "the red box" in texts_of(asked[0])[-1]


def test_locate_can_look_within_a_box(asking: Asking) -> None:
    case, asked = asking({"boxes": [[0, 0, 10, 10]], "note": ""})
    found = use("locate", case, {"thing": "it", "within": list(RED)})
    assert zoom_view(case.photo.size, RED, POLICY).box.holds(found.boxes[0])
    assert len(pictures_of(asked[0])) == 1


def test_what_is_nowhere_is_not_found(asking: Asking) -> None:
    case, _ = asking({"boxes": [], "note": "No such thing."})
    assert use("locate", case, {"thing": "a unicorn"}) == Observation("Not found. No such thing.")


def test_a_located_box_outside_the_picture_is_left_out(asking: Asking) -> None:
    case, _ = asking({"boxes": [[9000, 9000, 9100, 9100], [0, 0, 20, 20]], "note": ""})
    assert len(use("locate", case, {"thing": "it"}).boxes) == 1


def test_boxes_that_stay_malformed_are_an_unusable_reply(asking: Asking) -> None:
    case, _ = asking({"boxes": [[5, 5, 5, 5]]}, {"boxes": [[9, 5, 5, 5]]})
    with pytest.raises(ReplyError, match=r"boxes\.0"):
        use("locate", case, {"thing": "it"})


def test_ask_shows_only_the_box(asking: Asking) -> None:
    case, asked = asking({"answer": "red", "note": ""})
    assert use("ask", case, {"question": "What colour?", "box": list(RED)}).text == "red"
    assert form_of(asked[0]) == "Answered"
    assert len(pictures_of(asked[0])) == 1


def test_ask_says_when_it_cannot_be_told(asking: Asking) -> None:
    case, _ = asking({"answer": None, "note": "Too small."})
    assert use("ask", case, {"question": "What?", "box": list(RED)}).text == "It cannot be told. Too small."


@pytest.mark.parametrize("frame", BoxFrame)
def test_adjust_brings_the_better_box(asking: Asking, frame: BoxFrame) -> None:
    case, asked = asking({"box": [10, 10, 300, 300]}, frame=frame)
    written = list(case.setting.written(RED))
    found = use("adjust", case, {"box": written, "instruction": "Widen it."})
    assert whole(case.photo.size).holds(found.boxes[0])
    assert found.text == f"The adjusted box is {case.written(found.boxes[0])}."
    assert "Widen it." in texts_of(asked[0])[-1]


def test_a_box_adjusted_out_of_the_picture_is_refused(asking: Asking) -> None:
    case, _ = asking({"box": [9000, 9000, 9100, 9100]})
    assert "could not be adjusted" in refusal("adjust", case, {"box": list(RED), "instruction": "Move it."})


class Things:
    """A segmenter that finds the red box, and remembers where it was asked."""

    def __init__(self) -> None:
        self.point: tuple[int, int] | None = None

    async def regions(self) -> list[Region]:
        return [Region(RED, RED.area, 1.0)]

    async def at_point(self, x: int, y: int) -> list[Region]:
        self.point = (x, y)
        return await self.regions() * 5

    async def at_box(self, box: Box) -> list[Region]:
        return await self.regions() if box.overlaps(RED) else []


def test_segment_brings_the_tight_box(case: Case) -> None:
    case.segmenter = Things()
    assert use("segment", case, {"box": [200, 150, 400, 300]}).boxes == (RED,)


def test_where_nothing_is_there_is_no_segment(case: Case) -> None:
    case.segmenter = Things()
    assert use("segment", case, {"box": [0, 0, 10, 10]}).text == "There is no segment there."


def test_a_point_brings_the_first_few_segments(case: Case) -> None:
    case.segmenter = Things()
    assert len(use("segment", case, {"point": [300, 200]}).boxes) == 3


def test_a_point_is_read_in_the_frame_of_the_teacher(photo: Path, tmp_path: Path) -> None:
    case = case_at(closed_port(), photo, tmp_path / "c.jsonl", BoxFrame.RELATIVE)
    case.segmenter = things = Things()
    use("segment", case, {"point": [500, 999]})
    assert things.point == (320, 479)


@pytest.mark.parametrize("point", [[640, 0], [0, 480], [-1, 0], [10**30, 0]])
def test_a_point_outside_the_photo_is_refused(point: list[int], case: Case) -> None:
    assert "lies outside the photo, which is 640x480" in refusal("segment", case, {"point": point})


@pytest.mark.parametrize("arguments", [{}, {"box": [1, 2, 30, 40], "point": [3, 4]}, {"box": None}])
def test_segment_takes_either_a_box_or_a_point(arguments: dict[str, Any], case: Case) -> None:
    assert refusal("segment", case, arguments) == "segment: give either a box or a point."


@pytest.mark.parametrize("point", [[1], [1, 2, 3], "here", [1.5, 2], ["a", "b"]])
def test_a_point_is_two_integers(point: Any, case: Case) -> None:
    assert refusal("segment", case, {"point": point}).startswith("segment: point")
