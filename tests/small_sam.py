"""A small SAM made of the package's own modules, that finds what is red; and photos with something red in them."""

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from agents.boxes import Box, Size
from agents.photos import ORIENTATION_TAG

SIDE, PATCH, CHANNELS = 128, 4, 32
"""Pixels a side at which it sees a photo, and those of a patch; channels of its embeddings."""
SCORES = [0.7, 0.95, 0.5, 0.4]
"""What it thinks of its masks: the second is what is red, the third is all the rest, the fourth what is red again."""


def small_sam(seed: int = 0, width: int = 32) -> Any:
    """A `Sam` with random weights, but for those that carry the colour of a patch from end to end."""
    import torch
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    grid = (SIDE // PATCH, SIDE // PATCH)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        encoder = ImageEncoderViT(
            img_size=SIDE,
            patch_size=PATCH,
            embed_dim=width,
            depth=2,
            num_heads=2,
            out_chans=CHANNELS,
            use_rel_pos=True,
            window_size=6,
            global_attn_indexes=(1,),
        )
        prompts = PromptEncoder(
            embed_dim=CHANNELS, image_embedding_size=grid, input_image_size=(SIDE, SIDE), mask_in_chans=16
        )
        decoder = MaskDecoder(
            transformer_dim=CHANNELS,
            transformer=TwoWayTransformer(depth=2, embedding_dim=CHANNELS, mlp_dim=64, num_heads=8),
            iou_head_hidden_dim=32,
        )
        sam = Sam(encoder, prompts, decoder)
        _see_red(sam)
        _carry(encoder)
        _cut(decoder)
        prompts.no_mask_embed.weight.zero_()
    return sam.eval()


def _see_red(sam: Any) -> None:
    """Channel 0 of a patch is above 0 where it is much more red than blue, channel 1 where it is not."""
    look = sam.image_encoder.patch_embed.proj
    look.weight.zero_()
    red, _, blue = (sam.pixel_std.flatten() / PATCH**2).tolist()
    difference = float(sam.pixel_mean[0] - sam.pixel_mean[2])
    for channel, sign in ((0, 1), (1, -1)):
        look.weight[channel, 0], look.weight[channel, 2] = sign * red, -sign * blue
    look.bias.zero_()
    look.bias[:2] = look.bias.new_tensor([difference - 100, 100 - difference])


def _carry(encoder: Any) -> None:
    """Nothing is added to the two channels on the way."""
    for block in encoder.blocks:
        _silence(block.attn.proj, block.mlp.lin2)
    for layer in (encoder.neck[0], encoder.neck[2]):
        layer.weight.zero_()
        middle = layer.kernel_size[0] // 2
        for channel in (0, 1):
            layer.weight[channel, channel, middle, middle] = 1


def _cut(decoder: Any) -> None:
    """Masks are cut where one channel is above the other, sharply; prompts change nothing."""
    for layer in decoder.transformer.layers:
        for one in (layer.self_attn, layer.cross_attn_token_to_image, layer.cross_attn_image_to_token):
            _silence(one.out_proj)
        _silence(layer.mlp.lin2)
    for layer in (decoder.output_upscaling[0], decoder.output_upscaling[3]):
        _silence(layer)
        for channel in (0, 1):
            layer.weight[channel, channel] = 1
    for sign, head in zip((1, 1, -1, 1), decoder.output_hypernetworks_mlps, strict=True):
        _silence(head.layers[-1])
        head.layers[-1].bias[:2] = head.layers[-1].bias.new_tensor([20.0 * sign, -20.0 * sign])
    _silence(decoder.iou_prediction_head.layers[-1])
    decoder.iou_prediction_head.layers[-1].bias.copy_(head.layers[-1].bias.new_tensor(SCORES))


def _silence(*layers: Any) -> None:
    for layer in layers:
        layer.weight.zero_()
        layer.bias.zero_()


def save_sam(path: Path, seed: int = 0, width: int = 32) -> Path:
    """A small SAM as SAM's own checkpoints are: a plain dictionary of tensors."""
    import torch

    torch.save(small_sam(seed, width).state_dict(), path)
    return path


def paint(path: Path, size: Size, red: Box, orientation: int = 1) -> Path:
    """A photo, upright of this size, blue but for a red box; its pixels lie as its EXIF orientation (1, 3, 6) says."""
    image = Image.new("RGB", size, (60, 90, 160))
    ImageDraw.Draw(image).rectangle((red.x1, red.y1, red.x2 - 1, red.y2 - 1), fill=(220, 20, 40))
    turned = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    stored = image.transpose(turned[orientation]) if orientation in turned else image
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    stored.save(path, quality=95, exif=exif)
    return path
