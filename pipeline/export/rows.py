"""One trace as a row of each format: SFT columns, ShareGPT, verl. Text and paths, no pixels."""

import json
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from agents.answers import pose
from agents.dialects import ZOOM_TOOL, Dialect, Setting, Turn, render, settle
from agents.trace import Trace
from agents.views import View
from pipeline.export.config import CardFacts, ExportConfig, Split
from pipeline.records import Rejected, Task, Traced

IMAGE_TAG = "<image>"
_PLACEHOLDER = re.compile(r"<\|.*?\|>|<(image|video|audio)>")
"""What chat templates and trainers replace by pictures or read as control tokens."""


class Item(BaseModel):
    """A trace that will be a row: boxes as the frame writes them, crops cut from the written boxes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    task: Task
    trace: Trace
    calls: tuple[str, ...]

    @property
    def views(self) -> list[View]:
        """The pictures of the row, in order: the posed view, then each crop."""
        return [self.task.posed, *(zoom.view for zoom in self.trace.zooms)]

    @property
    def pixels(self) -> int:
        return sum(view.size.area for view in self.views)


class Picture(NamedTuple):
    """One encoded picture and its place in the dataset folder."""

    path: str
    jpeg: bytes


def settled(traced: Traced, config: ExportConfig) -> Item | Rejected:
    """The row-to-be of a trace, or why it cannot be one."""
    task, setting = traced.task, _setting(traced.task, config)
    if _PLACEHOLDER.search(" ".join((task.question, task.answer, *task.choices))):
        return _rejected(traced, "the question holds markup", {"question": task.question})
    trace = settle(traced.trace, setting)
    if trace.zooms and not trace.zooms[-1].view.box.holds(task.evidence_box):
        crop = trace.zooms[-1].view.box
        return _rejected(
            traced, "the evidence is not inside the last crop", {"crop": crop, "evidence": task.evidence_box}
        )
    return Item(id=traced.id, task=task, trace=trace, calls=traced.calls)


def turns(item: Item, config: ExportConfig, dialect: Dialect) -> list[Turn]:
    """The conversation of a row in one dialect."""
    question = pose(item.task.question, item.task.choices)
    return render(item.trace, question, _setting(item.task, config), dialect)


def sft_row(item: Item, pictures: Sequence[Picture], config: ExportConfig, facts: CardFacts) -> dict[str, Any]:
    """The columns of a shard; pictures as JPEG bytes, boxes in native pixels."""
    task = item.task
    return {
        "id": item.id,
        "images": [{"bytes": jpeg, "path": PurePosixPath(path).name} for path, jpeg in pictures],
        "messages": [_typed(turn) for turn in turns(item, config, config.dialect)],
        "question": task.question,
        "choices": list(task.choices),
        "answer": task.answer,
        "kind": task.kind,
        "resolution": task.resolution or 0,
        "zooms": len(item.trace.zooms),
        "trace": item.trace.model_dump_json(),
        "boxes": [list(box) for box in item.trace.boxes],
        "evidence": [list(box) for box in task.evidence],
        "width": task.image.width,
        "height": task.image.height,
        "image_sha256": task.image.sha256,
        "provenance": _provenance(item, facts),
    }


def sharegpt_row(item: Item, pictures: Sequence[Picture], config: ExportConfig, dialect: Dialect) -> dict[str, Any]:
    """A conversation as LLaMA-Factory reads it; paths are relative to the folder its file lies in."""
    return {
        "messages": [{"role": turn.role, "content": _tagged(turn)} for turn in turns(item, config, dialect)],
        "images": [f"../{path}" for path, _ in pictures],
    }


def rl_row(item: Item, posed: str, photo: str, config: ExportConfig, split: Split, index: int) -> dict[str, Any]:
    """A task as verl reads it; `posed` and `photo` are paths relative to the dataset folder."""
    task = item.task
    system_and_user = turns(item, config, Dialect.TOOL_CALL)[:2]
    return {
        "data_source": config.name,
        "agent_name": "tool_agent",
        "prompt": [{"role": turn.role, "content": _tagged(turn)} for turn in system_and_user],
        "images": [{"image": posed}],
        "ability": "vision",
        "reward_model": {"style": "rule", "ground_truth": task.answer},
        "extra_info": {
            "index": index,
            "split": split,
            "id": item.id,
            "question": task.question,
            "choices": list(task.choices),
            "answer": task.answer,
            "kind": task.kind,
            "image_path": photo,
            "image_sha256": task.image.sha256,
            "width": task.image.width,
            "height": task.image.height,
            "resolution": task.resolution or 0,
            "evidence": [list(box) for box in task.evidence],
            "need_tools_kwargs": True,
            "tools_kwargs": {ZOOM_TOOL: {"create_kwargs": _tool_arguments(task, photo, config)}},
        },
    }


def _tool_arguments(task: Task, photo: str, config: ExportConfig) -> dict[str, Any]:
    """What the zoom tool has to know to cut a crop of the native photo from a box the policy writes."""
    return {
        "image_path": photo,
        "question": task.question,
        "ground_truth": task.answer,
        "frame": config.frame.value,
        "posed_width": task.posed.width,
        "posed_height": task.posed.height,
    }


def _typed(turn: Turn) -> dict[str, Any]:
    blocks = [
        {"type": "image", "text": None} if part is None else {"type": "text", "text": part} for part in turn.content
    ]
    return {"role": turn.role, "content": blocks}


def _tagged(turn: Turn) -> str:
    return "".join(IMAGE_TAG if part is None else part for part in turn.content)


def _provenance(item: Item, facts: CardFacts) -> str:
    image = item.task.image
    told = {
        "image": {"sha256": image.sha256, "file": image.name},
        "teacher": facts.teacher,
        "seed": facts.seed,
        "code": facts.code_version,
        "prompts": facts.prompts,
        "calls": item.calls,
    }
    return json.dumps(told, sort_keys=True)


def _setting(task: Task, config: ExportConfig) -> Setting:
    return task.setting(config.policy, config.frame)


def _rejected(traced: Traced, reason: str, evidence: dict[str, Any]) -> Rejected:
    return Rejected(id=traced.id, stage="export", reason=reason, evidence=evidence, image=traced.task.image.id)
