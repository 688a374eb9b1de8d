"""The switches of a strategy: what can be different about how it looks."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.evaluation.crops import Crops


class Switches(BaseModel):
    """Each strategy reads some of these, and refuses the others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_zooms: int | None = Field(None, ge=0, le=8)
    """Steps of looking; then an answer is asked for. null is the policy's own."""
    stop_at: float | None = Field(None, gt=0, le=1)
    """Looking ends as soon as an answer asked for on the way has this confidence (DEER, arXiv 2504.15895)."""
    crop_tokens: int | None = Field(None, ge=1)
    """Visual tokens of a crop at most; null is the policy's own."""
    crop_source: Literal["native", "resized"] | None = None
    """Whether a crop holds new pixels or those of the first picture; null is the policy's own."""
    regions: Literal["one", "together", "mixed"] = "one"
    """One region a step, several in one step, or several in each of some steps."""
    crops: Crops = "own"
    """What is shown for a look: what was asked for; a box of its size elsewhere; the evidence; another photo; noise."""
    grading: Literal["box", "model"] = "box"
    """Who chooses how many tokens a crop has: the box by its size, or the policy in its call."""
    grades: tuple[int, int] = (64, 400)
    """The least and the most of them."""
    slices: int = Field(6, ge=1)
    """Parts of the photo at most."""
    views: int = Field(12, ge=1)
    """Places searched at most before the best guess is taken."""
    sure: float = Field(0.5, gt=0, le=1)
    """A box found with this confidence ends the search."""

    @property
    def changed(self) -> dict[str, object]:
        """Those that are not as they are by default."""
        known = Switches.model_fields
        return {key: value for key, value in self if key in known and value != known[key].default}
