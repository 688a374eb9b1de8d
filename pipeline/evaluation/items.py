"""What a benchmark asks: a question about one photo, the right answer, and what else is known of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from agents.boxes import Size
from agents.photos import PhotoCache, upright_size
from agents.views import View, render
from pipeline.training.examples import Example

_PHOTOS = PhotoCache()


class Item(NamedTuple):
    """One question of a benchmark."""

    example: Example
    """Its `answer` is the letter of the right option where there are choices; `resolution` is set by the sweep."""
    category: str = ""
    """As the benchmark names it."""
    group: str = ""
    """Items that are one question with its options in another order share it (HR-Bench's cycles)."""
    where: str | None = None
    """How to ask only where the thing is, where a benchmark has words for it."""


class BenchmarkConfig(BaseModel):
    """One benchmark of an evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """As registered: `vstar`, `hr-bench-4k`, `hr-bench-8k`, `mme-realworld-lite`, `lamps`, `shards`."""
    data: str | None = None
    """Local folder or file, or Hub id; null is where its authors published it."""
    count: int | None = Field(None, ge=1)
    """The first so many questions only, each in every order of its options; null is all."""
    seed: int = 0
    """Of what is drawn."""


Loader = Callable[[BenchmarkConfig], Sequence[Item]]
BENCHMARKS: dict[str, Loader] = {}
"""Every benchmark by its name, as the YAML has it."""


def benchmark(name: str) -> Callable[[Loader], Loader]:
    """Register a loader. It raises EvaluationError where the data is missing or not in the published layout."""

    def register(loader: Loader) -> Loader:
        BENCHMARKS[name] = loader
        return loader

    return register


class FilePhoto(NamedTuple):
    """A photo in a file, opened when a picture of it is needed, and kept while its questions are asked."""

    path: Path
    size: Size

    @classmethod
    def of(cls, path: Path) -> "FilePhoto":
        """Reads the header alone. Raises PhotoError."""
        return cls(path, upright_size(path))

    def picture(self, view: View) -> Image.Image:
        return render(_PHOTOS.get(str(self.path)), view)
