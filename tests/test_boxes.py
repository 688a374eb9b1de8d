"""Boxes: their arithmetic, the frames they are written in, and boxes nobody vouches for."""

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agents.boxes import (
    Box,
    BoxField,
    BoxFrame,
    Size,
    checked,
    outward,
    parse_box,
    rescale,
    union,
    whole,
)

SIZES = st.builds(Size, st.integers(1, 4000), st.integers(1, 4000))
ANY = st.builds(Box, *[st.integers(-5000, 9000)] * 4)


@st.composite
def boxes_in(draw: st.DrawFn, size: Size) -> Box:
    """Boxes that hold at least one pixel of an image of `size`."""
    x1 = draw(st.integers(0, size.width - 1))
    y1 = draw(st.integers(0, size.height - 1))
    return Box(x1, y1, draw(st.integers(x1 + 1, size.width)), draw(st.integers(y1 + 1, size.height)))


@st.composite
def sized(draw: st.DrawFn) -> tuple[Size, Box]:
    size = draw(SIZES)
    return size, draw(boxes_in(size))


@given(ANY, SIZES)
def test_a_clipped_box_never_leaves_the_image(box: Box, size: Size) -> None:
    clipped = box.clip(size)
    assert 0 <= clipped.x1 <= size.width
    assert 0 <= clipped.x2 <= size.width
    assert 0 <= clipped.y1 <= size.height
    assert 0 <= clipped.y2 <= size.height


@given(sized())
def test_clipping_leaves_a_box_inside_as_it_is(given_: tuple[Size, Box]) -> None:
    size, box = given_
    assert box.clip(size) == box


@given(sized(), st.floats(0, 500))
def test_a_grown_box_holds_the_box_and_stays_in_the_image(given_: tuple[Size, Box], pixels: float) -> None:
    size, box = given_
    assert box.grow(pixels, size).holds(box)
    assert whole(size).holds(box.grow(pixels, size))


@given(ANY, ANY)
def test_the_common_part_lies_in_both(one: Box, other: Box) -> None:
    common = one.intersect(other)
    if common.area:
        assert one.holds(common)
        assert other.holds(common)


@given(ANY, ANY)
def test_iou_is_a_share_and_takes_no_sides(one: Box, other: Box) -> None:
    assert 0 <= one.iou(other) == other.iou(one) <= 1


@given(sized())
def test_a_box_covers_itself(given_: tuple[Size, Box]) -> None:
    _, box = given_
    assert box.iou(box) == box.coverage(box) == 1


@given(st.lists(ANY, min_size=1))
def test_a_union_holds_all_its_boxes(boxes: list[Box]) -> None:
    assert all(union(boxes).holds(box) for box in boxes)


def test_there_is_no_union_of_nothing() -> None:
    with pytest.raises(ValueError, match="no boxes"):
        union([])


def test_boxes_that_only_touch_do_not_overlap() -> None:
    assert not Box(0, 0, 10, 10).overlaps(Box(10, 0, 20, 10))


@pytest.mark.parametrize("box", [Box(5, 5, 5, 9), Box(9, 5, 5, 9), Box(9, 9, 5, 5)])
def test_an_empty_or_reversed_box_has_no_area(box: Box) -> None:
    assert box.area == 0


def test_outward_never_cuts_a_pixel_off() -> None:
    assert outward(1.2, 2.9, 3.1, 4.0) == Box(1, 2, 4, 4)


@given(SIZES, st.integers(1, 10_000_000))
def test_a_fitted_size_is_never_nothing(size: Size, area: int) -> None:
    assert min(size.fit(area)) >= 1


def test_a_fitted_size_keeps_the_shape() -> None:
    assert Size(400, 100).fit(10_000) == Size(200, 50)


@given(st.data(), SIZES)
def test_coarse_to_fine_to_coarse_is_the_identity(data: st.DataObject, coarse: Size) -> None:
    fine = Size(
        data.draw(st.integers(coarse.width, 6000)),
        data.draw(st.integers(coarse.height, 6000)),
    )
    box = data.draw(boxes_in(coarse))
    assert rescale(rescale(box, coarse, fine), fine, coarse) == box


