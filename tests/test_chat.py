"""A policy as a chat server: the real client gets answers, streams and crops, and what is no question is refused."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from PIL import Image

from agents.photos import encode_jpeg
from pipeline.training.chat import application
from pipeline.training.inference import ChainOfFocus
from tests.policies import NoisyPhoto, example, gold, manner
from tests.served import serving
from tests.test_inference import parrot

PHOTO = f"data:image/jpeg;base64,{base64.b64encode(encode_jpeg(NoisyPhoto().image)).decode()}"


class Again:
    """A parrot that says the same to every question."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.model: ChainOfFocus | None = None

    def stream(self, *asked: Any) -> Iterator[Any]:
        self.model = parrot(self._text)
        return self.model.stream(*asked)


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    """Of a server whose model looks twice at whatever it is asked."""
    model = Again(gold(example(looks=2), manner()))
    with serving(application(model, "cof")) as url, openai.OpenAI(base_url=url, api_key="none", max_retries=0) as made:
        yield made


def messages(url: str = PHOTO, text: str = "What does the sign say?") -> Any:
    return [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}]}
    ]


def ask(client: openai.OpenAI, said: Any = None, **more: Any) -> Any:
    return client.chat.completions.create(
        model="cof", messages=said or messages(), extra_body={"resolution": 112, **more}
    )


def test_a_chat_client_gets_the_answer(client: openai.OpenAI) -> None:
    assert ask(client).choices[0].message.content.endswith("<answer> EXIT </answer>")


def test_what_was_looked_at_comes_beside_it(client: openai.OpenAI) -> None:
    steps = ask(client).choices[0].message.chain_of_focus["steps"]
    assert [step["kind"] for step in steps] == ["said", "seen", "said", "seen", "said"]
    trace = example(looks=2).trace
    assert trace is not None
    assert [step["box"] for step in steps if step["kind"] == "seen"] == [list(zoom.view.box) for zoom in trace.zooms]


def test_a_crop_is_a_picture_of_the_size_the_model_saw(client: openai.OpenAI) -> None:
    seen = next(step for step in ask(client).choices[0].message.chain_of_focus["steps"] if step["kind"] == "seen")
    trace = example(looks=2).trace
    assert trace is not None
    data = base64.b64decode(seen["image"].partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == tuple(trace.zooms[0].view.size)


def test_a_stream_brings_every_step_as_a_piece_and_the_same_words(client: openai.OpenAI) -> None:
    pieces = list(
        client.chat.completions.create(model="cof", messages=messages(), stream=True, extra_body={"resolution": 112})
    )
    kinds = [getattr(piece.choices[0].delta, "chain_of_focus", {}).get("kind") for piece in pieces]
    assert kinds == ["said", "seen", "said", "seen", "said", None]
    assert pieces[-1].choices[0].finish_reason == "stop"
    words = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert words.strip() == ask(client).choices[0].message.content


def test_a_request_may_say_how_often_it_is_looked(client: openai.OpenAI) -> None:
    steps = ask(client, max_zooms=1).choices[0].message.chain_of_focus["steps"]
    assert [step["kind"] for step in steps].count("seen") == 1


def test_the_picture_may_have_come_earlier_in_the_conversation(client: openai.OpenAI) -> None:
    said = [*messages(), {"role": "assistant", "content": "EXIT"}, {"role": "user", "content": "And what colour?"}]
    assert ask(client, said).choices[0].message.content


def test_the_model_is_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["cof"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (messages("http://127.0.0.1/secret.jpg"), "addresses are not followed"),
        (messages("file:///etc/passwd"), "addresses are not followed"),
        (messages("data:image/jpeg;base64,!!"), "not valid base64"),
        (messages("data:image/jpeg;base64,aGVsbG8="), "not an image"),
        (messages(text=""), "There is no question"),
        ([{"role": "user", "content": "Hello?"}], "There is no picture"),
        ([{"role": "system", "content": "Be kind."}], "There is no picture"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_no_question_about_a_photo_is_refused_with_the_reason(
    said: Any, why: str, stream: bool, client: openai.OpenAI
) -> None:
    with pytest.raises(openai.BadRequestError, match=why):
        client.chat.completions.create(model="cof", messages=said, stream=stream)
