"""Intervals and tests against numbers from the literature and against what must hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.statistics import difference, mcnemar, share


def test_single_answers_have_wilsons_interval() -> None:
    found = share((str(n), n < 5) for n in range(10))
    assert (found.mean, found.questions, found.answers) == (0.5, 10, 10)
    assert (found.low, found.high) == pytest.approx((0.237, 0.763), abs=1e-3)


def test_repeated_answers_do_not_narrow_the_interval() -> None:
    once = share((str(n), n < 50) for n in range(100))
    again = share((str(n), n < 50) for n in range(100) for _ in range(4))
    assert (again.mean, again.questions, again.answers) == (0.5, 100, 400)
    assert again.high - again.low == pytest.approx(once.high - once.low, rel=0.05)


def test_answers_that_differ_within_a_question_say_more() -> None:
    same = share((str(n // 4), n // 4 < 25) for n in range(200))
    mixed = share((str(n // 4), n % 2 == 0) for n in range(200))
    assert same.mean == mixed.mean == 0.5
    assert mixed.high - mixed.low < same.high - same.low


def test_of_nothing_nothing_is_known() -> None:
    assert share([]) == (0.0, 0.0, 1.0, 0, 0)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), min_size=1, max_size=60))
def test_the_share_is_that_of_the_answers_and_lies_in_its_interval(answers: list[tuple[str, bool]]) -> None:
    found = share(answers)
    assert found.mean == pytest.approx(sum(right for _, right in answers) / len(answers))
    assert 0 <= found.low <= found.mean + 1e-9 and found.mean - 1e-9 <= found.high <= 1


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(0, 0, 1.0), (5, 5, 1.0), (8, 0, 0.0078), (2, 10, 0.0386), (59, 16, 6.11e-7)]
)
def test_mcnemars_p_is_that_of_a_fair_coin(gained: int, lost: int, p: float) -> None:
    assert mcnemar(gained, lost) == mcnemar(lost, gained) == pytest.approx(p, rel=0.05)


def test_a_difference_is_known_better_than_two_shares_apart() -> None:
    pairs = [(str(n), n < 60, n < 50) for n in range(100)]
    found = difference(pairs)
    assert found.mean == pytest.approx(0.1)
    assert (found.gained, found.lost) == (10, 0)
    assert 0.03 < found.low < 0.1 < found.high < 0.17
    assert found.p == pytest.approx(2 / 2**10)


def test_the_same_answers_differ_by_nothing() -> None:
    found = difference([(str(n), n % 3 == 0, n % 3 == 0) for n in range(30)])
    assert (found.mean, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_the_interval_is_the_same_each_time() -> None:
    pairs = [(str(n), n % 2 == 0, n % 3 == 0) for n in range(40)]
    assert difference(pairs) == difference(pairs)
