"""Views: what a closer look shows, how large it is, and that its boxes come back to the photo."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from agents.boxes import Box, BoxFrame, Size, rescale, whole
from agents.dialects import Setting
from agents.photos import pixel_hash
from agents.views import PATCH, View, ZoomPolicy, crop_view, posed_view, render, smart_size, zoom, zoom_view
from tests.test_boxes import boxes_in

PHOTOS = st.builds(Size, st.integers(60, 5000), st.integers(60, 5000))
POLICIES = st.builds(
    ZoomPolicy,
    margin=st.floats(0, 2),
    min_side=st.integers(1, 200),
    max_pixels=st.integers(16 * PATCH**2, 1024 * PATCH**2),
    max_enlarge=st.floats(1, 8),
)


@st.composite
def looked_at(draw: st.DrawFn) -> tuple[Size, Box]:
    photo = draw(PHOTOS)
    return photo, draw(boxes_in(photo))


@given(looked_at(), POLICIES)
def test_a_zoom_lies_in_the_photo_and_holds_its_box(given_: tuple[Size, Box], policy: ZoomPolicy) -> None:
    photo, box = given_
    view = zoom_view(photo, box, policy)
    assert whole(photo).holds(view.box)
    assert view.box.holds(box)


@given(looked_at(), POLICIES)
def test_a_zoom_is_at_least_as_large_as_the_policy_says_where_the_photo_allows(
    given_: tuple[Size, Box], policy: ZoomPolicy
) -> None:
    photo, box = given_
    view = zoom_view(photo, box, policy)
    least = policy.min_side
    at_left_or_right = view.box.x1 == 0 or view.box.x2 == photo.width
    assert view.box.size.width >= least or at_left_or_right


@given(looked_at(), POLICIES)
def test_every_picture_is_whole_patches(given_: tuple[Size, Box], policy: ZoomPolicy) -> None:
    photo, box = given_
    for view in (zoom_view(photo, box, policy), crop_view(photo, box, policy), posed_view(photo, 336)):
        assert view.width % PATCH == view.height % PATCH == 0
        assert min(view.size) >= PATCH


@given(looked_at(), POLICIES)
def test_a_zoom_stays_near_its_budget(given_: tuple[Size, Box], policy: ZoomPolicy) -> None:
    photo, box = given_
    budget = max(policy.max_pixels, 64 * PATCH**2)
    view = zoom_view(photo, box, policy.model_copy(update={"max_pixels": budget}))
    # Sides are rounded to whole patches: at worst the short one goes from one and a half to two.
    assert view.size.area <= 1.4 * budget


@given(looked_at(), POLICIES)
def test_no_picture_is_longer_than_a_processor_takes(given_: tuple[Size, Box], policy: ZoomPolicy) -> None:
    photo, box = given_
    for view in (zoom_view(photo, box, policy), crop_view(photo, box, policy)):
        assert max(view.size) <= 200 * min(view.size)


@pytest.mark.parametrize("box", [Box(0, 10, 12000, 12), Box(700, 0, 701, 9000), Box(0, 0, 16000, 1)])
def test_a_line_of_a_large_photo_is_no_longer_than_a_processor_takes(box: Box) -> None:
    for view in (
        zoom_view(Size(16000, 9000), box, ZoomPolicy()),
        crop_view(Size(16000, 9000), box, ZoomPolicy()),
    ):
        assert max(view.size) <= 200 * min(view.size)


@given(PHOTOS, st.integers(56, 4000))
def test_a_posed_view_is_the_whole_photo_and_never_enlarged_by_more_than_a_patch(photo: Size, resolution: int) -> None:
    view = posed_view(photo, resolution)
    assert view.box == whole(photo)
    assert view.width <= photo.width + PATCH
    assert view.height <= photo.height + PATCH


def test_a_posed_view_has_about_the_area_of_its_resolution() -> None:
    assert posed_view(Size(2250, 1500), 448).size.area == pytest.approx(448**2, rel=0.1)


def test_a_posed_view_without_a_resolution_is_native() -> None:
    assert posed_view(Size(1400, 700), None).size == Size(1400, 700)


def test_a_crop_is_neither_widened_nor_enlarged() -> None:
    view = crop_view(Size(640, 480), Box(100, 100, 212, 184), ZoomPolicy())
    assert (view.box, view.size) == (Box(100, 100, 212, 184), Size(112, 84))


def test_a_zoom_enlarges_a_small_box() -> None:
    view = zoom_view(Size(2000, 2000), Box(900, 900, 960, 930), ZoomPolicy(margin=0))
    assert view.scale > 2


def test_a_zoom_enlarges_no_further_than_the_policy_says() -> None:
    view = zoom_view(Size(2000, 2000), Box(900, 900, 1000, 1000), ZoomPolicy(margin=0, max_enlarge=2))
    assert view.scale == pytest.approx(2, rel=0.15)


def test_the_margin_is_a_share_of_the_box() -> None:
    view = zoom_view(Size(2000, 2000), Box(900, 900, 1100, 1100), ZoomPolicy(margin=0.5))
    assert view.box == Box(800, 800, 1200, 1200)


@given(looked_at())
def test_a_box_of_a_shrunk_picture_comes_back_as_it_was(given_: tuple[Size, Box]) -> None:
    photo, _ = given_
    size = Size(max(1, photo.width // 3), max(1, photo.height // 3))
    view = View(box=whole(photo), width=size.width, height=size.height)
    box = Box(size.width // 4, 0, size.width // 4 + 1, size.height)
    assert view.from_photo(view.to_photo(box)) == box


@given(st.data(), looked_at())
def test_a_photos_box_comes_back_from_an_enlarged_picture_as_it_was(
    data: st.DataObject, given_: tuple[Size, Box]
) -> None:
    photo, region = given_
    width, height = region.size
    view = View(
        box=region,
        width=data.draw(st.integers(width, 3 * width)),
        height=data.draw(st.integers(height, 3 * height)),
    )
    box = data.draw(boxes_in(region.size)).shift(region.x1, region.y1)
    assert view.to_photo(view.from_photo(box)) == box
    assert whole(photo).holds(box)


@given(st.data(), looked_at(), st.sampled_from(BoxFrame))
def test_a_box_written_about_a_picture_comes_back_to_its_place(
    data: st.DataObject, given_: tuple[Size, Box], frame: BoxFrame
) -> None:
    photo, region = given_
    view = zoom_view(photo, region, ZoomPolicy())
    box = data.draw(boxes_in(view.box.size)).shift(view.box.x1, view.box.y1)
    setting = Setting(photo, Size(336, 336), ZoomPolicy(), frame)
    back = setting.from_picture(setting.in_picture(box, view), view)
    # Once to the picture's pixels, once to the frame's steps, and back: a step of each at the most.
    step = 1 + max(view.box.size.width / view.width, view.box.size.height / view.height, 1)
    step += max(view.box.size) / 1000 if frame is BoxFrame.RELATIVE else 0
    assert max(abs(a - b) for a, b in zip(box, back, strict=True)) <= step


@given(looked_at(), st.sampled_from([BoxFrame.NATIVE, BoxFrame.MODEL]))
def test_a_box_in_the_pixels_of_a_picture_is_the_box_of_the_view(given_: tuple[Size, Box], frame: BoxFrame) -> None:
    photo, box = given_
    view = zoom_view(photo, box, ZoomPolicy())
    setting = Setting(photo, Size(336, 336), ZoomPolicy(), frame)
    assert setting.in_picture(box, view) == view.from_photo(box)


def test_smart_size_keeps_what_is_in_patches_already() -> None:
    assert smart_size(Size(280, 140), 1e9) == Size(280, 140)


def checkered(side: int = 560) -> Image.Image:
    """Single pixels of black and white: detail that any shrinking turns grey."""
    board = (np.indices((side, side)).sum(axis=0) % 2 * 255).astype(np.uint8)
    return Image.fromarray(np.stack([board] * 3, axis=-1))


def test_a_native_zoom_brings_new_pixels() -> None:
    policy = ZoomPolicy(margin=0, max_enlarge=4, max_pixels=112**2)
    _, seen = zoom(checkered(), Box(100, 100, 156, 156), policy, Size(140, 140))
    assert np.asarray(seen).std() > 60


def test_a_resized_zoom_brings_none() -> None:
    policy = ZoomPolicy(margin=0, max_enlarge=4, max_pixels=112**2, crop_source="resized")
    _, seen = zoom(checkered(), Box(100, 100, 156, 156), policy, Size(140, 140))
    assert np.asarray(seen).std() < 10


def test_both_sources_cut_the_same_place() -> None:
    photo = Image.new("RGB", (600, 400))
    photo.paste((255, 0, 0), (300, 0, 600, 400))
    looks = [
        zoom(photo, Box(250, 150, 350, 250), ZoomPolicy(margin=0, crop_source=source), Size(168, 112))[1]
        for source in ("native", "resized")
    ]
    for look in looks:
        left, right = look.getpixel((5, 50)), look.getpixel((look.width - 5, 50))
        assert (left, right) == ((0, 0, 0), (255, 0, 0))


def test_the_picture_of_the_whole_photo_at_native_size_is_the_photo() -> None:
    photo = checkered(112)
    assert pixel_hash(render(photo, posed_view(Size(112, 112), None))) == pixel_hash(photo)


def test_the_same_view_always_gives_the_same_pixels() -> None:
    view = View(box=Box(3, 5, 200, 170), width=84, height=56)
    assert pixel_hash(render(checkered(), view)) == pixel_hash(render(checkered(), view))


def test_a_picture_has_the_size_its_view_says() -> None:
    assert render(checkered(), View(box=Box(3, 5, 200, 170), width=84, height=56)).size == (84, 56)


def test_visual_tokens_are_counted_in_patches() -> None:
    assert View(box=Box(0, 0, 10, 10), width=56, height=84).visual_tokens == 6


def test_a_native_box_outside_the_view_is_empty_in_it() -> None:
    view = View(box=Box(100, 100, 200, 200), width=112, height=112)
    assert view.from_photo(Box(300, 300, 400, 400)).area == 0


def test_rescaling_to_the_same_size_changes_nothing() -> None:
    assert rescale(Box(3, 4, 5, 6), Size(10, 10), Size(10, 10)) == Box(3, 4, 5, 6)
