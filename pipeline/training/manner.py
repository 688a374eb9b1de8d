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


def manner_of(name: str | Path) -> Manner | None:
    """The manner a model was saved with, in a folder or on the Hub; None for a model of another make."""
    path = file_of(name, FILE)
    try:
        return Manner.model_validate_json(path.read_text(encoding="utf-8")) if path else None
    except ValidationError:
        return None


def file_of(name: str | Path, file: str) -> Path | None:
    """A small file of a model, in its folder or fetched from the Hub; None where the model has none."""
    if (folder := Path(name)).exists():
        return folder / file if (folder / file).is_file() else None
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(hf_hub_download(str(name), file))
    except (HFValidationError, OSError):  # What else is wrong with the model, loading it will say.
        return None
