"""Answers: when two say the same, and which option one names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answers import letter_of, likeness, normalize, pose, same_answer

CHOICES = ("red", "dark red", "NO EXIT", "12")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("NO EXIT", "no exit"),
        ("No  Exit", "no exit"),
        ("green.", "green"),
        ('"green"', "green"),
        (" (green) ", "green"),
        ("STRASSE", "straße"),
        ("Joe\u2019s Café", "joe's café"),
        ("12\u201314", "12-14"),
        ("\uff25\uff38\uff29\uff34", "exit"),
    ],
)
def test_what_does_not_matter_makes_no_other_answer(one: str, other: str) -> None:
    assert same_answer(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("red", "dark red"), ("12", "13"), ("12-14", "12 14"), ("left", "right"), ("A1", "A2"), ("caf", "café")],
)
def test_another_answer_is_another_answer(one: str, other: str) -> None:
    assert not same_answer(one, other)


@pytest.mark.parametrize("nothing", [None, "", " ", "...", '""'])
def test_nothing_is_the_same_as_no_answer(nothing: str | None) -> None:
    assert not same_answer(nothing, nothing)
    assert not same_answer(nothing, "red")


@given(st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "Z"])))
def test_normalizing_twice_changes_nothing_more(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)


@given(st.text(), st.text())
def test_likeness_is_a_share(one: str, other: str) -> None:
    assert 0 <= likeness(one, other) <= 1


def test_a_misread_letter_is_likelier_than_another_word() -> None:
    assert likeness("STAT1ON", "STATION") > 0.8 > likeness("MARKET", "STATION")


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("A", "A"),
        ("(B)", "B"),
        ("c.", "C"),
        (" d ", "D"),
        ("red", "A"),
        ("Dark Red", "B"),
        ("no exit", "C"),
        ("12.", "D"),
        ("E", None),
        ("blue", None),
        ("AB", None),
        ("", None),
        ("()", None),
        ("A or B", None),
    ],
)
def test_an_answer_names_an_option_by_letter_or_by_text(answer: str, letter: str | None) -> None:
    assert letter_of(answer, CHOICES) == letter


def test_a_text_that_two_options_share_names_none() -> None:
    assert letter_of("red", ("red", "Red", "blue")) is None


def test_without_options_no_letter_is_named() -> None:
    assert letter_of("A", ()) is None


def test_an_open_question_is_posed_as_it_is() -> None:
    assert pose("What colour?", ()) == "What colour?"


def test_options_are_posed_with_their_letters() -> None:
    assert pose("What colour?", ("red", "blue")) == (
        "What colour?\n(A) red\n(B) blue\nAnswer with the option's letter from the given choices directly."
    )
