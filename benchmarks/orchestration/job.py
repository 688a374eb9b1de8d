"""The job: one structured question about each photo, then a loop of four turns with a tool that looks closer.

Needs Pillow and pydantic only, so that every system can use it in its own environment. Boxes are in native pixels.
"""

import base64
import io
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import BaseModel

TURNS = 4
"""Replies in the loop: three looks and the answer."""
CALLS = 1 + TURNS
"""Requests for each photo."""
MODEL = "fixed"
POSED, CROP = 448, 224
"""Longest sides of the picture a conversation starts with and of a closer look, in pixels."""
NAME = re.compile(rb"photo-(\d{6})")
"""What every request about a photo holds in its words, so that the endpoint can tell them apart."""
ANSWER = "seven"
ASK = "This is {name}. Ask one question about its writing, with the answer and the box of the writing."
SYSTEM = "Look at the photo, closer where it is needed. End with <answer>the answer</answer>."

Message = dict[str, Any]
Photo = str
"""Path of a photo's file."""


class Asked(BaseModel):
    """What the structured question is answered with."""

    question: str
    answer: str
    box: list[int]


TOOL = {
    "type": "function",
    "function": {
        "name": "zoom",
        "description": "Look closer at a box of the photo.",
        "parameters": {
            "type": "object",
            "properties": {"box": {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4}},
            "required": ["box"],
        },
    },
}
FORM = {
    "type": "json_schema",
    "json_schema": {"name": "Asked", "schema": Asked.model_json_schema()},
}


def photos(folder: str | Path) -> list[Photo]:
    """The photos of a folder, in order."""
    return [str(path) for path in sorted(Path(folder).glob("photo-*.jpg"))]


def opening(photo: Photo) -> list[Message]:
    """The messages of the structured question."""
    return [{"role": "user", "content": [shown(photo), said(ASK.format(name=Path(photo).stem))]}]


def begun(photo: Photo, asked: Asked) -> list[Message]:
    """The messages the loop starts with."""
    question = [shown(photo), said(f"Question: {asked.question}")]
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]


def gone_on(photo: Photo, reply: Message) -> list[Message]:
    """What follows a reply of the loop: its call, the tool's words and the closer look; nothing behind an answer.

    `reply` is the assistant's message as the chat-completions protocol has it.
    """
    if not reply.get("tool_calls"):
        assert f"<answer>{ANSWER}</answer>" in reply["content"]
        return []
    call = reply["tool_calls"][0]
    box = json.loads(call["function"]["arguments"])["box"]
    told = {"role": "tool", "tool_call_id": call["id"], "content": "Here is the closer look."}
    return [
        {"role": "assistant", "content": reply.get("content") or "", "tool_calls": [call]},
        told,
        {"role": "user", "content": [shown(photo, tuple(box)), said("The region.")]},
    ]


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def shown(photo: Photo, box: tuple[int, ...] | None = None) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url(photo, box)}}


def url(photo: Photo, box: tuple[int, ...] | None = None) -> str:
    """The whole photo or a box of it as a JPEG in a data URL."""
    return "data:image/jpeg;base64," + base64.b64encode(picture(photo, box)).decode()


def picture(photo: Photo, box: tuple[int, ...] | None = None) -> bytes:
    opened = decoded(photo)
    x1, y1, x2, y2 = box or (0, 0, *opened.size)
    scale = (CROP if box else POSED) / max(x2 - x1, y2 - y1)
    size = round((x2 - x1) * scale), round((y2 - y1) * scale)
    buffer = io.BytesIO()
    opened.resize(size, Image.Resampling.LANCZOS, box=(x1, y1, x2, y2), reducing_gap=3.0).save(
        buffer, "JPEG", quality=90
    )
    return buffer.getvalue()


@lru_cache(maxsize=256)
def decoded(photo: Photo) -> Image.Image:
    """A photo, kept while it is among the last ones used: none is decoded twice."""
    with Image.open(photo) as image:
        return image.convert("RGB")
