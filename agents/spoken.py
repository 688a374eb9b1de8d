"""Tools and forms in plain words, for endpoints that know neither; what is said back is read into the same replies.

The text protocol is that of Hermes and Qwen: <tool_call>{"name": ..., "arguments": {...}}</tool_call>.
"""

import json
import re
from typing import Any

from pydantic import BaseModel, ConfigDict

import prompts
from agents.messages import Call, Message, Reply, Request

_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


class Abilities(BaseModel):
    """What an endpoint does by itself with one model, as was found out at the start of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forms: bool = True
    """It holds replies to a JSON schema."""
    tools: bool = True
    """It takes tools and gives tool calls."""


def in_words(request: Request, able: Abilities) -> Request:
    """The request with everything said in words that the endpoint cannot do."""
    messages, changes = request.messages, dict[str, Any]()
    if request.tools and not able.tools:
        messages = _with_tools(messages, request.tools)
        changes["tools"] = ()
    if request.form and not able.forms:
        schema = json.dumps(request.form[1], ensure_ascii=False)
        asked = Message(role="user", content=(prompts.render("spoken_form", schema=schema),))
        messages = (*messages, asked)
        changes["form"] = None
    return request.model_copy(update={**changes, "messages": _joined(messages)}) if changes else request


def understood(reply: Reply, request: Request, able: Abilities) -> Reply:
    """A reply in words as the endpoint would have given it by itself; one that cannot be read stays as it is."""
    if request.tools and not able.tools:
        return _with_calls(reply)
    if request.form and not able.forms:
        return reply.model_copy(update={"text": _json_in(reply.text)})
    return reply


def _with_tools(messages: tuple[Message, ...], tools: tuple[dict[str, Any], ...]) -> tuple[Message, ...]:
    told = [json.dumps(tool["function"], ensure_ascii=False) for tool in tools]
    system = prompts.render("spoken_tools", tools=told)
    first, *rest = (_told(message) for message in messages)
    if first.role != "system":
        return (Message(role="system", content=(system,)), first, *rest)
    return (first.model_copy(update={"content": (*first.content, system)}), *rest)


def _told(message: Message) -> Message:
    """A message without calls: the model's own in its text, what a tool gave back from the user."""
    if message.role == "tool":
        return Message(role="user", content=("<tool_response>", *message.content, "</tool_response>"))
    if not message.calls:
        return message
    return Message(role="assistant", content=(*message.content, *(written(call) for call in message.calls)))


def written(call: Call) -> str:
    """A call as the model is to write them. Arguments that are no JSON are quoted, as they were written."""
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = call.arguments
    body = json.dumps({"name": call.name, "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>\n{body}\n</tool_call>"


def _joined(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Neighbours of one role as one message: many chat templates want turns to alternate."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1].role == message.role:
            joined[-1] = joined[-1].model_copy(update={"content": (*joined[-1].content, *message.content)})
        else:
            joined.append(message)
    return tuple(joined)


def _with_calls(reply: Reply) -> Reply:
    found = [call for number, text in enumerate(_CALL.findall(reply.text)) if (call := _call(text, number))]
    if not found:
        return reply
    said = reply.text[: reply.text.index("<tool_call>")].strip()
    return reply.model_copy(update={"text": said, "calls": tuple(found)})


def _call(text: str, number: int) -> Call | None:
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(wanted, dict) or not isinstance(wanted.get("name"), str):
        return None
    arguments = wanted.get("arguments", {})
    written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return Call(id=f"call_{number}", name=wanted["name"], arguments=written)


def _json_in(text: str) -> str:
    """The JSON object in a reply, without the fence or the words around it."""
    fenced = _FENCED.search(text)
    inner = fenced.group(1) if fenced else text
    start, end = inner.find("{"), inner.rfind("}")
    return inner[start : end + 1] if 0 <= start < end else text
