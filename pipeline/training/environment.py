"""The world a policy acts in: first the photo at low resolution, then native pixels of whatever it zooms into."""

from PIL import Image

from agents.dialects import Turn, shown, wanted
from agents.trace import Zoom
from agents.views import View
from pipeline.training.encode import Encoded, Encoder
from pipeline.training.examples import Example
from pipeline.training.manner import Manner
from pipeline.training.pixels import patches


class ZoomEnvironment:
    """One question being answered. What a policy writes is untrusted: a bad box becomes the next observation."""

    def __init__(self, example: Example, encoder: Encoder, manner: Manner) -> None:
        self.example, self.encoder, self.manner = example, encoder, manner
        self.setting = example.setting(manner)
        self.views: list[View] = []
        """The crops shown so far."""
        self.faults: list[str] = []
        """What was told instead of a crop, where a box was impossible."""
        self.over = False
        """Whether a look was asked for after the last one allowed."""

    def reset(self) -> Encoded:
        """The prompt, with the photo at the resolution it is posed at."""
        self.views, self.faults, self.over = [], [], False
        return self.example.prompt(self.encoder, self.manner)

    def respond(self, text: str) -> Encoded | None:
        """What enters the context after a text the policy just wrote; None if it asked for nothing more."""
        try:
            look = wanted(text, self.setting, self.manner.dialect)
        except ValueError as error:
            if self._spent():
                return None
            self.faults.append(str(error))
            return self._told(str(error))
        if look is None or self._spent():
            return None
        return self.zoom(look)

    def zoom(self, look: Zoom) -> Encoded:
        """The closer look, cut from native pixels, as it enters the context."""
        self.views.append(look.view)
        pixels = patches(self.picture(look.view))
        turns = shown(self.manner.dialect, self.manner.brief)
        if not turns:
            return self.encoder.picture(pixels)
        # The policy's own turn has ended with <|im_end|>; the line break after it is nobody's to learn.
        return self.encoder.text("\n").then(self.encoder.awaiting(turns, [pixels]))

    def picture(self, view: View) -> Image.Image:
        """A crop as the policy is shown it. Raises PhotoError."""
        return self.example.photo.picture(view)

    def _told(self, fault: str) -> Encoded:
        if not shown(self.manner.dialect):
            return self.encoder.text(f" ({fault})")
        return self.encoder.text("\n").then(self.encoder.awaiting([Turn("user", (fault,))], []))

    def _spent(self) -> bool:
        self.over = len(self.views) + len(self.faults) >= self.manner.max_zooms
        return self.over
