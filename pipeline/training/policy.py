"""A policy: the model, its tokenizer and its manner; loaded, fitted with an adapter, saved as safetensors, merged."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.dialects import BOX_END, ZOOM_TOKEN, Dialect
from pipeline.training.encode import Encoder
from pipeline.training.errors import EncodingError, PolicyError
from pipeline.training.manner import Manner, file_of, manner_of
from pipeline.training.together import is_first

RELATED = (BOX_END, "<|vision_start|>")
"""Tokens whose mean the zoom token starts from: it stands between a box and a picture."""
ADAPTER = "adapter_config.json"
_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
LANGUAGE_LAYERS = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


class AdapterConfig(BaseModel):
    """What of a pretrained model is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["lora", "qlora", "full"] = "lora"
    rank: int = Field(32, ge=1)
    alpha: int = Field(64, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    projector: bool = True
    """Whether the projector from vision to language is trained whole; the vision tower itself is frozen."""


@dataclass
class Policy:
    """A model that looks closer, and what is needed to use it."""

    model: Any
    tokenizer: Any
    manner: Manner
    checkpointing: bool = False
    """Whether activations are computed again in the backward pass, to save memory."""
    report_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # The trainers pad with it.
        self.tokenizer.pad_token = self.tokenizer.pad_token or "<|endoftext|>"

    @cached_property
    def encoder(self) -> Encoder:
        """Raises EncodingError where the tokenizer cannot speak the dialect."""
        encoder = Encoder(self.tokenizer)
        if self.manner.dialect is Dialect.INLINE and encoder.zoom is None:
            raise EncodingError(f"The tokenizer has no {ZOOM_TOKEN}, which the inline dialect asks with.")
        return encoder

    def save(self, folder: Path) -> None:
        """Write model (or adapter), tokenizer and manner; loads again with `load`, and in plain transformers.

        Of processes that train together, the first writes.
        """
        if not is_first():
            return
        self.model.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)
        self.manner.save(folder)


def load(name: str, manner: Manner | None = None, adapter: AdapterConfig | None = None, **how: Any) -> Policy:
    """A policy from a folder or the Hub; an adapter of ours comes with its base model.

    `how` goes to transformers' `from_pretrained` (dtype, attention). Raises PolicyError where the model was made for
    another manner, or is none, or is an adapter and `adapter` wants another one on it.
    """
    from transformers import AutoTokenizer, Qwen2_5_VLForConditionalGeneration

    from pipeline.training.embedding import as_product

    if adapter is not None and adapter.kind == "qlora":
        how["quantization_config"] = _four_bit()
    if not _HUB_ID.fullmatch(name) and not Path(name).exists():
        raise PolicyError(f"There is no model {name!r}. Train one with `make train`, or give another folder or Hub id.")
    known = manner_of(name)
    _compatible(name, known, manner)
    if known is not None and (base := base_of(name)) is not None:
        if adapter is not None:
            raise PolicyError(f"{name!r} is an adapter. Fold it in with `cof merge` before you train another on it.")
        return load_adapter(base, name, **how)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
        model = Qwen2_5_VLForConditionalGeneration.from_pretrained(name, **how)
    except (OSError, ValueError) as error:
        raise PolicyError(f"The model {name!r} cannot be loaded: {str(error).splitlines()[0]}") from error
    as_product(model)
    policy = Policy(model, tokenizer, known or manner or Manner())
    if policy.manner.dialect is Dialect.INLINE:
        add_zoom_token(policy)
    return policy


def _compatible(name: str, known: Manner | None, asked: Manner | None) -> None:
    if known is None or asked is None or known == asked:
        return
    for key, value in asked.model_dump(mode="json").items():
        if (was := known.model_dump(mode="json")[key]) != value:
            raise PolicyError(f"The model {name!r} was trained with {key}={was!r} and is asked for {key}={value!r}.")


def add_zoom_token(policy: Policy) -> bool:
    """Give a tokenizer without `<|image_zoomin|>` that token, and the model a place for it; whether it was missing.

    The new rows start as the mean of those of related tokens.
    """
    import torch
    from tokenizers import AddedToken

    tokenizer, model = policy.tokenizer, policy.model
    vocabulary = tokenizer.get_vocab()
    if ZOOM_TOKEN in vocabulary:
        return False
    tokenizer.add_tokens([AddedToken(ZOOM_TOKEN, special=True, normalized=False)], special_tokens=True)
    # Qwen's matrices have room to spare: they grow only if that is used up.
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(len(tokenizer))
    token = tokenizer.convert_tokens_to_ids(ZOOM_TOKEN)
    related = [vocabulary[name] for name in RELATED if name in vocabulary]
    with torch.no_grad():
        for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
            layer.weight[token] = layer.weight[related].mean(dim=0)
    return True


def with_adapter(policy: Policy, config: AdapterConfig, seed: int = 0) -> None:
    """Freeze all but what is to be trained; with LoRA, wrap the model in a fresh adapter, random by the seed.

    The row of the zoom token is trained and saved too. PEFT can do that for an embedding (and for the head
    tied to it); a head of its own is trained whole, because TRL multiplies by its weight directly.
    """
    model = policy.model
    if config.kind == "full":
        model.requires_grad_(True)
        model.model.visual.requires_grad_(False)
        model.model.visual.merger.requires_grad_(config.projector)
        return
    import torch
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if config.kind == "qlora":
        model = prepare_model_for_kbit_training(model)
    whole = ["merger"] if config.projector else []
    rows = None
    if policy.manner.dialect is Dialect.INLINE:
        rows = {"embed_tokens": [policy.tokenizer.convert_tokens_to_ids(ZOOM_TOKEN)]}
        whole += [] if model.config.tie_word_embeddings else ["lm_head"]
    lora = LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=LANGUAGE_LAYERS,
        modules_to_save=whole or None,
        trainable_token_indices=rows,
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(seed)
    policy.model = get_peft_model(model, lora)


def _four_bit() -> Any:
    try:
        import bitsandbytes  # noqa: F401
    except ImportError as error:
        raise PolicyError("QLoRA needs the package bitsandbytes and a GPU: pip install bitsandbytes.") from error
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=True,
    )


def base_of(name: str | Path) -> str | None:
    """The model that an adapter is for; None for what is no adapter. Raises PolicyError if it does not say."""
    path = file_of(name, ADAPTER)
    if path is None:
        return None
    base = json.loads(path.read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not base:
        raise PolicyError(f"The adapter in {name} does not say which model it belongs to.")
    return str(base)


def load_adapter(base: str, name: str | Path, **how: Any) -> Policy:
    """A base model with a trained adapter, of a folder or the Hub, on it. Raises PolicyError if it is none of ours."""
    from peft import PeftModel

    manner = manner_of(name)
    if manner is None or file_of(name, ADAPTER) is None:
        raise PolicyError(f"{name} holds no adapter of ours.")
    policy = load(base, None, **how)
    policy.manner = manner
    if manner.dialect is Dialect.INLINE:
        add_zoom_token(policy)
    policy.model = PeftModel.from_pretrained(policy.model, name, is_trainable=True)
    return policy


def merge(folder: Path, target: Path) -> None:
    """Fold a trained adapter into its base model and save an ordinary Qwen2.5-VL. Raises PolicyError."""
    policy = load_adapter(base_of(folder) or "", folder)
    policy.model = policy.model.merge_and_unload()
    policy.save(target)
