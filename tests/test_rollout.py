"""Rollouts: crops enter where they are asked for, and what is kept is exactly what was sampled."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from agents.boxes import Box  # noqa: E402
from agents.dialects import Dialect  # noqa: E402
from pipeline.training.context import Mark  # noqa: E402
from pipeline.training.encode import Encoded  # noqa: E402
from pipeline.training.environment import ZoomEnvironment  # noqa: E402
from pipeline.training.errors import EncodingError  # noqa: E402
from pipeline.training.policy import Policy  # noqa: E402
from pipeline.training.rollout import Roller, Rollout, Stop  # noqa: E402
from pipeline.training.writing import Sampling  # noqa: E402
from tests.policies import LOOKS, example, gold, manner, policy, recite  # noqa: E402

DIALECTS = pytest.mark.parametrize("dialect", list(Dialect))
DIRECT = "<think> I can read it. </think>\n<answer> EXIT </answer>"


def look(box: str) -> str:
    return f"<think> I look. <|box_start|>{box}<|box_end|> <|image_zoomin|>"


def called(box: str) -> str:
    call = f'{{"name": "image_zoom_in_tool", "arguments": {{"bbox_2d": {box}}}}}'
    return f"<think> I look. </think>\n<tool_call>\n{call}\n</tool_call>"


@DIALECTS
@pytest.mark.parametrize("looks", [0, 1, 2])
def test_a_gold_trace_is_read_back_as_it_was(dialect: Dialect, looks: int) -> None:
    how = manner(dialect)
    one = example(looks=looks, how=how)
    rollout = recite(gold(one, how), one, how)
    assert (rollout.stop, rollout.trace) == (Stop.ANSWERED, one.trace)


@DIALECTS
def test_a_rollout_is_encoded_as_its_trace_is(dialect: Dialect) -> None:
    """What RL trains on and what SFT trains on are the same ids with the same mask, up to the last line break."""
    how = manner(dialect)
    one, encoder = example(looks=2, how=how), policy().encoder
    rollout = recite(gold(one, how), one, how)
    whole, taught = rollout.prompt.then(rollout.said), one.encoded(encoder, how)
    end = len(whole.ids)
    assert whole.ids == taught.ids[:end]
    assert whole.trained == taught.trained[:end]
    assert encoder.decode(taught.ids[end:]) == "\n"
    pairs = zip(whole.pictures, taught.pictures, strict=True)
    assert all(torch.equal(ours.values, theirs.values) for ours, theirs in pairs)


def test_a_crop_holds_native_pixels() -> None:
    how = manner()
    one = example(looks=1, how=how)
    rollout = recite(gold(one, how), one, how)
    (view,) = rollout.views
    assert view.via is None
    assert view.box.holds(LOOKS[1])
    assert view.scale > 2 * one.posed.scale


@DIALECTS
@pytest.mark.parametrize("box", ["[5, 5, 5, 5]", "[900, 900, 950, 950]", "[20, 30, 10, 40]"])
def test_a_bad_box_becomes_the_next_observation(dialect: Dialect, box: str) -> None:
    how = manner(dialect)
    bad = look(box) if dialect is Dialect.INLINE else called(box) + "<|im_end|>"
    rollout = recite(bad + DIRECT, example(how=how), how)
    assert len(rollout.faults) == 1
    assert rollout.faults[0] in policy().encoder.decode(rollout.said.ids)
    assert (rollout.stop, rollout.views, rollout.trace) == (Stop.ANSWERED, (), None)


@DIALECTS
def test_a_fault_is_no_word_of_the_policy(dialect: Dialect) -> None:
    how = manner(dialect)
    bad = look("[5, 5, 5, 5]") if dialect is Dialect.INLINE else called("[5, 5, 5, 5]") + "<|im_end|>"
    rollout = recite(bad + DIRECT, example(how=how), how)
    own = [one for one, on in zip(rollout.said.ids, rollout.said.trained, strict=True) if on]
    assert policy().encoder.decode(own) == bad + DIRECT + "<|im_end|>"


def test_one_look_too_many_ends_the_rollout() -> None:
    how = manner(max_zooms=2)
    rollout = recite(look("[20, 20, 60, 60]") * 5, example(how=how), how)
    assert (rollout.stop, len(rollout.views)) == (Stop.OVER_TURN, 2)


def test_the_allowance_ends_a_rollout() -> None:
    rollout = recite("EXIT " * 50, example(), manner(), max_tokens=17)
    assert (rollout.stop, sum(rollout.said.trained)) == (Stop.LENGTH, 17)


class Obliging(ZoomEnvironment):
    """Shows as many crops as the example's number says, whatever is written: a random policy writes no box."""

    def respond(self, _text: str) -> Encoded | None:
        if len(self.views) == int(self.example.id[1:]):
            return None
        side = 40 + 15 * len(self.views)
        return self.zoom(self.setting.zoom(Box(30, 20, 30 + side, 60 + side)))


def restless(owner: Policy, seed: int = 1) -> Roller:
    """Lets a policy with random weights zoom now and then: many of its tokens end a piece."""
    roller = Roller(owner.model, owner.encoder, owner.manner, Sampling(max_tokens=60), seed, Obliging)
    roller.writer.ends |= set(range(0, len(owner.tokenizer), 9))
    return roller


