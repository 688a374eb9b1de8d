"""What the agent and its tools share while they work on one task."""

from typing import TypeVar

from pydantic import BaseModel

import prompts
from agents.boxes import Box, BoxFrame
from agents.dialects import Setting
from agents.endpoint import Endpoint, Journal
from agents.masks import Segmenter
from agents.messages import Message, Photo, Reply, Request
from agents.views import View

Form = TypeVar("Form", bound=BaseModel)


class Case:
    """One photo, how the teacher writes boxes about it, and the way to ask the teacher."""

    def __init__(
        self,
        photo: Photo,
        setting: Setting,
        posed: View,
        segmenter: Segmenter,
        endpoint: Endpoint,
        journal: Journal,
        seed: int,
    ) -> None:
        self.photo, self.setting, self.posed, self.segmenter = photo, setting, posed, segmenter
        self.seed = seed
        self.calls: list[str] = []
        """Ids of the requests made so far, in order."""
        self._endpoint, self._journal = endpoint, journal

    def request(self, role: str, messages: tuple[Message, ...], seed: int = 0) -> Request:
        """A request to the teacher in one of its roles; `seed` sets apart askings of the same thing."""
        config = self._endpoint.config
        return Request(
            role=role,
            model=config.model_for(role),
            messages=messages,
            seed=(self.seed + seed) % 2**31,
            temperature=config.temperature,
            max_tokens=config.max_tokens,
        )

    async def ask(self, request: Request) -> Reply:
        """The teacher's reply; raises EndpointError."""
        reply = await self._endpoint.ask(request, self.photo, self._journal)
        self.calls.append(reply.key)
        return reply

    async def fill(self, role: str, form: type[Form], views: list[View], seed: int = 0, **values: object) -> Form:
        """Ask with the prompt named after the role, over some views; the reply follows a form.

        Raises EndpointError, and ReplyError if the teacher cannot follow the form.
        """
        text = prompts.render(role, **values)
        pictures = tuple(self.photo.picture(view) for view in views)
        message = Message(role="user", content=(*pictures, text))
        filled, reply = await self._endpoint.fill(self.request(role, (message,), seed), form, self.photo, self._journal)
        self.calls.append(reply.key)
        return filled

    def units(self, view: View) -> str:
        """How boxes about one picture are to be written, for a prompt."""
        if self.setting.frame is BoxFrame.RELATIVE:
            return "in thousandths of this picture's width and height (0 to 1000)"
        return f"in pixels of this picture, which is {view.width}x{view.height}"

    def written(self, box: Box) -> list[int]:
        """A native box as the teacher writes it about the whole photo."""
        return list(self.setting.written(box))
