"""Which segmenter a run has: SAM where it is given a checkpoint, SA-1B's own masks where not."""

from collections.abc import Sequence
from pathlib import Path

from agents.endpoint import Journal
from agents.masks import MaskFile, Segmenter
from agents.photos import file_hash
from pipeline.config import ConfigError, RunConfig
from pipeline.records import Candidate, ImageRecord
from pipeline.sam.segmenter import Sam, SamSegmenter


def with_checkpoint(config: RunConfig) -> RunConfig:
    """The configuration with the SHA-256 of its checkpoint, which was tried on; raises ConfigError.

    A replay does without the checkpoint: the run it replays remembers the hash, and the call log the answers.
    """
    segmenter = config.segmenter
    if segmenter.checkpoint is None:
        if segmenter.sha256 and not config.runtime.replay:
            raise ConfigError("segmenter.sha256 names SAM's weights: give their file too, as segmenter.checkpoint=.")
        return config
    sha256 = _checked(Path(segmenter.checkpoint), segmenter.model)
    if segmenter.sha256 not in (None, sha256):
        raise ConfigError(
            f"The SAM checkpoint {segmenter.checkpoint} is not the one of segmenter.sha256: its SHA-256 is {sha256}."
        )
    return config.model_copy(update={"segmenter": segmenter.model_copy(update={"sha256": sha256})})


def _checked(path: Path, model: str) -> str:
    """The SHA-256 of a checkpoint that loads as this model."""
    from pipeline.sam.weights import load_sam

    load_sam(path, model)
    return file_hash(path)


def segmenter_of(image: ImageRecord, config: RunConfig, sam: Sam | None, journal: Journal) -> Segmenter:
    """Who answers with the regions of a photo in this run."""
    masks = MaskFile(image.masks, image.size)
    if config.segmenter.sha256 is None:
        return masks
    online = None if config.runtime.replay else sam
    return SamSegmenter(image, masks if image.masks else None, config.segmenter, online, journal)


def who_segments(config: RunConfig, photos: Sequence[Candidate]) -> str:
    """A line that says who answers `segment`; empty where SA-1B's masks do, for every photo."""
    segmenter, masked = config.segmenter, sum(photo.masks is not None for photo in photos)
    if config.runtime.replay and segmenter.sha256:
        return "segment: SAM's answers of the run that is replayed"
    if segmenter.checkpoint:
        return f"segment: SAM {segmenter.model} of {Path(segmenter.checkpoint).name}, workers: {segmenter.actors}"
    if masked == len(photos):
        return ""
    who = f"the SA-1B masks of {masked} of them answer" if masked else "nothing answers, for they have no SA-1B masks"
    return f"segment: {who}; segmenter.checkpoint= would give all of them SAM"