def rolled(seed: int = 1) -> tuple[Policy, list[Rollout]]:
    """A mixed batch: posed at four sizes, none to four looks."""
    owner = policy()
    examples = [example(number, (84, 112, 168, 56)[number % 4]) for number in range(5)]
    return owner, restless(owner, seed).roll(examples, copies=3)


def fresh(owner: Policy, rollouts: list[Rollout]) -> list[Any]:
    """Log-probabilities of what was said, by one forward pass over everything, padded left."""
    whole = [rollout.prompt.then(rollout.said) for rollout in rollouts]
    batch = owner.encoder.batch(whole, left=True)
    batch.pop("labels")
    with torch.no_grad():
        logprobs = owner.model.eval()(**batch).logits.log_softmax(-1)
    found = []
    for number, rollout in enumerate(rollouts):
        ids = torch.tensor(rollout.said.ids)
        found.append(logprobs[number, -len(ids) - 1 : -1].gather(1, ids.unsqueeze(1))[:, 0])
    return found


def test_sampled_log_probabilities_are_those_of_a_fresh_pass() -> None:
    owner, rollouts = rolled()
    assert {len(rollout.views) for rollout in rollouts} == {0, 1, 2, 3, 4}
    for rollout, expected in zip(rollouts, fresh(owner, rollouts), strict=True):
        own = torch.tensor(rollout.said.trained)
        assert torch.allclose(torch.tensor(rollout.logprobs)[own], expected[own], atol=1e-5)


def test_batched_log_probabilities_are_those_of_one_by_one() -> None:
    owner, rollouts = rolled()
    together = fresh(owner, rollouts)
    alone = [fresh(owner, [rollout])[0] for rollout in rollouts]
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(together, alone, strict=True))


def test_nothing_is_read_twice() -> None:
    roller = restless(policy())
    (rollout,) = roller.roll([example(3)])
    assert len(rollout.views) == 3
    # Each token once; the last one is written and never read.
    assert roller.tokens_read == len(rollout.prompt.ids) + len(rollout.said.ids) - 1


def test_prompts_that_are_read_once_serve_any_number_of_rollouts() -> None:
    owner = policy()
    examples = [example(number, (84, 112, 56)[number]) for number in range(3)]
    reader = restless(owner)
    prompted = reader.read(examples)
    assert reader.tokens_read == sum(len(prompt.ids) for prompt in prompted.prompts)
    again = [restless(owner).roll_on(prompted.fork(), copies=2) for _ in range(2)]
    afresh = restless(owner).roll(examples, copies=2)
    assert all([one.said.ids for one in rollouts] == [one.said.ids for one in afresh] for rollouts in again)


def test_what_a_fork_forgets_its_origin_keeps() -> None:
    owner = policy()
    origin = restless(owner).read([example()])
    mark = Mark(1, torch.tensor([1]))
    fork = origin.fork()
    fork.context.forget([0], mark)
    assert not fork.context.mark().next.equal(origin.context.mark().next)
    kept = restless(owner).roll_on(origin)
    assert [one.said.ids for one in kept] == [one.said.ids for one in restless(owner).roll([example()])]


@torch.no_grad()  # type: ignore[untyped-decorator]
def test_rows_that_have_stopped_are_not_computed_along() -> None:
    owner = policy()
    roller = restless(owner)
    roller.writer.ends = set()
    prompted = roller.read([example(number) for number in range(4)])
    rows: list[int] = []
    owner.model.register_forward_pre_hook(lambda *given: rows.append(len(given[2]["input_ids"])), with_kwargs=True)
    roller.writer.write(prompted.context, prompted.logits, [1, 1, 10, 30])
    assert rows == [2] * 9 + [1] * 20


@torch.no_grad()  # type: ignore[untyped-decorator]
def test_rows_that_waited_can_be_taken_back_to_a_mark() -> None:
    owner = policy()
    context = restless(owner).read([example(number, (84, 112, 56)[number]) for number in range(3)]).context
    before, mark = context.fork(), context.mark()
    context.set_aside([0, 2])
    context.step(torch.tensor([5]), torch.tensor([True]))
    context.rejoin()
    context.forget([0, 1, 2], mark)
    tokens, active = torch.tensor([7, 8, 9]), torch.ones(3, dtype=torch.bool)
    assert torch.allclose(context.step(tokens, active), before.step(tokens, active), atol=1e-5)


def test_the_same_seed_gives_the_same_rollouts() -> None:
    said = [[rollout.said.ids for rollout in rolled(seed)[1]] for seed in (1, 1, 2)]
    assert said[0] == said[1] != said[2]


def test_a_policy_cannot_write_picture_tokens() -> None:
    """G1: a sampled `<|image_pad|>` has no picture, and would make trainers drop those of the whole batch."""
    owner = policy()
    encoder, one = owner.encoder, example()
    prompt = encoder.batch([one.prompt(encoder, owner.manner)])
    prompt.pop("labels")
    with torch.no_grad():
        said = owner.model.model(**prompt).last_hidden_state[0, -1]
        owner.model.get_output_embeddings().weight[encoder.pad] = said * 100
    roller = Roller(owner.model, encoder, owner.manner, Sampling(max_tokens=5))
    (rollout,) = roller.roll([one])
    assert not set(encoder.forbidden) & set(rollout.said.ids)
    encoder.forbidden = []
    with pytest.raises(EncodingError, match="picture tokens stand in the text"):
        roller.roll([one])
