"""What the card says of the rows: counts and distributions, from boxes and sizes alone."""

import re
from collections import Counter, defaultdict

from agents.boxes import Box
from pipeline.export.config import Split
from pipeline.export.rows import Item

SHARES = ((0.001, "below 0.1 %"), (0.01, "0.1 to 1 %"), (0.1, "1 to 10 %"), (2.0, "10 % and more"))
"""Classes of box size, as shares of the photo's area."""
_SA1B = re.compile(r"sa_\d+\.jpg")


class Statistics:
    """Counts over the exported rows."""

    def __init__(self) -> None:
        self.rows: Counter[Split] = Counter()
        self.images: defaultdict[Split, set[str]] = defaultdict(set)
        self.like_sa1b: set[str] = set()
        """Images whose files are named as SA-1B's."""
        self.kinds: Counter[str] = Counter()
        self.zooms: Counter[int] = Counter()
        self.evidence: Counter[str] = Counter()
        """Rows by the size of all that has to be seen."""
        self.crops: Counter[str] = Counter()
        """Zooms by the size of what is cut out."""
        self.visual_tokens = 0
        self.longest = 0
        """Visual tokens of the longest row."""
        self.largest = 0
        """Area of the largest picture, in pixels."""
        self._at: Counter[int] = Counter()
        """Rows by resolution; 0 is native."""
        self._zooms_at: Counter[int] = Counter()
        self._options: Counter[str] = Counter()
        """Questions that are posed with options, by kind."""

    def add(self, item: Item, split: Split) -> None:
        task, zooms, tokens = item.task, len(item.trace.zooms), sum(view.visual_tokens for view in item.views)
        self.rows[split] += 1
        self.images[split].add(task.image.id)
        if _SA1B.fullmatch(task.image.name):
            self.like_sa1b.add(task.image.id)
        self.kinds[task.kind] += 1
        self._options[task.kind] += bool(task.choices)
        self.zooms[zooms] += 1
        self._at[task.resolution or 0] += 1
        self._zooms_at[task.resolution or 0] += zooms
        self.evidence[_size_class(task.evidence_box, item)] += 1
        self.crops.update(_size_class(view.box, item) for view in item.views[1:])
        self.visual_tokens += tokens
        self.longest = max(self.longest, tokens)
        self.largest = max(self.largest, *(view.size.area for view in item.views))

    @property
    def total(self) -> int:
        return self.rows.total()

    @property
    def photos(self) -> int:
        return sum(len(images) for images in self.images.values())

    @property
    def tables(self) -> dict[str, list[tuple[str, int, str]]]:
        """The distributions by title: label, count, share."""
        return {
            "zooms": _table({str(zooms): count for zooms, count in sorted(self.zooms.items())}),
            "resolution": _table({_named(size): self._at[size] for size in self._sizes}),
            "kind": _table(dict(sorted(self.kinds.items()))),
            "evidence, share of the photo": _table(_in_order(self.evidence)),
            "crop, share of the photo": _table(_in_order(self.crops)),
        }

    @property
    def beside(self) -> dict[str, tuple[str, dict[str, str]]]:
        """One more column for some of the tables, by their title: its own title, and a value for each label."""
        zooms = {_named(size): f"{self._zooms_at[size] / self._at[size]:.2f}" for size in self._sizes}
        options = {kind: f"{self._options[kind] / count:.1%}" for kind, count in self.kinds.items()}
        return {"resolution": ("zooms a row", zooms), "kind": ("with options", options)}

    @property
    def _sizes(self) -> list[int]:
        """The resolutions, smallest first, native last."""
        return sorted(self._at, key=lambda size: size or float("inf"))


def _size_class(box: Box, item: Item) -> str:
    share = box.area / item.task.image.size.area
    return next(name for limit, name in SHARES if share < limit)


def _named(resolution: int) -> str:
    return str(resolution) if resolution else "native"


def _in_order(sizes: Counter[str]) -> dict[str, int]:
    return {name: sizes[name] for _, name in SHARES if sizes[name]}


def _table(counts: dict[str, int]) -> list[tuple[str, int, str]]:
    total = sum(counts.values())
    return [(label, count, f"{count / total:.1%}") for label, count in counts.items()]
