"""What a request to the local teacher says: its words and its pictures, and nothing that is not in it."""

import json
import re
from functools import cached_property
from typing import Any, NamedTuple

from PIL import Image

from agents.boxes import Box, Size, parse_box, whole
from agents.photos import bytes_in
from agents.views import View
from pipeline.serving import BadRequest
from pipeline.teacher.reason import Look
from pipeline.teacher.sight import Eyes, Sight

_OPTION = re.compile(r"^\(([A-H])\) (.+)$", re.MULTILINE)
_REGION = re.compile(r"The region (\[.*?\]) of the photo, shown at")
_PHOTO = re.compile(r"counts as (\d+)x(\d+)")


class Part(NamedTuple):
    """One message: who said it, its text, its pictures with the text before each, its tool calls."""

    role: str
    text: str
    pictures: tuple[tuple[str, bytes], ...]
    calls: tuple[dict[str, Any], ...]


class Heard:
    """One request, parsed. `eyes` look at its pictures when somebody wants to know."""

    def __init__(self, body: dict[str, Any], eyes: Eyes) -> None:
        self.body, self.eyes = body, eyes
        messages = body.get("messages") if isinstance(body, dict) else None
        if not isinstance(messages, list) or not messages:
            raise BadRequest("messages must be a non-empty list")
        self.parts = [_part(message) for message in messages]

    @property
    def form(self) -> str | None:
        """The name of the JSON schema the answer has to follow."""
        form = self.body.get("response_format") or {}
        name = (form.get("json_schema") or {}).get("name") if isinstance(form, dict) else None
        return str(name) if name else None

    @property
    def seed(self) -> int:
        seed = self.body.get("seed") or 0
        if not isinstance(seed, int):
            raise BadRequest("seed must be an integer")
        return seed

    @cached_property
    def text(self) -> str:
        """Everything the user said, in order."""
        return "\n".join(part.text for part in self.parts if part.role == "user")

    def field(self, name: str) -> str:
        """The line that follows `name: ` in the user's words; empty if there is none."""
        found = re.search(rf"^{re.escape(name)}: (.+)$", self.text, re.MULTILINE)
        return found.group(1).strip() if found else ""

    def listed(self, pattern: str) -> list[Any]:
        """The JSON list that a pattern's group finds in the user's words."""
        found = re.search(pattern, self.text)
        try:
            value = json.loads(found.group(1)) if found else []
        except ValueError:
            return []
        return value if isinstance(value, list) else []

    @cached_property
    def question(self) -> str:
        return self.field("Question")

    @cached_property
    def choices(self) -> tuple[str, ...]:
        """The options under the question, in order of their letters."""
        return tuple(option for _, option in _OPTION.findall(self.text))

    @cached_property
    def pictures(self) -> list[bytes]:
        return [data for part in self.parts for _, data in part.pictures]

    def picture(self) -> Look:
        """The first picture as a photo of its own."""
        if not self.pictures:
            raise BadRequest("this needs a picture")
        sight = self._sight(self.pictures[0])
        view = View(box=whole(sight.size), width=sight.size.width, height=sight.size.height)
        return Look(view, sight)

    def looks_at(self, places: list[Box]) -> list[Look]:
        """The pictures as views of one photo, at the places the request gives."""
        return [self._look(data, box) for data, box in zip(self.pictures, places, strict=False)]

    @cached_property
    def looks(self) -> list[Look]:
        """The pictures of a search, each at the region its caption names."""
        looks = []
        for part in self.parts:
            for caption, data in part.pictures:
                region = _REGION.search(caption)
                if region:
                    looks.append(self._look(data, parse_box(json.loads(region.group(1)))))
        return looks

    @cached_property
    def photo(self) -> Size:
        """The size the whole photo counts as in a search."""
        found = _PHOTO.search("\n".join(part.text for part in self.parts))
        return Size(int(found.group(1)), int(found.group(2))) if found else Size(1000, 1000)

    def _look(self, data: bytes, box: Box) -> Look:
        sight = self._sight(data)
        return Look(View(box=box, width=sight.size.width, height=sight.size.height), sight)

    def _sight(self, data: bytes) -> Sight:
        try:
            return self.eyes.look(data)
        except (OSError, Image.DecompressionBombError) as error:
            raise BadRequest("a picture is no sound image") from error


def _part(message: Any) -> Part:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise BadRequest("each message is an object with a role")
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    texts: list[str] = []
    pictures: list[tuple[str, bytes]] = []
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise BadRequest("content is a text or a list of blocks")
    for block in blocks:
        if block.get("type") == "text":
            texts.append(str(block.get("text", "")))
        elif block.get("type") == "image_url":
            pictures.append((texts[-1] if texts else "", _decode(block)))
    return Part(message["role"], "\n".join(texts), tuple(pictures), tuple(message.get("tool_calls") or ()))


def _decode(block: dict[str, Any]) -> bytes:
    url = str((block.get("image_url") or {}).get("url", ""))
    try:
        data = bytes_in(url)
    except ValueError as error:
        raise BadRequest("a picture is not valid base64") from error
    if data is None:
        raise BadRequest("pictures must be data: URLs; this endpoint opens no address")
    return data
