"""Attempts with a policy that runs here: one cache per row, nothing read twice, nothing left of what only passes."""

from collections.abc import Generator

import pytest

pytest.importorskip("torch")

from agents.dialects import IMAGE, Dialect, Turn
from pipeline.evaluation.config import Way
from pipeline.evaluation.exchange import Exchange, Finished, Outcome, Shown, Steps, Written
from pipeline.evaluation.local import Local
from pipeline.evaluation.strategies import STRATEGIES
from pipeline.training.pixels import patches
from pipeline.training.policy import Policy
from pipeline.training.writing import Sampling
from tests.attempts import attempt
from tests.policies import NoisyPhoto, Parrot, example, gold, policy
from tests.test_inference import parrot

GREEDY = Sampling(temperature=0, max_tokens=12)


def photo(seed: int = 0) -> Shown:
    one = example(seed)
    return Shown(one.posed, one.photo.picture(one.posed))


def opening(seed: int = 0, words: str = "What does the sign say?") -> Exchange:
    return Exchange(turns=(Turn("user", (IMAGE, words)),), pictures=(photo(seed),), fresh=True)


def crop(seed: int = 7) -> Exchange:
    return Exchange(begun=(IMAGE,), pictures=(photo(seed),))


TRIAL = Exchange(begun=(" </think>\n<answer>",), instead=True, passing=True)


def saying(*exchanges: Exchange, heard: list[Written] | None = None) -> Steps:
    """Reads one exchange after another, whatever is written."""
    written = [] if heard is None else heard
    for exchange in exchanges:
        written.append((yield exchange))
    return Outcome(written[-1].text)


def run(*scripts: tuple[Exchange, ...], batch: int = 8) -> list[list[Written]]:
    """What a random policy writes in each of some attempts."""
    heard: list[list[Written]] = [[] for _ in scripts]
    Local(policy(), GREEDY, batch).run([saying(*script, heard=h) for script, h in zip(scripts, heard, strict=True)])
    return heard


def alike(one: Written, other: Written) -> bool:
    assert one.confidence is not None and other.confidence is not None
    return one.text == other.text and abs(one.confidence - other.confidence) < 1e-5


def test_what_only_passes_leaves_nothing_behind() -> None:
    ((first, then),) = run((opening(), crop()))
    ((again, _, after),) = run((opening(), TRIAL, crop()))
    assert alike(first, again) and alike(then, after)


def test_what_does_not_pass_is_remembered() -> None:
    ((_, then),) = run((opening(), crop()))
    ((_, _, after),) = run((opening(), TRIAL._replace(passing=False), crop()))
    assert not alike(then, after)


def test_rows_side_by_side_write_what_each_writes_alone() -> None:
    scripts = [(opening(0),), (opening(1), crop(), crop(5)), (opening(2), TRIAL, crop()), (opening(3), opening(4))]
    together = run(*scripts)
    for script, heard in zip(scripts, together, strict=True):
        assert all(alike(one, other) for one, other in zip(heard, run(script)[0], strict=True))


def test_a_small_batch_changes_nothing() -> None:
    scripts = [(opening(number), crop(number + 3)) for number in range(5)]
    for one, other in zip(run(*scripts), run(*scripts, batch=2), strict=True):
        assert all(alike(*pair) for pair in zip(one, other, strict=True))


def test_a_fresh_conversation_knows_nothing_of_the_one_before() -> None:
    ((_, second),) = run((opening(0), opening(1)))
    ((alone,),) = run((opening(1),))
    assert alike(second, alone)


def finished(*exchanges: Exchange) -> Finished:
    return Local(policy(), GREEDY).run([saying(*exchanges)])[0]


def test_what_was_read_is_counted_once() -> None:
    owner = policy()
    prompt = owner.encoder.awaiting([Turn("user", (IMAGE, "What does the sign say?"))], [patches(photo().image)])
    one, two = finished(opening()).cost, finished(opening(), crop()).cost
    tokens = photo().view.visual_tokens
    assert (one.pictures, one.visual_tokens, one.prefilled_tokens) == (1, tokens, len(prompt.ids))
    # The crop's tokens, and the two that frame a picture.
    assert (two.pictures, two.visual_tokens, two.prefilled_tokens) == (2, 2 * tokens, len(prompt.ids) + tokens + 2)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("looks", [0, 1, 2])
def test_chain_of_focus_is_what_inference_does(dialect: Dialect, looks: int) -> None:
    how = policy(dialect).manner
    said = gold(example(looks=looks, how=how), how)
    looked = parrot(said, dialect).answer(NoisyPhoto().image, "What does the sign say?", resolution=112)
    one = attempt(Way(strategy="cof"), dialect)
    owner = policy(dialect)
    script = [*owner.encoder.text(said).ids, owner.encoder.end]
    bird = Policy(Parrot(owner, script), owner.tokenizer, owner.manner)
    (done,) = Local(bird, Sampling(temperature=0, max_tokens=2000)).run([STRATEGIES["cof"].run(one)])
    assert done.outcome.reply == looked.answer == "EXIT"
    assert looked.trace is not None and [zoom.view for zoom in looked.trace.zooms] == list(done.outcome.views)
    assert (done.cost.visual_tokens, done.cost.generated_tokens) == (looked.visual_tokens, len(script))


def test_what_an_attempt_raises_is_not_hidden() -> None:
    def broken() -> Generator[Exchange, Written, Outcome]:
        yield opening()
        raise LookupError("the photo is gone")

    with pytest.raises(LookupError, match="gone"):
        Local(policy(), GREEDY).run([broken()])
