"""Near-duplicates kept out before the flow: of photos that look the same the first of the sample stays."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from agents.likeness import Seen
from agents.photos import PhotoError, likeness_of
from pipeline.config import NearDuplicates, RunConfig, SampleConfig
from pipeline.flow import stream
from pipeline.records import Candidate, ImageRecord
from pipeline.stage import rejection, store_of
from pipeline.stages.sample import Sample
from pipeline.store import Outcome, Store


class Distinct:
    """Decides in the order of the sample, never of time: so two runs decide alike, resumed or not."""

    def __init__(self, config: RunConfig, wanted: NearDuplicates) -> None:
        self._config, self._store = config, store_of(config)
        self._benchmarks, self._kept = Seen(wanted.bits), Seen(wanted.bits)
        for name, value in _benchmark_hashes(wanted, self._store).items():
            self._benchmarks.add(int(value, 16), name)

    def settle(self, photos: Sequence[Candidate], meter: Any = None) -> None:
        """Sample the next photos, in parallel, and set those aside that look like one before them.

        What was decided stays decided when it is done again: a photo set aside is no reason for any other.
        """
        for _ in stream(photos, (Sample,), self._config, meter):
            pass
        for photo in photos:
            for text in self._store.finished(Sample.name, photo.id) or ():
                self._decide(photo, ImageRecord.model_validate_json(text))

    def _decide(self, photo: Candidate, image: ImageRecord) -> None:
        value = int(image.likeness, 16)
        for seen, of in ((self._benchmarks, "a benchmark image"), (self._kept, "another photo")):
            if (other := seen.near(value)) is not None:
                reject = rejection(Sample.name, photo, f"near-duplicate of {of}", {"of": other})
                self._store.finish(Sample.name, photo.id, Outcome([], [reject]))
                return
        self._kept.add(value, image.name)


def _benchmark_hashes(wanted: NearDuplicates, store: Store) -> dict[str, str]:
    """Hashes of the benchmark images by address, kept in the run folder so that a resumed run makes none again."""
    from pipeline.sources import candidates

    known: dict[str, str] = store.read_json("benchmarks.json") or {}
    if not wanted.benchmarks:
        return known
    found = candidates(SampleConfig(count=None), wanted.benchmarks, 0, Path(store.folder, "index"))
    missing = [one.path for one in found if one.path not in known]
    with ThreadPoolExecutor(2) as pool:
        made = dict(zip(missing, pool.map(_hash, missing), strict=True))
    known |= {path: value for path, value in made.items() if value}
    store.write_json("benchmarks.json", known)
    return known


def _hash(path: str) -> str:
    try:
        return likeness_of(path)
    except PhotoError:
        return ""  # What is no photo looks like none.
