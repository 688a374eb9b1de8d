"""Conversations as token ids: the one encoder that SFT, RL, evaluation and inference share.

Only what the policy writes itself is ever trained: never a prompt, a picture's tokens or an observation.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from agents.dialects import ZOOM_TOKEN, Turn
from pipeline.training.errors import EncodingError
from pipeline.training.pixels import Pixels

if TYPE_CHECKING:
    from torch import Tensor

IGNORED = -100
"""Label of a token that is not trained, by PyTorch's convention."""
PICTURE = ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>")
REMEMBERED = 4096
"""Texts whose ids are kept: the words around what is said are the same in every conversation."""
FORBIDDEN = (*PICTURE, "<|video_pad|>", "<|vision_pad|>", "<|im_start|>", "<|endoftext|>")
"""Tokens a policy may never write: a picture's tokens without a picture would break the next forward pass."""


class Tokenizer(Protocol):
    """What is used of a Hugging Face tokenizer."""

    def __call__(self, text: str, add_special_tokens: bool = ...) -> Any: ...
    def __len__(self) -> int: ...
    def decode(self, ids: list[int]) -> str: ...
    def get_vocab(self) -> dict[str, int]: ...


class Encoded(NamedTuple):
    """Token ids with, for each, whether it is trained; and the pictures whose tokens are among them, in order."""

    ids: tuple[int, ...] = ()
    trained: tuple[bool, ...] = ()
    pictures: tuple[Pixels, ...] = ()

    def then(self, other: "Encoded") -> "Encoded":
        return Encoded(self.ids + other.ids, self.trained + other.trained, self.pictures + other.pictures)


class Encoder:
    """Writes conversations in Qwen's chat format (ChatML with `<|vision_start|>…<|vision_end|>` pictures)."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        vocabulary = tokenizer.get_vocab()
        missing = [token for token in (*PICTURE, "<|im_start|>", "<|im_end|>") if token not in vocabulary]
        if missing:
            raise EncodingError(f"The tokenizer has no {missing[0]}: this is not a Qwen-VL model.")
        self.start, self.pad, self.close = (vocabulary[token] for token in PICTURE)
        self.end = vocabulary["<|im_end|>"]
        self.zoom = vocabulary.get(ZOOM_TOKEN)
        """Of the token that asks for a crop in the inline dialect; None where the tokenizer lacks it."""
        self.padding = vocabulary.get("<|endoftext|>", self.end)
        self.forbidden = sorted(vocabulary[token] for token in FORBIDDEN if token in vocabulary)
        self._known: dict[str, tuple[int, ...]] = {}

    def text(self, text: str, trained: bool = False) -> Encoded:
        if text not in self._known:
            if len(self._known) == REMEMBERED:
                self._known.clear()
            self._known[text] = tuple(self.tokenizer(text, add_special_tokens=False).input_ids) if text else ()
        ids = self._known[text]
        return Encoded(ids, (trained,) * len(ids))

    def picture(self, pixels: Pixels) -> Encoded:
        ids = (self.start, *(self.pad,) * pixels.tokens, self.close)
        return Encoded(ids, (False,) * len(ids), (pixels,))

    def conversation(self, turns: Sequence[Turn], pictures: Iterable[Pixels]) -> Encoded:
        """All turns; pictures enter in order where the turns leave room. Raises EncodingError if they do not fit."""
        whole, waiting = Encoded(), iter(pictures)
        for turn in turns:
            whole = whole.then(self._turn(turn, waiting))
        if next(waiting, None) is not None:
            raise EncodingError("There are more pictures than places for them.")
        return whole

    def _turn(self, turn: Turn, waiting: Iterable[Pixels]) -> Encoded:
        spoken = turn.role == "assistant"
        whole = self.text(f"<|im_start|>{turn.role}\n")
        for part in turn.content:
            whole = whole.then(self._next(waiting) if part is None else self.text(part, spoken))
        end = Encoded((self.end,), (spoken,))
        return whole.then(end).then(self.text("\n"))

    def _next(self, waiting: Iterable[Pixels]) -> Encoded:
        for pixels in waiting:
            return self.picture(pixels)
        raise EncodingError("There are fewer pictures than places for them.")

    def awaiting(self, turns: Sequence[Turn], pictures: Iterable[Pixels]) -> Encoded:
        """All turns, and the beginning of the assistant's next one."""
        return self.conversation(turns, pictures).then(self.text("<|im_start|>assistant\n"))

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens and all."""
        return self.tokenizer.decode(list(ids))

    def checked(self, encoded: Encoded) -> Encoded:
        """The same; raises EncodingError if its picture tokens are not those of its pictures."""
        tokens = sum(one == self.pad for one in encoded.ids)
        features = sum(pixels.tokens for pixels in encoded.pictures)
        if tokens != features:
            raise EncodingError(f"{tokens} picture tokens stand in the text for {features} of the pictures.")
        return encoded

    def batch(self, rows: Sequence[Encoded], left: bool = False) -> "dict[str, Tensor]":
        """Rows padded to one length, as the model takes them: ids, masks, labels, shape (b, length), and the pictures.

        `mm_token_type_ids` are 1 at picture tokens: without them the model falls back to positions in one dimension.
        """
        import torch

        width = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), width), self.padding)
        mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
        for number, row in enumerate(rows):
            place = slice(width - len(row.ids), width) if left else slice(0, len(row.ids))
            own = torch.tensor(row.ids)
            ids[number, place], mask[number, place] = own, 1
            labels[number, place] = own.where(torch.tensor(row.trained), IGNORED)
        batch = {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": labels,
            "mm_token_type_ids": (ids == self.pad).to(torch.int),
        }
        return batch | stacked([pixels for row in rows for pixels in row.pictures])


def stacked(pictures: Sequence[Pixels]) -> "dict[str, Tensor]":
    """Pictures as the model takes them; nothing if there are none."""
    import torch

    if not pictures:
        return {}
    return {
        "pixel_values": torch.cat([pixels.values for pixels in pictures]),
        "image_grid_thw": torch.tensor([pixels.grid for pixels in pictures]),
    }
