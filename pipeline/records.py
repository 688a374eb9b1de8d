"""What flows between the stages: frozen records with stable ids, paths and boxes, never pixels."""

import hashlib
import operator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agents.boxes import Box, BoxField, BoxFrame, Size, union
from agents.dialects import Setting
from agents.trace import Trace
from agents.trajectory import Trajectory
from agents.verifier import Truth
from agents.views import View, ZoomPolicy, posed_view


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """Stable; the id of a child begins with its parent's."""


class Candidate(_Record):
    """A file that may be a photo, not opened yet. Its id is a hash of its path within the folder given."""

    path: str
    masks: str | None = None
    """Path of an SA-1B annotation beside it, if there is one."""

    @staticmethod
    def name_of(relative: str) -> str:
        """The id of a file, from its path within the folder of photos."""
        return hashlib.sha256(relative.encode(errors="surrogateescape")).hexdigest()[:16]


class ImageRecord(_Record):
    """One photo. Its id is the beginning of the SHA-256 of its file."""

    path: str
    sha256: str
    width: int
    height: int
    """Of the upright photo, in pixels."""
    masks: str | None = None
    """Path of its SA-1B annotation, if there is one."""
    likeness: str = Field(default="", exclude_if=operator.not_)
    """Its perceptual hash, 16 hexadecimal digits, where near-duplicates are looked for."""

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def name(self) -> str:
        return Path(self.path).name


class Screening(BaseModel):
    """What the teacher answered when the task was tried out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blind: tuple[str | None, ...] = ()
    """Without the image."""
    evidence: tuple[str | None, ...] = ()
    """On the evidence crop alone, cut a little differently each time."""
    posed: str | None = None
    """On the whole photo at the posed resolution, without a zoom."""
    things: int = 0
    """How many things in the photo the question fits."""
    direct: bool = False
    """Whether the posed view is enough."""


class Task(_Record):
    """A question about one image with its ground-truth answer and evidence boxes."""

    image: ImageRecord
    kind: str
    """text, colour, relation or count."""
    question: str
    choices: tuple[str, ...] = ()
    """Options in shuffled order; empty for an open question."""
    answer: str
    """The letter of the right option, or the answer itself."""
    evidence: tuple[BoxField, ...]
    """Native boxes of all that has to be seen."""
    resolution: int | None
    """R: the task is posed at an area of R*R pixels; None is native size."""
    screening: Screening | None = None
    calls: tuple[str, ...] = ()
    """Ids in the call log of every request so far."""

    @property
    def truth(self) -> Truth:
        return Truth(question=self.question, choices=self.choices, answer=self.answer)

    @property
    def posed(self) -> View:
        """The view the task starts from."""
        return posed_view(self.image.size, self.resolution)

    @property
    def evidence_box(self) -> Box:
        return union(list(self.evidence))

    @property
    def answer_text(self) -> str:
        """The answer in words, also where it is an option's letter."""
        return self.choices[ord(self.answer) - ord("A")] if self.choices else self.answer

    def setting(self, policy: ZoomPolicy, frame: BoxFrame) -> Setting:
        return Setting(self.image.size, self.posed.size, policy, frame)


class Searched(_Record):
    """A task with the trajectory that solved it."""

    task: Task
    trajectory: Trajectory


class Traced(_Record):
    """A task with its trajectory and the trace made of it: what is exported."""

    task: Task
    trajectory: Trajectory
    trace: Trace
    calls: tuple[str, ...]
    """Ids in the call log of every request behind this trace, from propose to summarize."""


class Rejected(_Record):
    """A record set aside, with the reason and what shows it."""

    stage: str
    reason: str
    """Short and countable: the same words for the same cause."""
    evidence: dict[str, Any] = {}
    """Particulars: answers that disagreed, the error, the question."""
    image: str = ""
    """Id of the image it came from."""
