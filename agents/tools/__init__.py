"""What the agent may do. A tool is one file here and one line in `TOOLS`."""

from agents.tools.adjust import adjust
from agents.tools.ask import ask
from agents.tools.crop import crop
from agents.tools.locate import locate
from agents.tools.segment import segment
from agents.tools.tool import Observation, Tool, ToolError
from agents.tools.zoom import zoom

TOOLS: tuple[Tool, ...] = (locate, segment, crop, zoom, ask, adjust)

__all__ = ["TOOLS", "Observation", "Tool", "ToolError"]
