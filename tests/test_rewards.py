"""Rewards: what each table of the literature says, and full marks for a gold trace."""

import pytest

pytest.importorskip("torch")

from agents.boxes import Box
from agents.dialects import Dialect
from pipeline.training.rewards import PRESETS, REWARDS, Rubric
from pipeline.training.rollout import Rollout, Stop
from tests.policies import LOOKS, example, gold, manner, recite

HOW = manner()
NARROW = Box(10, 10, 60, 60)


def rollout(looks: int, answer: str = "EXIT", formed: bool = True) -> Rollout:
    """One that answers after so many looks."""
    one = example(looks=looks)
    text = gold(one, HOW).replace("<answer> EXIT", f"<answer> {answer}")
    return recite(text if formed else text.replace("<think>", ""), one, HOW)


DIRECT, ZOOMED = rollout(0), rollout(1)
DIRECT_WRONG, ZOOMED_WRONG = rollout(0, "ENTRY"), rollout(1, "ENTRY")
UNFORMED = rollout(0, "ENTRY", formed=False)


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_gold_trace_earns_full_marks(dialect: Dialect, preset: str, looks: int) -> None:
    how = manner(dialect)
    one = example(looks=looks, how=how)
    rubric = Rubric(PRESETS[preset])
    assert rubric.scores([recite(gold(one, how), one, how)]) == [pytest.approx(rubric.full_marks)]


@pytest.mark.parametrize(
    ("preset", "scores"),
    [
        ("seed", [1.3, 1.3, 0.3, 0.3, -0.15]),
        ("released", [1.0, 1.0, 0.1, 0.1, 0.0]),
        ("agar-paper", [1.0, 0.8, 0.1, 0.1, 0.0]),
        ("agar-code", [1.0, 0.8, 0.1, 0.5, 0.0]),
        ("faithful", [1.2, 1.2, 0.2, 0.2, 0.2]),
    ],
)
def test_the_presets_score_as_their_sources_do(preset: str, scores: list[float]) -> None:
    group = [DIRECT, ZOOMED, DIRECT_WRONG, ZOOMED_WRONG, UNFORMED]
    assert Rubric(PRESETS[preset]).scores(group) == pytest.approx(scores)


def test_agar_does_not_punish_a_zoom_that_was_needed() -> None:
    assert Rubric(PRESETS["agar-paper"]).scores([ZOOMED, DIRECT_WRONG]) == pytest.approx([1.0, 0.1])


def test_zooms_are_valued_whatever_the_answer() -> None:
    """A reward for zooms that only the right answer earns lets the zooms collapse (FaithEyes)."""
    assert REWARDS["valid_zooms"]([ZOOMED_WRONG]) == REWARDS["valid_zooms"]([ZOOMED]) == [1.0]


def test_an_impossible_zoom_is_no_valid_one() -> None:
    bad = "<think> I look. <|box_start|>[5, 5, 5, 5]<|box_end|> <|image_zoomin|>"
    text = bad + gold(example(looks=1), HOW)
    assert REWARDS["valid_zooms"]([recite(text, example(looks=1), HOW)]) == [0.5]


def test_a_faithful_zoom_holds_the_evidence() -> None:
    one = example(looks=1)
    elsewhere = one._replace(evidence=(NARROW,))
    assert REWARDS["faithful_zooms"]([ZOOMED]) == [1.0]
    assert REWARDS["faithful_zooms"]([ZOOMED._replace(example=elsewhere)]) == [0.0]


@pytest.mark.parametrize(
    ("metric", "views", "value"),
    [
        ("repeated_zooms", [LOOKS[1], LOOKS[1]], 1.0),
        ("repeated_zooms", [LOOKS[0], LOOKS[1]], 0.0),
        ("whole_image_zooms", [Box(0, 0, 403, 300)], 1.0),
        ("whole_image_zooms", [LOOKS[1]], 0.0),
        ("zooms", [LOOKS[0], LOOKS[1]], 2.0),
    ],
)
def test_ways_to_look_without_seeing_are_watched(metric: str, views: list[Box], value: float) -> None:
    setting = example().setting(manner())
    shown = tuple(setting.zoom(box).view for box in views)
    assert REWARDS[metric]([ZOOMED._replace(views=shown)]) == [value]


def test_an_answer_that_was_cut_off_is_not_right() -> None:
    assert REWARDS["accuracy"]([DIRECT._replace(stop=Stop.LENGTH)]) == [0.0]


def test_a_weight_of_0_is_a_metric() -> None:
    rubric = Rubric({"accuracy": 1.0, "agar_code": 0.0})
    assert rubric.scores([ZOOMED_WRONG]) == [0.0]
    assert rubric.watched([ZOOMED_WRONG])["agar_code"] == [0.5]


def test_an_unknown_reward_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no reward 'accurracy'"):
        Rubric({"accurracy": 1.0})
