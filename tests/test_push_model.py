"""Models to the Hub and back: what goes of a model's folder, the card made for it, and loading it from there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

torch = pytest.importorskip("torch")

from agents.dialects import Dialect  # noqa: E402
from pipeline.publish import PushError  # noqa: E402
from pipeline.publish.push import push  # noqa: E402
from pipeline.training.errors import PolicyError  # noqa: E402
from pipeline.training.policy import AdapterConfig, Policy, load, with_adapter  # noqa: E402
from tests.hub import Hub  # noqa: E402
from tests.hub import hub as running_hub  # noqa: E402
from tests.policies import example, policy  # noqa: E402
from tests.runs import files  # noqa: E402

NAME = "org/looker"
LORA = AdapterConfig(rank=4, alpha=8)
ROW = {"resolution": 224, "n": 10, "accuracy": 0.7, "ci95": [0.4, 0.9], "accuracy_t1": 0.6, "zooms": 1.0}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path / "home") as running:
        yield running


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training run with a model and the table of its evaluation."""
    run = tmp_path_factory.mktemp("trained") / "train"
    policy(Dialect.TOOL_CALL).save(run / "rl/model")
    rows = [{"model": name, "visual_tokens": 64.0, **ROW} for name in ("sft", "sft+rl")]
    (run / "results.json").write_text(json.dumps({"rows": rows}))
    model = {"name": "Qwen/Qwen2.5-VL-3B-Instruct"}
    (run / "train.json").write_text(json.dumps({"data": "/home/someone/outputs/demo", "seed": 3, "model": model}))
    return run


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """A random adapter, beside its base model."""
    base = policy(Dialect.TOOL_CALL)
    base.save(tmp_path / "base")
    adapted(str(tmp_path / "base")).save(tmp_path / "adapter")
    return tmp_path / "adapter"


def adapted(base: str) -> Policy:
    one = load(base)
    with_adapter(one, LORA)
    with torch.no_grad():
        for name, weight in one.model.named_parameters():
            if "lora_B" in name:  # They start at 0, where an adapter changes nothing.
                weight.fill_(0.1)
    return one


def moved(adapter: Path, base: str) -> None:
    """Have an adapter say that its base model is elsewhere."""
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": base}))


def logits(one: Policy) -> list[float]:
    """Some of what a policy says about the next tokens of a conversation."""
    batch = one.encoder.batch([example(how=one.manner).encoded(one.encoder, one.manner)])
    batch.pop("labels")
    with torch.no_grad():
        return [float(value) for value in one.model.eval()(**batch).logits[0, -1, :20]]


def card(hub: Hub, name: str = NAME) -> tuple[dict[str, Any], str]:
    """The metadata and the text of a model's card on the Hub."""
    _, front, text = hub.model(name).files["README.md"].data.decode().split("---\n", 2)
    return dict(yaml.safe_load(front)), text


def test_a_model_goes_whole_and_private_with_a_card(hub: Hub, trained: Path) -> None:
    model = trained / "rl/model"
    push(model, NAME)
    assert hub.model(NAME).private
    held = {name: blob.sha256 for name, blob in hub.model(NAME).files.items() if name != ".gitattributes"}
    assert held.pop("README.md")
    assert held == files(model)
    assert {"model.safetensors", "config.json", "tokenizer.json", "chain_of_focus.json"} <= held.keys()


def test_the_card_says_what_the_hub_wants_to_know(hub: Hub, trained: Path) -> None:
    push(trained / "rl/model", NAME)
    front, _ = card(hub)
    assert front["base_model"] == "Qwen/Qwen2.5-VL-3B-Instruct"
    assert (front["library_name"], front["pipeline_tag"]) == ("transformers", "image-text-to-text")
    assert (front["license"], "chain-of-focus" in front["tags"]) == ("other", True)


