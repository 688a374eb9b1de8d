"""The endpoint: asked over real HTTP, with all that goes wrong there, and every answer in a journal first."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agents.boxes import Box
from agents.endpoint import Endpoint, RefusedError, ReplyError
from agents.messages import Call, Message, Picture, Reply, Request
from agents.sender import REFUSALS_IN_A_ROW, EndpointError
from agents.views import View
from pipeline.journal import FileJournal
from pipeline.place import StoreError
from tests.conftest import Scripted
from tests.drawn import answer_of, endpoint_at, photo_of
from tests.scripted import Response, Script, calls, closed_port, fault, fills, pictures_of, raw, reply, says

VIEW = View(box=Box(0, 0, 640, 480), width=56, height=56)


class Form(BaseModel):
    number: int


@pytest.fixture
def journal(tmp_path: Path) -> FileJournal:
    return FileJournal(tmp_path / "calls" / "one.jsonl")


def question(text: str = "How many?", **changes: Any) -> Request:
    message = Message(role="user", content=(text,))
    return Request(role="answer", model="m", messages=(message,)).model_copy(update=changes)


def ask(
    script: Script | str, photo: Path, journal: FileJournal, request: Request | None = None, **config: Any
) -> Reply:
    endpoint = endpoint_at(script if isinstance(script, str) else script.url, **config)
    return answer_of(endpoint, endpoint.ask(request or question(), photo_of(photo), journal))


def fill(script: Script, photo: Path, journal: FileJournal) -> Form:
    endpoint = endpoint_at(script.url)
    made, _ = answer_of(endpoint, endpoint.fill(question(), Form, photo_of(photo), journal))
    return made


def test_a_reply_brings_text_and_usage(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    got = ask(scripted([says("three")]), photo, journal)
    assert (got.text, got.prompt_tokens, got.completion_tokens) == ("three", 7, 3)


def test_a_reply_brings_the_calls_as_the_model_wrote_them(
    scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    got = ask(scripted([calls("zoom", "{not json")]), photo, journal)
    assert got.calls == (Call(id="call_0", name="zoom", arguments="{not json"),)


def test_a_picture_is_sent_as_a_jpeg_of_its_view(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    script = scripted([says("yes")])
    picture = photo_of(photo).picture(VIEW)
    ask(script, photo, journal, question(messages=(Message(role="user", content=(picture, "What?")),)))
    assert pictures_of(script.asked[0])[0].startswith("data:image/jpeg;base64,")


def test_the_key_of_the_environment_is_sent(
    scripted: Scripted, photo: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COF_TEST_KEY", "sk-secret")
    script = scripted([says("yes")])
    ask(script, photo, journal)
    assert script.keys == ["Bearer sk-secret"]


def test_the_key_is_never_written_to_the_journal(
    scripted: Scripted, photo: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COF_TEST_KEY", "sk-secret")
    ask(scripted([says("yes")]), photo, journal)
    assert "sk-secret" not in journal.path.read_text()


def test_an_endpoint_that_is_not_there_is_one_sentence_with_the_remedy(photo: Path, journal: FileJournal) -> None:
    url = closed_port()
    with pytest.raises(EndpointError, match=r"failed 3 times in a row \(no connection\)\. Start it") as caught:
        ask(url, photo, journal)
    assert url in str(caught.value)


def test_an_endpoint_that_never_answers_is_given_up_after_the_deadline(
    scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    released = threading.Event()

    def silent(_: Any) -> Response:
        released.wait(20)
        return says("too late")

    script = scripted(silent)
    try:
        with pytest.raises(EndpointError, match=r"no answer within 0\.05 s"):
            ask(script, photo, journal, tries=2, timeout=0.05)
    finally:
        released.set()


PASSING = {
    "an overloaded endpoint": fault(429, retry_after="0"),
    "an internal error": fault(500),
    "a gateway's HTML page": raw("<html>Bad gateway</html>", 502, "text/html"),
    "a service that is starting": fault(503),
    "an HTML page with status 200": raw("<html>Welcome</html>", 200, "text/html"),
    "HTML that claims to be JSON": raw("<html>Welcome</html>"),
    "half a JSON body": raw('{"id": "chatcmpl-1", "choices": [{"index": 0, "mess'),
    "an empty body": raw(""),
    "an empty object": raw("{}"),
    "a list": raw("[]"),
    "null": raw("null"),
    "a text": raw('"hello"'),
    "an error with status 200": raw('{"error": {"message": "still loading"}}'),
    "no choices": raw('{"choices": []}'),
    "choices that are a text": raw('{"choices": "none"}'),
    "a choice without a message": raw('{"choices": [{}]}'),
    "a message that is null": raw('{"choices": [{"message": null}]}'),
    "a message that is a text": raw('{"choices": [{"message": "hello"}]}'),
    "content that is a number": reply({"role": "assistant", "content": 7}),
    "arguments that are no text": reply(
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "zoom", "arguments": {"box": [1, 2, 3, 4]}},
                }
            ],
        }
    ),
}


@pytest.mark.parametrize("what", PASSING)
def test_a_failure_that_may_pass_is_tried_again(
    what: str, scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    script = scripted([PASSING[what], PASSING[what], says("three")])
    assert ask(script, photo, journal).text == "three"


@pytest.mark.parametrize("what", PASSING)
def test_a_failure_that_stays_is_the_operators(
    what: str, scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    script = scripted(lambda _: PASSING[what])
    with pytest.raises(EndpointError, match=r"failed 3 times in a row|answers nobody any more"):
        ask(script, photo, journal)
    assert len(script.asked) == 3


@pytest.mark.parametrize("what", ["an HTML page with status 200", "no choices", "half a JSON body"])
def test_the_error_says_that_it_is_not_this_protocol(
    what: str, scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    with pytest.raises(EndpointError, match=r"failed 3 times in a row \(the response is n(o chat|ot valid JSON)"):
        ask(scripted(lambda _: PASSING[what]), photo, journal)


def test_the_error_names_the_status(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    with pytest.raises(EndpointError, match=r"\(HTTP 500\)"):
        ask(scripted(lambda _: fault(500)), photo, journal)


def test_the_pause_an_endpoint_asks_for_is_kept(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    seen: list[float] = []

    def limited(_: Any) -> Response:
        seen.append(time.monotonic())
        return fault(429, retry_after="0.3") if len(seen) == 1 else says("three")

    ask(scripted(limited), photo, journal)
    assert seen[1] - seen[0] >= 0.3


@pytest.mark.parametrize("asked", ["Wed, 21 Oct 2015 07:28:00 GMT", "soon", "", "-5", "nan", "inf", "1e400"])
def test_a_pause_that_is_no_number_of_seconds_is_not_kept(
    asked: str, scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    script = scripted([fault(429, retry_after=asked), says("three")])
    endpoint = endpoint_at(script.url)
    assert answer_of(endpoint, _within(2, endpoint.ask(question(), photo_of(photo), journal))) == "three"


async def _within(seconds: float, asking: Any) -> str:
    got: Reply = await asyncio.wait_for(asking, seconds)
    return got.text


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_is_the_operators_at_once(
    status: int, scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    script = scripted(lambda _: fault(status))
    with pytest.raises(EndpointError, match=rf"refused the key in \$COF_TEST_KEY \(HTTP {status}\)"):
        ask(script, photo, journal)
    assert len(script.asked) == 1


def test_an_error_never_holds_the_key(
    scripted: Scripted, photo: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COF_TEST_KEY", "sk-secret")
    with pytest.raises(EndpointError) as caught:
        ask(scripted(lambda _: fault(401, "Incorrect API key provided: sk-secret")), photo, journal)
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize("status", [404, 405, 418])
def test_what_every_request_would_meet_is_the_operators_at_once(
    status: int, scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    script = scripted(lambda _: fault(status, "no such model"))
    with pytest.raises(EndpointError, match=rf"HTTP {status}: .*no such model"):
        ask(script, photo, journal)
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_refused_request_is_the_curators_and_not_sent_again(
    status: int, scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    script = scripted(lambda _: fault(status, "too long"))
    for _ in range(2):
        with pytest.raises(RefusedError, match=rf"HTTP {status}: .*too long"):
            ask(script, photo, FileJournal(journal.path))
    assert len(script.asked) == 1


def test_a_refusal_never_holds_the_key(
    scripted: Scripted, photo: Path, journal: FileJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COF_TEST_KEY", "sk-secret")
    with pytest.raises(RefusedError, match=r"\[key\]"):
        ask(scripted([fault(400, "Bearer sk-secret may not do that")]), photo, journal)
    assert "sk-secret" not in journal.path.read_text()


def refused(endpoint: Endpoint, photo: Path, journal: FileJournal, times: int) -> None:
    """Ask that many different things, each of which is refused."""

    async def all_of_them() -> None:
        for seed in range(times):
            with pytest.raises(RefusedError):
                await endpoint.ask(question(seed=seed), photo_of(photo), journal)

    answer_of(endpoint, all_of_them())


def test_an_endpoint_that_refuses_everything_is_the_operators(
    scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    endpoint = endpoint_at(scripted(lambda _: fault(400, "no tools here")).url)
    refused(endpoint, photo, journal, REFUSALS_IN_A_ROW - 1)
    with pytest.raises(EndpointError, match=rf"refused {REFUSALS_IN_A_ROW} requests in a row.*no tools here"):
        answer_of(endpoint, endpoint.ask(question("One more?"), photo_of(photo), journal))


def test_an_answer_between_refusals_makes_them_single_ones(
    scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    no = [fault(400)] * (REFUSALS_IN_A_ROW - 1)
    endpoint = endpoint_at(scripted([*no, says("three"), *no]).url)
    refused(endpoint, photo, FileJournal(journal.path), REFUSALS_IN_A_ROW - 1)
    answer_of(endpoint, endpoint.ask(question("And this?"), photo_of(photo), journal))
    refused(endpoint, photo, FileJournal(journal.path.with_name("two.jsonl")), REFUSALS_IN_A_ROW - 1)


def test_a_closed_endpoint_lets_go_of_its_connections_and_can_be_asked_again(
    scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    endpoint = endpoint_at(scripted([says("three"), says("four")]).url)

    async def twice() -> list[str]:
        first = await endpoint.ask(question(), photo_of(photo), journal)
        client = endpoint._sender._openai()
        await endpoint.close()
        assert client.is_closed()
        again = await endpoint.ask(question(seed=1), photo_of(photo), journal)
        await endpoint.close()
        return [first.text, again.text]

    assert asyncio.run(twice()) == ["three", "four"]


def test_an_answer_is_on_disk_when_it_is_given(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    got = ask(scripted([says("three")]), photo, journal)
    assert [(line["key"], line["reply"]["text"]) for line in journal.lines()] == [(got.key, "three")]


def test_an_answer_that_cannot_be_kept_is_not_given(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    request = question()
    assert journal.get(request.key) is None
    journal.path.parent.mkdir()
    journal.path.symlink_to("/dev/full")
    with pytest.raises(StoreError, match="No space is left"):
        ask(scripted([says("three")]), photo, journal, request)


def test_the_same_request_is_never_sent_twice(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    script = scripted([says("three"), says("four")])
    first = ask(script, photo, journal)
    again = ask(script, photo, FileJournal(journal.path))
    assert first == again
    assert len(script.asked) == 1


def test_another_request_is_sent(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    script = scripted([says("three"), says("four")])
    ask(script, photo, journal)
    assert ask(script, photo, journal, question(seed=1)).text == "four"


def test_offline_answers_come_from_the_journal(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    ask(scripted([says("three")]), photo, journal)
    offline = Endpoint(endpoint_at(closed_port()).config, offline=True)
    again = asyncio.run(offline.ask(question(), photo_of(photo), FileJournal(journal.path)))
    assert again.text == "three"


def test_offline_nothing_is_asked(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    script = scripted([says("three")])
    offline = Endpoint(endpoint_at(script.url).config, offline=True)
    with pytest.raises(EndpointError, match=r"the call log lacks an? answer request"):
        asyncio.run(offline.ask(question(), photo_of(photo), journal))
    assert script.asked == []


def test_a_form_is_sent_as_its_schema(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    script = scripted([fills({"number": 3})])
    assert fill(script, photo, journal) == Form(number=3)
    assert script.asked[0]["response_format"]["json_schema"]["schema"] == Form.model_json_schema()


MALFORMED = [
    "three",
    '{"number": "three"}',
    '{"number": 3',
    "{}",
    "",
    "[" * 5000,
    '```json\n{"number": 3}\n```',
]


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_form_may_be_repaired_once(
    text: str, scripted: Scripted, photo: Path, journal: FileJournal
) -> None:
    script = scripted([says(text), fills({"number": 3})])
    assert fill(script, photo, journal) == Form(number=3)


def test_the_repair_quotes_what_was_wrong(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    script = scripted([says('{"number": "three"}'), fills({"number": 3})])
    fill(script, photo, journal)
    *_, said, complaint = script.asked[1]["messages"]
    assert said == {"role": "assistant", "content": '{"number": "three"}'}
    assert "number: Input should be a valid integer" in complaint["content"]


def test_a_form_that_is_wrong_twice_is_the_curators(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    script = scripted([says("three"), says("still three"), fills({"number": 3})])
    with pytest.raises(ReplyError, match="no valid Form"):
        fill(script, photo, journal)
    assert len(script.asked) == 2


def test_half_a_character_in_a_reply_can_be_kept(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    """A model cut off between the two halves of an emoji: JSON can write that, UTF-8 cannot."""
    ask(scripted([says("three \ud83d")]), photo, journal)
    assert [line["reply"]["text"][:5] for line in journal.lines()] == ["three"]


def test_many_may_share_an_endpoint(scripted: Scripted, photo: Path, tmp_path: Path) -> None:
    script = scripted(lambda body: says(body["messages"][0]["content"]))

    endpoint = endpoint_at(script.url)

    async def all_at_once() -> list[str]:
        asking = [
            endpoint.ask(question(f"{n}"), photo_of(photo), FileJournal(tmp_path / f"{n}.jsonl")) for n in range(12)
        ]
        return [got.text for got in await asyncio.gather(*asking)]

    assert answer_of(endpoint, all_at_once()) == [str(n) for n in range(12)]


CHANGES: dict[str, Callable[[], dict[str, Any]]] = {
    "role": lambda: {"role": "verify"},
    "model": lambda: {"model": "other"},
    "words": lambda: {"messages": (Message(role="user", content=("How few?",)),)},
    "speaker": lambda: {"messages": (Message(role="system", content=("How many?",)),)},
    "picture": lambda: {"messages": (_shown("a", VIEW),)},
    "another photo": lambda: {"messages": (_shown("b", VIEW),)},
    "another part": lambda: {"messages": (_shown("a", VIEW.model_copy(update={"box": Box(0, 0, 64, 64)})),)},
    "another size": lambda: {"messages": (_shown("a", VIEW.model_copy(update={"width": 84})),)},
    "another source": lambda: {"messages": (_shown("a", VIEW.model_copy(update={"via": (56, 56)})),)},
    "calls": lambda: {
        "messages": (Message(role="user", content=("How many?",), calls=(Call(id="1", name="a", arguments=""),)),)
    },
    "answered call": lambda: {"messages": (Message(role="user", content=("How many?",), call_id="1"),)},
    "one message more": lambda: {"messages": (*question().messages, *question().messages)},
    "tools": lambda: {"tools": ({"type": "function"},)},
    "form": lambda: {"form": ("Form", {})},
    "another schema": lambda: {"form": ("Form", {"type": "object"})},
    "seed": lambda: {"seed": 1},
    "temperature": lambda: {"temperature": 0.5},
    "max_tokens": lambda: {"max_tokens": 16},
}


def _shown(sha256: str, view: View) -> Message:
    return Message(role="user", content=(Picture(photo=sha256, view=view), "How many?"))


def test_whatever_can_change_an_answer_changes_the_key() -> None:
    keys = [question().key, *(question(**change()).key for change in CHANGES.values())]
    assert len(set(keys)) == len(CHANGES) + 1


def test_equal_requests_have_one_key() -> None:
    assert question().key == question().key


def test_the_key_survives_the_way_through_json() -> None:
    shown = question(messages=(_shown("a", VIEW),))
    assert Request.model_validate_json(shown.model_dump_json()).key == shown.key


def test_no_test_needs_a_real_key() -> None:
    assert "COF_TEST_KEY" not in os.environ


def test_what_is_sent_is_what_the_journal_keeps(scripted: Scripted, photo: Path, journal: FileJournal) -> None:
    script = scripted([says("three")])
    ask(script, photo, journal)
    kept = json.loads(journal.path.read_text())["request"]
    assert (kept["seed"], kept["max_tokens"]) == (script.asked[0]["seed"], script.asked[0]["max_tokens"])
