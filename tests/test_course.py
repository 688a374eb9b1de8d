"""The tiny model's course through the command line: six arms, one table, and nothing done twice."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch")

from pipeline.training.curves import history
from tests.runs import Ended, Run, alive, cof, files, until

pytestmark = pytest.mark.e2e

LEG = "{steps: 2, batch: 4, accumulate: 1, log_steps: 1, rows: [{kind: %s}]}"
SHORT = [
    f"course.base=[{LEG % 'grounding'}, {LEG % 'reading, resolution: 84'}]",
    f"course.direct={LEG % 'direct'}",
    f"course.sft={LEG % 'trace'}",
    f"course.always={LEG % 'zoom'}",
    f"course.few={LEG % 'zoom'}",
    f"course.more={LEG % 'zoom'}",
    "rl={steps: 1, questions: 2, rollouts: 2, batch: 4, max_tokens: 20}",
    "evaluate={count: 4, controls: 2, max_tokens: 20}",
]
MODELS = ["direct", "sft", "sft-few", "sft-few+rl", "sft-few+sft"]


class Trained(NamedTuple):
    folder: Path
    ended: Ended

    @property
    def command(self) -> list[str]:
        return ["train", "--config", "configs/tiny.yaml", f"out={self.folder}", *SHORT]

    @property
    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.folder / "results.json").read_text())["rows"]
        return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("course") / "train"
    return Trained(folder, cof(*Trained(folder, None).command))  # type: ignore[arg-type]


def test_it_ends_well(trained: Trained) -> None:
    assert trained.ended.code == 0, trained.ended


def test_every_model_has_a_row_for_every_resolution(trained: Trained) -> None:
    assert [(row["model"], row["resolution"]) for row in trained.rows] == [
        (model, resolution) for model in MODELS for resolution in (56, 84, 168)
    ]


def test_a_row_has_the_keys_that_were_promised(trained: Trained) -> None:
    costs = {"model", "resolution", "n", "accuracy", "accuracy_t1", "ci95", "zooms", "visual_tokens"}
    promised = costs | {"random_crop_accuracy", "right_crop_accuracy"}
    assert all(row.keys() >= promised and row["n"] == 4 for row in trained.rows)


def test_the_adaptive_model_stands_beside_one_that_always_zooms(trained: Trained) -> None:
    beside = [row["model"] for row in trained.rows if row.get("always_zoom_accuracy") is not None]
    assert beside == ["sft"] * 3


def test_the_compute_of_every_arm_is_told(trained: Trained) -> None:
    assert all(row["train_cpu_seconds"] > 0 for row in trained.rows)


def test_the_table_and_the_curves_are_shown(trained: Trained) -> None:
    assert "| sft-few+rl | 168 | 4 |" in trained.ended.out
    assert (trained.folder / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_every_model_is_kept_as_safetensors(trained: Trained) -> None:
    for model in ("base", "always", *MODELS):
        assert (trained.folder / model / "model" / "model.safetensors").is_file()
        assert (trained.folder / model / "model" / "chain_of_focus.json").is_file()


def test_a_finished_course_is_not_done_again(trained: Trained) -> None:
    before = files(trained.folder)
    again = cof(*trained.command)
    assert again.code == 0, again
    assert "step" not in again.out.partition("| model")[0]
    changed = {name for name, content in files(trained.folder).items() if before[name] != content}
    assert changed <= {"curves.png", "results.json"}


def test_the_base_is_the_same_however_many_processes_share_its_batches(trained: Trained, tmp_path: Path) -> None:
    alone = Trained(tmp_path, trained.ended)
    with Run([*alone.command, "course.workers=1"]) as run:
        until((tmp_path / "base" / "model" / "chain_of_focus.json").exists, "the base")
        run.kill()
    for leg in ("leg1", "leg2"):
        shared, single = (history(folder / "base" / leg) for folder in (trained.folder, tmp_path))
        assert [step["loss"] for step in shared] == pytest.approx([step["loss"] for step in single], rel=1e-4)


def test_a_base_that_diverges_is_told_in_a_sentence_and_no_process_waits_for_another(tmp_path: Path) -> None:
    leg = "steps: 4, batch: 4, accumulate: 1, log_steps: 1, rows: [{kind: reading}]"
    wild = f"course.base=[{{{leg}, optimizer: {{lr: 1.0e+30, warmup: 0.0}}}}]"
    ended = cof("train", "--config", "configs/tiny.yaml", f"out={tmp_path}", *SHORT, wild)
    assert ended.code == 2, ended
    assert "The loss of base 1 became nan at step" in ended.err


def test_another_configuration_is_refused(trained: Trained) -> None:
    refused = cof(*trained.command, "seed=1")
    assert refused.code == 2
    assert refused.err.endswith("was trained with another seed. Choose another out=, or remove the folder.\n")


def test_no_process_outlives_a_killed_course(tmp_path: Path) -> None:
    long = ["course.base=[{steps: 5000, batch: 4, accumulate: 1, log_steps: 1, rows: [{kind: reading}]}]"]
    with Run(["train", "--config", "configs/tiny.yaml", f"out={tmp_path}", *long]) as run:
        until((tmp_path / "base" / "leg1" / "metrics.jsonl").exists, "the first step")
        family = run.kill()
    assert len(family) >= 2
    until(lambda: not alive(family), "the end of all processes")
