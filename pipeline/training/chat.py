"""A policy as an OpenAI-compatible server: it looks closer by itself, and any chat client gets the answer."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.photos import PhotoError, bytes_in, data_url
from pipeline.serving import BadRequest
from pipeline.training.ask import Answerer
from pipeline.training.inference import Question, Said, Seen, Step

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response

EXTENSION = "chain_of_focus"
"""Field of a message, or of a streamed piece, with what was looked at: beside what OpenAI's protocol has."""
MOST_BYTES = 64 * 2**20
"""Of a request: a photo of 48 MB, as base64."""


class Body(BaseModel):
    """What is used of a request. A client may send more: how to sample, for one, is the server's to say."""

    model_config = ConfigDict(extra="ignore")

    messages: list[dict[str, Any]] = Field(min_length=1)
    stream: bool = False
    max_zooms: int | None = Field(None, ge=0, le=20)
    """Ours: closer looks at most; the model's own number where it is not given."""
    resolution: int | None = Field(None, ge=28, le=4096)
    """Ours: the photo is first shown at an area of R*R pixels; null is native size."""


class Server:
    """Hands questions to one model, and what it says and sees to whoever asked."""

    def __init__(self, model: Answerer, name: str) -> None:
        self._model, self._name = model, name

    async def complete(self, http: "HttpRequest") -> "Response":
        """POST /v1/chat/completions"""
        from starlette.responses import JSONResponse, StreamingResponse

        try:
            body = await _body(http)
            steps = self._steps(question_in(body), body.max_zooms)
            # Whatever is wrong with the photo shows before the first step: it is an error then, not half an answer.
            first = await anext(steps)
        except (BadRequest, PhotoError) as error:
            return JSONResponse({"error": {"message": str(error), "type": "invalid_request_error"}}, 400)
        if body.stream:
            return StreamingResponse(self._pieces(first, steps), media_type="text/event-stream")
        return JSONResponse(self._whole([first, *[step async for step in steps]]))

    async def models(self, _http: "HttpRequest") -> "Response":
        """GET /v1/models"""
        from starlette.responses import JSONResponse

        return JSONResponse({"object": "list", "data": [{"id": self._name, "object": "model", "owned_by": "local"}]})

    async def _steps(self, question: Question, max_zooms: int | None) -> AsyncIterator[Step]:
        steps: Iterator[Step] = self._model.stream(question, max_zooms)
        while (step := await asyncio.to_thread(next, steps, None)) is not None:
            yield step

    def _whole(self, steps: list[Step]) -> dict[str, Any]:
        words = "\n".join(step.text for step in steps if isinstance(step, Said))
        message = {"role": "assistant", "content": words, EXTENSION: {"steps": [told(step) for step in steps]}}
        return self._frame("chat.completion", {"message": message, "finish_reason": "stop"})

    async def _pieces(self, first: Step, rest: AsyncIterator[Step]) -> AsyncIterator[str]:
        """One event a step: words as content, what was seen beside it."""
        identity = f"chatcmpl-{uuid.uuid4().hex}"
        yield self._event(first, identity)
        async for step in rest:
            yield self._event(step, identity)
        last = {"delta": {}, "finish_reason": "stop"}
        yield f"data: {json.dumps(self._frame('chat.completion.chunk', last, identity))}\n\ndata: [DONE]\n\n"

    def _event(self, step: Step, identity: str) -> str:
        words = f"{step.text}\n" if isinstance(step, Said) else ""
        delta = {"role": "assistant", "content": words, EXTENSION: told(step)}
        frame = self._frame("chat.completion.chunk", {"delta": delta, "finish_reason": None}, identity)
        return f"data: {json.dumps(frame)}\n\n"

    def _frame(self, kind: str, choice: dict[str, Any], identity: str | None = None) -> dict[str, Any]:
        return {
            "id": identity or f"chatcmpl-{uuid.uuid4().hex}",
            "object": kind,
            "created": int(time.time()),
            "model": self._name,
            "choices": [{"index": 0, **choice}],
        }


def told(step: Step) -> dict[str, Any]:
    """A step as JSON: its words; or its native box, and the crop as a JPEG."""
    if not isinstance(step, Seen):
        return {"kind": "said" if isinstance(step, Said) else "told", "text": step.text}
    return {"kind": "seen", "box": list(step.view.box), "image": data_url(step.picture)}


def question_in(body: Body) -> Question:
    """The last thing a user asked, about the last picture that was sent. Raises BadRequest."""
    asked = [message for message in body.messages if message.get("role") == "user"]
    pictures = [part for message in asked for part in _parts(message) if part.get("type") == "image_url"]
    words = [str(part.get("text", "")) for part in _parts(asked[-1]) if part.get("type") == "text"] if asked else []
    if not pictures:
        raise BadRequest("There is no picture in the conversation: send one as an image_url with a data: URL.")
    if not any(words):
        raise BadRequest("There is no question in the last message of the user.")
    return Question(_bytes(pictures[-1]), "\n".join(words), (), body.resolution)


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def _bytes(part: dict[str, Any]) -> bytes:
    """Of a picture's data URL. An address elsewhere is not followed: the server would fetch it with its own rights."""
    given = part.get("image_url")
    url = given.get("url") if isinstance(given, dict) else given
    try:
        data = bytes_in(str(url))
    except ValueError as error:
        raise BadRequest("The picture's data: URL is not valid base64.") from error
    if data is None:
        raise BadRequest("A picture comes as a data: URL with base64; addresses are not followed.")
    return data


async def _body(http: "HttpRequest") -> Body:
    data = bytearray()
    async for piece in http.stream():
        data += piece
        if len(data) > MOST_BYTES:
            raise BadRequest(f"A request has {MOST_BYTES // 2**20} MB at most.")
    try:
        return Body.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}") from error


def application(model: Answerer, name: str) -> "Starlette":
    """The ASGI application of a server of one model."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    server = Server(model, name)
    completions = Route("/v1/chat/completions", server.complete, methods=["POST"])
    return Starlette(routes=[completions, Route("/v1/models", server.models)])
