"""What the card says of the rows: counts and distributions, from boxes and sizes alone."""

from collections import Counter, defaultdict

from agents.views import View
from pipeline.export.config import Split
from pipeline.export.rows import Item

SHARES = ((0.001, "below 0.1 %"), (0.01, "0.1 to 1 %"), (0.1, "1 to 10 %"), (2.0, "10 % and more"))
"""Classes of box size, as shares of the photo's area."""


class Statistics:
    """Counts over the exported rows."""

    def __init__(self) -> None:
        self.rows: Counter[Split] = Counter()
        self.images: defaultdict[Split, set[str]] = defaultdict(set)
        self.kinds: Counter[str] = Counter()
        self.resolutions: Counter[int] = Counter()
        """0 is native."""
        self.zooms: Counter[int] = Counter()
        self.zooms_at: Counter[int] = Counter()
        """Zooms by resolution."""
        self.box_sizes: Counter[str] = Counter()
        """Of the boxes zoomed at."""
        self.visual_tokens = 0
        self.largest = 0
        """Area of the largest picture, in pixels."""

    def add(self, item: Item, split: Split) -> None:
        task, zooms = item.task, len(item.trace.zooms)
        resolution = task.resolution or 0
        self.rows[split] += 1
        self.images[split].add(task.image.id)
        self.kinds[task.kind] += 1
        self.resolutions[resolution] += 1
        self.zooms[zooms] += 1
        self.zooms_at[resolution] += zooms
        self.box_sizes.update(_size_class(view, item) for view in item.views[1:])
        self.visual_tokens += sum(view.visual_tokens for view in item.views)
        self.largest = max(self.largest, *(view.size.area for view in item.views))

    @property
    def total(self) -> int:
        return self.rows.total()

    @property
    def tables(self) -> dict[str, list[tuple[str, int, str]]]:
        """The distributions by title: label, count, share."""
        resolutions = {_named(size): count for size, count in sorted(self.resolutions.items())}
        return {
            "zooms": _table({str(zooms): count for zooms, count in sorted(self.zooms.items())}),
            "resolution": _table(resolutions),
            "kind": _table(dict(sorted(self.kinds.items()))),
            "crop, share of the photo": _table(
                {name: self.box_sizes[name] for _, name in SHARES if self.box_sizes[name]}
            ),
        }

    @property
    def zooms_by_resolution(self) -> list[tuple[str, float]]:
        """Zooms per row at each resolution: how adaptive the data is."""
        return [(_named(size), self.zooms_at[size] / count) for size, count in sorted(self.resolutions.items())]


def _size_class(view: View, item: Item) -> str:
    share = view.box.area / item.task.image.size.area
    return next(name for limit, name in SHARES if share < limit)


def _named(resolution: int) -> str:
    return str(resolution) if resolution else "native"


def _table(counts: dict[str, int]) -> list[tuple[str, int, str]]:
    total = sum(counts.values())
    return [(label, count, f"{count / total:.1%}") for label, count in counts.items()]
