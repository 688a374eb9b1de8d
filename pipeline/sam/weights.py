"""A SAM from its checkpoint: weights alone are loaded, and their sizes tell which SAM it is."""

import re
import warnings
import zipfile
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.config import ConfigError

PATCH_EPS = 1e-6
"""Of the encoder's layer norms, in every SAM."""
DECODER_HEADS = 8
"""Attention heads of the mask decoder, in every SAM: no tensor's shape tells."""

Weights = dict[str, Any]


class Sizes(NamedTuple):
    """What the tensors of a checkpoint say about the SAM they are of."""

    patch: int
    grid: int
    """Patches a side."""
    width: int
    depth: int
    heads: int
    mlp: int
    """Hidden units of the encoder's perceptrons."""
    windows: tuple[int, ...]
    """Side of each encoder block's attention window, in patches; 0 is global."""
    prompt: int
    """Channels of the embeddings."""
    mask_channels: int
    masks: int
    """Masks of one prompt."""
    decoder_depth: int
    decoder_mlp: int
    iou_depth: int
    iou_mlp: int


MODELS = {(768, 12, 12): "vit_b", (1024, 24, 16): "vit_l", (1280, 32, 16): "vit_h"}
"""Width, depth and heads of the encoder of each SAM that has a name."""


def load_sam(path: Path, model: str) -> Any:
    """The `Sam` of a checkpoint, in evaluation mode on the CPU; `model` is its name, or `auto`.

    Raises ConfigError if it cannot be read, holds more than weights, or is another SAM than `model`.
    """
    weights = _weights(path)
    try:
        sizes = sizes_of(weights)
        found = MODELS.get((sizes.width, sizes.depth, sizes.heads), "auto")
        sam = build(sizes)
        sam.load_state_dict(weights, assign=True)
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    except (
        KeyError,
        IndexError,
        ValueError,
        TypeError,
        AttributeError,
        AssertionError,
        RuntimeError,
        ZeroDivisionError,
    ) as error:
        raise ConfigError(
            f"The SAM checkpoint {path} holds no SAM ({str(error).splitlines()[-1].strip()[:120]}): "
            "give one of SAM's own checkpoints, as docs/sam.md names them."
        ) from error
    if model not in (found, "auto"):
        raise ConfigError(f"The SAM checkpoint {path} is no {model}: set segmenter.model={found}.")
    return sam.float().eval()


def _weights(path: Path) -> Weights:
    """The tensors of a file by name; nothing in it is run."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    try:
        # Mapped, not read: workers on one machine share the pages, and a check reads only what it looks at.
        mapped = zipfile.is_zipfile(path)
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except OSError as error:
        raise ConfigError(
            f"The SAM checkpoint {path} cannot be read: {error.strerror or error}. Correct segmenter.checkpoint."
        ) from error
    except Exception as error:  # Nobody vouches for the file, and what reads it may fail on it in any way.
        raise _refused(path) from error
    if not isinstance(content, dict) or not all(isinstance(one, torch.Tensor) for one in content.values()):
        raise _refused(path)
    return content


def _refused(path: Path) -> ConfigError:
    return ConfigError(
        f"The SAM checkpoint {path} is refused: it is damaged or holds more than weights, and nothing but weights is "
        "loaded; give one of SAM's own checkpoints, as docs/sam.md names them."
    )


def _missing(error: ModuleNotFoundError) -> ConfigError:
    package = (error.name or "").partition(".")[0]
    return ConfigError(
        f"segmenter.checkpoint needs the package {package!r}, which is not installed: pip install -e '.[sam]'."
    )


def sizes_of(weights: Weights) -> Sizes:
    """The sizes of the SAM that weights are of; raises KeyError or the like if they are of none."""
    encoder, decoder = "image_encoder", "mask_decoder"
    width, _, patch, _ = weights[f"{encoder}.patch_embed.proj.weight"].shape
    grid = weights[f"{encoder}.pos_embed"].shape[1]
    depth = _count(weights, rf"{encoder}\.blocks\.(\d+)\.attn\.qkv\.weight")
    spans = [weights[f"{encoder}.blocks.{number}.attn.rel_pos_h"].shape for number in range(depth)]
    sides = [(length + 1) // 2 for length, _ in spans]
    return Sizes(
        patch=patch,
        grid=grid,
        width=width,
        depth=depth,
        heads=width // spans[0][1],
        mlp=weights[f"{encoder}.blocks.0.mlp.lin1.weight"].shape[0],
        windows=tuple(0 if side == grid else side for side in sides),
        prompt=weights[f"{encoder}.neck.0.weight"].shape[0],
        mask_channels=weights["prompt_encoder.mask_downscaling.3.weight"].shape[0],
        masks=weights[f"{decoder}.mask_tokens.weight"].shape[0] - 1,
        decoder_depth=_count(weights, rf"{decoder}\.transformer\.layers\.(\d+)\.norm1\.weight"),
        decoder_mlp=weights[f"{decoder}.transformer.layers.0.mlp.lin1.weight"].shape[0],
        iou_depth=_count(weights, rf"{decoder}\.iou_prediction_head\.layers\.(\d+)\.weight"),
        iou_mlp=weights[f"{decoder}.iou_prediction_head.layers.0.weight"].shape[0],
    )


def _count(weights: Weights, pattern: str) -> int:
    """How many layers of a kind there are."""
    return len([name for name in weights if re.fullmatch(pattern, name)])


def build(sizes: Sizes) -> Any:
    """A SAM of these sizes without weights: they are put in place, never copied."""
    import torch
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    side = sizes.grid * sizes.patch
    with torch.device("meta"):
        encoder = ImageEncoderViT(
            img_size=side,
            patch_size=sizes.patch,
            embed_dim=sizes.width,
            depth=sizes.depth,
            num_heads=sizes.heads,
            mlp_ratio=sizes.mlp / sizes.width,
            out_chans=sizes.prompt,
            norm_layer=partial(torch.nn.LayerNorm, eps=PATCH_EPS),
            use_rel_pos=True,
            window_size=max(sizes.windows),
            global_attn_indexes=tuple(number for number, window in enumerate(sizes.windows) if window == 0),
        )
        prompts = PromptEncoder(
            embed_dim=sizes.prompt,
            image_embedding_size=(sizes.grid, sizes.grid),
            input_image_size=(side, side),
            mask_in_chans=sizes.mask_channels,
        )
        decoder = MaskDecoder(
            num_multimask_outputs=sizes.masks,
            transformer_dim=sizes.prompt,
            transformer=TwoWayTransformer(
                depth=sizes.decoder_depth,
                embedding_dim=sizes.prompt,
                mlp_dim=sizes.decoder_mlp,
                num_heads=DECODER_HEADS,
            ),
            iou_head_depth=sizes.iou_depth,
            iou_head_hidden_dim=sizes.iou_mlp,
        )
    return Sam(encoder, prompts, decoder)
