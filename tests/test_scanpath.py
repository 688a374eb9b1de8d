"""Scan paths: lengths and sizes as shares of the photo, and what counts as coming back."""

import pytest

from agents.boxes import Box, Size
from agents.views import View
from pipeline.evaluation.scanpath import revisits, saccade, scan_paths
from tests.test_evaluation import answer

PHOTO = Size(400, 300)
WHOLE, CORNER, INSIDE = Box(0, 0, 400, 300), Box(0, 0, 40, 30), Box(10, 10, 30, 20)


def path(*boxes: Box) -> tuple[View, ...]:
    return tuple(View(box=box, width=56, height=56) for box in boxes)


def test_a_saccade_from_corner_to_corner_is_the_whole_diagonal() -> None:
    assert saccade(Box(0, 0, 2, 2), Box(398, 298, 400, 300), PHOTO) == pytest.approx(1.0, abs=0.01)


def test_a_look_at_the_same_place_is_a_revisit_however_much_later() -> None:
    assert revisits([CORNER, WHOLE, Box(1, 0, 41, 30)]) == 1
    assert revisits([CORNER, WHOLE, INSIDE]) == 0


def test_a_table_has_sizes_ways_and_order() -> None:
    found = scan_paths([answer(0, views=path(WHOLE, CORNER, INSIDE)), answer(1, views=path(CORNER)), answer(2)])
    assert (found["paths"], found["looks"]) == (2, 2.0)
    assert found["first_fixation"] == pytest.approx((1.0 + 0.1) / 2)
    assert found["last_fixation"] == pytest.approx(((200 / 120_000) ** 0.5 + 0.1) / 2)
    assert (found["inwards"], found["outwards"], found["revisits"]) == (1.0, 0.0, 0.0)
    assert (found["rightwards"], found["downwards"]) == (0.0, 0.0)


def test_single_looks_have_no_saccade() -> None:
    found = scan_paths([answer(0, views=path(CORNER))])
    assert found["saccade"] is None and found["revisits"] is None


def test_an_answer_at_first_sight_is_no_path() -> None:
    assert scan_paths([answer(0)])["paths"] == 0
