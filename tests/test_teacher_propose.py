"""What the local teacher asks: only what close looks answer alike, with options that give nothing away."""

from random import Random

import pytest
from PIL import Image, ImageDraw, ImageFont

from agents.boxes import Box
from agents.photos import encode_jpeg
from pipeline.teacher.colours import UNCERTAIN, name_pixel
from pipeline.teacher.language import Compare, GoesOn, NextTo
from pipeline.teacher.options import wrong_options
from pipeline.teacher.rehearse import Rehearsal, fits
from pipeline.teacher.sight import Eyes


@pytest.fixture(scope="module")
def rehearsal() -> Rehearsal:
    """A sign of two lines, seen large."""
    image = Image.new("RGB", (640, 480), (20, 60, 180))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(40)
    pen.text((120, 160), "GARDEN MARKET", (255, 255, 255), font)
    pen.text((120, 230), "OPEN DAILY", (255, 255, 255), font)
    eyes = Eyes()
    return Rehearsal(eyes.look(encode_jpeg(image)), eyes)


FIRST, SECOND = Box(115, 160, 440, 210), Box(115, 230, 370, 280)


def test_what_close_looks_answer_alike_is_certain(rehearsal: Rehearsal) -> None:
    assert rehearsal.certain(NextTo("GARDEN MARKET", "below"), "OPEN DAILY", (FIRST, SECOND))


def test_what_close_looks_answer_otherwise_is_not(rehearsal: Rehearsal) -> None:
    assert not rehearsal.certain(NextTo("GARDEN MARKET", "below"), "OPEN LATE", (FIRST, SECOND))


def test_what_a_close_look_does_not_show_is_not_certain(rehearsal: Rehearsal) -> None:
    assert not rehearsal.certain(Compare("GARDEN MARKET", "EXIT", "vertical"), "above", (FIRST, SECOND))


def test_a_line_is_read_on_from_its_first_word(rehearsal: Rehearsal) -> None:
    assert rehearsal.certain(GoesOn("GARDEN"), "MARKET", (FIRST,))


@pytest.mark.parametrize(("width", "alike"), [(400, True), (1600, False)])
def test_evidence_fits_while_its_writing_stays_legible_in_one_look(width: int, alike: bool) -> None:
    assert fits((Box(0, 0, width, 100),), 30) is alike


def test_no_wrong_option_is_named_in_the_question() -> None:
    texts = ["OPEN", "MARKET", "HALL", "EXIT"]
    assert "OPEN" not in wrong_options(NextTo("OPEN", "below"), "MARKET", texts, Random(0))


def test_no_wrong_option_holds_the_right_one() -> None:
    assert wrong_options(GoesOn("OPEN"), "DAILY", ["OPEN DAILY", "HALL"], Random(0)) == ["HALL"]


@pytest.mark.parametrize(
    ("what", "rgb"),
    [
        ("navy", (18, 26, 48)),
        ("paper in lamp light", (205, 160, 105)),
        ("dark magenta", (88, 20, 58)),
        ("teal", (20, 110, 115)),
        ("white in the shade", (172, 176, 180)),
        ("indigo", (60, 40, 170)),
    ],
)
def test_a_colour_people_would_argue_about_has_no_name(what: str, rgb: tuple[int, int, int]) -> None:
    assert name_pixel(*rgb) == UNCERTAIN, what
