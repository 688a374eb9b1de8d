"""Strategies: what each has the policy read, what it makes of what was written, and what the switches change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.boxes import Box, Size, whole
from agents.dialects import Dialect
from agents.views import render, zoom_view
from pipeline.config import ConfigError, load_as
from pipeline.evaluation.config import EvaluationConfig, Way
from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.exchange import Written
from pipeline.evaluation.strategies.once import partition, slices
from tests.attempts import ANSWER, OTHER, TALL, WIDE, attempt, driven, look
from tests.policies import EVIDENCE, ZOOM, NoisyPhoto, example

PHOTO = NoisyPhoto().image
SIZE = Size(403, 301)
BOTH = pytest.mark.parametrize("dialect", Dialect)


def native(box: Box) -> Box:
    return example().setting(attempt(Way(strategy="cof")).manner).read(box)


def guess(confidence: float, text: str = "red </answer><|im_end|>") -> Written:
    return Written(f"<answer> {text}", confidence, True)


# direct, uniform-high, grid


@BOTH
def test_direct_asks_about_the_posed_photo_and_takes_the_answer(dialect: Dialect) -> None:
    done = driven("direct", ANSWER, dialect=dialect)
    (asked,) = done.read
    assert asked.fresh and [shown.view for shown in asked.pictures] == [example().posed]
    assert (done.outcome.reply, done.outcome.views) == ("EXIT", ())


@BOTH
def test_a_look_asked_for_where_there_is_none_has_to_be_an_answer(dialect: Dialect) -> None:
    done = driven("direct", look(TALL, dialect=dialect), guess(0.5), dialect=dialect)
    assert (done.outcome.reply, done.outcome.views, len(done.read)) == ("red", (), 2)
    assert not done.read[1].pictures and not done.read[1].fresh


def test_a_reply_without_tags_is_taken_as_it_is() -> None:
    assert driven("direct", "EXIT<|im_end|>").outcome.reply == "EXIT"


def test_a_reply_that_never_ends_is_none() -> None:
    assert driven("direct", Written("EXIT EXIT EXIT", 0.9, False)).outcome.reply is None


def test_the_grid_shows_the_whole_photo_and_then_every_part_of_it() -> None:
    (asked,) = driven("grid", ANSWER, slices=4).read
    posed, *parts = [shown.view for shown in asked.pictures]
    assert posed == example().posed
    assert sum(part.box.area for part in parts) == SIZE.area
    assert asked.turns[-1].content.count(None) == 1 + len(parts)


@given(st.integers(60, 5000), st.integers(60, 5000), st.integers(56, 1500), st.integers(1, 12))
def test_parts_cover_the_photo_once_and_are_no_more_than_allowed(width: int, height: int, r: int, most: int) -> None:
    photo = Size(width, height)
    parts = list(slices(photo, r * r, most))
    assert len(parts) <= most
    assert sum(part.box.area for part in parts) == photo.area
    assert all(not one.box.overlaps(other.box) for n, one in enumerate(parts) for other in parts[:n])


def test_a_wide_photo_is_cut_into_columns_and_a_tall_one_into_rows() -> None:
    assert partition(Size(3000, 1000), 1000**2, 6) == (1, 3)
    assert partition(Size(1000, 3000), 1000**2, 6) == (3, 1)


def test_a_photo_no_larger_than_its_picture_is_not_cut() -> None:
    assert partition(Size(300, 200), 448**2, 6) == (1, 1)


# cof


@BOTH
def test_cof_answers_directly_where_the_policy_does(dialect: Dialect) -> None:
    assert driven("cof", ANSWER, dialect=dialect).outcome == ("EXIT", (), 0)


@BOTH
def test_cof_shows_native_pixels_of_the_very_box_that_was_written(dialect: Dialect) -> None:
    done = driven("cof", look(TALL, dialect=dialect), ANSWER, dialect=dialect)
    ((view, image),) = done.read[1].pictures
    assert view == zoom_view(SIZE, native(TALL), ZOOM) == done.outcome.views[0]
    assert image.tobytes() == render(PHOTO, view).tobytes()
    assert done.outcome.reply == "EXIT"


@BOTH
def test_an_impossible_box_is_answered_in_words(dialect: Dialect) -> None:
    done = driven("cof", look(Box(900, 900, 950, 950), dialect=dialect), ANSWER, dialect=dialect)
    said = done.read[1].begun[0] if dialect is Dialect.INLINE else done.read[1].turns[0].content[0]
    assert said is not None and "outside the image" in said
    assert done.outcome == ("EXIT", (), 1)


@BOTH
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_after_its_last_look_the_policy_has_to_answer(depth: int, dialect: Dialect) -> None:
    asking = [look(TALL, dialect=dialect)] * (depth + 1)
    done = driven("cof", *asking, guess(0.2), max_zooms=depth, dialect=dialect)
    assert (len(done.outcome.views), done.outcome.reply) == (depth, "red")


@BOTH
def test_a_sure_guess_ends_the_looking(dialect: Dialect) -> None:
    done = driven("cof", look(TALL, dialect=dialect), guess(0.95), stop_at=0.9, dialect=dialect)
    assert (done.outcome.reply, done.outcome.views) == ("red", ())


def test_an_unsure_guess_is_forgotten_and_the_look_is_had() -> None:
    done = driven("cof", look(TALL), guess(0.5), ANSWER, stop_at=0.9)
    assert [exchange.passing for exchange in done.read] == [False, True, False]
    assert (done.outcome.reply, len(done.outcome.views)) == ("EXIT", 1)


def test_stopping_needs_probabilities() -> None:
    with pytest.raises(EvaluationError, match="no probabilities"):
        driven("cof", look(TALL), Written("<answer> red </answer>", None, True), stop_at=0.9)


@BOTH
def test_one_region_a_step_is_the_rule(dialect: Dialect) -> None:
    done = driven("cof", look(TALL, WIDE, dialect=dialect), ANSWER, dialect=dialect)
    if dialect is Dialect.INLINE:
        assert [view.box for view in done.outcome.views] == [zoom_view(SIZE, native(WIDE), ZOOM).box]
    else:
        assert done.outcome.faults == 1  # it is told to make one call


@BOTH
def test_regions_together_are_shown_together_and_once(dialect: Dialect) -> None:
    asking = look(TALL, WIDE, dialect=dialect)
    done = driven("cof", asking, asking, guess(0.4), regions="together", dialect=dialect)
    assert [shown.view.box for shown in done.read[1].pictures] == [
        zoom_view(SIZE, native(box), ZOOM).box for box in (TALL, WIDE)
    ]
    assert (len(done.outcome.views), done.outcome.reply) == (2, "red")


@BOTH
def test_mixed_regions_may_come_in_several_steps(dialect: Dialect) -> None:
    said = look(TALL, WIDE, dialect=dialect), look(WIDE, dialect=dialect), ANSWER
    assert len(driven("cof", *said, regions="mixed", dialect=dialect).outcome.views) == 3


def test_a_policy_that_may_ask_for_several_regions_is_told_so() -> None:
    (asked,) = driven("cof", ANSWER, dialect=Dialect.TOOL_CALL, regions="mixed").read
    (plain,) = driven("cof", ANSWER, dialect=Dialect.TOOL_CALL).read
    assert "several regions" in str(asked.turns[-1].content) and "several" not in str(plain.turns)


def test_a_crop_has_no_more_tokens_than_the_switch_allows() -> None:
    small, large = (driven("cof", look(TALL), ANSWER, crop_tokens=n).outcome.views[0] for n in (4, 64))
    assert small.box == large.box
    assert small.visual_tokens <= 4 < large.visual_tokens <= 64


def test_a_crop_of_old_pixels_holds_what_the_posed_photo_showed() -> None:
    done = driven("cof", look(TALL), ANSWER, crop_source="resized")
    ((view, image),) = done.read[1].pictures
    assert view.via == tuple(example().posed.size)
    assert (
        image.tobytes()
        == render(PHOTO, view).tobytes()
        != render(PHOTO, view.model_copy(update={"via": None})).tobytes()
    )


# what is shown for a look


def shown(crops: str) -> bytes:
    ((view, image),) = driven("cof", look(TALL), ANSWER, crops=crops).read[1].pictures
    assert view.box == zoom_view(SIZE, native(TALL), ZOOM).box
    return image.tobytes()


def test_every_replacement_shows_something_else() -> None:
    assert len({shown(crops) for crops in ("own", "random", "right", "other", "noise")}) == 5


@pytest.mark.parametrize("crops", ["random", "noise", "other", "right"])
def test_a_replacement_is_the_same_each_time(crops: str) -> None:
    assert shown(crops) == shown(crops)


def test_the_right_crop_is_the_look_at_the_evidence() -> None:
    assert shown("right") == render(PHOTO, zoom_view(SIZE, EVIDENCE, ZOOM)).tobytes()


def test_another_photos_crop_is_cut_at_the_same_place() -> None:
    view = zoom_view(SIZE, native(TALL), ZOOM)
    assert shown("other") == render(OTHER.image, view).tobytes()


# graded


@pytest.mark.parametrize(("box", "expected"), [(Box(70, 40, 72, 42), 36), (Box(0, 0, 100, 80), 64)])
def test_a_graded_crop_has_as_many_tokens_as_its_box_has_detail(box: Box, expected: int) -> None:
    (view,) = driven("graded", look(box), ANSWER, grades=(4, 64)).outcome.views
    assert view.visual_tokens == pytest.approx(expected, rel=0.2)


def test_a_policy_can_choose_how_sharp_its_crop_is() -> None:
    asking = look(TALL, dialect=Dialect.TOOL_CALL).replace('"bbox_2d"', '"visual_tokens": 100, "bbox_2d"')
    (view,) = driven("graded", asking, ANSWER, grading="model", dialect=Dialect.TOOL_CALL).outcome.views
    assert view.visual_tokens == pytest.approx(100, abs=12)


def test_a_policy_that_cannot_say_so_is_not_asked() -> None:
    with pytest.raises(EvaluationError, match="grading=box"):
        driven("graded", ANSWER, grading="model")


# boxes-in-text, two-view, locate-first


@BOTH
def test_boxes_in_text_bring_no_picture(dialect: Dialect) -> None:
    done = driven("boxes-in-text", look(TALL, dialect=dialect), ANSWER, dialect=dialect)
    assert sum(len(exchange.pictures) for exchange in done.read) == 1
    assert (done.outcome.reply, done.outcome.views) == ("EXIT", ())


@BOTH
def test_two_views_are_the_photo_and_the_place_the_policy_names(dialect: Dialect) -> None:
    done = driven("two-view", guess(0.5), "[10, 10, 60, 70]<|im_end|>", ANSWER, dialect=dialect)
    assert [exchange.fresh for exchange in done.read] == [True, True, True]
    assert [view for view, _ in done.read[2].pictures] == [example().posed, zoom_view(SIZE, native(TALL), ZOOM)]
    assert done.outcome.reply == "EXIT"


def test_the_surer_of_two_answers_counts() -> None:
    assert driven("two-view", guess(0.99), "[10, 10, 60, 70]<|im_end|>", ANSWER).outcome.reply == "red"


def test_without_a_place_the_first_answer_counts() -> None:
    assert driven("two-view", guess(0.5), "none<|im_end|>").outcome.reply == "red"


def test_a_place_found_at_once_ends_the_search() -> None:
    done = driven("locate-first", "[10, 10, 60, 70]<|im_end|>", ANSWER)
    assert [view.box for view in done.outcome.views] == [zoom_view(SIZE, native(TALL), ZOOM).box]


def test_the_search_goes_first_where_the_thing_seemed_to_be() -> None:
    unsure = Written("[80, 60, 110, 80]<|im_end|>", 0.2, True)
    none = Written("none<|im_end|>", 0.9, True)
    done = driven("locate-first", unsure, none, none, ANSWER, views=3)
    first, second, *_ = (exchange.pictures[0].view.box for exchange in done.read)
    assert first == whole(SIZE)
    assert second == Box(202, 150, 403, 301)  # The quarter with the unsure place in it.


def test_the_search_ends_with_its_best_guess() -> None:
    unsure = Written("[80, 60, 110, 80]<|im_end|>", 0.2, True)
    done = driven("locate-first", unsure, ANSWER, views=1)
    assert done.outcome.views[0].box.holds(native(Box(82, 62, 108, 78)))


def test_a_place_in_a_part_is_read_in_the_parts_own_pixels() -> None:
    unsure = Written("[80, 60, 110, 80]<|im_end|>", 0.2, True)
    done = driven("locate-first", unsure, "[0, 0, 28, 28]<|im_end|>", ANSWER, views=2)
    part = done.read[1].pictures[0].view
    found = done.outcome.views[0].box
    assert found.holds(Box(part.box.x1, part.box.y1, part.box.x1 + 20, part.box.y1 + 20))


# configuration


def test_a_switch_that_a_strategy_does_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="direct does not read 'max_zooms'"):
        Way(strategy="direct", max_zooms=3)


def test_a_way_is_called_by_what_is_different_about_it() -> None:
    assert [Way(strategy="cof").label, Way(strategy="graded", grades=(4, 16)).label] == ["cof", "graded grades=4-16"]


def test_an_unknown_strategy_is_refused_with_those_there_are() -> None:
    asked = "models=[{name: a, path: b}]", "benchmarks=[lamps]", "strategies=[telescope]"
    with pytest.raises(ConfigError, match=r"no strategy 'telescope'.*cof"):
        load_as(EvaluationConfig, None, list(asked))


def test_a_grade_never_leaves_its_bounds() -> None:
    for area in range(1, 60):
        side = 4 * area
        (view,) = driven("graded", look(Box(0, 0, min(side, 110), min(side, 80))), ANSWER, grades=(4, 16)).outcome.views
        # Sides are rounded to whole tokens, each by half of one at most.
        assert 3 <= view.visual_tokens <= 20
