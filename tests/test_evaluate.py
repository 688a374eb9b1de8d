"""Evaluation: intervals, and the controls that show whether looking matters."""

import pytest

pytest.importorskip("torch")

from agents.boxes import Box
from pipeline.training.config import EvaluateConfig
from pipeline.training.environment import ZoomEnvironment
from pipeline.training.evaluate import Evaluator, RandomCrops, RightCrops, as_table, wilson
from pipeline.training.rollout import Roller, Rollout
from pipeline.training.writing import Sampling
from tests.policies import EVIDENCE, Parrot, example, gold, manner, policy


def recited(world: type[ZoomEnvironment]) -> Rollout:
    owner, one = policy(), example(looks=1)
    encoder = owner.encoder
    script = [*encoder.text(gold(one, owner.manner)).ids, encoder.end]
    how = Sampling(temperature=0, max_tokens=2000)
    return Roller(Parrot(owner, script), encoder, owner.manner, how, 0, world).roll([one])[0]


def test_a_random_crop_is_as_large_as_the_one_asked_for_and_elsewhere() -> None:
    asked, shown = recited(ZoomEnvironment).views[0], recited(RandomCrops).views[0]
    assert (shown.size, shown.box.size) == (asked.size, asked.box.size)
    assert shown.box != asked.box
    assert Box(0, 0, 403, 301).holds(shown.box)


def test_a_random_crop_is_the_same_each_time() -> None:
    assert recited(RandomCrops).views == recited(RandomCrops).views


def test_the_right_crop_holds_the_evidence_whatever_was_asked_for() -> None:
    assert recited(RightCrops).views[0] == example().setting(manner()).zoom(EVIDENCE).view


def test_the_policy_does_not_know_that_its_crop_was_exchanged() -> None:
    assert recited(RandomCrops).texts == recited(ZoomEnvironment).texts


@pytest.mark.parametrize(
    ("right", "count", "expected"),
    [(0, 10, (0.0, 0.278)), (5, 10, (0.237, 0.763)), (10, 10, (0.722, 1.0)), (0, 0, (0.0, 1.0))],
)
def test_the_interval_is_wilsons(right: int, count: int, expected: tuple[float, float]) -> None:
    assert wilson(right, count) == pytest.approx(expected, abs=1e-3)


def test_a_row_has_what_the_table_needs() -> None:
    row = Evaluator(EvaluateConfig(batch=2, max_tokens=8)).row(
        policy(), "test", [example(number) for number in range(3)]
    )
    assert (row["model"], row["resolution"], row["n"], row["accuracy"]) == ("test", 112, 3, 0.0)
    assert row.keys() >= {"accuracy_t1", "ci95", "zooms", "visual_tokens"}
    assert "| test | 112 | 3 | 0.000 | 0.000-0.562 |" in as_table([row])
