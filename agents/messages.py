"""Chat messages as the agent holds them: text and pictures by reference, never pixels."""

import hashlib
import json
import operator
from typing import Any, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from agents.boxes import Size
from agents.photos import PhotoCache, data_url
from agents.views import View, render


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Picture(_Frozen):
    """One view of one photo; what is stored and hashed instead of pixels."""

    photo: str
    """SHA-256 of the photo's file."""
    view: View


class Call(_Frozen):
    """A tool call as the model wrote it; `arguments` is untrusted JSON text."""

    id: str
    name: str
    arguments: str


class Message(_Frozen):
    role: Literal["system", "user", "assistant", "tool"]
    content: tuple[str | Picture, ...] = ()
    calls: tuple[Call, ...] = ()
    call_id: str | None = None
    """On a tool message: the call it answers."""


class Asked(_Frozen):
    """Anything that is asked. Two equal ones have one answer, kept in the journal."""

    role: str
    """Which part is played by who answers: propose, blind, evidence, search, ..., segment."""

    @property
    def key(self) -> str:
        """Its name in the journal: a hash of everything that can change the answer."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class Request(Asked):
    """One thing asked of the teacher."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()
    form: tuple[str, dict[str, Any]] | None = None
    """Name and JSON schema that the answer has to follow."""
    seed: int = 0
    """Sent to the endpoint; asking again with another seed is another request."""
    temperature: float = 0.0
    max_tokens: int = 1024


class Reply(_Frozen):
    """What the teacher answered."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = Field(default=0.0, exclude_if=operator.not_)
    """By the prices of the run, which need not be the endpoint's."""
    refused: str = Field(default="", exclude_if=operator.not_)
    """Why the endpoint would not answer this request; there is nothing else in it then."""
    key: str = Field(default="", exclude=True)
    """The request it answers: the call id of provenance."""


class Photo:
    """One photo in use: opened when first needed, each view encoded once."""

    def __init__(self, path: str, sha256: str, size: Size, cache: PhotoCache) -> None:
        self.path, self.sha256, self.size = path, sha256, size
        self._cache = cache
        self._sent: dict[View, str] = {}
        self._last: tuple[View, Image.Image] | None = None

    @property
    def image(self) -> Image.Image:
        """The decoded photo, upright RGB; raises PhotoError."""
        return self._cache.get(self.path)

    def picture(self, view: View) -> Picture:
        return Picture(photo=self.sha256, view=view)

    def url(self, picture: Picture) -> str:
        """A picture of this photo as it is sent."""
        return self.data_url(picture.view)

    def render(self, view: View) -> Image.Image:
        """The picture of a view; the last one is kept until it is sent, as a look is hashed first."""
        if self._last is None or self._last[0] != view:
            self._last = view, render(self.image, view)
        return self._last[1]

    def data_url(self, view: View) -> str:
        """The picture of a view as it is sent, a JPEG; made once, however many requests show it."""
        if view not in self._sent:
            self._sent[view] = data_url(self.render(view))
            self._last = None  # A worker has many photos at hand, and a whole one is tens of megabytes.
        return self._sent[view]
