"""The local teacher's HTTP server: /v1/chat/completions and /v1/models as OpenAI has them, with faults on demand."""

import asyncio
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from pipeline.serving import BadRequest
from pipeline.teacher.heard import Heard
from pipeline.teacher.judge import judge
from pipeline.teacher.look import adjust, answer, locate, unique
from pipeline.teacher.propose import propose
from pipeline.teacher.search import search
from pipeline.teacher.sight import Eyes
from pipeline.teacher.summarize import summarize

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response

MODEL = "local-teacher"
PARTS = {
    "Proposed": propose,
    "Answered": answer,
    "Unique": unique,
    "Located": locate,
    "Adjusted": adjust,
    "Judged": judge,
    "Summarized": summarize,
}
"""Which part answers which form."""


class TeacherConfig(BaseModel):
    """How the server behaves; the faults are for tests and benchmarks, and off by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads: int = 2
    """Requests looked at in parallel: one per core."""
    latency: float = 0.0
    """Seconds added to every answer."""
    error_rate: float = 0.0
    """Share of requests answered with HTTP 500."""
    malformed_rate: float = 0.0
    """Share of requests answered with text that follows no form."""
    rate_limit: int = 0
    """Requests at once above which the answer is HTTP 429; 0 is no limit."""
    seed: int = 0


class Teacher:
    """Answers parsed requests, in a pool of threads."""

    def __init__(self, config: TeacherConfig) -> None:
        self.config = config
        self.eyes = Eyes()
        self.busy = 0
        self.asked = 0
        self._pool = ThreadPoolExecutor(config.threads, thread_name_prefix="teacher")
        self._luck = Random(config.seed)

    async def complete(self, http: "HttpRequest") -> "Response":
        """POST /v1/chat/completions"""
        from starlette.responses import JSONResponse

        self.asked += 1
        if self.config.rate_limit and self.busy >= self.config.rate_limit:
            return JSONResponse(_error("too many requests at once"), 429, {"Retry-After": "0.2"})
        self.busy += 1
        try:
            await asyncio.sleep(self.config.latency)
            if self._luck.random() < self.config.error_rate:
                return JSONResponse(_error("the teacher stumbled"), 500)
            body = await http.json()
            message = await asyncio.get_running_loop().run_in_executor(self._pool, self._message, body)
        except (BadRequest, json.JSONDecodeError) as error:
            return JSONResponse(_error(str(error)), 400)
        finally:
            self.busy -= 1
        if self._luck.random() < self.config.malformed_rate:
            message = {"role": "assistant", "content": '{"answer": "half a'}
        return JSONResponse(_completion(body, message))

    async def models(self, _http: "HttpRequest") -> "Response":
        """GET /v1/models"""
        from starlette.responses import JSONResponse

        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "local"}]})

    def _message(self, body: dict[str, Any]) -> dict[str, Any]:
        heard = Heard(body, self.eyes)
        if heard.form:
            part = PARTS.get(heard.form)
            if part is None:
                raise BadRequest(f"the local teacher knows the forms {sorted(PARTS)}, not {heard.form!r}")
            return {"role": "assistant", "content": json.dumps(part(heard), ensure_ascii=False)}
        if heard.body.get("tools"):
            return _tool_message(heard)
        raise BadRequest("the local teacher needs a response_format or tools")


def _tool_message(heard: Heard) -> dict[str, Any]:
    move = search(heard)
    if move.answer is not None:
        return {"role": "assistant", "content": f"{move.thought} <answer>{move.answer}</answer>"}
    function = {"name": move.tool, "arguments": json.dumps(move.arguments, ensure_ascii=False)}
    call = {"id": f"call_{len(heard.parts)}", "type": "function", "function": function}
    return {"role": "assistant", "content": move.thought, "tool_calls": [call]}


def _completion(body: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(body.get("messages"), ensure_ascii=False)
    identity = hashlib.sha256(text.encode()).hexdigest()[:24]
    asked, said = _tokens(body), max(1, len(json.dumps(message)) // 4)
    return {
        "id": f"chatcmpl-{identity}",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
            }
        ],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }


def _tokens(body: dict[str, Any]) -> int:
    """About four characters a token for words; a picture counts by the size of its data."""
    total = 0
    for message in body.get("messages", ()):
        content = message.get("content") or ""
        blocks: list[dict[str, Any]] = [{"text": content}] if isinstance(content, str) else content
        total += sum(len(block.get("text", "")) // 4 for block in blocks)
        total += sum(len(block.get("image_url", {}).get("url", "")) // 200 for block in blocks)
    return max(1, total)


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "local_teacher"}}


def application(config: TeacherConfig) -> "Starlette":
    """The ASGI application of the server."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    teacher = Teacher(config)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", teacher.complete, methods=["POST"]),
            Route("/v1/models", teacher.models),
        ]
    )
