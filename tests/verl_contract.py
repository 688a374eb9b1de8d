"""verl 0.9.1's tool interface as it was read: what our tool is called with, and what it must give back."""

import sys
from types import ModuleType
from typing import Any

from pydantic import BaseModel


class ToolResponse(BaseModel):
    text: str | None = None
    image: list[Any] | None = None
    video: list[Any] | None = None


class BaseTool:
    def __init__(self, config: dict[str, Any], tool_schema: Any) -> None:
        self.config, self.tool_schema = config, tool_schema
        self.name = tool_schema["function"]["name"]

    async def create(self, instance_id: str | None = None, **kwargs: Any) -> tuple[str, ToolResponse]: ...  # type: ignore[empty-body]
    async def execute(  # type: ignore[empty-body]
        self, instance_id: str, parameters: dict[str, Any], **kwargs: Any
    ) -> tuple[ToolResponse, float, dict[str, Any]]: ...
    async def release(self, instance_id: str, **kwargs: Any) -> None: ...


def modules() -> dict[str, ModuleType]:
    """What `import verl.tools...` finds where verl is not installed."""
    names = {name: ModuleType(name) for name in ("verl", "verl.tools", "verl.tools.base_tool", "verl.tools.schemas")}
    names["verl.tools.base_tool"].BaseTool = BaseTool  # type: ignore[attr-defined]
    names["verl.tools.schemas"].ToolResponse = ToolResponse  # type: ignore[attr-defined]
    return {name: module for name, module in names.items() if name not in sys.modules}
