"""The job with plain Ray Data: an async class that does all of a photo's calls.

Usage: python -m benchmarks.orchestration.systems.ray_data BASE_URL PHOTOS OUT
"""

import asyncio
import logging
import sys
from typing import Any

import ray
from openai import AsyncOpenAI

from benchmarks.orchestration.job import FORM, MODEL, TOOL, Asked, Photo, begun, gone_on, opening, photos


class Worker:
    """Asks about the photos of a batch, all at once."""

    def __init__(self, url: str) -> None:
        self.client = AsyncOpenAI(base_url=url, api_key="none", max_retries=8)

    async def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        return {"answer": await asyncio.gather(*(self.one(photo) for photo in batch["photo"]))}

    async def one(self, photo: Photo) -> str:
        reply = await self.ask(opening(photo), response_format=FORM)
        asked = Asked.model_validate_json(reply["content"])
        messages = begun(photo, asked)
        while more := gone_on(photo, reply := await self.ask(messages, tools=[TOOL])):
            messages += more
        return str(reply["content"])

    async def ask(self, messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        create: Any = self.client.chat.completions.create
        completion = await create(model=MODEL, messages=messages, **more)
        return dict(completion.choices[0].message.model_dump())


def main(url: str, folder: str, out: str) -> None:
    ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    found = photos(folder)
    asked = ray.data.from_items([{"photo": photo} for photo in found], override_num_blocks=len(found))
    # Two processes, for two cores, with half of the endpoint's capacity each.
    pool = ray.data.ActorPoolStrategy(size=2, max_concurrent_calls_per_actor=32)
    answered = asked.map_batches(Worker, fn_constructor_args=(url,), batch_size=1, compute=pool, num_cpus=0.5)
    answered.write_json(out)


if __name__ == "__main__":
    main(*sys.argv[1:4])
