"""A policy behind an endpoint: the zoom loop runs here, over real HTTP, and sees what one that runs here would."""

import base64
import io
import json
from collections.abc import Iterator

import pytest
from PIL import Image

from agents.dialects import Dialect, Turn
from agents.endpoint import RefusedError
from agents.teachers import EndpointConfig
from pipeline.training.errors import PolicyError
from pipeline.training.inference import Looked, Question, Said, Seen, Told
from pipeline.training.manner import Manner
from pipeline.training.rollout import Stop
from pipeline.training.served import Served
from tests.conftest import Scripted
from tests.policies import NoisyPhoto, example, gold, manner
from tests.scripted import Response, Script, calls, fault, pictures_of, says
from tests.test_inference import parrot

HOW = manner(Dialect.TOOL_CALL, brief=False)
QUESTION = Question(NoisyPhoto().image, "What does the sign say?", resolution=112)


def turns(looks: int) -> list[str]:
    """What a policy writes turn by turn in the trace of an example."""
    said: list[Turn] = example(looks=looks, how=HOW).turns(HOW)
    return ["".join(part or "" for part in turn.content) for turn in said if turn.role == "assistant"]


def served(script: Script, how: Manner = HOW) -> Served:
    return Served(EndpointConfig(base_url=script.url, model="cof", tries=1, patience_seconds=0), how)


def asked(scripted: Scripted, *lines: Response, max_zooms: int | None = None) -> tuple[Looked, Script]:
    script = scripted(lines)
    return served(script).answers([QUESTION], max_zooms)[0], script


def sent(script: Script) -> list[list[tuple[int, int]]]:
    """Sizes of the pictures of each request."""
    return [[opened(url).size for url in pictures_of(body)] for body in script.asked]


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_it_gives_what_the_same_words_give_here(looks: int, scripted: Scripted) -> None:
    looked, _ = asked(scripted, *map(says, turns(looks)))
    here = parrot(gold(example(looks=looks, how=HOW), HOW), Dialect.TOOL_CALL)
    if looks == 0:
        assert looked == here.answers([QUESTION])[0]._replace(posed=looked.posed)
    assert (looked.answer, looked.trace) == ("EXIT", example(looks=looks, how=HOW).trace)


def test_every_request_holds_all_pictures_so_far_as_they_were_seen(scripted: Scripted) -> None:
    looked, script = asked(scripted, *map(says, turns(2)))
    sizes = [tuple(looked.posed.size), *(step.picture.size for step in looked.steps if isinstance(step, Seen))]
    assert sent(script) == [sizes[:1], sizes[:2], sizes]


def test_what_it_is_told_first_is_what_it_was_trained_on(scripted: Scripted) -> None:
    _, script = asked(scripted, *map(says, turns(0)))
    opening = example(how=HOW).turns(HOW)[:2]
    words = [
        body["content"] if isinstance(body["content"], str) else body["content"][1]["text"]
        for body in script.asked[0]["messages"]
    ]
    assert words == [turn.content[-1] for turn in opening]


def test_a_server_that_takes_calls_out_of_the_text_is_understood(scripted: Scripted) -> None:
    first, last = turns(1)
    call = json.loads(first.partition("<tool_call>")[2].partition("</tool_call>")[0])
    thought = first.partition("<tool_call>")[0].strip()
    looked, _ = asked(scripted, calls(call["name"], call["arguments"], thought), says(last))
    assert looked.trace == example(looks=1, how=HOW).trace


def test_an_impossible_box_is_told_and_it_goes_on(scripted: Scripted) -> None:
    call = '{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [5, 5, 5, 5]}}'
    bad = f"<think>I look.</think><tool_call>{call}</tool_call>"
    looked, script = asked(scripted, says(bad), *map(says, turns(0)))
    assert [type(step) for step in looked.steps] == [Said, Told, Said]
    assert (looked.answer, looked.trace) == ("EXIT", None)
    told = looked.steps[1]
    assert isinstance(told, Told)
    assert script.asked[1]["messages"][-1] == {"role": "user", "content": told.text}


def test_no_more_looks_than_allowed_are_taken(scripted: Scripted) -> None:
    looked, script = asked(scripted, *map(says, turns(2)), max_zooms=1)
    assert (looked.stop, looked.answer, len(script.asked)) == (Stop.OVER_TURN, None, 2)


def test_questions_are_asked_side_by_side(scripted: Scripted) -> None:
    script = scripted(lambda body: says(turns(1)[len(pictures_of(body)) - 1]))
    found = served(script).answers([QUESTION] * 3)
    assert [one.answer for one in found] == ["EXIT"] * 3
    assert len(script.asked) == 6


def test_a_stream_tells_the_same_steps(scripted: Scripted) -> None:
    script = scripted(lambda body: says(turns(1)[len(pictures_of(body)) - 1]))
    told: Iterator[object] = served(script).stream(QUESTION)
    assert [type(step) for step in told] == [Said, Seen, Said]


def test_a_refused_question_is_said_to_be_one(scripted: Scripted) -> None:
    with pytest.raises(RefusedError, match="too long"):
        asked(scripted, fault(400, "too long"))


def test_the_inline_dialect_is_refused_with_the_reason() -> None:
    with pytest.raises(PolicyError, match="by tool calls"):
        Served(EndpointConfig(), manner(Dialect.INLINE))
