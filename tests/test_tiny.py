"""Tests of the small model's tokenizer, weights and pixels."""

from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from pipeline.training.tiny import SPECIAL_TOKENS, build_model, build_tokenizer, numbers  # noqa: E402

CORPUS = [
    "What colour is the lamp on the white sign?",
    "<think> It is too small here. </think>\n<answer> red </answer>",
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer(CORPUS * 5, largest_number=300)


@pytest.mark.parametrize(
    "text",
    [
        *CORPUS,
        "",
        "  two  spaces\n\n",
        "Grüße 東京 🙂 \x00",
        "x1=007, 1234567",
        "<|box_start|>[0, 28, 300, 301]<|box_end|> <|image_zoomin|>",
    ],
)
def test_any_text_comes_back_as_it_was(tokenizer: Any, text: str) -> None:
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_every_number_up_to_the_largest_is_one_token(tokenizer: Any) -> None:
    assert [number for number, _ in numbers(tokenizer)] == list(range(301))
    for number in range(301):
        assert len(tokenizer(f"{number}")["input_ids"]) == 1
    box = tokenizer.tokenize("<|box_start|>[3, 28, 299, 300]<|box_end|>")
    assert [token for token in box if token.isdigit()] == ["3", "28", "299", "300"]


def test_special_tokens_are_single_and_words_of_the_corpus_too(tokenizer: Any) -> None:
    for token in (*SPECIAL_TOKENS, "<think>", " </answer>", " red", " colour"):
        assert len(tokenizer(token)["input_ids"]) == 1


def test_a_saved_tokenizer_is_the_same_when_loaded(tokenizer: Any, tmp_path: Any) -> None:
    tokenizer.save_pretrained(tmp_path)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path)
    text = CORPUS[1] + "<|box_start|>[3, 28, 299, 300]<|box_end|>"
    assert again(text)["input_ids"] == tokenizer(text)["input_ids"]


def test_the_same_seed_makes_the_same_weights(tokenizer: Any) -> None:
    one, two, other = (build_model(tokenizer, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_near_numbers_start_alike_and_far_ones_apart(tokenizer: Any) -> None:
    weight = build_model(tokenizer, 0).get_output_embeddings().weight
    tokens = dict(numbers(tokenizer))
    middle, near, far = (weight[tokens[number]] for number in (100, 101, 180))
    assert torch.cosine_similarity(middle, near, dim=0) > 0.7
    assert torch.cosine_similarity(middle, far, dim=0) < 0.7


def _processor() -> Any:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    return Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 1000})
