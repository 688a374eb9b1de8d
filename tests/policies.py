"""A tiny policy with random weights, examples on noisy photos, and a parrot that says what it is told."""

from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from agents.boxes import Box, Size
from agents.dialects import Dialect, settle
from agents.trace import Answer, Focus, Segment, Think, Trace
from agents.views import PATCH, View, ZoomPolicy, render
from pipeline.training.encode import Encoder
from pipeline.training.examples import Example
from pipeline.training.manner import Manner
from pipeline.training.policy import Policy
from pipeline.training.rollout import Roller, Rollout
from pipeline.training.writing import Sampling

EVIDENCE = Box(200, 150, 260, 170)
LOOKS = (Box(100, 60, 300, 220), Box(190, 140, 270, 180))
ZOOM = ZoomPolicy(max_pixels=9 * PATCH**2)
WORDS = "I look at the sign. Now I can read it: it says EXIT. What does the sign say? assistant user system 0123456789"


def manner(dialect: Dialect = Dialect.INLINE, **values: Any) -> Manner:
    return Manner(**{"dialect": dialect, "zoom": ZOOM, "brief": True, "max_zooms": 3, **values})


@cache
def _parts() -> tuple[Any, bytes]:
    """The tokenizer, and the weights of a model for it."""
    import pickle

    from pipeline.training.tiny import build_model, build_tokenizer

    tokenizer = build_tokenizer([WORDS] * 5, 400)
    return tokenizer, pickle.dumps(build_model(tokenizer, seed=0))


def policy(dialect: Dialect = Dialect.INLINE, **values: Any) -> Policy:
    """A fresh one; all are the same."""
    import pickle

    tokenizer, model = _parts()
    return Policy(pickle.loads(model), tokenizer, manner(dialect, **values))


class NoisyPhoto:
    """A photo that is neither square nor a multiple of anything."""

    def __init__(self, seed: int = 0) -> None:
        self.size = size = Size(403, 301)
        noise = np.random.default_rng(seed).integers(0, 255, (size.height, size.width, 3), dtype=np.uint8)
        self.image = Image.fromarray(noise)

    def picture(self, view: View) -> Image.Image:
        return render(self.image, view)


def example(seed: int = 0, resolution: int | None = 112, looks: int = 1, how: Manner | None = None) -> Example:
    """A question, and the trace that answers it after some looks."""
    bare = Example(f"e{seed}", NoisyPhoto(seed), resolution, "What does the sign say?", "EXIT", evidence=(EVIDENCE,))
    setting = bare.setting(how or manner())
    segments: list[Segment] = [Think(text="I look at the sign.")]
    for box in LOOKS[2 - looks :]:
        segments += [Focus(box=box), setting.zoom(box), Think(text="Now I can read it.")]
    return bare._replace(trace=settle(Trace(segments=(*segments, Answer(text="EXIT"))), setting))


class Parrot:
    """A model that reads as the real one does, and then says the next token of its script."""

    def __init__(self, policy: Policy, script: list[int]) -> None:
        self.real, self.script, self.said = policy.model, script, 0
        self.device, self.training, self.model = policy.model.device, False, policy.model.model

    def eval(self) -> None: ...
    def train(self, _mode: bool) -> None: ...

    def __call__(self, **inputs: Any) -> Any:
        import torch

        output = self.real(**inputs)
        token = self.script[min(self.said, len(self.script) - 1)]
        self.said += 1
        output.logits = torch.full_like(output.logits, -30.0)
        output.logits[..., token] = 30.0
        return output


def recite(text: str, one: Example, how: Manner, max_tokens: int = 2000) -> Rollout:
    """The rollout of a policy that says a text, observations left out, and then ends its turn for ever."""
    owner = policy(how.dialect)
    encoder = Encoder(owner.tokenizer)
    script = [*encoder.text(text).ids, encoder.end]
    roller = Roller(Parrot(owner, script), encoder, how, Sampling(temperature=0, max_tokens=max_tokens))
    return roller.roll([one])[0]


def gold(one: Example, how: Manner) -> str:
    """What the policy itself writes in an example's trace."""
    said = [
        part for turn in one.turns(how) if turn.role == "assistant" for part in (*turn.content, "<|im_end|>") if part
    ]
    return "".join(said).removesuffix("<|im_end|>")
