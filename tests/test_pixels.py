"""Pictures as patches: the same numbers as transformers' own image processor."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from agents.boxes import Size

torch = pytest.importorskip("torch")

from pipeline.training.embedding import as_product  # noqa: E402
from pipeline.training.pixels import blank, patches  # noqa: E402


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(width).integers(0, 255, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", [(28, 28), (84, 140), (168, 56)])
def test_patches_are_those_of_transformers(size: tuple[int, int]) -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    processor = Qwen2VLImageProcessorPil(size={"shortest_edge": 28**2, "longest_edge": 10**8})
    theirs = processor(images=[noise(*size)], return_tensors="pt")
    ours = patches(noise(*size))
    assert [list(ours.grid)] == theirs["image_grid_thw"].tolist()
    assert torch.allclose(ours.values, theirs["pixel_values"], atol=1e-6)


def test_a_picture_counts_its_visual_tokens() -> None:
    assert patches(noise(84, 140)).tokens == blank(Size(84, 140)).tokens == 3 * 5


@pytest.mark.parametrize("size", [(30, 28), (28, 14)])
def test_a_picture_of_parts_of_tokens_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="not made of whole visual tokens"):
        patches(noise(*size))


def test_the_patch_embedding_as_a_product_gives_the_numbers_and_gradients_of_the_convolution() -> None:
    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VisionPatchEmbed

    torch.manual_seed(0)
    embedding, shown = Qwen2_5_VisionPatchEmbed(embed_dim=16), patches(noise(84, 140)).values

    def numbers() -> tuple[Any, Any]:
        embedding.zero_grad()
        embedded = embedding(shown)
        embedded.square().sum().backward()
        return embedded.detach(), embedding.proj.weight.grad.clone()

    convolved = numbers()
    as_product(embedding)
    for one, other in zip(convolved, numbers(), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4)
