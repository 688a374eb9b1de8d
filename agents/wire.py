"""Requests and replies as the chat-completions protocol has them."""

from typing import Any

from agents.messages import Call, Message, Photo, Picture, Reply, Request

MOST_SAID = 100_000
"""Characters of a reply that are kept: nothing that is asked for is a tenth as long, whatever an endpoint sends."""


def body_of(request: Request, photo: Photo | None) -> dict[str, Any]:
    """A request as the chat-completions protocol has it; pictures in it are views of the photo."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(message, photo) for message in request.messages],
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "seed": request.seed,
    }
    if request.tools:
        body["tools"] = list(request.tools)
    if request.form:
        name, schema = request.form
        body["response_format"] = {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}
    return body


def _message(message: Message, photo: Photo | None) -> dict[str, Any]:
    parts = [_part(part, photo) for part in message.content]
    only_text = all(isinstance(part, str) for part in message.content)
    sent: dict[str, Any] = {"role": message.role}
    sent["content"] = "\n".join(str(part) for part in message.content) if only_text else parts
    if message.calls:
        sent["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    if message.call_id:
        sent["tool_call_id"] = message.call_id
    return sent


def _part(part: str | Picture, photo: Photo | None) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    assert photo is not None  # a request with pictures is about a photo
    return {"type": "image_url", "image_url": {"url": photo.url(part)}}


def _sound(text: str) -> str:
    """Text that UTF-8 can hold: a model cut off within an emoji leaves half a character. What has no end gets one."""
    return text[:MOST_SAID].encode(errors="replace").decode()


def reply_in(completion: Any) -> Reply:
    """What a response says, given as the JSON it is.

    Raises LookupError, AttributeError, TypeError or ValueError if it is no chat completion: an HTML page or an error
    body with status 200 is not this protocol, or not yet.
    """
    message = completion["choices"][0]["message"]
    usage = completion.get("usage") or {}
    calls = tuple(
        Call(
            id=call.get("id") or f"call_{index}",
            name=_sound(function.get("name") or ""),
            arguments=_sound(function.get("arguments") or ""),
        )
        for index, call in enumerate(message.get("tool_calls") or ())
        if (function := call.get("function"))
    )
    return Reply(
        text=_sound(message.get("content") or ""),
        calls=calls,
        prompt_tokens=usage.get("prompt_tokens") or 0,
        completion_tokens=usage.get("completion_tokens") or 0,
    )
