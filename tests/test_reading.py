"""What a look costs, in operations: the same on every machine, and a guard against reading anything twice."""

import pytest

pytest.importorskip("torch")

from benchmarks.inference import Measured, measure, pictures
from tests.policies import policy

QUESTIONS = 2


def measured(looks: int) -> tuple[Measured, Measured]:
    return measure(policy(), looks, QUESTIONS, 112, rounds=1)


def test_a_look_costs_the_tokens_of_its_crop_alone() -> None:
    (none, _), (three, _) = measured(0), measured(3)
    crops = pictures(0, 3, 112)[1:]
    # Each crop is framed by two tokens.
    assert three.prefilled - none.prefilled == sum(crop.view.visual_tokens + 2 for crop in crops)
    assert (none.pictures, three.pictures) == (1, 4)


def test_beginning_again_reads_at_least_twice_as_much_at_three_looks() -> None:
    one_reading, again = measured(3)
    assert again.prefilled >= 2 * one_reading.prefilled
    assert again.pictures == 1 + 2 + 3 + 4


def test_without_a_look_both_ways_are_one() -> None:
    one_reading, again = measured(0)
    assert (one_reading.prefilled, one_reading.pictures) == (again.prefilled, again.pictures)
