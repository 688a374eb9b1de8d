"""What a model has read so far: the KV cache of a batch of rows that grow at their own pace.

Nothing is read twice: a crop is fed behind what is there, with explicit M-RoPE positions.
"""

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.training.encode import Encoded, Encoder

if TYPE_CHECKING:
    from torch import Tensor


class Mark(NamedTuple):
    """A point in a context to come back to."""

    length: int
    next: "Tensor"
    """The position of each row's next token, shape (b,)."""


class Context:
    """A batch of rows in one cache. A row that is given nothing in a step gets a masked pad instead."""

    def __init__(self, model: Any, encoder: Encoder) -> None:
        from transformers import DynamicCache

        self.model, self.encoder = model, encoder
        self.device = model.device
        self._cache = DynamicCache()
        self._mask: Tensor | None = None
        """1 where a cached token counts, shape (b, length)."""
        self._next: Tensor | None = None
        """The position of each row's next token, shape (b,)."""
        self._aside: list[tuple[Tensor, Context]] = []
        """Rows that wait, and where each row of before lies once they stand behind those that went on."""
        self.read = 0
        """Tokens read by the model so far, over all rows, pads left out."""

    def feed(self, blocks: Sequence[Encoded | None]) -> "Tensor":
        """Read a block of tokens and pictures in some rows; logits of what follows, shape (b, vocabulary).

        Logits of rows without a block mean nothing.
        """
        import torch

        rows = [block or Encoded() for block in blocks]
        batch = {name: value.to(self.device) for name, value in self.encoder.batch(rows, left=True).items()}
        mask, positions = batch["attention_mask"], torch.zeros((3, *batch["input_ids"].shape), dtype=torch.long)
        start = torch.zeros(len(rows), dtype=torch.long) if self._next is None else self._next
        self._next = start.clone()
        for number, row in enumerate(rows):
            if row.ids:
                own = self._positions(row) + start[number]
                positions[:, number, -len(row.ids) :] = own
                self._next[number] = own.max() + 1
        pictures = {name: value for name, value in batch.items() if name in {"pixel_values", "image_grid_thw"}}
        return self._forward(batch["input_ids"], mask, positions.to(self.device), pictures)

    def step(self, tokens: "Tensor", active: "Tensor") -> "Tensor":
        """Read one token in each active row, both of shape (b,); logits of what follows, shape (b, vocabulary)."""
        assert self._next is not None  # a row begins with a block
        positions = self._next.to(self.device).view(1, -1, 1).expand(3, -1, 1)
        self._next = self._next + active.to(self._next)
        ids = tokens.where(active, self.encoder.padding).unsqueeze(1)
        return self._forward(ids, active.long().unsqueeze(1), positions, {})

    def _forward(self, ids: "Tensor", mask: "Tensor", positions: "Tensor", pictures: "dict[str, Tensor]") -> "Tensor":
        import torch

        self.read += int(mask.sum())
        self._mask = mask if self._mask is None else torch.cat([self._mask, mask], dim=1)
        output = self.model(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=positions,
            cache=self._cache,
            use_cache=True,
            logits_to_keep=1,
            **pictures,
        )
        logits: Tensor = output.logits[:, -1].float()
        return logits

    def _positions(self, row: Encoded) -> "Tensor":
        """M-RoPE positions of a block that begins at 0, shape (3, length)."""
        import torch

        alone = self.encoder.batch([row])
        if "image_grid_thw" not in alone:
            return torch.arange(len(row.ids)).expand(3, -1)
        body = getattr(self.model, "get_base_model", lambda: self.model)().model
        positions: Tensor
        positions, _ = body.get_rope_index(
            alone["input_ids"], alone["mm_token_type_ids"], image_grid_thw=alone["image_grid_thw"]
        )
        return positions[:, 0]

    def fork(self) -> "Context":
        """A context of its own that has read the same so far."""
        assert self._mask is not None and self._next is not None
        other = copy(self)
        # What is cached is replaced as it grows, never changed; rows are forgotten in place.
        other._cache = copy(self._cache)
        other._cache.layers = [copy(layer) for layer in self._cache.layers]
        other._mask, other._next, other._aside = self._mask.clone(), self._next.clone(), [*self._aside]
        return other

    def mark(self) -> Mark:
        """Where the rows are now."""
        assert self._mask is not None and self._next is not None
        return Mark(self._mask.shape[1], self._next.clone())

    def forget(self, rows: Sequence[int], mark: Mark) -> None:
        """Let some rows be where they were at a mark: what they have read since is masked out."""
        import torch

        assert self._mask is not None and self._next is not None
        chosen = torch.tensor(list(rows))
        self._mask[chosen.to(self.device), mark.length :] = 0
        self._next[chosen] = mark.next[chosen]

    def repeat(self, copies: int) -> None:
        """Let every row stand `copies` times, one after the other: a group that shares its prompt."""
        assert self._mask is not None and self._next is not None
        self._cache.batch_repeat_interleave(copies)
        self._mask = self._mask.repeat_interleave(copies, dim=0)
        self._next = self._next.repeat_interleave(copies)

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the rows only."""
        import torch

        assert self._mask is not None and self._next is not None
        chosen = torch.tensor(list(rows))
        self._cache.batch_select_indices(chosen.to(self.device))
        self._mask, self._next = self._mask[chosen.to(self.device)], self._next[chosen]

    def set_aside(self, others: Sequence[int]) -> None:
        """Go on with the other rows until all `rejoin`: those that wait cost nothing."""
        import torch

        assert self._mask is not None
        rows = sorted(set(range(len(self._mask))) - set(others))
        waiting = self.fork()
        waiting.keep(others)
        self.keep(rows)
        self._aside.append((torch.tensor([*rows, *others]).argsort(), waiting))

    def rejoin(self) -> None:
        """All rows again, in their first order; those that waited get masked pads for what the others have read."""
        while self._aside:
            self._take_in(*self._aside.pop())

    def _take_in(self, order: "Tensor", waiting: "Context") -> None:
        import torch
        from torch.nn.functional import pad

        assert self._mask is not None and self._next is not None
        assert waiting._mask is not None and waiting._next is not None
        more = self._mask.shape[1] - waiting._mask.shape[1]
        there = order.to(self.device)
        self._mask = torch.cat([self._mask, pad(waiting._mask, (0, more))])[there]
        self._next = torch.cat([self._next, waiting._next])[order]
        for layer, other in zip(self._cache.layers, waiting._cache.layers, strict=True):
            layer.keys = torch.cat([layer.keys, pad(other.keys, (0, 0, 0, more))])[there]
            layer.values = torch.cat([layer.values, pad(other.values, (0, 0, 0, more))])[there]
