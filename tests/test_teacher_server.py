"""The local teacher over real HTTP: it looks at the pixels it is sent, and fails on demand."""

import asyncio
import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image, ImageDraw, ImageFont

import prompts
from agents.endpoint import Endpoint, ReplyError
from agents.messages import Message, Request
from agents.photos import encode_jpeg
from agents.tools.ask import Answered
from pipeline.journal import FileJournal
from pipeline.teacher.server import PARTS, TeacherConfig, application
from tests.drawn import answer_of, endpoint_at, photo_of
from tests.served import serving

QUESTION = 'What is written directly below the words "MARKET"?'
COLOUR = 'What colour is the background behind the words "STATION"?'
Body = dict[str, Any]


@contextmanager
def teaching(**config: Any) -> Iterator[str]:
    """The base URL of a local teacher in a thread of this process."""
    with serving(application(TeacherConfig(threads=1, **config))) as url:
        yield url


@pytest.fixture(scope="module")
def teacher() -> Iterator[str]:
    """One teacher for all tests here: its eyes take a second to open."""
    with teaching() as url:
        yield url


class Answer(NamedTuple):
    """What the server sent back."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def complaint(self) -> str:
        return str(self.body["error"]["message"])


def send(url: str, data: bytes | None = None) -> Answer:
    """GET, or POST where there is data; a server that breaks down has no JSON to say so."""
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=60) as response:
            return Answer(response.status, json.load(response), dict(response.headers))
    except urllib.error.HTTPError as error:
        with error:
            text = error.read()
            return Answer(error.code, json.loads(text) if text.startswith(b"{") else {}, dict(error.headers))


def post(url: str, content: Any) -> Answer:
    return send(f"{url}/chat/completions", json.dumps(content).encode())


def sign(height: float = 91) -> bytes:
    """A photo of a sign with two lines, drawn large and shrunk to type of so many pixels."""
    drawn = 91
    image = Image.new("RGB", (900, 500), (150, 160, 150))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=drawn)
    pen.rectangle((100, 80, 800, 420), fill=(20, 60, 180))
    pen.text((450, 180), "MARKET", font=font, anchor="mm", fill=(255, 255, 255))
    pen.text((450, 320), "STATION", font=font, anchor="mm", fill=(255, 255, 255))
    scale = height / drawn
    return encode_jpeg(image.resize((round(900 * scale), round(500 * scale)), Image.Resampling.LANCZOS), 95)


def shown(data: bytes) -> Body:
    url = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def body(form: str, text: str, *pictures: Body, **more: Any) -> Body:
    content = [*pictures, {"type": "text", "text": text}]
    schema = {"type": "json_schema", "json_schema": {"name": form, "schema": {}}}
    return {
        "model": "m",
        "messages": [{"role": "user", "content": content}],
        "response_format": schema,
        **more,
    }


def question(text: str, *pictures: Body) -> Body:
    return body("Answered", prompts.render("answer", question=text), *pictures)


def told(url: str, content: Body) -> Body:
    """The filled form."""
    response = post(url, content)
    assert response.status == 200
    filled: Body = json.loads(response.body["choices"][0]["message"]["content"])
    return filled


def test_the_models_are_listed_as_openai_lists_them(teacher: str) -> None:
    listed = send(f"{teacher}/models").body
    assert (listed["object"], [model["id"] for model in listed["data"]]) == ("list", ["local-teacher"])


def test_a_large_sign_is_read(teacher: str) -> None:
    assert told(teacher, question(QUESTION, shown(sign())))["answer"] == "STATION"


@pytest.mark.parametrize("height", [6, 3])
def test_the_same_sign_shrunk_to_ten_pixels_a_line_is_not(height: int, teacher: str) -> None:
    """Six pixels of type make a line of ten for a reader, with the room it needs around it."""
    found = told(teacher, question(QUESTION, shown(sign(height))))
    assert found["answer"] is None
    assert "small" in found["note"]


def test_a_colour_is_named(teacher: str) -> None:
    assert told(teacher, question(COLOUR, shown(sign())))["answer"] == "blue"


def test_where_there_are_options_their_letter_is_given(teacher: str) -> None:
    posed = f"{QUESTION}\n(A) HALL\n(B) STATION\nAnswer with the option's letter."
    assert told(teacher, question(posed, shown(sign())))["answer"] == "B"


def test_where_no_option_fits_there_is_no_answer(teacher: str) -> None:
    posed = f"{QUESTION}\n(A) HALL\n(B) PLAZA\nAnswer with the option's letter."
    assert told(teacher, question(posed, shown(sign())))["answer"] is None


def test_what_is_not_in_the_picture_is_not_answered(teacher: str) -> None:
    assert told(teacher, question(QUESTION.replace("MARKET", "CHURCH"), shown(sign())))["answer"] is None


def test_without_a_picture_there_is_no_answer(teacher: str) -> None:
    found = told(teacher, question(QUESTION))
    assert (found["answer"], found["note"]) == (None, "There is no picture to look at.")


@pytest.mark.parametrize("text", ["What does the lower line say?", "How many windows are there?", "STATION?"])
def test_a_question_in_a_foreign_wording_is_not_answered(text: str, teacher: str) -> None:
    found = told(teacher, question(text, shown(sign())))
    assert found["answer"] is None
    assert "understand" in found["note"]


def test_writing_is_located(teacher: str) -> None:
    text = prompts.render("locate", thing='the words "STATION"', units="in pixels")
    ((x1, y1, x2, y2), *_) = told(teacher, body("Located", text, shown(sign())))["boxes"]
    assert x1 < 450 < x2
    assert y1 < 320 < y2
    assert y2 - y1 < 140


def test_the_same_request_gives_the_same_answer(teacher: str) -> None:
    asked = question(QUESTION, shown(sign()))
    assert post(teacher, asked).body == post(teacher, asked).body


def test_usage_adds_up(teacher: str) -> None:
    usage = post(teacher, question(QUESTION)).body["usage"]
    assert usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"]
    assert min(usage["prompt_tokens"], usage["completion_tokens"]) > 0


def test_more_words_and_pictures_count_for_more(teacher: str) -> None:
    few, many, seen = (
        post(teacher, asked).body["usage"]["prompt_tokens"]
        for asked in (
            question(QUESTION),
            question(QUESTION + " please" * 50),
            question(QUESTION, shown(sign())),
        )
    )
    assert few < many < seen


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a.jpg", "https://example.com/a.jpg", "file:///etc/passwd", ""])
def test_a_picture_elsewhere_is_never_fetched(url: str, teacher: str) -> None:
    response = post(teacher, question(QUESTION, {"type": "image_url", "image_url": {"url": url}}))
    assert response.status == 400
    assert "opens no address" in response.complaint


@pytest.mark.parametrize("data", ["not base64!", "abc", "====", "é"])
def test_a_picture_that_is_no_base64_is_a_bad_request(data: str, teacher: str) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data}"}}
    response = post(teacher, question(QUESTION, picture))
    assert response.status == 400
    assert "base64" in response.complaint


@pytest.mark.parametrize("data", [b"", b"hello", sign()[:200]], ids=["empty", "no image", "half an image"])
def test_a_picture_that_is_no_image_is_a_bad_request(data: bytes, teacher: str) -> None:
    assert post(teacher, question(QUESTION, shown(data))).status == 400


def test_an_unknown_form_is_a_bad_request_that_names_the_known_ones(teacher: str) -> None:
    response = post(teacher, body("Poem", "Write one."))
    assert response.status == 400
    assert all(form in response.complaint for form in PARTS)


BAD: dict[str, Any] = {
    "no messages": {"model": "m"},
    "an empty list of messages": {"messages": []},
    "messages that are a text": {"messages": "hello"},
    "a message that is a text": {"messages": ["hello"]},
    "a message without a role": {"messages": [{"content": "hello"}]},
    "neither form nor tools": {"messages": [{"role": "user", "content": "hello"}]},
    "a list": [],
    "a text": "hello",
    "null": None,
    "content that is a number": {"messages": [{"role": "user", "content": 7}]},
    "a block that is a text": {"messages": [{"role": "user", "content": ["hello"]}]},
    "a picture without its address": question(QUESTION, {"type": "image_url", "image_url": None}),
    "a picture that is asked for but not sent": body("Located", "Find this in the picture: a door"),
    "places that are not given": body("Unique", f"Question: {QUESTION}", shown(sign(10))),
    "a seed that is no number": body("Judged", "Right answer: a\nGiven answer: b", seed="often"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_request_is_a_bad_request(what: str, teacher: str) -> None:
    assert post(teacher, BAD[what]).status == 400


def test_a_body_that_is_no_json_is_a_bad_request(teacher: str) -> None:
    response = send(f"{teacher}/chat/completions", b'{"messages": [')
    assert response.status == 400


def test_a_wrong_answer_is_judged_with_a_hint_that_does_not_tell(teacher: str) -> None:
    text = prompts.render("verify", question=QUESTION, truth="STATION", answer="HALL")
    judged = told(teacher, body("Judged", text))
    assert judged["correct"] is False
    assert "station" not in judged["hint"].casefold()


def test_an_answer_that_says_the_same_is_judged_right(teacher: str) -> None:
    text = prompts.render("verify", question=QUESTION, truth="STATION", answer="station.")
    assert told(teacher, body("Judged", text))["correct"] is True


def test_latency_is_added_to_every_answer() -> None:
    with teaching(latency=0.2) as url:
        started = time.monotonic()
        told(url, question(QUESTION))
        assert time.monotonic() - started >= 0.2


def test_an_error_rate_of_one_fails_every_request() -> None:
    with teaching(error_rate=1) as url:
        assert [post(url, question(QUESTION)).status for _ in range(3)] == [500, 500, 500]


def test_an_error_rate_between_fails_some() -> None:
    with teaching(error_rate=0.5, seed=1) as url:
        assert {post(url, question(QUESTION)).status for _ in range(20)} == {200, 500}


def test_a_malformed_rate_of_one_follows_no_form(photo: Path, tmp_path: Path) -> None:
    with teaching(malformed_rate=1) as url:
        message = Message(role="user", content=(f"Question: {QUESTION}",))
        asked = Request(role="answer", model="m", messages=(message,))
        endpoint = endpoint_at(url)
        filling = endpoint.fill(asked, Answered, photo_of(photo), FileJournal(tmp_path / "calls.jsonl"))
        with pytest.raises(ReplyError, match="no valid Answered"):
            answer_of(endpoint, filling)


def test_more_at_once_than_the_limit_are_asked_to_wait() -> None:
    with teaching(rate_limit=1, latency=0.5) as url, ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(lambda _: post(url, question(QUESTION)), range(4)))
        refused = [response for response in responses if response.status == 429]
        assert {response.status for response in responses} == {200, 429}
        assert float({name.lower(): value for name, value in refused[0].headers.items()}["retry-after"]) > 0


def test_one_after_the_other_is_never_too_many() -> None:
    with teaching(rate_limit=1) as url:
        assert [post(url, question(QUESTION)).status for _ in range(4)] == [200] * 4


def test_a_limited_teacher_is_used_to_the_end(photo: Path, tmp_path: Path) -> None:
    async def many(endpoint: Endpoint) -> list[str]:
        asking = []
        for number in range(4):
            message = Message(role="user", content=(f"Question: {QUESTION}",))
            asked = Request(role="answer", model="m", messages=(message,), seed=number)
            journal = FileJournal(tmp_path / f"{number}.jsonl")
            asking.append(endpoint.fill(asked, Answered, photo_of(photo), journal))
        return [answered.note for answered, _ in await asyncio.gather(*asking)]

    with teaching(rate_limit=2, latency=0.05) as url:
        endpoint = endpoint_at(url, tries=20)
        assert answer_of(endpoint, many(endpoint)) == ["There is no picture to look at."] * 4
