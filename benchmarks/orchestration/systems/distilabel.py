"""The job with distilabel: a Task for the question and a Task for the loop, each with an LLM of its own.

distilabel's OpenAILLM cannot speak of tools: it accepts no message of the role "tool", drops `tool_calls` from the
assistant's, and hands back a reply's text alone. So the loop has a subclass of it, which sends with the same client.
Usage: python -m benchmarks.orchestration.systems.distilabel BASE_URL PHOTOS OUT
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # It reads its own output with `datasets`, which is to phone nowhere.
os.environ["DISTILABEL_LOG_LEVEL"] = "WARNING"  # It quiets httpx, but today's openai logs each request as httpx2.

from distilabel.models import OpenAILLM
from distilabel.models.llms.utils import prepare_output
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput, StepResources
from distilabel.steps.tasks import Task
from typing_extensions import override

from benchmarks.orchestration.job import FORM, MODEL, TOOL, Asked, Message, Photo, begun, gone_on, opening, photos

Row = dict[str, Any]


class ToolLLM(OpenAILLM):  # type: ignore[misc]
    """Sends any messages, with tools, and generates whole messages, as JSON."""

    @override
    async def agenerate(
        self, input: list[Message], num_generations: int = 1, tools: list[dict[str, Any]] | None = None
    ) -> Any:
        create = self._aclient.chat.completions.create
        completion = await create(model=self.model, messages=input, n=num_generations, tools=tools)
        replies = [choice.message.model_dump_json() for choice in completion.choices]
        return prepare_output(replies, **self._get_llm_statistics(completion))


class Ask(Task):  # type: ignore[misc]
    """The structured question about a photo."""

    @property
    @override
    def inputs(self) -> list[str]:
        return ["photo"]

    @property
    @override
    def outputs(self) -> list[str]:
        return ["asked"]

    @override
    def format_input(self, input: Row) -> list[Message]:
        return opening(input["photo"])

    @override
    def format_output(self, output: str, input: Row | None = None) -> Row:
        return {"asked": Asked.model_validate_json(output).model_dump()}


class Look(Task):  # type: ignore[misc]
    """The loop, all conversations of a batch at once."""

    @property
    @override
    def inputs(self) -> list[str]:
        return ["photo", "asked"]

    @property
    @override
    def outputs(self) -> list[str]:
        return ["answer"]

    @override
    def format_input(self, input: Row) -> list[Message]:
        return begun(input["photo"], Asked.model_validate(input["asked"]))

    @override
    def format_output(self, output: str, input: Row | None = None) -> Row:
        return {"answer": json.loads(output)["content"]}

    @override
    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        yield self.llm.event_loop.run_until_complete(self.gathered(inputs))

    async def gathered(self, rows: list[Row]) -> list[Row]:
        return await asyncio.gather(*(self.one(row) for row in rows))

    async def one(self, row: Row) -> Row:
        messages = self.format_input(row)
        while more := gone_on(row["photo"], json.loads(output := await self.said(messages))):
            messages += more
        return {**row, **self.format_output(output)}

    async def said(self, messages: list[Message]) -> str:
        generated = await self.llm.agenerate(messages, **self.llm.get_generation_kwargs())
        return str(generated["generations"][0])


def main(url: str, folder: str, out: str) -> None:
    """Start the run, or go on with it from its cache: that hangs in 1.5.3, see distilabel's issue 1065."""
    found = photos(folder)
    rows = piped(url, found, out).run(use_cache=True)["default"]["train"]
    answered = {row["photo"] for row in rows if row["answer"]}
    assert answered == set(found), f"{len(answered)} of {len(found)} photos came through"


def piped(url: str, found: list[Photo], out: str) -> Any:
    """The pipeline, with its cache in a folder."""
    to = {"model": MODEL, "base_url": url, "api_key": "none", "max_retries": 8}
    with Pipeline(name="job", cache_dir=out) as pipeline:
        # One batch of all paths: of smaller ones each is asked for only when the one before has been worked off.
        load = LoadDataFromDicts(data=[{"photo": photo} for photo in found], batch_size=len(found))
        asker = OpenAILLM(**to, generation_kwargs={"extra_body": {"response_format": FORM}})
        looker = ToolLLM(**to, generation_kwargs={"tools": [TOOL]})
        # The raw input is left out: it is a second picture made for each call, and a copy of it in the cache.
        ask = Ask(llm=asker, input_batch_size=64, add_raw_input=False)
        # A replica has one batch at a time, and one conversation has four calls: three batches fill the gaps.
        look = Look(llm=looker, input_batch_size=32, resources=StepResources(replicas=3), add_raw_input=False)
        load >> ask >> look
    return pipeline


if __name__ == "__main__":
    main(*sys.argv[1:4])
