"""Which images are held out for validation: whole images, so that no photo is on both sides."""

import hashlib
from collections.abc import Iterable


def held_out(images: Iterable[str], share: float) -> frozenset[str]:
    """The ids of about `share` of the images; the same id falls on the same side in every dataset.

    Where `share` is above 0 and there are two images or more, neither side is empty.
    """
    ranked = sorted(set(images), key=lambda image: (_chance(image), image))
    if share <= 0 or len(ranked) < 2:
        return frozenset()
    below = sum(_chance(image) < share for image in ranked)
    return frozenset(ranked[: min(max(below, 1), len(ranked) - 1)])


def _chance(image: str) -> float:
    """A number from 0 to 1 that depends on nothing but the id."""
    digest = hashlib.sha256(f"split:{image}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
