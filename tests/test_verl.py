"""The verl backend: the same rows, zoom, words and rewards, by the contract of the pinned version."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("torch")

from agents.dialects import Dialect
from agents.views import render
from pipeline.training.config import TrainConfig
from pipeline.training.errors import TrainingError
from pipeline.training.rewards import PRESETS, Rubric
from pipeline.training.rollout import Rollout
from pipeline.training.verl import reward
from pipeline.training.verl.launch import HERE, launch, nested, settings
from pipeline.training.verl.rows import write_rows
from tests.finished import Finished
from tests.policies import example, gold, manner, policy, recite
from tests.verl_contract import modules

CONFIG = {"manner": {"dialect": "tool_call"}, "model": {"name": "somewhere"}}
HOW = manner(Dialect.TOOL_CALL, brief=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return Finished(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def row(run: Finished) -> dict[str, Any]:
    """The RL row of the zooming task."""
    import datasets

    files = write_rows(run.folder, run.folder / "rows")
    whole = [one for file in files.values() for one in datasets.Dataset.from_parquet(str(file))]
    (found,) = [one for one in whole if one["extra_info"]["id"] == run.zooming.id]
    return dict(found)


def test_rows_have_the_columns_that_verl_reads(row: dict[str, Any]) -> None:
    assert row.keys() >= {"data_source", "agent_name", "prompt", "images", "reward_model", "extra_info"}
    assert row["agent_name"] == "tool_agent"
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]
    assert sum(message["content"].count("<image>") for message in row["prompt"]) == len(row["images"]) == 1


def test_paths_mean_the_same_on_every_node(row: dict[str, Any]) -> None:
    create = row["extra_info"]["tools_kwargs"]["image_zoom_in_tool"]["create_kwargs"]
    for path in (row["images"][0]["image"], create["image_path"]):
        assert Path(path).is_absolute()
        assert Path(path).is_file()


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, module in modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    told = yaml.safe_load((HERE / "zoom_tool.yaml").read_text())["tools"][0]
    from pipeline.training.verl.tool import ZoomTool

    assert told["class_name"] == f"{ZoomTool.__module__}.{ZoomTool.__qualname__}"
    return ZoomTool(told["config"], told["tool_schema"])


def called(tool: Any, row: dict[str, Any], box: Any) -> Any:
    """What the tool answers, as verl calls it."""

    async def call() -> Any:
        kwargs = row["extra_info"]["tools_kwargs"][tool.name]
        identity, _ = await tool.create(create_kwargs=kwargs["create_kwargs"])
        answer = await tool.execute(identity, {"bbox_2d": box}, agent_data=None)
        await tool.release(identity)
        return answer

    return asyncio.run(call())


def test_the_tool_shows_the_crop_that_sft_was_taught_with(tool: Any, row: dict[str, Any], run: Finished) -> None:
    task = run.zooming.task
    setting = task.setting(run.config.zoom, run.config.exporting.frame)
    box = setting.written(run.zooming.trace.boxes[0])
    response, score, _ = called(tool, row, list(box))
    view = setting.zoom(setting.read(box)).view
    from agents.photos import open_photo

    assert response.image[0].tobytes() == render(open_photo(Path(task.image.path)), view).tobytes()
    assert (response.text, score) == (
        "Here is the closer look. Think again, then call the tool or answer, in the same format.",
        0.0,
    )


@pytest.mark.parametrize("box", [None, [1, 2, 3], [9, 9, 3, 3], [9000, 9000, 9100, 9100], "all", [float("nan")] * 4])
def test_a_bad_box_is_answered_with_a_sentence(box: Any, tool: Any, row: dict[str, Any]) -> None:
    response, _, metrics = called(tool, row, box)
    assert response.image is None
    assert response.text.endswith(".")
    assert metrics == {"valid_zooms": 0.0}


@pytest.mark.parametrize("looks", [0, 1, 2])
@pytest.mark.parametrize("preset", ["seed", "released", "faithful"])
def test_a_decoded_response_is_scored_as_its_rollout_is(preset: str, looks: int, row: dict[str, Any]) -> None:
    about = extra_info(row, looks)
    for answer in ("EXIT", "ENTRY"):
        one = example(looks=looks, how=HOW)
        rollout = recite(gold(one, HOW).replace("<answer> EXIT", f"<answer> {answer}"), one, HOW)
        scored = reward.score_by(preset)("mm-cof", plain(rollout), "EXIT", about)
        assert scored["score"] == pytest.approx(Rubric(PRESETS[preset]).scores([rollout])[0])
        assert scored["zooms"] == looks


def plain(rollout: Rollout) -> str:
    """The response as verl decodes it, without special tokens."""
    text = policy().encoder.decode(rollout.said.ids)
    for token in ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"):
        text = text.replace(token, "")
    return text


def extra_info(row: dict[str, Any], looks: int) -> dict[str, Any]:
    one = example(looks=looks, how=HOW)
    create = row["extra_info"]["tools_kwargs"]["image_zoom_in_tool"]["create_kwargs"]
    return {
        **row["extra_info"],
        "question": one.question,
        "choices": [],
        "answer": one.answer,
        "evidence": [list(box) for box in one.evidence],
        "width": one.photo.size.width,
        "height": one.photo.size.height,
        "resolution": one.resolution,
        "tools_kwargs": {"image_zoom_in_tool": {"create_kwargs": {**create, "frame": "model"}}},
    }


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_one_trajectory_has_the_same_ids_and_mask_through_both_backends(looks: int) -> None:
    """verl takes the prompt from its chat template, replies as sampled, and crops as the template's difference."""
    one = example(looks=looks, how=HOW)
    rollout = recite(gold(one, HOW), one, HOW)
    ids, mask = through_verl(one, rollout)
    whole = rollout.prompt.then(rollout.said)
    assert ids == list(whole.ids)
    assert mask == [int(on) for on in whole.trained]


