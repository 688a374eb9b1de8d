"""Tests of the lamp task: what is drawn, and what is said about it."""

import json
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from agents.boxes import Box, Size
from agents.dialects import BOX_END, BOX_START, Dialect, parse, render, settle
from agents.views import posed_view
from agents.views import render as picture_of
from pipeline.training import lamps
from pipeline.training.config import Row
from pipeline.training.scenes import _drawn, exercises
from tests.policies import manner, policy

SEEDS = range(30)


def test_the_same_seed_draws_the_same_scene() -> None:
    one, two = lamps.scene(3), lamps.scene(3)
    assert one == two
    assert lamps.draw(one).tobytes() == lamps.draw(two).tobytes()
    assert lamps.draw(one).tobytes() != lamps.draw(lamps.scene(4)).tobytes()


def test_few_scenes_are_drawn_once_however_often_they_are_learned_from() -> None:
    few = 200  # More than are kept drawn.
    lessons = exercises([Row(kind="trace", resolution=84)], 70_000_000, 3 * few, few, manner())
    encoder = policy().encoder
    before = _drawn.cache_info().misses
    for lesson in lessons:
        lesson.encoded(encoder, manner())
    assert _drawn.cache_info().misses - before == few


def test_a_lamp_shows_its_colour_close_by_and_hardly_from_afar() -> None:
    for seed in SEEDS:
        scene = lamps.scene(seed)
        close = lamps.draw(scene).crop(scene.evidence)
        near = np.asarray(close, dtype=int)
        far = np.asarray(close.resize((1, 1), Image.Resampling.BOX), dtype=int)
        assert np.ptp(near, axis=2).max() == 208
        assert np.ptp(far) < 104


def test_the_lamp_lies_on_its_sign() -> None:
    for seed in SEEDS:
        scene = lamps.scene(seed)
        assert scene.sign.holds(scene.evidence)
        assert scene.board in scene.question
        assert scene.answer in lamps.ANSWERS


@pytest.mark.parametrize("resolution", lamps.RESOLUTIONS)
def test_a_zoom_shows_the_whole_lamp_from_the_box_as_written(resolution: int) -> None:
    setting = lamps.setting(resolution)
    for seed in SEEDS:
        scene = lamps.scene(seed)
        trace = lamps.zoom_trace(scene, setting)
        assert trace == settle(trace, setting)
        assert trace.zooms[0].view.box.coverage(scene.evidence) > 0.8
        assert trace.zooms[0].view.visual_tokens == 9


def test_traces_come_back_from_their_text() -> None:
    setting = lamps.setting(lamps.RESOLUTIONS[1])
    for seed in SEEDS:
        scene = lamps.scene(seed)
        trace = lamps.trace(scene, lamps.RESOLUTIONS[1], setting)
        assert parse(render(trace, scene.question, setting, Dialect.INLINE), setting, Dialect.INLINE) == trace
        assert trace.answer == scene.answer


def test_fewer_traces_zoom_the_more_the_posed_view_shows() -> None:
    scenes = [lamps.scene(seed) for seed in range(40)]
    shares = [
        sum(bool(lamps.trace(scene, r, lamps.setting(r)).zooms) for scene in scenes) / len(scenes)
        for r in lamps.RESOLUTIONS
    ]
    assert shares[0] == 1 and shares[-1] < 0.5
    assert all(more >= less for more, less in pairwise(shares))


def test_posed_views_are_whole_patches_of_one_scale() -> None:
    for resolution in lamps.RESOLUTIONS:
        setting = lamps.setting(resolution)
        assert setting.posed == Size(resolution, resolution)
        view = posed_view(setting.photo, resolution)
        assert picture_of(lamps.draw(lamps.scene(0)), view).size == (resolution, resolution)


@pytest.mark.parametrize("side", [84, 168])
def test_views_to_read_show_the_lamp_and_keep_inside_the_scene(side: int) -> None:
    rng = np.random.default_rng(0)
    for seed in SEEDS:
        scene = lamps.scene(seed)
        view = lamps.reading(scene, side, rng)
        assert view.box.holds(scene.evidence) or scene.evidence.holds(view.box)
        assert view.box.clip(Size(lamps.SIDE, lamps.SIDE)) == view.box
        assert view.size == (side, side)


def test_views_to_read_reach_from_the_whole_scene_to_the_lamp_alone() -> None:
    rng = np.random.default_rng(0)
    widths = [lamps.reading(lamps.scene(seed), 168, rng).box.size.width for seed in range(100)]
    assert min(widths) < 50
    assert max(widths) > 0.9 * lamps.SIDE


def test_finding_a_lamp_is_told_in_posed_pixels() -> None:
    scene = lamps.scene(0)
    for resolution in lamps.RESOLUTIONS:
        setting = lamps.setting(resolution)
        question, text = lamps.grounding(scene, setting)
        assert scene.board in question
        written = Box(*json.loads(text.removeprefix(BOX_START).removesuffix(BOX_END)))
        assert setting.read(written).overlaps(scene.evidence)
        assert written.clip(setting.posed) == written
