"""Reinforcement learning: TRL's GRPOTrainer, fed by our own rollouts, so that what is trained is what was sampled.

Only how rollouts are made, scored and handed over is ours; the loss, its clipping, accumulation, checkpoints and
distribution are TRL's.
"""

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trl import GRPOConfig, GRPOTrainer

from pipeline.training.config import RlConfig
from pipeline.training.encode import IGNORED, Encoded, Encoder, stacked
from pipeline.training.errors import TrainingError
from pipeline.training.examples import Example
from pipeline.training.journal import Journal
from pipeline.training.policy import Policy
from pipeline.training.rewards import Rubric
from pipeline.training.rollout import Roller, Rollout, Stop
from pipeline.training.sft import quiet, shared_arguments, train
from pipeline.training.writing import Sampling

if TYPE_CHECKING:
    from torch import Tensor


def reinforce(policy: Policy, examples: Sequence[Example], config: RlConfig, journal: Journal, seed: int) -> None:
    """Train a policy on questions with known answers, going on from the last checkpoint in the journal's folder.

    Raises TrainingError for the operator, also where the policy stops zooming.
    """
    from datasets import Dataset

    if not len(examples):
        raise TrainingError("There is nothing to train on: the dataset has no question.")
    journal.folder.mkdir(parents=True, exist_ok=True)
    quiet()
    trainer = FocusTrainer(
        policy,
        examples,
        config,
        args=_arguments(config, policy, journal.folder, seed),
        train_dataset=Dataset.from_dict({"prompt": [""] * len(examples), "number": list(range(len(examples)))}),
        callbacks=[journal],
    )
    train(trainer, journal.folder)


def _arguments(config: RlConfig, policy: Policy, folder: Path, seed: int) -> GRPOConfig:
    accumulate = config.questions * config.rollouts // config.batch
    return GRPOConfig(
        output_dir=str(folder),
        max_steps=config.steps,
        per_device_train_batch_size=config.batch,
        gradient_accumulation_steps=accumulate,
        steps_per_generation=accumulate,
        num_generations=config.rollouts,
        loss_type=config.loss,
        beta=config.kl,
        epsilon=config.clip,
        epsilon_high=config.clip_high,
        temperature=config.temperature,
        save_steps=config.save_steps,
        logging_steps=config.log_steps,
        **shared_arguments(config.optimizer, policy, seed, config.steps),
    )


