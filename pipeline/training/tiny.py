"""A Qwen2.5-VL from nothing, small enough to learn on a CPU: its tokenizer and its random start."""

import json
import math
from collections.abc import Iterable, Iterator

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

from agents.dialects import BOX_END, BOX_START, ZOOM_TOKEN
from pipeline.training.embedding import as_product

END_OF_TEXT, TURN_START, TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION_START, VISION_END, IMAGE_PAD, VIDEO_PAD = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
SPECIAL_TOKENS = (
    END_OF_TEXT,
    TURN_START,
    TURN_END,
    VISION_START,
    VISION_END,
    "<|vision_pad|>",
    IMAGE_PAD,
    VIDEO_PAD,
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    BOX_START,
    BOX_END,
    ZOOM_TOKEN,
)
WORDS = 2048
"""Room in the vocabulary for bytes and pieces of words; numbers and special tokens come on top."""
# Tags are pieces of their own, and a number never merges with what is around it.
_PIECES = Regex(r" ?</?\w+>| ?\p{L}+|\p{N}+|, (?=\p{N})| ?[^\s\p{L}\p{N}<]+| ?<|\s+")

LONGEST_WAVE = 512
"""In steps of a coordinate, for the smooth start of the number tokens."""
SPREAD = 0.08
"""Standard deviation of a random weight. The usual 0.02 is for wide layers; a narrow one hardly passes anything on
with it, and the model spends its first thousands of examples opening the way from the pixels to the words."""


def build_tokenizer(corpus: Iterable[str], largest_number: int) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer with Qwen's special tokens and one token for every number up to the largest.

    It encodes any text at all; the corpus only says which words are worth a token.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(_PIECES, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=WORDS, initial_alphabet=alphabet, show_progress=False)
    )
    tokenizer.model = _with_numbers(tokenizer, largest_number)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=TURN_END,
        pad_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
    )
    fast.add_special_tokens({"additional_special_tokens": list(SPECIAL_TOKENS)})
    return fast


def _with_numbers(tokenizer: Tokenizer, largest: int) -> models.BPE:
    """The trained model with every number as a word, taken whole instead of merged from digits."""
    learned = json.loads(tokenizer.to_str())["model"]
    vocabulary: dict[str, int] = learned["vocab"]
    for number in range(largest + 1):
        vocabulary.setdefault(str(number), len(vocabulary))
    merges = [tuple(pair) for pair in learned["merges"]]
    return models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True)


def numbers(tokenizer: PreTrainedTokenizerFast) -> Iterator[tuple[int, int]]:
    """Every number that is one token, with its id, from 0 up."""
    vocabulary = tokenizer.get_vocab()
    number = 0
    while (token := vocabulary.get(str(number))) is not None:
        yield number, token
        number += 1


def build_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen2_5_VLForConditionalGeneration:
    """The real architecture at 1/2000 of its size (about 1.5 M weights), with random weights from the seed."""
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(tiny_config(tokenizer))
    as_product(model)
    _smooth_numbers(model, tokenizer)
    return model


def tiny_config(tokenizer: PreTrainedTokenizerFast) -> Qwen2_5_VLConfig:
    """Qwen2.5-VL's configuration, all sizes small."""
    token = tokenizer.convert_tokens_to_ids
    # The usual theta of 1e6 would leave positions within a handful of visual tokens nearly equal.
    rope = {"rope_type": "default", "rope_theta": 10.0, "mrope_section": [2, 7, 7]}
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 128,
        "intermediate_size": 320,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "rope_parameters": rope,
        "bos_token_id": None,
        "eos_token_id": token(TURN_END),
        "pad_token_id": token(END_OF_TEXT),
        "initializer_range": SPREAD,
    }
    vision = {
        "depth": 3,
        "hidden_size": 96,
        "num_heads": 3,
        "intermediate_size": 192,
        "out_hidden_size": 128,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "initializer_range": SPREAD,
        # Every block sees the whole picture.
        "fullatt_block_indexes": [0, 1, 2],
    }
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=token(IMAGE_PAD),
        video_token_id=token(VIDEO_PAD),
        vision_start_token_id=token(VISION_START),
        vision_end_token_id=token(VISION_END),
        tie_word_embeddings=False,
        initializer_range=SPREAD,
    )


@torch.no_grad()  # type: ignore[untyped-decorator]
def _smooth_numbers(model: Qwen2_5_VLForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> None:
    """Start the number tokens as waves of many lengths, so that near numbers look and sound alike.

    From independent random vectors the model would have to learn the order of all coordinates first.
    """
    values, ids = (torch.tensor(column) for column in zip(*numbers(tokenizer), strict=True))
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        weight = layer.weight
        count = weight.shape[1] // 2
        lengths = torch.logspace(math.log10(4), math.log10(LONGEST_WAVE), count)
        angles = 2 * math.pi * values[:, None] / lengths
        weight[ids] = SPREAD * math.sqrt(2) * torch.cat([angles.cos(), angles.sin()], dim=1)
