"""RL through TRL's trainer, on our own rollouts: what is trained, what is not, and when it stops."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from datasets import Dataset  # noqa: E402

from pipeline.training.config import OptimizerConfig, RlConfig  # noqa: E402
from pipeline.training.curves import history  # noqa: E402
from pipeline.training.errors import TrainingError  # noqa: E402
from pipeline.training.journal import Journal  # noqa: E402
from pipeline.training.policy import Policy  # noqa: E402
from pipeline.training.rl import ADVANTAGES, FocusTrainer, _arguments, reinforce  # noqa: E402
from pipeline.training.rollout import Roller, Rollout, Stop  # noqa: E402
from tests.policies import example, gold, manner, policy, recite  # noqa: E402
from tests.test_rollout import fresh, restless  # noqa: E402

EXAMPLES = [example(number, (84, 112, 168, 56)[number]) for number in range(4)]
HOW = RlConfig(
    steps=2,
    questions=2,
    rollouts=4,
    batch=4,
    max_tokens=30,
    optimizer=OptimizerConfig(lr=1e-3, schedule="constant", warmup=0),
)


class Zooming(FocusTrainer):
    """Its random policy zooms now and then."""

    def _roller(self) -> Roller:
        owner = Policy(self.model, self.processing_class, self.policy_manner)
        return restless(owner, self.state.global_step)


def trainer(folder: Path, config: RlConfig = HOW, kind: type[FocusTrainer] = Zooming) -> FocusTrainer:
    owner = policy()
    data = Dataset.from_dict({"prompt": [""] * 4, "number": [0, 1, 2, 3]})
    args = _arguments(config, owner, folder, 0)
    return kind(owner, EXAMPLES, config, args=args, train_dataset=data)


def batch_of(there: FocusTrainer, numbers: Sequence[int] = (1, 3)) -> dict[str, Any]:
    return there._generate_and_score_completions([{"number": n} for n in numbers for _ in range(4)])


def test_what_is_trained_is_what_was_sampled(tmp_path: Path) -> None:
    there = trainer(tmp_path)
    rollouts = there._roller().roll([EXAMPLES[1], EXAMPLES[3]], 4)
    batch = batch_of(there)
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
    there_at_all = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
    trained = torch.cat([0 * batch["prompt_mask"], batch["tool_mask"]], dim=1)
    rows = [rollout.prompt.then(rollout.said) for rollout in rollouts]
    for number, row in enumerate(rows):
        length = len(row.ids)
        assert ids[number][:length].tolist() == list(row.ids)
        assert trained[number][:length].tolist() == [int(own) for own in row.trained]
        assert there_at_all[number].tolist() == [1] * length + [0] * (ids.shape[1] - length)
    assert ids.shape[1] == max(len(row.ids) for row in rows)


def test_every_picture_of_a_rollout_is_in_the_loss(tmp_path: Path) -> None:
    there = trainer(tmp_path)
    rollouts = there._roller().roll([EXAMPLES[1], EXAMPLES[3]], 4)
    batch = batch_of(there)
    assert {len(rollout.views) for rollout in rollouts} == {1, 3}
    assert batch["num_images"] == [1 + len(rollout.views) for rollout in rollouts]
    logprobs = there._logprobs(there.model, batch)
    for number, expected in enumerate(fresh(Policy(there.model, there.processing_class, manner()), rollouts)):
        own, sampled = batch["tool_mask"][number].bool(), torch.tensor(rollouts[number].said.trained)
        assert torch.allclose(logprobs[number][own], expected[sampled], atol=1e-4)


def test_other_pixels_in_a_crop_change_what_is_learned(tmp_path: Path) -> None:
    there = trainer(tmp_path)
    batch = batch_of(there)
    before = there._logprobs(there.model, batch)
    batch["pixel_values"][-4:] = 0.0
    assert not torch.allclose(before[-1], there._logprobs(there.model, batch)[-1])


def test_a_rollout_that_ran_out_of_looks_gets_no_gradient(tmp_path: Path) -> None:
    """G5: it is no failure to learn from, and TRL's own masking does not catch it."""
    there = trainer(tmp_path)
    right, wrong = recited("EXIT"), recited("ENTRY")
    over = wrong._replace(stop=Stop.OVER_TURN)
    groups, scores = [[right, wrong, over, over]], [[1.0, 0.0, 0.0, 0.0]]
    advantages = there._advantages(groups, scores).tolist()
    assert advantages[2:] == [0.0, 0.0]
    assert advantages[0] > 0 > advantages[1]


