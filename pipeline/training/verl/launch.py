"""The command that starts verl on a run's rows: GRPO as `configs/qwen2.5-vl-7b.yaml` has it, on one node or many."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from agents.dialects import Dialect
from agents.views import PATCH
from pipeline.training.config import TrainConfig
from pipeline.training.errors import TrainingError
from pipeline.training.verl import VERSION
from pipeline.training.verl.rows import write_rows

HERE = Path(__file__).resolve().parent
NAME = "chain_of_focus"
SINGLY = {"seed": "seed_score", "released": "released_score", "faithful": "faithful_score"}
"""The function that scores by each preset; AGAR's tables look at a whole group, which verl does not show."""


def launch(config: TrainConfig, nodes: int, gpus: int, dry_run: bool = False) -> list[str]:
    """Write rows and configuration and start verl; its command. Raises TrainingError for the operator."""
    if config.manner.dialect is not Dialect.TOOL_CALL:
        raise TrainingError("verl parses tool calls: set manner.dialect=tool_call.")
    if config.rl.preset not in SINGLY or config.rl.rewards:
        raise TrainingError(f"verl scores rollouts one by one: rl.preset={config.rl.preset!r} needs the TRL backend.")
    found = _installed()
    if found != VERSION and not dry_run:
        raise TrainingError(
            f"verl {VERSION} is needed, in an environment of its own (docs/training.md); here is {found}."
        )
    folder = config.folder.resolve()
    rows = write_rows(Path(config.data), folder / "rows")
    (folder / f"{NAME}.yaml").write_text(yaml.safe_dump(nested(settings(config, rows, nodes, gpus))), encoding="utf-8")
    command = [sys.executable, "-m", "verl.trainer.main_ppo", "--config-dir", str(folder), "--config-name", NAME]
    if not dry_run:
        subprocess.run(command, check=True)
    return command


def settings(config: TrainConfig, rows: dict[str, Path], nodes: int, gpus: int) -> dict[str, Any]:
    """verl's keys, from ours."""
    rl = config.rl
    questions, turns = rl.questions * nodes * gpus, config.manner.max_zooms + 1
    crop = config.manner.zoom.max_pixels // PATCH**2
    actor, rollout = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
    return {
        "algorithm.adv_estimator": {"grpo": "grpo", "rloo": "rloo", "reinforce": "reinforce_plus_plus"}[rl.algorithm],
        "algorithm.use_kl_in_reward": False,
        "data.train_files": str(rows["train"]),
        "data.val_files": str(rows.get("validation", rows["train"])),
        "data.train_batch_size": questions,
        "data.max_prompt_length": config.sft.max_tokens // 2,
        # Every token a policy may write, and every crop it may see with the words around it.
        "data.max_response_length": rl.max_tokens + turns * (crop + 64),
        "data.return_raw_chat": True,
        "data.filter_overlong_prompts": True,
        "actor_rollout_ref.model.path": config.model.name,
        "actor_rollout_ref.model.custom_chat_template": (HERE / "chat_template.jinja").read_text(encoding="utf-8"),
        f"{actor}.optim.lr": rl.optimizer.lr,
        f"{actor}.ppo_mini_batch_size": questions,
        f"{actor}.ppo_micro_batch_size_per_gpu": 1,
        f"{actor}.use_kl_loss": rl.kl > 0,
        f"{actor}.kl_loss_coef": rl.kl,
        f"{actor}.clip_ratio_low": rl.clip,
        f"{actor}.clip_ratio_high": rl.clip if rl.clip_high is None else rl.clip_high,
        f"{rollout}.name": "vllm",
        f"{rollout}.n": rl.rollouts,
        f"{rollout}.temperature": rl.temperature,
        f"{rollout}.tensor_model_parallel_size": 1,
        f"{rollout}.log_prob_micro_batch_size_per_gpu": 1,
        f"{rollout}.multi_turn.enable": True,
        f"{rollout}.multi_turn.format": "hermes",
        f"{rollout}.multi_turn.max_parallel_calls": 1,
        f"{rollout}.multi_turn.max_assistant_turns": turns,
        f"{rollout}.multi_turn.max_user_turns": turns,
        f"{rollout}.multi_turn.tool_config_path": str(HERE / "zoom_tool.yaml"),
        "reward.custom_reward_function.path": str(HERE / "reward.py"),
        "reward.custom_reward_function.name": SINGLY[str(rl.preset)],
        "trainer.nnodes": nodes,
        "trainer.n_gpus_per_node": gpus,
        "trainer.total_training_steps": rl.steps,
        "trainer.save_freq": rl.save_steps,
        "trainer.default_local_dir": str(config.folder.resolve() / "verl"),
        "trainer.project_name": "chain-of-focus",
        "trainer.experiment_name": config.folder.name,
        "trainer.logger": ["console", "tensorboard"],
    }


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Dotted keys as a tree over verl's own defaults, as Hydra reads it."""
    tree: dict[str, Any] = {"defaults": ["ppo_trainer", "_self_"]}
    for key, value in flat.items():
        *path, last = key.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return tree


def _installed() -> str | None:
    try:
        return version("verl")
    except PackageNotFoundError:
        return None
