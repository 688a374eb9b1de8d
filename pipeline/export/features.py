"""The columns of the exported tables, with the types the Hub and `datasets` know them by."""

from typing import TYPE_CHECKING

from agents.dialects import ZOOM_TOOL

if TYPE_CHECKING:
    import pyarrow


def sft_schema() -> "pyarrow.Schema":
    """Of `data/*.parquet`: what `rows.sft_row` gives."""
    from datasets import Features, Image, List, Value

    text, number = Value("string"), Value("int32")
    columns = {
        "id": text,
        "images": List(Image()),
        "messages": List({"role": text, "content": List({"type": text, "text": text})}),
        "question": text,
        "choices": List(text),
        "answer": text,
        "kind": text,
        "resolution": number,
        "zooms": number,
        "trace": text,
        "boxes": List(List(number)),
        "evidence": List(List(number)),
        "width": number,
        "height": number,
        "image_sha256": text,
        "provenance": text,
    }
    return Features(columns).arrow_schema


def rl_schema() -> "pyarrow.Schema":
    """Of `rl/*.parquet`: what `rows.rl_row` gives."""
    from datasets import Features, List, Value

    text, number = Value("string"), Value("int32")
    create = {
        "image_path": text,
        "question": text,
        "ground_truth": text,
        "frame": text,
        "posed_width": number,
        "posed_height": number,
    }
    extra = {
        "index": number,
        "split": text,
        "id": text,
        "question": text,
        "choices": List(text),
        "answer": text,
        "kind": text,
        "image_path": text,
        "image_sha256": text,
        "width": number,
        "height": number,
        "resolution": number,
        "evidence": List(List(number)),
        "need_tools_kwargs": Value("bool"),
        "tools_kwargs": {ZOOM_TOOL: {"create_kwargs": create}},
    }
    columns = {
        "data_source": text,
        "agent_name": text,
        "prompt": List({"role": text, "content": text}),
        "images": List({"image": text}),
        "ability": text,
        "reward_model": {"style": text, "ground_truth": text},
        "extra_info": extra,
    }
    return Features(columns).arrow_schema