def test_a_rollout_that_spent_its_looks_on_impossible_boxes_is_a_failure_to_learn_from(tmp_path: Path) -> None:
    there = trainer(tmp_path)
    right, wrong = recited("EXIT"), recited("ENTRY")
    faulty = wrong._replace(stop=Stop.OVER_TURN, faults=("The box is empty.", "The box is empty."))
    advantages = there._advantages([[right, faulty]], [[1.0, -0.5]]).tolist()
    assert advantages[0] > 0 > advantages[1]


def recited(answer: str) -> Rollout:
    one = example(looks=0)
    return recite(gold(one, manner()).replace("EXIT", answer), one, manner())


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("grpo", [1.5, -0.5, -0.5, -0.5]),
        ("rloo", [1.0, -1 / 3, -1 / 3, -1 / 3]),
        ("reinforce", [0.75, -0.25, -0.25, -0.25]),
    ],
)
def test_advantages_are_those_of_their_algorithm(algorithm: str, expected: list[float]) -> None:
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    assert ADVANTAGES[algorithm](rewards)[0].tolist() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("algorithm", list(ADVANTAGES))
@pytest.mark.parametrize("kl", [0.0, 0.01])
def test_a_few_steps_change_the_policy(algorithm: str, kl: float, tmp_path: Path) -> None:
    # Random policies never answer right: any token count serves as a reward.
    there = trainer(tmp_path, HOW.model_copy(update={"algorithm": algorithm, "kl": kl}))
    there.rubric.scores = lambda group: [float(len(one.said.ids)) for one in group]  # type: ignore[method-assign]
    before = [value.clone() for value in there.model.parameters()]
    there.train()
    assert any(not torch.equal(old, new) for old, new in zip(before, there.model.parameters(), strict=True))


def test_what_rollouts_are_like_is_logged(tmp_path: Path) -> None:
    reinforce(policy(), EXAMPLES, HOW, Journal("test", tmp_path), 0)
    (first, *_) = history(tmp_path)
    watched = {"zoomed", "box_area", "repeated_zooms", "whole_image_zooms", "over_turn", "entropy", "group_spread"}
    assert watched <= first.keys()


def test_a_policy_that_stops_zooming_stops_the_training(tmp_path: Path) -> None:
    blind = HOW.model_copy(update={"least_zoom_rate": 0.5, "patience": 1, "steps": 5})
    with pytest.raises(TrainingError, match="fewer than 50% of the rollouts zoomed"):
        reinforce(policy(), EXAMPLES, blind, Journal("test", tmp_path), 0)


def test_a_reward_that_raises_stops_the_training(tmp_path: Path) -> None:
    there = trainer(tmp_path)

    def broken(_group: Sequence[Rollout]) -> list[float]:
        raise ZeroDivisionError("a bug in a reward")

    there.rubric.scores = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(ZeroDivisionError, match="a bug in a reward"):
        there.train()


def test_the_same_seed_gives_the_same_training(tmp_path: Path) -> None:
    for name in ("one", "two"):
        reinforce(policy(), EXAMPLES, HOW, Journal("test", tmp_path / name), 0)
    timed = {"step_time"}
    one, two = (
        [{k: v for k, v in row.items() if k not in timed} for row in history(tmp_path / n)] for n in ("one", "two")
    )
    assert one == two
