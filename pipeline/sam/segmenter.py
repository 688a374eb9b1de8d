"""The segmenter of one photo that has SAM behind it: every answer is in the journal before it is used."""

import asyncio
import time
from typing import Any, Protocol

from agents.boxes import Box
from agents.endpoint import Journal
from agents.masks import MaskError, MaskFile, Region
from agents.sender import EndpointError
from pipeline.config import SegmenterConfig
from pipeline.records import ImageRecord
from pipeline.sam.prompt import Answer, Grid, Prompt


class Sam(Protocol):
    """Whoever answers prompts about a photo, given where it lies."""

    async def answer(self, path: str, prompt: Prompt) -> Answer: ...


class SamSegmenter:
    """Points and boxes are SAM's; so are the regions of a photo that has no SA-1B masks."""

    def __init__(
        self, image: ImageRecord, masks: MaskFile | None, config: SegmenterConfig, sam: Sam | None, journal: Journal
    ) -> None:
        self.image, self.masks, self.config = image, masks, config
        self._sam, self._journal = sam, journal

    async def regions(self) -> list[Region]:
        """Every region, largest first."""
        if self.masks:
            return await self.masks.regions()
        grid = Grid.model_validate({name: getattr(self.config, name) for name in Grid.model_fields})
        return sorted(await self._ask(grid=grid), key=lambda region: -region.area)

    async def at_point(self, x: int, y: int) -> list[Region]:
        """What a point may mean, the likeliest first: a part, a thing, what it belongs to."""
        return await self._ask(point=(x, y))

    async def at_box(self, box: Box) -> list[Region]:
        """What a box may mean, the likeliest first."""
        return await self._ask(box=box)

    async def _ask(self, **what: Any) -> list[Region]:
        prompt = Prompt(photo=self.image.sha256, weights=self.config.sha256 or "", **what)
        known = await asyncio.to_thread(self._journal.get, prompt.key)
        answer = await self._new(prompt) if known is None else Answer.model_validate(known)
        if answer.fault:
            raise MaskError(answer.fault)
        return list(answer.regions)

    async def _new(self, prompt: Prompt) -> Answer:
        if self._sam is None:
            raise EndpointError(f"Replay is offline and the call log lacks a {prompt.role} request ({prompt.key}).")
        started = time.monotonic()
        answer = await self._sam.answer(self.image.path, prompt)
        # A fault is kept too: a replay has to meet it at the same place.
        await asyncio.to_thread(self._journal.put, prompt, answer, time.monotonic() - started)
        return answer
