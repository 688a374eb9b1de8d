"""The dataset card: what the Hub reads, what people read, and every snippet of it, run as it stands."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyarrow.parquet import ParquetFile

from agents.dialects import Dialect
from agents.messages import Reply, Request
from agents.photos import upright_size
from agents.views import PATCH
from pipeline.config import RunConfig
from pipeline.export import CardFacts, ExportConfig, export
from pipeline.facts import card_facts
from pipeline.records import Traced
from pipeline.runner import drawn_folders
from pipeline.scenes import LineTruth, SceneTruth, ThingTruth
from pipeline.store import Store
from tests.drawn import draw, record_of
from tests.finished import FACTS, Finished
from tests.trainers import Read, llama_factory, ms_swift


class Made:
    """A finished run, and the card of its dataset."""

    def __init__(self, root: Path) -> None:
        self.run = Finished(root)
        self.ask(self.run.zooming.id, cost=0.25)
        self.ask(self.run.direct.id)

    @property
    def dataset(self) -> Path:
        return self.run.dataset

    @property
    def traces(self) -> list[Traced]:
        return sorted((self.run.zooming, self.run.direct), key=lambda one: one.id)

    def ask(self, identity: str, cost: float = 0.0) -> None:
        """Note a request to the teacher in the call log."""
        reply = Reply(text="yes", prompt_tokens=1200, completion_tokens=34, cost=cost)
        self.run.store.journal("search", identity).put(Request(role="search", model="m", messages=()), reply, 0.1)

    def export(self, folder: Path, facts: CardFacts, traces: Iterable[Traced] = (), **config: Any) -> str:
        """The text of the card of an export."""
        export(traces or self.traces, ExportConfig(**config), folder, facts)
        return (folder / "README.md").read_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    made = Made(tmp_path_factory.mktemp("made"))
    made.export(made.dataset, card_facts(made.run.store, made.run.config))
    return made


@pytest.fixture(scope="module")
def card(made: Made) -> str:
    return (made.dataset / "README.md").read_text()


def front(card: str) -> dict[str, Any]:
    head: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return head


@pytest.mark.parametrize(("config", "folder"), [("default", "data"), ("rl", "rl")])
def test_the_head_describes_each_configuration_as_its_files_are(config: str, folder: str, made: Made) -> None:
    from datasets import Features
    from datasets.info import DatasetInfosDict

    told = DatasetInfosDict.from_directory(str(made.dataset))[config]
    files = sorted((made.dataset / folder).iterdir())
    assert all(told.features == Features.from_arrow_schema(ParquetFile(path).schema_arrow) for path in files)
    assert {name: split.num_examples for name, split in told.splits.items()} == {"train": 1, "validation": 1}
    assert told.download_size == sum(path.stat().st_size for path in files)
    assert told.dataset_size == pytest.approx(sum(ParquetFile(path).read().nbytes for path in files), rel=0.01)


def test_the_head_is_written_as_datasets_writes_it(card: str, made: Made) -> None:
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    data = DatasetCardData()
    DatasetInfosDict.from_directory(str(made.dataset)).to_dataset_card_data(data)
    assert front(card)["dataset_info"] == data["dataset_info"]


def test_the_hubs_client_finds_what_a_search_asks_for(card: str) -> None:
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCard

    data = DatasetCard(card).data
    assert (data["license"], data["language"], data["size_categories"]) == ("other", ["en"], ["n<1K"])
    assert data["task_categories"] and {"chain-of-focus", "synthetic"} <= set(data["tags"])
    assert list(MetadataConfigs.from_dataset_card_data(data)) == ["default", "rl"]


def test_each_stage_is_told_with_its_rejects_by_reason(card: str) -> None:
    assert "| propose | 2 | 3 | 0 |  |" in card
    assert "| search | 3 | 2 | 1 | no accepted answer: 1 |" in card
    assert "| export | 2 | 2 | 0 |  |" in card


def test_the_distributions_are_those_of_the_rows(card: str) -> None:
    assert "| 0 | 1 | 50.0% |\n| 1 | 1 | 50.0% |" in card
    assert "| 224 | 2 | 100.0% | 0.50 |" in card
    assert "| text | 2 | 100.0% | 0.0% |" in card
    # 120x80 of 640x480 is 3.1 %; a crop of 140x100, with half as much again on each axis, is 10.3 %.
    assert "| evidence, share of the photo | count | share |\n|---|---:|---:|\n| 1 to 10 % | 2 | 100.0% |" in card
    assert "| crop, share of the photo | count | share |\n|---|---:|---:|\n| 10 % and more | 1 | 100.0% |" in card


def test_every_row_of_a_table_has_the_cells_of_its_head(card: str) -> None:
    tables = re.findall(r"^\|.*\n\|[-:|]+\n(?:\|.*\n)*", card, re.MULTILINE)
    assert len(tables) > 8
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_the_cost_is_counted_from_the_call_log(card: str) -> None:
    assert "| search | 2 | 2,400 | 68 | 0.25 |\n| **all** | 2 | 2,400 | 68 | 0.25 |" in card


def test_a_replay_tells_the_cost_of_the_run_it_replays(made: Made, tmp_path: Path) -> None:
    replay = Store(tmp_path, replay=made.run.folder)
    assert card_facts(replay, made.run.config).usage == card_facts(made.run.store, made.run.config).usage


def test_without_prices_no_cost_is_told(made: Made, tmp_path: Path) -> None:
    facts = card_facts(made.run.store, made.run.config)
    free = {stage: used._replace(cost=0.0) for stage, used in facts.usage.items()}
    card = made.export(tmp_path / "d", facts.model_copy(update={"usage": free, "local_teacher": False}))
    assert "| search | 2 | 2,400 | 68 |\n" in card
    assert "what it cost is not known" in card


def truth(answer: str, name: str) -> SceneTruth:
    """What was drawn, if all there is were one line of writing on one sign."""
    line = LineTruth(text=answer, box=(270, 210, 370, 270), colour="red", height=40)
    sign = ThingTruth(id=0, kind="sign", box=(250, 190, 390, 290), colour="white", lines=(line,), marks=())
    return SceneTruth(image=name, width=640, height=480, seed=0, version=1, things=(sign,))


@pytest.mark.parametrize(("drawn", "right"), [("HALL", "100.0%"), ("HELL", "0.0%")])
def test_a_drawn_run_is_audited_before_its_card_is_written(drawn: str, right: str, tmp_path: Path) -> None:
    made = Made(tmp_path)
    made.run.keep(made.run.direct, question="What is written in red on the white background?")
    folder = drawn_folders(made.run.config)[1]
    folder.mkdir()
    (folder / "photo9.json").write_text(truth(drawn, "photo9.jpg").model_dump_json())
    assert f"| 1 | {right} | 100.0% |" in made.export(tmp_path / "d", card_facts(made.run.store, made.run.config))


def test_without_a_truth_the_card_says_that_nothing_was_audited(card: str) -> None:
    assert "### Audit\n\nNone: nobody but the teacher knows" in card


def test_the_photos_terms_are_told_and_how_many_may_be_sa1bs(made: Made, tmp_path: Path) -> None:
    image = record_of(draw(tmp_path / "sa_17.jpg", seed=3))
    more = sorted([*made.traces, made.run.traced(image, "EXIT", "EXIT", [])], key=lambda one: one.id)
    card = made.export(tmp_path / "d", FACTS, more)
    assert "1 of 3 photos are named as SA-1B's" in card
    assert "SA-1B Dataset Research License" in card and "who passes this dataset on\n  publishes them" in card
    assert "there is no photograph" not in card


def test_drawn_scenes_are_told_from_photos(made: Made, tmp_path: Path) -> None:
    card = made.export(tmp_path / "d", FACTS.model_copy(update={"drawn": True}))
    assert "there is no photograph in them" in card and "Drawn scenes are no photos" in card
    assert "SA-1B" not in card


def test_every_model_that_taught_is_named_and_its_terms_hold(made: Made, tmp_path: Path) -> None:
    teacher = {"model": "/models/a-large-one", "models": {"verify": "a-small-one"}, "local": False}
    config = RunConfig.model_validate({"out": str(made.run.folder), "teacher": teacher})
    card = made.export(tmp_path / "d", card_facts(made.run.store, config))
    assert "`a-large-one`, for verify `a-small-one`." in card
    assert "whoever serves `a-large-one` and the other models above" in card
    assert "/models" not in card and "Everything hangs on writing" not in card


def test_the_local_teachers_biases_are_told(card: str) -> None:
    assert "`local-teacher`: the one that comes with this project" in card
    assert "Everything hangs on writing" in card


def test_the_paper_is_to_be_cited(card: str) -> None:
    cited = card[card.index("## Citation") :]
    assert "journal = {arXiv preprint arXiv:2505.15436}" in cited and "@misc{chain-of-focus-data" in cited
    assert cited.count("{") == cited.count("}")


def snippets(card: str) -> dict[str, str]:
    """The code below each heading of the section on use."""
    use = card[card.index("## Use") : card.index("## How it was made")]
    parts = re.split(r"^##+ ", use, flags=re.MULTILINE)[1:]
    found = {part.partition("\n")[0]: re.findall(r"```\w+\n(.*?)```", part, re.DOTALL) for part in parts}
    assert all(len(codes) <= 1 for codes in found.values()), "a test runs one snippet of each"
    return {heading: codes[0] for heading, codes in found.items() if codes}


def test_each_snippet_has_its_test(card: str) -> None:
    assert set(snippets(card)) == {"Use", "TRL", "LLaMA-Factory", "ms-swift", "verl"}


@pytest.fixture
def here(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which the paths of the snippets lead to the dataset and to a tiny Qwen2.5-VL."""
    folder = tmp_path / "path" / "to" / "this" / "folder"
    folder.parent.mkdir(parents=True)
    folder.symlink_to(made.dataset)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def run_python(code: str) -> dict[str, Any]:
    """What a snippet leaves behind."""
    scope: dict[str, Any] = {}
    exec(code, scope)
    return scope


