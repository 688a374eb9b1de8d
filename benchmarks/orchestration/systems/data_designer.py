"""The job with NVIDIA NeMo Data Designer: a structured column asks the question, a custom column does the loop.

Its own loop with tools (MCP) cannot do it: a tool is told what the model says, a box, and never which photo it is of.
Usage: python -m benchmarks.orchestration.systems.data_designer BASE_URL PHOTOS OUT
"""

import os
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

os.environ["NEMO_TELEMETRY_ENABLED"] = "false"  # Read once, on import.
import data_designer.config as dd
from data_designer.engine.models.errors import acatch_llm_exceptions
from data_designer.engine.models.utils import ChatMessage
from data_designer.interface import DataDesigner, ResumeMode

from benchmarks.orchestration.job import ASK, MODEL, TOOL, Asked, Message, begun, gone_on, photos, url

ALIAS = "teacher"
BUFFER, GROUPS = 16, 6
"""Photos in a row group, which a crash loses whole, and row groups at once: enough to fill the endpoint, and not many
more, since each request that waits for its turn asks for it every 50 ms."""

Row = dict[str, Any]


@dd.custom_column_generator(required_columns=["photo"])  # type: ignore[untyped-decorator]
def picture(row: Row) -> Row:
    """The photo as the question shows it."""
    return row | {"picture": url(row["photo"])}


@dd.custom_column_generator(required_columns=["photo", "asked"], model_aliases=[ALIAS])  # type: ignore[untyped-decorator]
async def answer(row: Row, generator_params: None, models: dict[str, Any]) -> Row:  # noqa: ARG001
    """The loop. Names and order of the parameters are Data Designer's."""
    photo = row["photo"]
    messages = begun(photo, Asked.model_validate(row["asked"]))
    while more := gone_on(photo, reply := await ask(models[ALIAS], messages)):
        messages += more
    return row | {"answer": reply["content"]}


@acatch_llm_exceptions  # type: ignore[untyped-decorator]
async def ask(model: Any, messages: list[Message]) -> Message:
    """One turn. What the decorator makes of a failed request, the scheduler knows how to try again."""
    completion = await model.acompletion([ChatMessage(**message) for message in messages], tools=[TOOL])
    return dict(completion.raw["choices"][0]["message"])


def columns(seed: Path) -> Any:
    """What is made of each photo of the seed dataset."""
    limits = dd.ChatCompletionInferenceParams(max_parallel_requests=64)
    model = dd.ModelConfig(alias=ALIAS, model=MODEL, provider="endpoint", inference_parameters=limits)
    shown = dd.ImageContext(
        column_name="picture", data_type=dd.ModalityDataType.BASE64, image_format=dd.ImageFormat.JPEG
    )
    builder = dd.DataDesignerConfigBuilder([model])
    builder.with_seed_dataset(dd.LocalFileSeedSource(path=str(seed)))
    builder.add_column(dd.CustomColumnConfig(name="picture", generator_function=picture, drop=True))
    builder.add_column(
        dd.LLMStructuredColumnConfig(
            name="asked",
            model_alias=ALIAS,
            prompt=ASK.format(name="{{ name }}"),
            multi_modal_context=[shown],
            output_format=Asked,
        )
    )
    builder.add_column(dd.CustomColumnConfig(name="answer", generator_function=answer))
    return builder


def main(url: str, folder: str, out: str) -> None:
    """Start the run, or go on with it."""
    found = photos(folder)
    seed = Path(out) / "photos.parquet"
    seed.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table({"photo": found, "name": [Path(photo).stem for photo in found]}), seed)
    designer = DataDesigner(out, model_providers=[dd.ModelProvider(name="endpoint", endpoint=url, api_key="none")])
    # No pictures on the disk, and no server for metrics.
    designer.set_run_config(
        dd.RunConfig(
            buffer_size=BUFFER,
            max_concurrent_row_groups=GROUPS,
            preserve_dropped_columns=False,
            otel_metrics_port=None,
        )
    )
    made = designer.create(columns(seed), num_records=len(found), resume=ResumeMode.IF_POSSIBLE).load_dataset()
    assert set(made["photo"]) == set(found), f"{len(made)} of {len(found)} photos were answered"


if __name__ == "__main__":
    main(*sys.argv[1:4])
