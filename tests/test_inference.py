"""Using a policy: what it says and sees is told in order, in one reading, and whole afterwards."""

from pathlib import Path

import pytest
from PIL import Image

from agents.dialects import Dialect
from agents.photos import ORIENTATION_TAG, PhotoError
from pipeline.training.inference import ChainOfFocus, Question, Said, Seen, Told
from pipeline.training.policy import Policy
from pipeline.training.rollout import Stop
from tests.policies import NoisyPhoto, Parrot, example, gold, manner, policy


def parrot(text: str, dialect: Dialect = Dialect.INLINE, max_tokens: int = 2000) -> ChainOfFocus:
    """What a policy does that says a text, observations left out."""
    owner = policy(dialect)
    script = [*owner.encoder.text(text).ids, owner.encoder.end]
    return ChainOfFocus(Policy(Parrot(owner, script), owner.tokenizer, owner.manner), max_tokens)


def question(resolution: int | None = 112) -> Question:
    return Question(NoisyPhoto().image, "What does the sign say?", resolution=resolution)


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("looks", [0, 1, 2])
def test_answer_trace_and_crops_are_those_of_what_was_said(dialect: Dialect, looks: int) -> None:
    one = example(looks=looks, how=manner(dialect))
    looked = parrot(gold(one, manner(dialect)), dialect).answers([question()])[0]
    assert (looked.answer, looked.trace, looked.stop) == ("EXIT", one.trace, Stop.ANSWERED)
    assert one.trace is not None
    seen = [step for step in looked.steps if isinstance(step, Seen)]
    assert [step.view for step in seen] == [zoom.view for zoom in one.trace.zooms]
    assert [step.picture.size for step in seen] == [tuple(step.view.size) for step in seen]


def test_steps_come_in_the_order_of_what_happened() -> None:
    looked = parrot(gold(example(looks=2), manner())).answers([question()])[0]
    assert [type(step) for step in looked.steps] == [Said, Seen, Said, Seen, Said]


def test_a_stream_tells_what_the_whole_answer_has() -> None:
    text = gold(example(looks=2), manner())
    whole = parrot(text).answers([question()])[0]
    told = list(parrot(text).stream(question()))
    assert [step.text for step in told if isinstance(step, Said)] == [
        step.text for step in whole.steps if isinstance(step, Said)
    ]
    assert [step.view for step in told if isinstance(step, Seen)] == [
        step.view for step in whole.steps if isinstance(step, Seen)
    ]


def test_an_impossible_box_is_told_and_the_policy_goes_on() -> None:
    text = "I look.<|box_start|>[50, 50, 50, 50]<|box_end|><|image_zoomin|>"
    looked = parrot(text).answers([question()])[0]
    assert any(isinstance(step, Told) for step in looked.steps)
    assert looked.trace is None


def test_no_more_looks_than_allowed_are_taken() -> None:
    looked = parrot(gold(example(looks=2), manner())).answers([question()], max_zooms=1)[0]
    assert (looked.stop, sum(isinstance(step, Seen) for step in looked.steps)) == (Stop.OVER_TURN, 1)


def test_words_without_end_are_told_too() -> None:
    looked = parrot("EXIT " * 50, max_tokens=20).answers([question()])[0]
    assert (looked.stop, looked.answer) == (Stop.LENGTH, None)
    assert [type(step) for step in looked.steps] == [Said]


def test_a_batch_answers_as_each_question_alone() -> None:
    model = ChainOfFocus(policy(), max_tokens=12)
    questions = [
        Question(NoisyPhoto(seed).image, "What does the sign say?", resolution=56 * (1 + seed)) for seed in range(3)
    ]
    together = model.answers(questions)
    assert [one.steps for one in together] == [model.answers([question])[0].steps for question in questions]


def test_nothing_is_read_twice() -> None:
    one = example(looks=2)
    model = parrot(gold(one, manner()))
    model.answers([question()])
    encoder = model.policy.encoder
    assert model.tokens_read <= len(one.encoded(encoder, manner()).ids)


def test_a_photo_on_its_side_is_asked_about_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    NoisyPhoto().image.save(tmp_path / "photo.jpg", exif=exif)
    looked = parrot("I see it. <answer>EXIT</answer>").answer(tmp_path / "photo.jpg", "What?", resolution=112)
    assert looked.posed.height > looked.posed.width


def test_what_is_no_photo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("no")
    with pytest.raises(PhotoError):
        parrot("No.").answer(tmp_path / "photo.jpg", "What?")
    with pytest.raises(PhotoError):
        list(parrot("No.").stream(Question(tmp_path / "photo.jpg", "What?")))