class FocusTrainer(GRPOTrainer):  # type: ignore[misc]
    """GRPO whose rollouts look closer. Groups lie whole on one device."""

    def __init__(self, policy: Policy, examples: Sequence[Example], config: RlConfig, **how: Any) -> None:
        args: GRPOConfig = how.pop("args")
        # TRL would fetch the reference anew from where the model came from; ours is the policy as it is given.
        args.beta = 0.0
        reference = _frozen_copy(policy.model, args.temperature) if config.kl else None
        super().__init__(model=policy.model, reward_funcs=[_ours], processing_class=policy.tokenizer, args=args, **how)
        self.beta = args.beta = config.kl
        if reference is not None:
            self.ref_model = self.accelerator.prepare_model(reference, evaluation_mode=True)
        self.examples, self.how = examples, config
        self.encoder: Encoder = policy.encoder
        self.rubric = Rubric(config.weights)
        self.sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens)
        self.policy_manner = policy.manner
        self._blind_steps = 0

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """One batch of rollouts with their advantages, in the shape the rest of the trainer takes."""
        copies = self.how.rollouts
        # TRL hands each question over as often as it is to be answered.
        asked = [self.examples[row["number"]] for row in inputs[::copies]]
        rollouts = self._roller().roll(asked, copies)
        groups = [rollouts[start : start + copies] for start in range(0, len(rollouts), copies)]
        scores = [self.rubric.scores(group) for group in groups]
        self._watch(groups, scores)
        batch = self._batch(rollouts)
        batch["advantages"] = self._advantages(groups, scores).to(self.accelerator.device)
        batch["num_items_in_batch"] = self.accelerator.gather(
            (batch["completion_mask"] * batch["tool_mask"]).sum()
        ).sum()
        return self._with_reference(batch)

    def _roller(self) -> Roller:
        """Draws differently at every step and on every device, and the same again after a restart."""
        seed = (self.args.seed * 1_000_003 + self.state.global_step) * 1_009 + self.accelerator.process_index
        model = self.accelerator.unwrap_model(self.model)
        return Roller(model, self.encoder, self.policy_manner, self.sampling, seed)

    def _advantages(self, groups: list[list[Rollout]], scores: list[list[float]]) -> "Tensor":
        """How much better each rollout is than expected; 0 where it ran out of looks: no fault to learn from.

        Where it spent them on looks that are impossible, that is one.
        """
        import torch

        rewards = torch.tensor(scores)
        advantages = ADVANTAGES[self.how.algorithm](rewards).flatten()
        stopped = [rollout.stop is Stop.OVER_TURN and not rollout.faults for group in groups for rollout in group]
        return advantages.masked_fill(torch.tensor(stopped), 0.0)

    def _batch(self, rollouts: list[Rollout]) -> dict[str, Any]:
        """All rollouts as the trainer wants them: a prompt and a completion each, with the pictures of both in order.

        Cut is where the shortest prompt ends. What others have of theirs behind it counts as completion, untrained:
        so rows are as wide as the longest rollout, not as the longest prompt and the longest of what was said.
        """
        import torch

        whole = [rollout.prompt.then(rollout.said) for rollout in rollouts]
        cut = min(len(rollout.prompt.ids) for rollout in rollouts)
        prompts = self.encoder.batch([Encoded(row.ids[:cut], row.trained[:cut]) for row in whole])
        rest = self.encoder.batch([Encoded(row.ids[cut:], row.trained[cut:]) for row in whole])
        batch: dict[str, Any] = {
            "prompt_ids": prompts["input_ids"],
            "prompt_mask": prompts["attention_mask"],
            "completion_ids": rest["input_ids"],
            "completion_mask": rest["attention_mask"],
            "tool_mask": (rest["labels"] != IGNORED).long(),
            "mm_token_type_ids": torch.cat([prompts["mm_token_type_ids"], rest["mm_token_type_ids"]], dim=1),
            **stacked([pixels for row in whole for pixels in row.pictures]),
        }
        batch = {name: value.to(self.accelerator.device) for name, value in batch.items()}
        return batch | {"num_images": [len(row.pictures) for row in whole]}

    def _with_reference(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch with the reference model's log-probabilities, where the loss holds the policy near it."""
        if not self.beta:
            return batch
        import torch
        from trl.models.utils import disable_gradient_checkpointing
        from trl.trainer.utils import use_adapter

        unwrapped = self.accelerator.unwrap_model(self.model)
        with torch.no_grad(), disable_gradient_checkpointing(self.model, self.args.gradient_checkpointing_kwargs):
            if self.ref_model is not None:
                batch["ref_per_token_logps"] = self._logprobs(self.ref_model, batch)
            else:
                with use_adapter(unwrapped, adapter_name=None):
                    batch["ref_per_token_logps"] = self._logprobs(self.model, batch)
        return batch

    def _logprobs(self, model: Any, batch: dict[str, Any]) -> "Tensor":
        import torch

        logprobs: Tensor
        logprobs, _, _ = self._get_per_token_logps_and_entropies(
            model,
            torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1),
            torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1),
            batch["completion_ids"].shape[1],
            batch_size=self.args.per_device_train_batch_size,
            **{name: batch[name] for name in ("pixel_values", "image_grid_thw", "num_images", "mm_token_type_ids")},
        )
        return logprobs

    def _watch(self, groups: list[list[Rollout]], scores: list[list[float]]) -> None:
        """Log what rollouts were like; raises TrainingError where too few zoom for too long."""
        found: dict[str, list[float]] = defaultdict(list)
        for group, row in zip(groups, scores, strict=True):
            for name, values in self.rubric.watched(group).items():
                found[name] += values
            found["reward"] += row
            found["group_spread"].append(max(row) - min(row))
            found["flat_groups"].append(float(max(row) == min(row)))
        mode = "train" if self.model.training else "eval"
        for name, values in found.items():
            self._metrics[mode][name].append(self._mean(values))
        self._guard_zooming(self._metrics[mode]["zoomed"][-1])

    def _mean(self, values: list[float]) -> float:
        """Over all devices."""
        import torch

        totals = torch.tensor([sum(values), len(values)], device=self.accelerator.device)
        total, count = self.accelerator.gather(totals).view(-1, 2).sum(dim=0).tolist()
        return float(total / count)

    def _guard_zooming(self, rate: float) -> None:
        self._blind_steps = self._blind_steps + 1 if rate < self.how.least_zoom_rate else 0
        if self._blind_steps > self.how.patience:
            raise TrainingError(
                f"For {self._blind_steps} steps fewer than {self.how.least_zoom_rate:.0%} of the rollouts zoomed: the "
                "policy has given up looking. Start from more SFT, or choose a reward that does not punish zooms."
            )


def _frozen_copy(model: Any, temperature: float) -> Any:
    """The model as it is now; None for an adapter, which is switched off instead."""
    from peft import PeftModel
    from trl.trainer.utils import add_fused_lm_head

    if isinstance(model, PeftModel):
        return None
    frozen = deepcopy(model).eval().requires_grad_(False)
    add_fused_lm_head(frozen, temperature=temperature)
    return frozen


def _ours(**_: Any) -> list[float]:
    """Stands where TRL wants a reward; rollouts are scored in groups by the rubric instead."""
    raise AssertionError("rollouts are scored by the rubric")


def _grpo(rewards: "Tensor") -> "Tensor":
    """(r - mean) / std within the group (Shao 2024, DeepSeekMath)."""
    return (rewards - rewards.mean(dim=1, keepdim=True)) / (rewards.std(dim=1, keepdim=True) + 1e-4)


def _rloo(rewards: "Tensor") -> "Tensor":
    """r less the mean of the others in the group (Ahmadian 2024, Back to Basics)."""
    others = (rewards.sum(dim=1, keepdim=True) - rewards) / (rewards.shape[1] - 1)
    return rewards - others


def _reinforce(rewards: "Tensor") -> "Tensor":
    """r less the mean of the whole batch (Williams 1992)."""
    return rewards - rewards.mean()


ADVANTAGES = {"grpo": _grpo, "rloo": _rloo, "reinforce": _reinforce}
"""From rewards of shape (questions, rollouts) to advantages of the same shape."""
