"""How a policy reads and writes: its dialect, frame and zoom. Saved with the model, refused where it does not fit."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.boxes import BoxFrame
from agents.dialects import Dialect
from agents.views import ZoomPolicy

FILE = "chain_of_focus.json"


class Manner(BaseModel):
    """What must be the same wherever one policy is trained, evaluated or used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dialect: Dialect = Dialect.INLINE
    frame: BoxFrame = BoxFrame.MODEL
    """Which pixels the boxes in the text speak of."""
    zoom: ZoomPolicy = ZoomPolicy()
    brief: bool = False
    """Questions are asked bare, without words on how to answer: for a small model that knows only one way."""
    max_zooms: int = Field(5, ge=0)
    """Closer looks a policy may take at one question."""

    def save(self, folder: Path) -> None:
        (folder / FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def manner_of(folder: Path) -> Manner | None:
    """The manner a model was saved with; None for a model of another make."""
    try:
        return Manner.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
