"""The verifier: right answers cost nothing, wrong ones get a hint, and no hint gives the truth away."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.endpoint import ReplyError
from agents.trajectory import Verdict
from agents.verifier import PLAIN_HINT, Truth, leaks, verify
from tests.conftest import Scripted
from tests.drawn import case_at
from tests.scripted import Script, closed_port, fills, says, texts_of

OPEN = Truth(question="What does the sign say?", choices=(), answer="NO EXIT")
COUNT = Truth(question="How many dots?", choices=(), answer="3")
LETTERED = Truth(question="What colour?", choices=("green", "dark red", "blue"), answer="B")


@pytest.mark.parametrize("answer", ["NO EXIT", "no exit", '"No exit."'])
def test_an_open_answer_is_right_by_rule(answer: str) -> None:
    assert OPEN.accepts(answer)


@pytest.mark.parametrize("answer", ["B", "(b)", "dark red", "Dark Red."])
def test_an_option_is_right_by_letter_or_by_text(answer: str) -> None:
    assert LETTERED.accepts(answer)


@pytest.mark.parametrize("answer", [None, "", "A", "green", "red", "B or C", "NO EXIT"])
def test_what_is_not_the_answer_is_not_accepted(answer: str | None) -> None:
    assert not LETTERED.accepts(answer)


def verdict(script: Script | str, photo: Path, truth: Truth, answer: str | None) -> Verdict:
    url = script if isinstance(script, str) else script.url
    return asyncio.run(verify(case_at(url, photo, photo.with_suffix(".jsonl")), truth, answer, seed=0))


def test_a_right_answer_costs_no_request(photo: Path) -> None:
    assert verdict(closed_port(), photo, OPEN, "no exit") == Verdict(correct=True)


def test_a_wrong_answer_gets_the_teachers_hint(scripted: Scripted, photo: Path) -> None:
    script = scripted([fills({"correct": False, "hint": "Look at the door."})])
    assert verdict(script, photo, OPEN, "EXIT") == Verdict(correct=False, hint="Look at the door.")


def test_the_teacher_sees_the_truth_in_words_and_letter(scripted: Scripted, photo: Path) -> None:
    script = scripted([fills({"correct": False, "hint": "Look at the door."})])
    verdict(script, photo, LETTERED, "A")
    assert "Right answer: (B) dark red\nGiven answer: A" in texts_of(script.asked[0])[-1]


def test_no_answer_is_wrong_and_gets_a_hint(scripted: Scripted, photo: Path) -> None:
    script = scripted([fills({"correct": True, "hint": "Look at the door."})])
    assert verdict(script, photo, OPEN, None) == Verdict(correct=False, hint="Look at the door.")


def test_the_teacher_may_see_that_two_open_answers_say_the_same(scripted: Scripted, photo: Path) -> None:
    script = scripted([fills({"correct": True, "hint": ""})])
    assert verdict(script, photo, OPEN, "the exit is closed").correct


def test_with_options_the_teacher_cannot_overrule_the_letter(scripted: Scripted, photo: Path) -> None:
    script = scripted([fills({"correct": True, "hint": "Look at the door."})])
    assert not verdict(script, photo, LETTERED, "A").correct


@pytest.mark.parametrize("hint", ["It says NO EXIT.", "", "  "])
def test_a_hint_that_gives_the_answer_away_or_says_nothing_is_replaced(
    hint: str, scripted: Scripted, photo: Path
) -> None:
    script = scripted([fills({"correct": False, "hint": hint})])
    assert verdict(script, photo, OPEN, "EXIT").hint == PLAIN_HINT


def test_a_verdict_that_cannot_be_read_is_said_to_the_curator(scripted: Scripted, photo: Path) -> None:
    with pytest.raises(ReplyError):
        verdict(scripted([says("wrong!"), says("still wrong!")]), photo, OPEN, "EXIT")


LEAKS = {
    "the answer itself": ("It says NO EXIT.", OPEN),
    "in another case": ("It says no exit.", OPEN),
    "with other spaces": ("Look for N O E X I T there.", OPEN),
    "in quotes": ('Read the words "No Exit" again.', OPEN),
    "a number": ("Count again: there are 3 of them.", COUNT),
    "a number at the end": ("You missed one, it is 3", COUNT),
    "a number in words": ("Count again: there are three of them.", COUNT),
    "the option's text": ("It is dark red.", LETTERED),
    "the option's text run together": ("It is darkred.", LETTERED),
    "the letter in brackets": ("Choose (B).", LETTERED),
    "the letter as an option": ("It is option B.", LETTERED),
    "the option in small letters": ("It is option b.", LETTERED),
    "the bare letter": ("The answer is B.", LETTERED),
    "the letter with a colon": ("B: look again.", LETTERED),
}


@pytest.mark.parametrize("what", LEAKS)
def test_a_text_that_holds_the_answer_leaks(what: str) -> None:
    assert leaks(*LEAKS[what])


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("Look at the door.", OPEN),
        ("Look at 13 and 30 once more.", COUNT),
        ("It is not (A).", LETTERED),
        ("Be careful with shadows.", LETTERED),
        ("A closer look at the sign would help.", LETTERED),
        (PLAIN_HINT, OPEN),
        (PLAIN_HINT, COUNT),
        (PLAIN_HINT, LETTERED),
    ],
)
def test_a_harmless_hint_does_not_leak(text: str, truth: Truth) -> None:
    assert not leaks(text, truth)


_ANSWERS = st.text(st.characters(codec="latin-1", categories=["L", "N"]), min_size=1, max_size=12)
_AROUND = st.text(st.sampled_from("xyz .,!?"), max_size=20)


@given(_ANSWERS, _AROUND, _AROUND)
def test_whatever_the_answer_a_text_with_it_leaks(answer: str, before: str, after: str) -> None:
    assert leaks(f"{before} {answer} {after}", Truth(question="?", choices=(), answer=answer))


@given(st.sampled_from("ABC"), _AROUND, _AROUND)
def test_whatever_the_option_a_text_with_it_leaks(letter: str, before: str, after: str) -> None:
    truth = LETTERED.model_copy(update={"answer": letter})
    for told in (f"({letter})", f"option {letter}", truth.choices["ABC".index(letter)]):
        assert leaks(f"{before} {told} {after}", truth)