def through_verl(one: Any, rollout: Rollout) -> tuple[list[int], list[int]]:
    encoder = policy().encoder
    messages: list[dict[str, Any]] = []
    pictures = iter([*rollout.prompt.pictures, *rollout.said.pictures])
    replies = iter(rollout.texts)
    ids: list[int] = []
    mask: list[int] = []
    text = ""
    for turn in one.turns(HOW):
        if turn.role == "assistant":
            reply = list(encoder.text(next(replies)).ids)
            ids, mask = ids + reply, mask + [1] * len(reply)
            content = encoder.decode(reply).removesuffix("<|im_end|>")
            messages.append({"role": "assistant", "content": content})
            text = templated(messages, prompt=False).removesuffix("\n")
            continue
        role = "tool" if turn.role == "user" and len(messages) > 2 else turn.role
        blocks = [{"type": "image"} if part is None else {"type": "text", "text": part} for part in turn.content]
        messages.append({"role": role, "content": blocks})
        if turn.role == "system":
            continue
        grown = templated(messages, prompt=True)
        assert grown.startswith(text)
        added = grown.removeprefix(text)
        for _ in range(added.count("<|image_pad|>")):
            added = added.replace("<|image_pad|>", "<pad>" * next(pictures).tokens, 1)
        new = list(encoder.text(added.replace("<pad>", "<|image_pad|>")).ids)
        ids, mask = ids + new, mask + [0] * len(new)
    return ids, mask


def templated(messages: list[dict[str, Any]], prompt: bool) -> str:
    import jinja2

    template = jinja2.Environment().from_string((HERE / "chat_template.jinja").read_text())
    return template.render(messages=messages, add_generation_prompt=prompt, tools=None)


def test_verl_knows_every_key_it_is_told() -> None:
    """The golden file holds keys that were merged into verl 0.9.1's own configuration and accepted."""
    config = TrainConfig.model_validate(CONFIG)
    known = json.loads((Path(__file__).parent / "golden" / "verl_keys.json").read_text())
    told = settings(config, {"train": Path("train.parquet")}, nodes=2, gpus=8)
    assert sorted(told) == known["keys"]
    assert nested({"a.b": 1, "a.c": 2}) == {"defaults": ["ppo_trainer", "_self_"], "a": {"b": 1, "c": 2}}


def test_a_dry_run_writes_what_verl_will_read(run: Finished, tmp_path: Path) -> None:
    config = TrainConfig.model_validate({**CONFIG, "data": str(run.folder), "out": str(tmp_path)})
    command = launch(config, nodes=2, gpus=8, dry_run=True)
    assert command[1:3] == ["-m", "verl.trainer.main_ppo"]
    told = yaml.safe_load((tmp_path / "chain_of_focus.yaml").read_text())
    assert told["trainer"]["nnodes"] == 2
    assert Path(told["data"]["train_files"]).is_file()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"manner": {"dialect": "inline"}}, "verl parses tool calls"),
        ({"rl": {"preset": "agar-code"}}, "needs the TRL backend"),
        ({}, "verl 0.9.1 is needed, in an environment of its own"),
    ],
)
def test_what_verl_cannot_do_is_refused(change: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.training.verl.launch._installed", lambda: None)
    with pytest.raises(TrainingError, match=reason):
        launch(TrainConfig.model_validate({**CONFIG, **change}), nodes=1, gpus=8)
