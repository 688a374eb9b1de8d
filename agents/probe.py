"""What an endpoint can do by itself, found out once by two small requests for each model."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from agents.messages import Message, Reply, Request
from agents.sender import Sender
from agents.spoken import Abilities
from agents.teachers import EndpointConfig


class Probe(BaseModel):
    """Something that nobody says of himself."""

    model_config = ConfigDict(extra="forbid")

    fruit: Literal["quince"]
    stones: Literal[17]


_TOOL = {
    "type": "function",
    "function": {
        "name": "ready",
        "description": "Say that you are ready.",
        "parameters": {"type": "object", "properties": {"how": {"type": "string"}}, "required": ["how"]},
    },
}


async def abilities_of(config: EndpointConfig, model: str) -> Abilities:
    """What the endpoint does by itself with a model.

    Raises EndpointError where it is not there, or does not know the model or the key: at once, without patience.
    """
    sender = Sender(config.model_copy(update={"patience_seconds": 0.0, "abilities": {}}))
    try:
        # What is asked for in words is not what the schema allows: only an endpoint that holds to it fills it.
        filled = await sender.send(_request(model, "Say hello.", form=("Probe", Probe.model_json_schema())), None)
        called = await sender.send(_request(model, "Call the tool `ready` with how='steady'.", tools=(_TOOL,)), None)
    finally:
        await sender.close()
    return Abilities(forms=_follows(filled), tools=any(call.name == "ready" for call in called.calls))


def _follows(reply: Reply) -> bool:
    try:
        Probe.model_validate_json(reply.text)
    except ValueError:
        return False
    return True


def _request(model: str, text: str, **more: object) -> Request:
    message = Message(role="user", content=(text,))
    return Request(role="probe", model=model, messages=(message,), max_tokens=200).model_copy(update=more)
