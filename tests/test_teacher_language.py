"""The local teacher's questions: what it writes it reads back, and nothing else."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.teacher.language import (
    NOUNS,
    ColourOf,
    Compare,
    Count,
    GoesOn,
    InColours,
    NextTo,
    Query,
    named,
    read,
    write,
)

TEXTS = (
    st.one_of(
        st.sampled_from(["OPEN", "No. 7?", "a {b} c", "it's \"", "left", "written", "(A)", "A\\d+", "é ñ 漢字", "x|y"]),
        st.text(min_size=1, max_size=25),
    )
    .map(lambda text: text.replace('"', ""))
    .filter(bool)
)
COLOURS = st.sampled_from(["red", "orange", "blue", "white", "gray"])
QUERIES: st.SearchStrategy[Query] = st.one_of(
    st.builds(NextTo, TEXTS, st.sampled_from(["below", "above", "right", "left"])),
    st.builds(GoesOn, TEXTS),
    st.builds(InColours, COLOURS, COLOURS),
    st.builds(ColourOf, TEXTS, st.sampled_from(["ground", "ink"])),
    st.builds(Compare, TEXTS, TEXTS, st.sampled_from(["vertical", "horizontal"])),
    st.builds(Count, TEXTS, COLOURS, st.sampled_from(sorted(NOUNS))),
)


@given(QUERIES, st.integers(0, 50))
def test_what_is_written_is_read_back(query: Query, seed: int) -> None:
    assert read(write(query, Random(seed))) == query


@given(QUERIES, st.integers(0, 50))
def test_space_around_a_question_does_not_matter(query: Query, seed: int) -> None:
    assert read(f"\n {write(query, Random(seed))} ") == query


@given(st.text(max_size=80))
def test_any_other_text_is_not_understood(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "question",
    [
        "",
        "What does the sign say?",
        "How many people are there?",
        "What is written directly below the words OPEN?",
        'What is written directly below the words ""?',
        'What is written directly below the words "A" and "B"?',
        'How many red hearts are there on the sign that says "OPEN"?',
        'What colour are the letters of "OPEN"',
        'what colour are the letters of "OPEN"?',
    ],
)
def test_a_foreign_wording_is_not_understood(question: str) -> None:
    assert read(question) is None


def test_there_is_more_than_one_wording() -> None:
    questions = {write(NextTo("OPEN", "below"), Random(seed)) for seed in range(20)}
    assert len(questions) > 2


def test_the_same_luck_gives_the_same_wording() -> None:
    query = NextTo("OPEN", "below")
    assert write(query, Random(3)) == write(query, Random(3))


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        (NextTo("OPEN", "below"), ["OPEN"]),
        (GoesOn("OPEN"), ["OPEN"]),
        (InColours("red", "white"), []),
        (ColourOf("OPEN", "ink"), ["OPEN"]),
        (Compare("OPEN", "EXIT", "vertical"), ["OPEN", "EXIT"]),
        (Count("OPEN", "red", "dot"), ["OPEN"]),
    ],
)
def test_a_query_names_the_texts_that_must_be_found(query: Query, texts: list[str]) -> None:
    assert named(query) == texts


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        (NextTo("OPEN", "below"), "text"),
        (GoesOn("OPEN"), "text"),
        (InColours("red", "white"), "text"),
        (ColourOf("OPEN", "ink"), "colour"),
        (Compare("OPEN", "EXIT", "vertical"), "relation"),
        (Count("OPEN", "red", "dot"), "count"),
    ],
)
def test_a_query_knows_its_kind(query: Query, kind: str) -> None:
    assert query.kind == kind
