"""`@tool` makes a tool of a typed function: its docstring and signature are what the model reads."""

import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from agents.boxes import Box, checked
from agents.case import Case
from agents.views import View


class ToolError(Exception):
    """A call the model got wrong; the message becomes the observation."""


class Observation(NamedTuple):
    """What a tool gives back: words, maybe a picture, maybe boxes. All boxes are native."""

    text: str
    view: View | None = None
    boxes: tuple[Box, ...] = ()


class Tool(NamedTuple):
    name: str
    description: str
    arguments: type[BaseModel]
    function: Callable[..., Awaitable[Observation]]

    @property
    def schema(self) -> dict[str, Any]:
        """The tool as the chat-completions protocol declares it."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        for field in parameters.get("properties", {}).values():
            field.pop("title", None)
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": parameters},
        }

    async def __call__(self, case: Case, written: str) -> tuple[Observation, dict[str, Any]]:
        """Run the tool with arguments as the model wrote them; also gives the boxes back as native.

        Raises ToolError for arguments that are no JSON, do not fit, or lie outside the photo.
        """
        values = {name: _native(case, value) for name, value in self._read(written).items()}
        return await self.function(case, **values), values

    def _read(self, written: str) -> dict[str, Any]:
        try:
            arguments = self.arguments.model_validate(json.loads(written or "{}"))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ToolError(f"{self.name}: {where} {first['msg']}".replace("Value error, ", "")[:300]) from error
        except (ValueError, RecursionError) as error:
            raise ToolError(f"{self.name}: the arguments are not a JSON object.") from error
        return {name: getattr(arguments, name) for name in type(arguments).model_fields}


def _native(case: Case, value: Any) -> Any:
    """A box argument in native pixels, inside the photo; anything else as it is."""
    if not isinstance(value, Box):
        return value
    setting = case.setting
    try:
        inside = checked(value, setting.frame.size(setting.photo, setting.posed))
    except ValueError as error:
        raise ToolError(str(error)) from error
    return setting.read(inside)


def tool(function: Callable[..., Awaitable[Observation]]) -> Tool:
    """The tool a function is; its first parameter is the case, the others are what the model writes."""
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    fields: dict[str, Any] = {
        one.name: (hints[one.name], ... if one.default is inspect.Parameter.empty else one.default)
        for one in parameters
    }
    arguments = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    return Tool(function.__name__, inspect.getdoc(function) or "", arguments, function)
