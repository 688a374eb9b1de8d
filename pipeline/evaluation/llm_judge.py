"""A model as a second judge, behind an OpenAI-compatible endpoint: asked only where a run wants it, beside the rule."""

import asyncio
import json
from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

import prompts
from agents.answers import with_options
from agents.messages import Message, Request
from agents.sender import Sender
from agents.teachers import EndpointConfig
from agents.verifier import Truth
from pipeline.evaluation.replies import plain

MOST_READ = 4000
"""Characters of a reply that are judged, from its end: what it settles on stands there."""


class Opinion(BaseModel):
    """What the model is to fill in."""

    why: str
    """Comes first, so that it is thought of before the verdict."""
    right: bool


class LlmJudge:
    """Asks a model whether replies are right."""

    def __init__(self, config: EndpointConfig) -> None:
        self.config = config

    def judge(self, replies: Sequence[tuple[str | None, Truth]]) -> list[bool | None]:
        """Whether each reply is right, asked side by side and of equal ones once; None where no verdict can be read.

        A reply without a word beside its thoughts is wrong and costs no request. Raises EndpointError.
        """
        requests = [self._request(plain(reply or ""), truth) for reply, truth in replies]
        verdicts = asyncio.run(self._verdicts({one.key: one for one in requests if one}))
        return [verdicts[one.key] if one else False for one in requests]

    def _request(self, said: str, truth: Truth) -> Request | None:
        if not said:
            return None
        text = prompts.render(
            "judge",
            question=_quoted(with_options(truth.question, truth.choices)),
            truth=_quoted(truth.told),
            reply=_quoted(said[-MOST_READ:]),
        )
        config = self.config
        return Request(
            role="judge",
            model=config.model,
            messages=(Message(role="user", content=(text,)),),
            form=(Opinion.__name__, Opinion.model_json_schema()),
            temperature=config.temperature,
            max_tokens=config.max_tokens,
        )

    async def _verdicts(self, requests: dict[str, Request]) -> dict[str, bool | None]:
        sender = Sender(self.config)
        try:
            found = await asyncio.gather(*(_verdict(sender, request) for request in requests.values()))
        finally:
            await sender.close()
        return dict(zip(requests, found, strict=True))


async def _verdict(sender: Sender, request: Request) -> bool | None:
    reply = await sender.send(request, None)
    try:
        return Opinion.model_validate_json(reply.text).right
    except ValidationError:  # a refusal too: there is no text in it
        return None


def _quoted(text: str) -> str:
    """A text as one JSON string, which nothing in it can end."""
    return json.dumps(text.encode(errors="replace").decode(), ensure_ascii=False)
