"""Uses what docs/extending.md adds, in a copy of the project that has it: `python -m tests.extended NAME` prints JSON.

It runs in the copy's folder, so that all packages are the copy's own.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.drawn import case_at, draw

BOX = [256, 192, 384, 288]


def tool(folder: Path) -> Any:
    """What an agent declares to its teacher, and what comes back for a call."""
    from agents.agent import AgentConfig, VisualSearchAgent
    from agents.verifier import Truth
    from tests.scripted import Script, calls, listening, pictures_of, says

    photo = draw(folder / "photo.jpg")
    lines = [calls("zoom_out", {"around": BOX}), says("It is red. <answer>red</answer>")]
    with listening(Script(lines)) as script:
        case = case_at(script.url, photo, folder / "calls.jsonl")
        truth = Truth(question="What colour is the box?", choices=(), answer="red")
        found = asyncio.run(VisualSearchAgent(AgentConfig()).search(case, truth))
    (look,) = found.looks
    return {
        "tools": [one["function"]["name"] for one in script.asked[0]["tools"]],
        "shown": look.view and look.view.box,
        "pictures": [len(pictures_of(asked)) for asked in script.asked],
        "correct": found.correct,
    }


def stage(folder: Path) -> Any:
    """What becomes of a photo with a mask and of one without, in a pipeline that has the stage."""
    from tests.flows import flow
    from tests.runs import oracle, photos

    images = photos(folder / "photos", 2)
    thing = {"bbox": [256, 192, 128, 96], "area": 9000, "predicted_iou": 0.9, "segmentation": {"counts": ""}}
    annotation = {"image": {"width": 640, "height": 480}, "annotations": [thing]}
    (images / "0.json").write_text(json.dumps(annotation))
    with oracle() as (_, script):
        store = flow(script.url, folder / "run", images)
    return {
        "aside": [[one.evidence["photo"], one.reason] for one in store.rejected("segmented")],
        "traces": sum(len(content["records"]) for _, content in store.outcomes("summarize")),
    }


def prompt(_: Path) -> Any:
    """The prompt with its variable filled in."""
    import prompts

    return prompts.render("caption", thing="the red door")


def reward(_: Path) -> Any:
    """What rollouts earn: right after no, one and two looks, and wrong."""
    from pipeline.config import load_as
    from pipeline.training.config import TrainConfig
    from pipeline.training.encode import Encoded
    from pipeline.training.rewards import REWARDS, Rubric
    from pipeline.training.rollout import Rollout, Stop
    from tests.policies import example, gold, manner

    def rollout(looks: int) -> Rollout:
        one, how = example(looks=looks), manner()
        assert one.trace is not None
        views = tuple(zoom.view for zoom in one.trace.zooms)
        return Rollout(one, how, Encoded(), Encoded(), (), (gold(one, how),), views, (), Stop.ANSWERED)

    rubric = Rubric(load_as(TrainConfig, Path("configs/sparing.yaml"), []).rl.weights)
    group = [rollout(looks) for looks in (0, 1, 2)]
    wrong = group[0]._replace(texts=("<answer> ENTRY </answer>",))
    return {"alone": REWARDS["sparing"]([*group, wrong]), "weighed": rubric.scores(group)}


def strategy(_: Path) -> Any:
    """What a policy is shown, and what it is taken to have said."""
    from tests.attempts import ANSWER, driven

    done = driven("middle", ANSWER)
    shown = [picture.view.box for picture in done.read[0].pictures]
    return {"shown": shown, "reply": done.outcome.reply}


def benchmark(folder: Path) -> Any:
    """The questions about a folder of two photos, and what an evaluation by the page's YAML would ask."""
    from pipeline.config import load_as
    from pipeline.evaluation.bench import Bench
    from pipeline.evaluation.config import EvaluationConfig

    for name in ("EXIT", "BAKERY"):
        draw(folder / f"{name}.jpg")
    config = load_as(EvaluationConfig, Path("configs/signs.yaml"), [f"benchmarks=[{{name: signs, data: {folder}}}]"])
    items = Bench(config).questions("signs")
    return {
        "asked": [[item.example.question, item.example.answer, item.example.photo.size] for item in items],
        "strategies": [way.strategy for way in config.strategies],
    }


USES: dict[str, Callable[[Path], Any]] = {
    use.__name__: use for use in (tool, stage, prompt, reward, strategy, benchmark)
}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(USES[sys.argv[1]](Path(scratch))))
