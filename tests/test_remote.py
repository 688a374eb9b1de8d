"""Attempts with a policy behind an endpoint, over real HTTP: what it is sent, what is counted, and what is refused."""

import pytest

from agents.dialects import Dialect
from agents.teachers import EndpointConfig
from pipeline.evaluation.config import Way
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.exchange import Finished
from pipeline.evaluation.remote import Remote
from pipeline.evaluation.strategies import STRATEGIES
from tests.attempts import TALL, attempt, look
from tests.conftest import Scripted
from tests.policies import example, manner
from tests.scripted import Response, Script, fault, pictures_of, says
from tests.test_served import opened, turns

HOW = Dialect.TOOL_CALL


def asked(script: Script, way: Way) -> Finished:
    endpoint = EndpointConfig(base_url=script.url, model="cof", tries=1, patience_seconds=0)
    one = attempt(way, HOW, brief=False)
    return Remote(endpoint).run([STRATEGIES[way.strategy].run(one)])[0]


def done(scripted: Scripted, way: Way, *lines: Response) -> tuple[Finished, Script]:
    script = scripted(lines)
    return asked(script, way), script


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_the_loop_runs_here_and_the_model_sees_every_crop(looks: int, scripted: Scripted) -> None:
    finished, script = done(scripted, Way(strategy="cof"), *map(says, turns(looks)))
    trace = example(looks=looks, how=manner(HOW, brief=False)).trace
    assert trace is not None
    assert (finished.outcome.reply, list(finished.outcome.views)) == ("EXIT", [zoom.view for zoom in trace.zooms])
    assert [len(pictures_of(body)) for body in script.asked] == list(range(1, looks + 2))


def test_what_is_read_again_is_counted_again(scripted: Scripted) -> None:
    finished, _ = done(scripted, Way(strategy="cof"), *map(says, turns(2)))
    # Each reply of the script reports 7 tokens read and 3 written.
    assert (finished.cost.prefilled_tokens, finished.cost.generated_tokens, finished.cost.pictures) == (21, 9, 3)
    assert finished.cost.visual_tokens == example().posed.visual_tokens + sum(
        view.visual_tokens for view in finished.outcome.views
    )


def test_a_crop_that_was_exchanged_is_what_is_sent(scripted: Scripted) -> None:
    sent = [
        pictures_of(done(scripted, Way(strategy="cof", crops=crops), *map(says, turns(1)))[1].asked[-1])[-1]
        for crops in ("own", "noise")
    ]
    assert opened(sent[0]).size == opened(sent[1]).size and sent[0] != sent[1]


def test_an_answer_is_asked_for_in_words_when_looks_are_used_up(scripted: Scripted) -> None:
    finished, script = done(
        scripted,
        Way(strategy="cof", max_zooms=0),
        says(turns(1)[0]),
        says("<think> . </think>\n<answer> red </answer>"),
    )
    assert finished.outcome.reply == "red"
    assert "no more closer looks" in str(script.asked[-1]["messages"][-1])


def test_each_question_where_is_a_conversation_of_its_own(scripted: Scripted) -> None:
    lines = says("<answer> red </answer>"), says("[10, 10, 60, 70]"), says("<answer> EXIT </answer>")
    finished, script = done(scripted, Way(strategy="two-view"), *lines)
    assert finished.outcome.reply == "EXIT"
    assert [len(pictures_of(body)) for body in script.asked] == [1, 1, 2]


def test_stopping_by_confidence_is_refused_with_the_reason(scripted: Scripted) -> None:
    with pytest.raises(EvaluationError, match="tells no probabilities"):
        done(scripted, Way(strategy="cof", stop_at=0.5), says(look(TALL, dialect=HOW)), says("<answer> red </answer>"))


def test_a_question_that_the_endpoint_refuses_has_no_answer_and_says_why(scripted: Scripted) -> None:
    finished, _ = done(scripted, Way(strategy="direct"), fault(400, "too long"))
    assert finished.outcome.reply is None
    assert "too long" in finished.texts[-1]
