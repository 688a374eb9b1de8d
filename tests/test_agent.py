"""The visual-search agent, against a scripted teacher: it looks closer, errs, is told so, and tries again."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agents.agent import NO_ANSWER_YET, AgentConfig, VisualSearchAgent
from agents.boxes import Box, BoxFrame
from agents.endpoint import ReplyError
from agents.photos import pixel_hash
from agents.sender import EndpointError
from agents.trajectory import Trajectory
from agents.verifier import Truth
from tests.conftest import Scripted
from tests.drawn import case_at, photo_of
from tests.scripted import (
    Response,
    Script,
    calls,
    calls_all,
    closed_port,
    fault,
    fills,
    form_of,
    pictures_of,
    says,
    texts_of,
)

TRUTH = Truth(question="What colour is the box?", choices=(), answer="red")
BOX = [256, 192, 384, 288]
LOOK, RIGHT = calls("zoom", {"box": BOX}), says("It is plain to see. <answer>red</answer>")
WRONG, HINT = says("I guess. <answer>blue</answer>"), fills({"correct": False, "hint": "Look at the middle."})


def search(script: Script | str, photo: Path, frame: BoxFrame = BoxFrame.NATIVE, **config: Any) -> Trajectory:
    url = script if isinstance(script, str) else script.url
    case = case_at(url, photo, photo.with_suffix(".jsonl"), frame)
    return asyncio.run(VisualSearchAgent(AgentConfig(**config)).search(case, TRUTH))


def observations(script: Script) -> list[str]:
    """What the last request tells the model of its tool calls."""
    last = script.asked[-1]["messages"]
    return [str(message["content"]) for message in last if message["role"] == "tool"]


def test_what_is_clear_is_answered_at_once(scripted: Scripted, photo: Path) -> None:
    found = search(scripted([RIGHT]), photo)
    assert (found.correct, found.answer, found.steps) == (True, "red", [])
    assert found.attempts[0].thought == "It is plain to see."


def test_the_first_request_shows_the_whole_photo_and_asks(scripted: Scripted, photo: Path) -> None:
    script = scripted([RIGHT])
    search(script, photo, steps=5)
    system, user = texts_of(script.asked[0])
    assert "640x480" in system
    assert "5 steps" in system
    assert user.startswith("The region [0, 0, 640, 480] of the photo, shown at 252x196 pixels:")
    assert user.endswith("Question: What colour is the box?")
    assert len(pictures_of(script.asked[0])) == 1


def test_a_relative_frame_counts_the_photo_in_thousandths(scripted: Scripted, photo: Path) -> None:
    script = scripted([RIGHT])
    search(script, photo, BoxFrame.RELATIVE)
    assert "1000x1000" in texts_of(script.asked[0])[0]


def test_a_zoom_comes_back_as_a_picture(scripted: Scripted, photo: Path) -> None:
    script = scripted([LOOK, RIGHT])
    search(script, photo)
    assert len(pictures_of(script.asked[1])) == 2
    assert observations(script) == ["Here is the closer look."]


def test_a_look_is_recorded_with_its_box_and_the_hash_of_its_pixels(scripted: Scripted, photo: Path) -> None:
    look = search(scripted([LOOK, RIGHT]), photo).looks[0]
    assert look.view is not None
    assert (look.tool, look.box, look.failed) == ("zoom", Box(*BOX), False)
    assert look.pixels == pixel_hash(photo_of(photo).render(look.view))


def test_a_recorded_box_is_native_and_its_arguments_are_as_written(scripted: Scripted, photo: Path) -> None:
    written = [400, 400, 600, 600]
    step = search(scripted([calls("zoom", {"box": written}), RIGHT]), photo, BoxFrame.RELATIVE).steps[0]
    assert step.box == Box(256, 192, 384, 288)
    assert step.arguments == {"box": written}


def test_a_trajectory_names_every_request_in_order(scripted: Scripted, photo: Path) -> None:
    found = search(scripted([LOOK, WRONG, HINT, RIGHT]), photo)
    lines = [json.loads(line)["key"] for line in photo.with_suffix(".jsonl").read_text().splitlines()]
    assert list(found.calls) == lines
    assert len(lines) == 4


def test_a_wrong_answer_is_followed_by_a_hint_and_another_attempt(scripted: Scripted, photo: Path) -> None:
    script = scripted([WRONG, HINT, RIGHT])
    found = search(script, photo)
    assert [attempt.answer for attempt in found.attempts] == ["blue", "red"]
    assert texts_of(script.asked[-1])[-1].startswith("Your answer was not accepted. Look at the middle.")


def test_what_was_seen_before_a_hint_is_still_there_after_it(scripted: Scripted, photo: Path) -> None:
    script = scripted([LOOK, WRONG, HINT, RIGHT])
    search(script, photo)
    assert len(pictures_of(script.asked[-1])) == 2


def test_the_agent_never_sees_the_truth(scripted: Scripted, photo: Path) -> None:
    script = scripted([WRONG, fills({"correct": False, "hint": "It is red."}), RIGHT])
    search(script, photo)
    said = [text for body in script.asked if not form_of(body) for text in texts_of(body)]
    assert not any("red" in text.split() or "red." in text for text in said)


def test_attempts_end(scripted: Scripted, photo: Path) -> None:
    found = search(scripted(lambda body: HINT if form_of(body) else WRONG), photo, attempts=2)
    assert (len(found.attempts), found.correct) == (2, False)


def test_steps_end(scripted: Scripted, photo: Path) -> None:
    found = search(scripted(lambda body: HINT if form_of(body) else LOOK), photo, attempts=1, steps=3)
    assert (found.attempts[0].stop, found.answer, len(found.steps)) == ("step limit", None, 3)


def test_without_an_answer_or_a_call_the_model_is_told_what_is_expected(scripted: Scripted, photo: Path) -> None:
    script = scripted([says("Hm, let me see."), RIGHT])
    assert search(script, photo).correct
    assert texts_of(script.asked[1])[-1] == NO_ANSWER_YET


@pytest.mark.parametrize("text", ["<answer>red", "red</answer>", "answer: red", ""])
def test_half_an_answer_is_none(text: str, scripted: Scripted, photo: Path) -> None:
    script = scripted([says(text), RIGHT])
    search(script, photo)
    assert texts_of(script.asked[1])[-1] == NO_ANSWER_YET


def test_an_answer_may_have_lines_and_spaces_around_it(scripted: Scripted, photo: Path) -> None:
    assert search(scripted([says("So:\n<answer>\n red \n</answer>\n")]), photo).answer == "red"


def test_of_two_calls_at_once_only_the_first_is_done(scripted: Scripted, photo: Path) -> None:
    script = scripted([calls_all([("zoom", {"box": BOX}), ("crop", {"box": BOX})]), RIGHT])
    found = search(script, photo)
    assert [step.tool for step in found.steps] == ["zoom"]
    said = next(message for message in script.asked[1]["messages"] if message["role"] == "assistant")
    assert [call["function"]["name"] for call in said["tool_calls"]] == ["zoom"]


def test_a_call_counts_before_an_answer_given_with_it(scripted: Scripted, photo: Path) -> None:
    both = calls("zoom", {"box": BOX}, "Blue? <answer>blue</answer>")
    assert search(scripted([both, RIGHT]), photo).answer == "red"


WRONG_CALLS: dict[str, tuple[Response, str]] = {
    "unknown tool": (calls("teleport", {}), "There is no tool 'teleport'; choose from ['locate', 'segment'"),
    "nameless tool": (calls("", {}), "There is no tool ''"),
    "outside": (calls("zoom", {"box": [700, 500, 800, 600]}), "lies outside the image, which is 640x480"),
    "NaN": (calls("zoom", '{"box": [NaN, 0, 10, 10]}'), "finite numbers"),
    "reversed": (calls("zoom", {"box": [90, 90, 10, 10]}), "empty or reversed"),
    "empty": (calls("zoom", {"box": []}), "four numbers"),
    "no arguments": (calls("zoom", ""), "box Field required"),
    "no JSON": (calls("zoom", "the middle, please"), "not a JSON object"),
}


@pytest.mark.parametrize("what", WRONG_CALLS)
def test_a_wrong_call_becomes_the_next_observation(what: str, scripted: Scripted, photo: Path) -> None:
    call, words = WRONG_CALLS[what]
    script = scripted([call, RIGHT])
    found = search(script, photo)
    assert words in observations(script)[0]
    assert (found.correct, found.steps[0].failed, found.steps[0].view) == (True, True, None)


def test_a_tool_whose_helper_cannot_be_read_becomes_the_next_observation(scripted: Scripted, photo: Path) -> None:
    script = scripted([calls("locate", {"thing": "a box"}), says("there"), says("over there"), RIGHT])
    found = search(script, photo)
    assert found.correct
    assert "no valid Located" in observations(script)[0]


def test_only_the_tools_of_the_configuration_are_offered(scripted: Scripted, photo: Path) -> None:
    script = scripted([calls("zoom", {"box": BOX}), RIGHT])
    search(script, photo, tools=("crop",))
    assert [tool["function"]["name"] for tool in script.asked[0]["tools"]] == ["crop"]
    assert "There is no tool 'zoom'; choose from ['crop']" in observations(script)[0]


def test_an_endpoint_that_fails_in_a_search_is_the_operators(scripted: Scripted, photo: Path) -> None:
    with pytest.raises(EndpointError):
        search(scripted([LOOK, *[fault(500)] * 3]), photo)


def test_a_verdict_that_cannot_be_read_ends_the_search(scripted: Scripted, photo: Path) -> None:
    with pytest.raises(ReplyError):
        search(scripted([WRONG, says("hm"), says("hm")]), photo)


def test_a_search_that_was_cut_off_goes_on_where_it_stopped(scripted: Scripted, photo: Path) -> None:
    with pytest.raises(EndpointError):
        search(scripted([LOOK, WRONG, *[fault(500)] * 3]), photo)
    script = scripted([HINT, RIGHT])
    assert search(script, photo).correct
    assert len(script.asked) == 2


def test_a_finished_search_comes_out_the_same_from_its_journal(scripted: Scripted, photo: Path) -> None:
    found = search(scripted([LOOK, WRONG, HINT, LOOK, RIGHT]), photo)
    assert search(closed_port(), photo) == found


def test_one_agent_may_search_many_photos_at_once(scripted: Scripted, photo: Path, tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> Response:
        return RIGHT if len(pictures_of(body)) > 1 else LOOK

    url = scripted(answer).url
    agent = VisualSearchAgent(AgentConfig())

    async def many() -> list[Trajectory]:
        cases = [case_at(url, photo, tmp_path / f"{n}.jsonl") for n in range(4)]
        return await asyncio.gather(*(agent.search(case, TRUTH) for case in cases))

    assert [len(found.looks) for found in asyncio.run(many())] == [1, 1, 1, 1]
