"""Tools and forms in words: what is asked of an endpoint without them, and how its words are read."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents.endpoint import Endpoint
from agents.messages import Call, Message, Reply, Request
from agents.probe import abilities_of
from agents.sender import EndpointError
from agents.spoken import Abilities, in_words, understood
from agents.teachers import EndpointConfig
from pipeline.journal import FileJournal
from tests.conftest import Scripted
from tests.drawn import answer_of, case_at, photo_of
from tests.scripted import Body, Response, calls, closed_port, fault, fills, form_of, says, texts_of

TOOL = {"type": "function", "function": {"name": "zoom", "description": "Look closer.", "parameters": {}}}
WORDS = Abilities(forms=False, tools=False)


def request(*messages: Message, **more: object) -> Request:
    first = Message(role="user", content=("Where?",))
    return Request(role="search", model="m", messages=messages or (first,)).model_copy(update=more)


def test_what_the_endpoint_can_do_is_left_to_it() -> None:
    asked = request(tools=(TOOL,), form=("Form", {}))
    assert in_words(asked, Abilities()) == asked


def test_tools_are_told_in_the_system_message() -> None:
    system = Message(role="system", content=("Be careful.",))
    told = in_words(request(system, Message(role="user", content=("Where?",)), tools=(TOOL,)), WORDS)
    assert told.tools == ()
    assert told.messages[0].role == "system"
    assert "Be careful." in told.messages[0].content
    assert '"name": "zoom"' in str(told.messages[0].content)


def test_calls_and_what_they_gave_back_become_turns_that_alternate() -> None:
    call = Call(id="a", name="zoom", arguments='{"box": [1, 2, 3, 4]}')
    asked = request(
        Message(role="user", content=("Where?",)),
        Message(role="assistant", content=("Closer.",), calls=(call,)),
        Message(role="tool", content=("Here.",), call_id="a"),
        Message(role="user", content=("The picture.",)),
        tools=(TOOL,),
    )
    told = in_words(asked, WORDS)
    assert [message.role for message in told.messages] == ["system", "user", "assistant", "user"]
    assert '{"name": "zoom", "arguments": {"box": [1, 2, 3, 4]}}' in told.messages[2].content[-1]
    assert told.messages[3].content == ("<tool_response>", "Here.", "</tool_response>", "The picture.")


@given(st.text(), st.dictionaries(st.text(), st.integers() | st.text()), st.text(max_size=20))
def test_a_call_in_words_comes_back_as_it_was_written(thought: str, arguments: dict[str, int], name: str) -> None:
    if "<tool_call>" in thought:
        return
    written = json.dumps({"name": name, "arguments": arguments}).replace("</tool_call>", "")
    got = understood(Reply(text=f"{thought}<tool_call>\n{written}\n</tool_call>"), request(tools=(TOOL,)), WORDS)
    assert [(call.name, json.loads(call.arguments)) for call in got.calls] == [
        (name.replace("</tool_call>", ""), arguments)
    ] or "</tool_call>" in json.dumps([name, arguments])
    assert got.text == thought.strip() or not got.calls


@pytest.mark.parametrize(
    "text", ["", "zoom!", "<tool_call>{", "<tool_call>[1]</tool_call>", "<tool_call>{}</tool_call>"]
)
def test_words_that_are_no_call_stay_words(text: str) -> None:
    got = understood(Reply(text=text), request(tools=(TOOL,)), WORDS)
    assert (got.text, got.calls) == (text, ())


@pytest.mark.parametrize(
    "text", ['{"a": {"b": 1}}', '```json\n{"a": {"b": 1}}\n```', 'Here it is:\n{"a": {"b": 1}}\nAnything else?']
)
def test_the_json_is_found_whatever_stands_around_it(text: str) -> None:
    got = understood(Reply(text=text), request(form=("Form", {})), WORDS)
    assert json.loads(got.text) == {"a": {"b": 1}}


class Form(BaseModel):
    number: int


def test_a_form_in_words_is_mended_once_with_what_was_wrong(scripted: Scripted, photo: Path, tmp_path: Path) -> None:
    script = scripted([says("Seven."), says('Sorry: {"number": 7}')])
    endpoint = Endpoint(EndpointConfig(base_url=script.url, model="m", abilities={"m": WORDS}))
    filled, _ = answer_of(
        endpoint, endpoint.fill(request(), Form, photo_of(photo), FileJournal(tmp_path / "one.jsonl"))
    )
    assert filled.number == 7
    assert [form_of(body) for body in script.asked] == ["", ""]
    assert '"number"' in texts_of(script.asked[0])[-1]
    assert "That does not follow the schema" in texts_of(script.asked[1])[-1]


def able(script_url: str) -> Abilities:
    return asyncio.run(abilities_of(EndpointConfig(base_url=script_url, tries=1, max_wait_seconds=0.01), "m"))


def holds_to_schemas(body: Body) -> Response:
    schema = body.get("response_format", {}).get("json_schema", {}).get("schema")
    if schema:
        return fills({name: field["const"] for name, field in schema["properties"].items()})
    return calls("ready", {"how": "steady"})


def test_an_endpoint_that_holds_to_schemas_and_calls_tools_is_known_for_it(scripted: Scripted) -> None:
    assert able(scripted(holds_to_schemas).url) == Abilities(forms=True, tools=True)


def test_an_endpoint_that_takes_a_schema_and_ignores_it_is_seen_through(scripted: Scripted) -> None:
    assert able(scripted(lambda _: says("Hello!")).url) == WORDS


def test_an_endpoint_that_refuses_schemas_and_tools_is_asked_in_words(scripted: Scripted) -> None:
    assert able(scripted(lambda _: fault(422, "response_format is not supported")).url) == WORDS


def test_a_wrong_key_stops_at_once_with_one_sentence(scripted: Scripted) -> None:
    script = scripted(lambda _: fault(401))
    with pytest.raises(EndpointError, match=r"refused the key in \$OPENAI_API_KEY \(HTTP 401\)"):
        able(script.url)
    assert len(script.asked) == 1


def test_an_endpoint_that_is_not_there_is_said_at_once() -> None:
    with pytest.raises(EndpointError, match="no connection"):
        able(closed_port())


def test_each_part_is_asked_of_its_own_model(scripted: Scripted, photo: Path, tmp_path: Path) -> None:
    config = EndpointConfig(model="large", models={"summarize": "small"})
    assert [config.model_for(role) for role in ("search", "answer", "summarize")] == ["large", "large", "small"]
    assert config.all_models == ["large", "small"]
    case = case_at(scripted([]).url, photo, tmp_path / "one.jsonl")
    assert case.request("search", ()).model == "local-teacher"
