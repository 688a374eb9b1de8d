"""The job with Bespoke Curator: a pass over all photos for the question, and one for each turn of the loop.

Curator has no loop with tools. Tools go out in `generation_params` and calls come back in the completions object, both
by its documentation. It refuses messages of the role "tool", though, and fails on a call when it guesses a request's
tokens: `Pass` lifts that check, and has nothing guessed, as there is no limit on tokens. The question's form goes out
in `generation_params` as well: where it is given as `response_format`, Curator first has the endpoint fill a form of
its own, which one that knows nothing but this job cannot.

Usage: python -m benchmarks.orchestration.systems.curator BASE_URL PHOTOS OUT
"""

import json
import logging
import os
import sys
from functools import cache
from typing import Any

from typing_extensions import override

from benchmarks.orchestration.job import (
    FORM,
    MODEL,
    TOOL,
    TURNS,
    Asked,
    Message,
    Photo,
    begun,
    gone_on,
    opening,
    photos,
)

# Read on import. Nobody is told of the run, nothing is fetched for it, and no status is drawn with every answer.
os.environ.update(TELEMETRY_ENABLED="false", LITELLM_LOCAL_MODEL_COST_MAP="true", HF_HUB_OFFLINE="1")
os.environ.update(CURATOR_DISABLE_RICH_DISPLAY="1", TQDM_DISABLE="1")

import litellm.litellm_core_utils.default_encoding  # noqa: F401 - lets tiktoken find the encoding that it brings along.
from bespokelabs import curator
from bespokelabs.curator.llm.prompt_formatter import PromptFormatter
from datasets import Dataset

Row = dict[str, Any]


class Formatter(PromptFormatter):  # type: ignore[misc]
    """Lets messages of every role pass."""

    @override
    def get_messages(self, prompts: list[Message]) -> list[Message]:
        return prompts


class Pass(curator.LLM):  # type: ignore[misc]
    """A request for each row, of whatever roles, without a limit on tokens: the setting for none means a default."""

    prompt_formatter: PromptFormatter

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.prompt_formatter = Formatter(**vars(self.prompt_formatter))
        self._request_processor.default_max_tokens_per_minute = None


class Question(Pass):
    """The structured question."""

    @override
    def prompt(self, row: Row) -> list[Message]:
        return opening(row["photo"])

    @override
    def parse(self, row: Row, response: str) -> Row:
        Asked.model_validate_json(response)
        return {"photo": row["photo"], "asked": response, "replies": []}


class Turn(Pass):
    """A turn of the loop."""

    return_completions_object = True

    @override
    def prompt(self, row: Row) -> list[Message]:
        messages = [*started(row["photo"], row["asked"])]
        for reply in row["replies"]:
            messages += followed(row["photo"], reply)
        return messages

    @override
    def parse(self, row: Row, response: dict[str, Any]) -> Row:
        reply = json.dumps(response["choices"][0]["message"])
        return {**row, "replies": [*row["replies"], reply]}


# Kept, as every pass makes a photo's messages anew: no picture is drawn twice.
@cache
def started(photo: Photo, asked: str) -> list[Message]:
    return begun(photo, Asked.model_validate_json(asked))


@cache
def followed(photo: Photo, reply: str) -> list[Message]:
    return gone_on(photo, json.loads(reply))


def main(url: str, folder: str, out: str) -> None:
    """Start the run, or go on with it."""
    logging.getLogger("curator").setLevel(logging.WARNING)  # Else every answer is noted in up to five files.
    found = photos(folder)
    rows = Dataset.from_list([{"photo": photo} for photo in found])
    question = Question(**options(url, response_format=FORM))
    answered = question(rows, working_dir=out)
    for _ in range(TURNS):
        answered = Turn(**options(url, tools=[TOOL]))(answered, working_dir=out)
    ended = [row["photo"] for row in answered.dataset if not followed(row["photo"], row["replies"][-1])]
    assert ended == found, f"{len(ended)} of {len(found)} photos were answered"


def options(url: str, **params: Any) -> dict[str, Any]:
    """What a pass is made with: as many requests out as the endpoint takes, and no other limit that binds."""
    limits = {"base_url": url, "max_concurrent_requests": 64, "max_requests_per_minute": 10**6}
    return {"model_name": MODEL, "backend": "openai", "backend_params": limits, "generation_params": params}


if __name__ == "__main__":
    main(*sys.argv[1:4])
