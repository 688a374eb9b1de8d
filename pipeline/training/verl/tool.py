"""The zoom as a verl tool: the same box checks, the same `zoom`, the same words as everywhere else."""

from typing import Any
from uuid import uuid4

from verl.tools.base_tool import BaseTool
from verl.tools.schemas import ToolResponse

from agents.boxes import parse_box
from agents.dialects import Dialect, DialectError, shown
from agents.photos import PhotoCache
from agents.views import ZoomPolicy, zoom
from pipeline.training.verl.reward import setting_of

_PHOTOS = PhotoCache()
"""Of this worker: rollouts of one question follow each other."""


class ZoomTool(BaseTool):  # type: ignore[misc]
    """Crops native pixels of the photo a trajectory is about. What the policy writes is untrusted."""

    def __init__(self, config: dict[str, Any], tool_schema: Any) -> None:
        super().__init__(config, tool_schema)
        self.policy = ZoomPolicy.model_validate(config.get("zoom", {}))
        self._about: dict[str, dict[str, Any]] = {}

    async def create(self, instance_id: str | None = None, **kwargs: Any) -> tuple[str, ToolResponse]:
        """Take up a photo: `create_kwargs` as the exported rows have them."""
        identity = instance_id or uuid4().hex
        self._about[identity] = kwargs["create_kwargs"]
        return identity, ToolResponse()

    async def execute(
        self, instance_id: str, parameters: dict[str, Any], **_: Any
    ) -> tuple[ToolResponse, float, dict[str, Any]]:
        """The crop with the words that come with it, or a sentence on what is wrong with the box."""
        about = self._about[instance_id]
        try:
            setting = setting_of(about, self.policy)
            box = setting.read(parse_box(parameters.get("bbox_2d")))
            if not box.area:
                raise DialectError(f"The box {parameters.get('bbox_2d')} lies outside the image.")
        except ValueError as error:
            return ToolResponse(text=str(error)), 0.0, {"valid_zooms": 0.0}
        picture = zoom(_PHOTOS.get(about["image_path"]), box, self.policy, setting.posed)[1]
        (turn,) = shown(Dialect.TOOL_CALL)
        return ToolResponse(image=[picture], text=turn.content[1]), 0.0, {"valid_zooms": 1.0}

    async def release(self, instance_id: str, **_: Any) -> None:
        self._about.pop(instance_id, None)