@given(sized(), SIZES)
def test_a_rescaled_box_lies_in_the_new_frame_and_is_not_empty(given_: tuple[Size, Box], target: Size) -> None:
    source, box = given_
    moved = rescale(box, source, target)
    assert moved.area >= 1
    assert whole(target).holds(moved)


@given(sized(), SIZES)
def test_each_edge_goes_to_the_nearest_pixel_or_keeps_the_box_alive(given_: tuple[Size, Box], target: Size) -> None:
    source, box = given_
    moved = rescale(box, source, target)
    assert abs(moved.x1 - box.x1 * target.width / source.width) <= 1
    assert abs(moved.y2 - box.y2 * target.height / source.height) <= 1


@given(ANY, SIZES, SIZES)
def test_no_box_however_wrong_leaves_the_new_frame(box: Box, source: Size, target: Size) -> None:
    moved = rescale(box, source, target)
    assert moved.clip(target) == moved or not moved.area


@given(SIZES, SIZES)
def test_the_whole_image_is_the_whole_image_in_every_frame(native: Size, model: Size) -> None:
    for frame in BoxFrame:
        assert frame.from_native(whole(native), native, model) == whole(frame.size(native, model))


@pytest.mark.parametrize(
    ("frame", "written"),
    [
        (BoxFrame.NATIVE, Box(100, 50, 200, 100)),
        (BoxFrame.MODEL, Box(50, 25, 100, 50)),
        (BoxFrame.RELATIVE, Box(100, 100, 200, 200)),
    ],
)
def test_a_frame_says_which_pixels_a_box_speaks_of(frame: BoxFrame, written: Box) -> None:
    native, model = Size(1000, 500), Size(500, 250)
    assert frame.from_native(Box(100, 50, 200, 100), native, model) == written
    assert frame.to_native(written, native, model) == Box(100, 50, 200, 100)


@given(sized(), SIZES, st.sampled_from(BoxFrame))
def test_what_a_frame_can_write_it_reads_back(given_: tuple[Size, Box], model: Size, frame: BoxFrame) -> None:
    native, box = given_
    written = frame.from_native(box, native, model)
    assert frame.from_native(frame.to_native(written, native, model), native, model) == written


WRONG: list[Any] = [
    None,
    7,
    "1, 2, 3, 4",
    "abcd",
    {"x1": 1},
    [],
    [1, 2, 3],
    [1, 2, 3, 4, 5],
    [1, 2, 3, "4"],
    [1, 2, 3, None],
    [1, 2, 3, [4]],
    [True, 2, 3, 4],
    [math.nan, 2, 3, 4],
    [1, 2, math.inf, 4],
    [-math.inf, 2, 3, 4],
    [5, 5, 5, 9],
    [5, 5, 9, 5],
    [9, 5, 5, 9],
    [5, 9, 9, 5],
    [0.6, 0, 1.4, 1],
    [0, 0, 10**400, 10],
    [-(10**400), 0, 10, 10],
]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: str(value)[:30])
def test_what_is_no_box_is_refused_with_a_sentence(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^(A box|The box) .*\.$"):
        parse_box(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_anything_is_either_a_box_or_refused(value: Any) -> None:
    with suppress(ValueError):
        assert parse_box(value).area > 0


def test_real_numbers_are_rounded() -> None:
    assert parse_box([0.6, 1.4, 9.5, 12.0]) == Box(1, 1, 10, 12)


def test_a_box_field_is_four_numbers_in_json() -> None:
    class Holder(BaseModel):
        box: BoxField

    holder = Holder(box=Box(1, 2, 3, 4))
    assert holder.model_dump_json() == '{"box":[1,2,3,4]}'
    assert Holder.model_validate_json('{"box":[1,2,3,4]}') == holder
    assert isinstance(Holder.model_validate_json('{"box":[1,2,3,4]}').box, Box)


def test_a_written_box_is_cut_to_the_image() -> None:
    assert checked(Box(-10, 5, 50, 200), Size(100, 100)) == Box(0, 5, 50, 100)


@pytest.mark.parametrize("box", [Box(100, 0, 120, 50), Box(0, -50, 50, 0), Box(300, 300, 400, 400)])
def test_a_box_outside_the_image_is_refused_with_its_size(box: Box) -> None:
    with pytest.raises(ValueError, match="lies outside the image, which is 100x80"):
        checked(box, Size(100, 80))