def test_the_card_has_the_evaluation_and_the_manner_and_no_path_of_this_machine(hub: Hub, trained: Path) -> None:
    push(trained / "rl/model", NAME)
    _, text = card(hub)
    assert "| sft+rl | 224 | 10 | 0.700 | 0.400-0.900 |" in text
    assert "this one is `sft+rl`" in text
    assert "| dialect | `tool_call` |" in text
    assert f'from_pretrained("{NAME}")' in text
    assert "seed: 3" in text
    assert "someone" not in text
    assert str(trained) not in text


def test_a_model_without_a_training_run_has_a_card_without_a_table(hub: Hub, tmp_path: Path) -> None:
    policy().save(tmp_path / "model")
    push(tmp_path / "model", NAME)
    front, text = card(hub)
    assert "base_model" not in front
    assert "## Evaluation" not in text


def test_pushing_a_model_again_sends_nothing(hub: Hub, trained: Path) -> None:
    push(trained / "rl/model", NAME)
    asked = len(hub.door.asked)
    push(trained / "rl/model", NAME)
    assert all(line.startswith("GET") for line in hub.door.asked[asked:])


def test_a_card_of_its_own_is_sent_as_it_is(hub: Hub, tmp_path: Path) -> None:
    policy().save(tmp_path / "model")
    (tmp_path / "model/README.md").write_text("---\nlicense: mit\n---\nMine.\n")
    push(tmp_path / "model", NAME)
    assert card(hub) == ({"license": "mit"}, "Mine.\n")


def test_the_card_that_peft_leaves_to_be_filled_in_is_replaced_on_the_hub_alone(hub: Hub, adapter: Path) -> None:
    moved(adapter, "org/base")
    before = files(adapter)
    push(adapter, NAME)
    front, text = card(hub)
    assert (front["library_name"], front["base_model"]) == ("peft", "org/base")
    assert "A LoRA adapter for `org/base` that looks closer" in text
    assert files(adapter) == before


@pytest.mark.usefixtures("hub")
def test_an_adapter_whose_base_nobody_else_has_is_refused(adapter: Path) -> None:
    with pytest.raises(PushError, match="on this machine alone"):
        push(adapter, NAME)


def test_a_merged_model_takes_the_place_of_an_adapter(hub: Hub, adapter: Path) -> None:
    moved(adapter, "org/base")
    push(adapter, NAME)
    push(adapter.parent / "base", NAME)
    assert "adapter_config.json" not in hub.model(NAME).files
    assert "adapter_model.safetensors" not in hub.model(NAME).files


@pytest.mark.usefixtures("hub")
def test_a_model_that_is_not_in_safetensors_is_refused(tmp_path: Path) -> None:
    policy().save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(PushError, match="holds no weights as safetensors"):
        push(tmp_path, NAME)


def test_a_folder_that_holds_an_adapter_loads_with_its_base_model(adapter: Path) -> None:
    assert logits(load(str(adapter))) == pytest.approx(logits(adapted(str(adapter.parent / "base"))), abs=1e-4)
    assert logits(load(str(adapter))) != pytest.approx(logits(load(str(adapter.parent / "base"))), abs=1e-2)


def test_an_adapter_on_an_adapter_is_refused(adapter: Path) -> None:
    with pytest.raises(PolicyError, match="is an adapter"):
        load(str(adapter), adapter=LORA)


def test_an_adapter_that_does_not_say_what_it_is_for_is_refused(adapter: Path) -> None:
    moved(adapter, "")
    with pytest.raises(PolicyError, match="does not say which model it belongs to"):
        load(str(adapter))


def test_models_and_adapters_load_from_the_hub_in_their_manner(hub: Hub, adapter: Path) -> None:
    base = adapter.parent / "base"
    expected = [logits(load(str(base))), logits(adapted(str(base)))]
    moved(adapter, "org/base")
    push(base, "org/base")
    push(adapter, NAME)
    loaded = [load("org/base"), load(NAME)]
    assert [one.manner for one in loaded] == [policy(Dialect.TOOL_CALL).manner] * 2
    assert [logits(one) for one in loaded] == [pytest.approx(values, abs=1e-4) for values in expected]
    assert f"GET /{NAME}/resolve/main/chain_of_focus.json" in hub.door.asked
