"""Asking in a terminal: every step is told, the picture shows what was looked at, and a model commands nothing."""

from pathlib import Path

from PIL import Image

from agents.boxes import Box
from agents.views import View
from pipeline.pictures import LOOK
from pipeline.training.ask import STRIP, WIDTH, ask, line, overview
from pipeline.training.inference import Said, Seen, Told
from tests.policies import example, gold, manner
from tests.test_inference import parrot, question


def crop(width: int, height: int) -> Seen:
    view = View(box=Box(10, 10, 10 + width, 10 + height), width=width, height=height)
    return Seen(view, Image.new("RGB", (width, height), (0, 0, 255)))


def test_every_step_is_told_and_the_picture_is_written(tmp_path: Path) -> None:
    said: list[str] = []
    ask(parrot(gold(example(looks=2), manner())), question(), tmp_path / "looked.jpg", None, said.append)
    assert ["[1]" in one or "[2]" in one for one in said] == [False, True, False, True, False, False]
    assert said[-2].endswith("<answer> EXIT </answer>")
    with Image.open(tmp_path / "looked.jpg") as picture:
        assert picture.width == WIDTH


def test_what_a_model_writes_does_not_command_the_terminal() -> None:
    assert "\x1b" not in line(Said("\x1b[2Jgone"), 0) + line(Told("\x1b[2J"), 0)


def test_a_box_is_drawn_where_it_was_looked_at() -> None:
    picture = overview(Image.new("RGB", (600, 400), "white"), [crop(100, 60)])
    assert picture.getpixel((2 * 60, 2 * 10)) == LOOK
    assert picture.getpixel((2 * 60, 2 * 40)) == (255, 255, 255)


def test_crops_that_do_not_fit_side_by_side_go_below_one_another() -> None:
    photo = Image.new("RGB", (600, 400), "white")
    one, many = (overview(photo, [crop(280, 140)] * count) for count in (1, 4))
    assert many.height - one.height >= STRIP
    assert many.width == WIDTH


def test_a_crop_much_wider_than_high_keeps_its_shape() -> None:
    picture = overview(Image.new("RGB", (600, 400), "white"), [crop(560, 28)])
    below = picture.crop((0, 800, WIDTH, picture.height))
    red, _, _ = below.split()
    left, top, right, bottom = red.point(lambda value: 255 if value < 100 else 0).getbbox() or (0, 0, 0, 0)
    assert (right - left) / (bottom - top) > 15


def test_without_a_look_the_picture_is_the_photo_alone() -> None:
    assert overview(Image.new("RGB", (600, 300), "white"), []).size == (WIDTH, WIDTH // 2)