@pytest.mark.usefixtures("here")
def test_the_rows_load_as_the_card_says(card: str) -> None:
    scope = run_python(snippets(card)["Use"])
    assert len(scope["rows"]["train"]) == len(scope["tasks"]["train"]) == 1
    assert scope["tasks"]["validation"][0]["extra_info"]["answer"] in {"MARKET", "HALL"}


def test_trl_trains_on_the_assistants_words_alone(card: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trl = pytest.importorskip("trl")
    tiny_qwen(here / "Qwen" / "Qwen2.5-VL-7B-Instruct")
    # As on a machine with a GPU, but for this.
    monkeypatch.setattr(trl, "SFTConfig", partial(trl.SFTConfig, use_cpu=True, max_steps=1, disable_tqdm=True))
    scope = run_python(snippets(card)["TRL"])
    trainer, (row,) = scope["trainer"], scope["rows"]["train"]
    assert trainer.state.global_step == 1
    (batch,) = trainer.get_train_dataloader()
    trained = trainer.processing_class.tokenizer.decode(batch["labels"][batch["labels"] != -100])
    said = [turn["content"][0]["text"] for turn in row["messages"] if turn["role"] == "assistant"]
    assert trained == "".join(f"{text}<|im_end|>\n" for text in said)
    assert len(batch["image_grid_thw"]) == len(row["images"])


def tiny_qwen(folder: Path) -> None:
    """A random model in the form of the released one: weights, tokenizer, processor, chat template."""
    from transformers import Qwen2_5_VLProcessor, Qwen2VLImageProcessor, Qwen2VLVideoProcessor
    from trl.chat_template_utils import qwen2_5_vl_chat_template

    from tests.policies import policy

    one = policy(Dialect.TOOL_CALL)
    parts = Qwen2VLImageProcessor(), one.tokenizer, Qwen2VLVideoProcessor()
    Qwen2_5_VLProcessor(*parts, chat_template=qwen2_5_vl_chat_template).save_pretrained(folder)
    one.model.save_pretrained(folder)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("key", ["dataset", "eval_dataset"])
def test_llama_factory_reads_what_the_card_tells_it(key: str, card: str) -> None:
    settings = yaml.safe_load(snippets(card)["LLaMA-Factory"])
    (row,) = llama_factory(settings, settings[key])
    assert whole(row, settings["image_max_pixels"], settings["cutoff_len"])


def test_ms_swift_reads_what_the_card_tells_it(card: str, here: Path) -> None:
    (command, *words), environment = ran(snippets(card)["ms-swift"], here, "swift")
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert command == "sft"
    assert set(options) == {"--model", "--dataset", "--val_dataset", "--max_length"}
    for key in ("--dataset", "--val_dataset"):
        (row,) = ms_swift(options[key], environment["ROOT_IMAGE_DIR"])
        assert whole(row, int(environment["MAX_PIXELS"]), int(options["--max_length"]))


def whole(row: Read, pixels: int, tokens: int) -> bool:
    """Whether a row comes through with all its pictures, none shrunk, and all its words."""
    areas = [upright_size(path).area for path in row.pictures]
    assert row.text.count("<image>") == len(areas) > 0
    assert row.roles[-1] == "assistant" and row.text.endswith("</answer>")
    # No token is shorter than a letter.
    return max(areas) <= pixels and sum(areas) // PATCH**2 + len(row.text) <= tokens


def ran(code: str, here: Path, program: str) -> tuple[list[str], dict[str, str]]:
    """The words a program is called with by a snippet of shell, and its environment."""
    stand_in, said = here / "bin" / program, here / "said.json"
    stand_in.parent.mkdir()
    tell = f"import json, os, sys; json.dump([sys.argv[1:], dict(os.environ)], open({str(said)!r}, 'w'))"
    stand_in.write_text(f"#!{sys.executable}\n{tell}\n")
    stand_in.chmod(0o755)
    shell(code, here, stand_in.parent)
    words, environment = json.loads(said.read_text())
    return words, environment


def shell(code: str, here: Path, programs: Path) -> str:
    """What a snippet of shell prints, with some programs at hand; it must end well."""
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.check_output(["bash", "-e", "-c", code], cwd=here, env=environment, text=True)


def test_verl_is_given_rows_it_finds_from_anywhere(card: str, here: Path) -> None:
    printed = shell(snippets(card)["verl"], here, Path(sys.executable).parent)
    assert "-m verl.trainer.main_ppo --config-dir" in printed
    folder = Path(printed.split("--config-dir ")[1].split()[0])
    told = yaml.safe_load((folder / "chain_of_focus.yaml").read_text())
    assert told["actor_rollout_ref"]["model"]["path"] == "Qwen/Qwen2.5-VL-7B-Instruct"
    for key in ("train_files", "val_files"):
        (row,) = ParquetFile(told["data"][key]).read().to_pylist()
        about = row["extra_info"]["tools_kwargs"]["image_zoom_in_tool"]["create_kwargs"]
        assert all(Path(path).is_absolute() for path in (row["images"][0]["image"], about["image_path"]))
        assert upright_size(Path(row["images"][0]["image"])) == (about["posed_width"], about["posed_height"])
        assert upright_size(Path(about["image_path"])) == (640, 480)


def test_in_the_inline_dialect_trl_is_not_advised(made: Made, tmp_path: Path) -> None:
    """Its collator would train on the tokens of crops that stand in the assistant's turn."""
    card = made.export(tmp_path / "d", FACTS, dialect=Dialect.INLINE)
    assert set(snippets(card)) == {"Use", "LLaMA-Factory", "ms-swift", "verl"}


def test_without_photos_the_card_says_where_to_put_them(made: Made, tmp_path: Path) -> None:
    card = made.export(tmp_path / "d", FACTS, copy_photos=False)
    assert "verl" not in snippets(card)
    assert "put them into this folder under the names of `image_path`" in card


def test_a_dataset_without_validation_is_not_said_to_have_one(made: Made, tmp_path: Path) -> None:
    assert "validation" not in snippets(made.export(tmp_path / "d", FACTS, validation_share=0))["LLaMA-Factory"]
