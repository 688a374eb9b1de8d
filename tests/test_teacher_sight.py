"""What the local teacher makes of pixels: colours, layout, marks, and what follows from them."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from agents.boxes import Box, Size, whole
from agents.photos import encode_jpeg
from agents.verifier import Truth, leaks
from agents.views import View
from pipeline.serving import BadRequest
from pipeline.teacher.colours import COLOURS, UNCERTAIN, name_colour, name_pixel, text_colours
from pipeline.teacher.heard import Heard
from pipeline.teacher.judge import judge
from pipeline.teacher.language import Axis, ColourOf, Compare, Count, InColours, NextTo, Query, Side
from pipeline.teacher.layout import mentions, neighbour, way
from pipeline.teacher.lines import Line
from pipeline.teacher.marks import find_sign
from pipeline.teacher.reason import Finding, Look, known_lines, solve
from pipeline.teacher.sight import Eyes, Sight

PHOTO = Size(1000, 800)


def line(text: str, x: int, y: int, width: int = 120, height: int = 30, **known: Any) -> Line:
    seen = {"legible": True, "ink": "white", "ground": "blue", **known}
    return Line(Box(x, y, x + width, y + height), text, **seen)


OPEN, BELOW, RIGHT = line("OPEN", 300, 300), line("MARKET", 300, 340), line("HALL", 440, 300)


def look(*lines: Line, box: Box | None = None, data: bytes = b"") -> Look:
    """A picture of a part of the photo in native pixels, with lines in the pixels of the picture."""
    box = box or whole(PHOTO)
    return Look(View(box=box, width=box.size.width, height=box.size.height), Sight(box.size, lines, data))


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((220, 20, 30), "red"),
        ((250, 140, 10), "orange"),
        ((250, 220, 30), "yellow"),
        ((20, 140, 50), "green"),
        ((20, 60, 180), "blue"),
        ((120, 40, 160), "purple"),
        ((250, 120, 190), "pink"),
        ((110, 70, 30), "brown"),
        ((15, 15, 18), "black"),
        ((245, 245, 240), "white"),
        ((130, 130, 132), "gray"),
    ],
)
def test_a_pixel_has_its_everyday_name(rgb: tuple[int, int, int], name: str) -> None:
    assert name_pixel(*rgb) == name


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_every_pixel_has_a_name(red: int, green: int, blue: int) -> None:
    assert name_pixel(red, green, blue) in {*COLOURS, UNCERTAIN}


def pixels(*parts: tuple[int, tuple[int, int, int]]) -> Any:
    return np.array([rgb for count, rgb in parts for _ in range(count)], np.uint8)


def test_pixels_that_agree_have_a_colour() -> None:
    assert name_colour(pixels((80, (220, 20, 30)), (20, (20, 60, 180)))) == "red"


def test_pixels_that_disagree_have_none() -> None:
    assert name_colour(pixels((60, (220, 20, 30)), (40, (20, 60, 180)))) is None


def test_no_pixels_have_no_colour() -> None:
    assert name_colour(np.empty((0, 3), np.uint8)) is None


@pytest.mark.parametrize(("ink", "ground"), [((255, 255, 255), (20, 60, 180)), ((15, 15, 15), (250, 220, 30))])
def test_letters_are_told_from_what_is_behind_them(ink: tuple[int, int, int], ground: tuple[int, int, int]) -> None:
    image = Image.new("RGB", (90, 40), ground)
    for x in range(10, 80, 12):
        ImageDraw.Draw(image).rectangle((x, 8, x + 4, 32), fill=ink)
    assert text_colours(np.asarray(image)) == (name_pixel(*ink), name_pixel(*ground))


@pytest.mark.parametrize(
    ("side", "there"),
    [("below", (300, 340)), ("above", (300, 260)), ("right", (440, 300)), ("left", (160, 300))],
)
def test_a_neighbour_is_found_on_its_side(side: Side, there: tuple[int, int]) -> None:
    other = line("NEXT", *there)
    assert neighbour([OPEN, other], OPEN, side) == other


@pytest.mark.parametrize("there", [(300, 500), (600, 340), (300, 260)])
def test_what_is_far_or_elsewhere_is_no_neighbour_below(there: tuple[int, int]) -> None:
    assert neighbour([OPEN, line("NEXT", *there)], OPEN, "below") is None


def test_two_that_could_be_meant_are_none() -> None:
    left, right = line("ONE", 270, 340, width=80), line("TWO", 360, 340, width=80)
    assert neighbour([OPEN, left, right], OPEN, "below") is None


@pytest.mark.parametrize(
    ("first", "second", "axis", "answer"),
    [
        (OPEN, BELOW, "vertical", "above"),
        (BELOW, OPEN, "vertical", "below"),
        (OPEN, RIGHT, "horizontal", "left"),
        (RIGHT, OPEN, "horizontal", "right"),
        (OPEN, RIGHT, "vertical", None),
        (OPEN, BELOW, "horizontal", None),
    ],
)
def test_which_way_one_lies_from_another(first: Line, second: Line, axis: Axis, answer: str | None) -> None:
    assert way([first, second], first, second, axis) == answer


def test_a_text_within_more_words_is_a_mention() -> None:
    assert mentions([OPEN, line("OPEN DAILY", 10, 10), BELOW], "OPEN") == 2


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (NextTo("OPEN", "below"), "MARKET"),
        (NextTo("OPEN", "right"), "HALL"),
        (ColourOf("OPEN", "ground"), "blue"),
        (ColourOf("OPEN", "ink"), "white"),
        (Compare("OPEN", "MARKET", "vertical"), "above"),
        (Compare("OPEN", "HALL", "horizontal"), "left"),
    ],
)
def test_what_is_clear_is_answered_with_its_evidence(query: Query, answer: str) -> None:
    found = solve(query, [look(OPEN, BELOW, RIGHT)], PHOTO)
    assert found.answer == answer
    assert OPEN.box in found.evidence


def test_writing_is_found_by_its_colours() -> None:
    odd = line("EXIT", 700, 100, ink="yellow", ground="green")
    assert solve(InColours("yellow", "green"), [look(OPEN, odd)], PHOTO).answer == "EXIT"


@pytest.mark.parametrize("query", [NextTo("OPEN", "below"), ColourOf("OPEN", "ink")])
def test_what_stands_twice_is_ambiguous(query: Query) -> None:
    found = solve(query, [look(OPEN, BELOW, line("OPEN", 700, 100))], PHOTO)
    assert found == Finding(None, ambiguous=True)


def test_two_writings_in_the_same_colours_are_ambiguous() -> None:
    assert solve(InColours("white", "blue"), [look(OPEN, RIGHT)], PHOTO).ambiguous


def test_what_cannot_be_read_is_a_lead_and_no_answer() -> None:
    blurred = line("MARKT", 300, 340, legible=False)
    found = solve(NextTo("OPEN", "below"), [look(OPEN, blurred)], PHOTO)
    assert found.answer is None
    assert found.leads[0].holds(blurred.box)


def test_an_anchor_that_is_not_found_leads_to_what_looks_like_it() -> None:
    alike, other = line("0PEN", 100, 100, legible=False), line("CHURCH", 700, 600, legible=False)
    assert solve(NextTo("OPEN", "below"), [look(other, alike)], PHOTO).leads[0] == alike.box


def test_a_line_that_the_edge_of_a_picture_cuts_is_not_read() -> None:
    part = look(line("OPE", 0, 100), box=Box(400, 200, 700, 500))
    assert [known.legible for known in known_lines([part], PHOTO)] == [False]


def test_a_line_at_the_edge_of_the_photo_is_not_cut() -> None:
    assert [known.legible for known in known_lines([look(line("OPEN", 0, 100))], PHOTO)] == [True]


def test_a_line_that_two_pictures_show_is_known_once() -> None:
    part = look(line("OPEN", 100, 100), box=Box(200, 200, 600, 600))
    assert [known.text for known in known_lines([look(OPEN), part], PHOTO)] == ["OPEN"]


def marked_sign(marks: int) -> bytes:
    """A white sign with room for a line of writing at its top, and red dots below."""
    image = Image.new("RGB", (400, 300), (60, 110, 60))
    pen = ImageDraw.Draw(image)
    pen.rectangle((50, 50, 350, 250), fill=(240, 240, 240))
    for number in range(marks):
        pen.ellipse((70 + 50 * number, 160, 100 + 50 * number, 190), fill=(210, 20, 30))
    return encode_jpeg(image, 95)


@pytest.mark.parametrize("marks", [1, 3, 5])
def test_marks_on_a_sign_are_counted(marks: int) -> None:
    seen = look(line("OPEN", 100, 80, ink="black", ground="white"), box=Box(0, 0, 400, 300), data=marked_sign(marks))
    assert solve(Count("OPEN", "red", "dot"), [seen], Size(400, 300)).answer == str(marks)


def test_marks_of_another_colour_are_not_counted() -> None:
    seen = look(line("OPEN", 100, 80), box=Box(0, 0, 400, 300), data=marked_sign(3))
    assert solve(Count("OPEN", "blue", "dot"), [seen], Size(400, 300)).answer is None


def test_a_sign_is_as_large_as_its_ground() -> None:
    sign = find_sign(Sight(Size(400, 300), (), marked_sign(2)), line("OPEN", 100, 80))
    assert sign is not None
    assert sign.box.iou(Box(50, 50, 351, 251)) > 0.97


def test_a_sign_that_the_picture_cuts_is_none() -> None:
    image = Image.new("RGB", (400, 300), (240, 240, 240))
    assert find_sign(Sight(Size(400, 300), (), encode_jpeg(image)), line("OPEN", 100, 80)) is None


def heard(text: str, seed: int = 0) -> Heard:
    return Heard({"messages": [{"role": "user", "content": text}], "seed": seed}, Eyes())


@pytest.mark.parametrize("answer", ["HALL", "MARK", "MARKET HALL", "(no answer)", "I cannot read it"])
@pytest.mark.parametrize("truth", ["MARKET", "3", "(B) MARKET"])
@pytest.mark.parametrize("seed", range(4))
def test_a_hint_of_the_local_teacher_never_gives_the_answer_away(answer: str, truth: str, seed: int) -> None:
    judged = judge(heard(f"Question: What?\nRight answer: {truth}\nGiven answer: {answer}", seed))
    known = Truth(question="What?", choices=(), answer=truth.removeprefix("(B) "))
    assert judged["correct"] is False
    assert not leaks(judged["hint"], known)


def test_options_are_heard_in_order_of_their_letters() -> None:
    assert heard("Question: What?\n(A) red\n(B) dark red\nAnswer so.").choices == ("red", "dark red")


def test_the_pictures_of_a_search_are_heard_with_their_regions() -> None:
    caption = "The region [10, 20, 60, 80] of the photo, shown at 56x56 pixels:"
    data = encode_jpeg(Image.new("RGB", (56, 56), (90, 90, 90)))
    content = [{"type": "text", "text": caption}, _picture(data)]
    searched = Heard({"messages": [{"role": "user", "content": content}]}, Eyes())
    assert [one.view.box for one in searched.looks] == [Box(10, 20, 60, 80)]


def _picture(data: bytes) -> dict[str, Any]:
    from base64 import b64encode

    return {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{b64encode(data).decode()}"}}


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"messages": "x"}, {"messages": [{}]}])
def test_what_is_no_request_is_not_heard(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        Heard(json.loads(json.dumps(body)), Eyes())
