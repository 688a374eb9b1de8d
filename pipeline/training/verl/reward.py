"""The rewards as a verl reward function: a decoded response becomes a rollout, scored by the same rubric."""

import re
from collections.abc import Callable
from typing import Any

from agents.boxes import Box, BoxFrame, Size
from agents.dialects import Dialect, Setting, wanted
from agents.views import View, ZoomPolicy
from pipeline.training.encode import Encoded
from pipeline.training.examples import Example
from pipeline.training.manner import Manner
from pipeline.training.rewards import PRESETS, Rubric
from pipeline.training.rollout import Rollout, Stop

Score = Callable[..., dict[str, float]]
_TURNS = re.compile(r"\n(?:user|tool)\n.*?\nassistant\n", re.DOTALL)
"""What stands between two turns of the policy once special tokens are gone."""


def score_by(preset: str) -> Score:
    """The reward function of a preset, as verl calls it; metrics stand beside the score."""
    rubric = Rubric(PRESETS[preset])

    def score(
        data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any], **_: Any
    ) -> dict[str, float]:
        del data_source, ground_truth  # Ours are in `extra_info`, with the options of the question.
        rollout = rollout_of(solution_str, extra_info)
        watched = {name: values[0] for name, values in rubric.watched([rollout]).items()}
        return {"score": rubric.scores([rollout])[0], **watched}

    return score


seed_score, released_score, faithful_score = (score_by(preset) for preset in ("seed", "released", "faithful"))
"""By the names that verl is told."""


def rollout_of(text: str, extra_info: dict[str, Any]) -> Rollout:
    """The rollout that a decoded response describes; its token ids stay with verl."""
    about = extra_info["tools_kwargs"]["image_zoom_in_tool"]["create_kwargs"]
    manner = Manner(dialect=Dialect.TOOL_CALL, frame=BoxFrame(about["frame"]))
    example = Example(
        id=extra_info["id"],
        photo=_Sized(Size(extra_info["width"], extra_info["height"])),
        resolution=extra_info["resolution"] or None,
        question=extra_info["question"],
        choices=tuple(extra_info["choices"]),
        answer=extra_info["answer"],
        evidence=tuple(Box(*box) for box in extra_info["evidence"]),
    )
    pieces = tuple(_TURNS.split(text))
    views, faults = _looks(pieces[:-1], example.setting(manner))
    asks_more = "<tool_call>" in pieces[-1]
    stop = Stop.OVER_TURN if asks_more else Stop.ANSWERED
    return Rollout(example, manner, Encoded(), Encoded(), (), pieces, views, faults, stop)


def _looks(pieces: tuple[str, ...], setting: Setting) -> tuple[tuple[View, ...], tuple[str, ...]]:
    """The crops that were shown, and what was wrong where none was."""
    views: list[View] = []
    faults: list[str] = []
    for piece in pieces:
        try:
            look = wanted(piece, setting, Dialect.TOOL_CALL)
        except ValueError as error:
            faults.append(str(error))
            continue
        if look is not None:
            views.append(look.view)
    return tuple(views), tuple(faults)


def setting_of(about: dict[str, Any], policy: ZoomPolicy) -> Setting:
    """How boxes about a photo are written, from a row's `create_kwargs`."""
    photo = Size(about["photo_width"], about["photo_height"])
    posed = Size(about["posed_width"], about["posed_height"])
    return Setting(photo, posed, policy, BoxFrame(about["frame"]))


class _Sized:
    """A photo of which only the size is needed."""

    def __init__(self, size: Size) -> None:
        self.size = size

    def picture(self, _view: View) -> Any:
        raise AssertionError("rewards look at no pixels")
