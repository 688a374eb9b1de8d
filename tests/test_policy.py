"""Policies: the zoom token, adapters, saving and loading, and models of another manner."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from agents.dialects import ZOOM_TOKEN, Dialect  # noqa: E402
from pipeline.training.config import OptimizerConfig, SftConfig  # noqa: E402
from pipeline.training.curves import history  # noqa: E402
from pipeline.training.errors import EncodingError, PolicyError  # noqa: E402
from pipeline.training.journal import Journal  # noqa: E402
from pipeline.training.policy import (  # noqa: E402
    RELATED,
    AdapterConfig,
    Policy,
    add_zoom_token,
    load,
    load_adapter,
    merge,
    with_adapter,
)
from pipeline.training.sft import fine_tune  # noqa: E402
from tests.policies import example, manner, policy  # noqa: E402

FLAT = OptimizerConfig(lr=1e-2, schedule="constant", warmup=0)
HOW = SftConfig(steps=3, batch=2, accumulate=1, log_steps=1, optimizer=FLAT)
LORA = AdapterConfig(rank=4, alpha=8)


def without_zoom_token() -> Policy:
    """A model whose tokenizer knows no zoom token, as Qwen's own."""
    from pipeline.training.tiny import SPECIAL_TOKENS, build_model, build_tokenizer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.training.tiny.SPECIAL_TOKENS", tuple(t for t in SPECIAL_TOKENS if t != ZOOM_TOKEN))
        tokenizer = build_tokenizer(["What does the sign say?"], 300)
    return Policy(build_model(tokenizer, 0), tokenizer, manner())


def logits(one: Policy) -> Any:
    batch = one.encoder.batch([example().encoded(one.encoder, one.manner)])
    batch.pop("labels")
    with torch.no_grad():
        return one.model.eval()(**batch).logits


def test_the_zoom_token_starts_as_the_mean_of_related_tokens() -> None:
    one = without_zoom_token()
    with pytest.raises(EncodingError, match="which the inline dialect asks with"):
        _ = one.encoder
    assert add_zoom_token(one)
    related = one.tokenizer.convert_tokens_to_ids(list(RELATED))
    for layer in (one.model.get_input_embeddings(), one.model.get_output_embeddings()):
        assert torch.allclose(layer.weight[one.encoder.zoom], layer.weight[related].mean(dim=0))


def test_a_tokenizer_that_has_the_zoom_token_is_left_alone() -> None:
    one = policy()
    size = one.model.get_input_embeddings().weight.shape
    assert not add_zoom_token(one)
    assert one.model.get_input_embeddings().weight.shape == size


def test_the_zoom_token_is_one_token_of_its_own() -> None:
    one = without_zoom_token()
    add_zoom_token(one)
    assert one.encoder.text(f"box {ZOOM_TOKEN} seen").ids.count(one.encoder.zoom) == 1


def test_a_saved_policy_loads_as_it_was(tmp_path: Path) -> None:
    one = policy()
    one.save(tmp_path)
    again = load(str(tmp_path), one.manner)
    assert again.manner == one.manner
    assert torch.equal(logits(again), logits(one))
    assert list(tmp_path.glob("*.safetensors"))
    assert not list(tmp_path.glob("*.bin"))


def test_of_processes_that_train_together_the_first_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`accelerate launch` sets RANK."""
    for rank in ("1", "0"):
        assert not any(tmp_path.iterdir())
        monkeypatch.setenv("RANK", rank)
        policy().save(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()


def test_a_saved_policy_loads_in_plain_transformers(tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    one = policy()
    one.save(tmp_path)
    plain = Policy(
        AutoModelForImageTextToText.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path), one.manner
    )
    assert torch.allclose(logits(plain), logits(one), atol=1e-5)


def test_a_model_of_another_dialect_is_refused(tmp_path: Path) -> None:
    policy(Dialect.TOOL_CALL).save(tmp_path)
    with pytest.raises(PolicyError, match="was trained with dialect='tool_call' and is asked for dialect='inline'"):
        load(str(tmp_path), manner(Dialect.INLINE))


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"There is no model .*make train"):
        load(str(tmp_path / "none"), manner())


def adapted(tmp_path: Path, dialect: Dialect = Dialect.INLINE) -> Policy:
    """A model in a folder with a trained adapter in another."""
    base = policy(dialect)
    base.save(tmp_path / "base")
    one = load(str(tmp_path / "base"), base.manner)
    with_adapter(one, LORA)
    fine_tune(one, [example(how=one.manner)] * 4, HOW, Journal("test", tmp_path / "run"), 0)
    one.save(tmp_path / "adapter")
    return one


def trained_names(one: Policy) -> list[str]:
    return [name for name, value in one.model.named_parameters() if value.requires_grad]


def test_lora_trains_language_layers_and_projector_and_no_vision(tmp_path: Path) -> None:
    names = trained_names(adapted(tmp_path, Dialect.TOOL_CALL))
    assert all("lora_" in name or "merger" in name for name in names)
    assert any("merger" in name for name in names)
    assert not any("visual.blocks" in name or "patch_embed" in name for name in names)


def test_the_zoom_token_is_trained_and_saved_with_the_adapter(tmp_path: Path) -> None:
    """G6: a new token whose rows stay as they were can never be written."""
    one = adapted(tmp_path)
    base, zoom = policy(), policy().encoder.zoom
    again = load_adapter(str(tmp_path / "base"), tmp_path / "adapter")
    merged = again.model.merge_and_unload()
    for part in ("get_input_embeddings", "get_output_embeddings"):
        before, after = (getattr(model, part)().weight[zoom] for model in (base.model, merged))
        assert not torch.equal(before, after)
    assert trained_names(one)


@pytest.mark.parametrize("dialect", list(Dialect))
def test_an_adapter_loads_and_merges_to_the_same_model(dialect: Dialect, tmp_path: Path) -> None:
    one = adapted(tmp_path, dialect)
    again = load_adapter(str(tmp_path / "base"), tmp_path / "adapter")
    merge(tmp_path / "adapter", tmp_path / "merged")
    merged = load(str(tmp_path / "merged"), one.manner)
    expected = logits(one)
    assert torch.allclose(logits(again), expected, atol=1e-4)
    assert torch.allclose(logits(merged), expected, atol=1e-4)
    assert not torch.allclose(logits(policy(dialect)), expected, atol=1e-2)


def test_an_adapter_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    base = policy()
    base.save(tmp_path / "base")
    for folder, stop in (("whole", 6), ("parts", 3), ("parts", 6)):
        one = load(str(tmp_path / "base"), base.manner)
        with_adapter(one, LORA)
        how = HOW.model_copy(update={"steps": stop, "save_steps": 3})
        fine_tune(one, [example(number) for number in range(4)], how, Journal("test", tmp_path / folder), 0)
    whole, parts = (history(tmp_path / folder) for folder in ("whole", "parts"))
    assert [row["loss"] for row in parts] == pytest.approx([row["loss"] for row in whole], abs=1e-5)


def test_full_training_leaves_the_vision_tower_alone() -> None:
    one = policy()
    with_adapter(one, AdapterConfig(kind="full"))
    frozen = [name for name, value in one.model.named_parameters() if not value.requires_grad]
    assert frozen
    assert all(".visual." in name and "merger" not in name for name in frozen)


def test_four_bits_without_their_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(PolicyError, match="needs the package bitsandbytes"):
        load("anything", manner(Dialect.TOOL_CALL), AdapterConfig(kind="qlora"))
