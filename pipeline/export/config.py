"""What the export is told and what it tells: configuration, facts for the card, result, errors."""

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

import prompts
from agents.boxes import BoxFrame
from agents.dialects import Dialect
from agents.views import ZoomPolicy
from pipeline.journal import Usage
from pipeline.records import Rejected

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = get_args(Split)


class ExportError(Exception):
    """The dataset cannot be written; the message says to the operator what to do. The old one is whole."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExportSection(_Frozen):
    """How traces become a dataset: what a run may choose."""

    dialect: Dialect = Dialect.TOOL_CALL
    """Of the `messages` column; the ShareGPT files come in every dialect."""
    frame: BoxFrame = BoxFrame.MODEL
    """Which pixels the boxes in the text speak of."""
    shard_bytes: int = Field(default=256 * 2**20, gt=0)
    """A shard is closed before its estimated size passes this; one larger row is a shard of its own."""
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    """Of the images, not of the rows; 0 means no validation split."""
    jpeg_quality: int = Field(default=90, ge=1, le=95)
    copy_photos: bool = True
    """Put each native photo into the dataset: RL and evaluation cut their crops from it."""
    name: str = "mm-cof"
    """Short name: the `data_source` of RL rows, by which a reward is chosen."""
    title: str = "MM-CoF: chain-of-focus traces"
    licence: str = "other"
    """Licence of the traces, as a Hub identifier; the photos keep their own."""


class ExportConfig(ExportSection):
    """How traces become a dataset, with what the rest of the run has decided."""

    policy: ZoomPolicy = ZoomPolicy()
    """The run's one zoom policy: crops of the dataset are cut as the agent's were."""


class FunnelStage(_Frozen):
    """What one stage of the pipeline did."""

    stage: str
    taken: int
    """Records that went in."""
    accepted: int
    """Records that came out: a stage may make several of one."""
    rejected: dict[str, int] = {}
    """Records set aside, by reason."""


class Audit(_Frozen):
    """How the run's traces compare with what was really drawn."""

    n: int
    """Traces that could be compared."""
    answers_right: float
    """Share of them whose answer is exactly what was drawn."""
    evidence_in_last_crop: float
    """Share of the zooming ones whose last crop holds all that has to be seen."""


class CardFacts(_Frozen):
    """What the export cannot know of itself; ends up in the card and in each row's provenance."""

    teacher: str
    """Name of the teacher model."""
    teachers: dict[str, str] = {}
    """The model of each part of the work, where one has been chosen for some of them."""
    local_teacher: bool = False
    """Whether it is the one that comes with this project."""
    seed: int
    code_version: str
    prompts: dict[str, str] = Field(default_factory=prompts.hashes)
    """A hash of each prompt."""
    funnel: tuple[FunnelStage, ...] = ()
    configuration: dict[str, Any] = {}
    """The resolved configuration of the run, without secrets and without the run folder's name."""
    usage: dict[str, Usage] = {}
    """What each stage asked of the teacher and what that cost, by the call log."""
    audit: Audit | None = None
    """None where nobody knows the truth: with photos."""
    drawn: bool = False
    """Whether the photos are scenes that this project drew."""


class ExportResult(_Frozen):
    """What was written, and what was left out."""

    rows: dict[str, int]
    """Rows per split that has any."""
    shards: int
    pictures: int
    """Distinct pictures in `images/`."""
    photos: int
    """Distinct native photos the rows speak of."""
    bytes: int
    """Size of the shards' files."""
    dropped: tuple[Rejected, ...]
    """Traces left out, with the reason."""
