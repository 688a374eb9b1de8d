"""One attempt at one question: what a strategy may ask, show and read, in the policy's own manner."""

from collections.abc import Callable

import prompts
from agents.boxes import Box
from agents.dialects import (
    IMAGE,
    Dialect,
    Turn,
    all_wanted,
    boxes_in,
    having_looked,
    opening,
    shown,
    wanted,
    wants,
)
from agents.trace import Zoom
from agents.views import PATCH, View, ZoomPolicy, smart_size
from pipeline.evaluation.crops import CROPS
from pipeline.evaluation.exchange import Exchange, Outcome, Shown, Written
from pipeline.evaluation.items import Item
from pipeline.evaluation.switches import Switches
from pipeline.training.examples import Photo
from pipeline.training.manner import Manner
from pipeline.training.rewards import last_answer

Grade = Callable[[View, str], int]
"""How many visual tokens a crop is given: by its view, and what was written to ask for it."""
NOTHING_SAID = 0.98
"""A box with more of the picture than this says nothing about where to look."""
CLOSING = " </think>\n<answer>"


class Attempt:
    """One question about one photo, being answered."""

    def __init__(self, item: Item, manner: Manner, switches: Switches, other: Photo) -> None:
        """`other` is the photo of another question, for crops that show something else."""
        self.item, self.switches, self.other = item, switches, other
        self.example = item.example
        self.manner = manner.model_copy(update={"zoom": _zoom(manner, switches)})
        self.setting = self.example.setting(self.manner)
        self.posed = self.example.posed
        self.views: list[View] = []
        self.steps = 0
        """Steps of looking so far, possible or not."""
        self.faults = 0

    # What is asked

    def ask(self) -> Exchange:
        """The question, as the policy was trained to be asked it."""
        turns = opening(self.example.asked, self.manner.dialect, self.manner.brief)
        if self.switches.regions != "one" and not self.manner.brief:
            turns[-1] = _with(turns[-1], prompts.render("evaluate_regions", regions=self.switches.regions))
        return self._fresh(turns, [self.posed])

    def ask_plainly(self, views: list[View], template: str = "evaluate_direct") -> Exchange:
        """The question about some pictures, without a word on looking closer."""
        asked = self.example.asked
        text = asked if self.manner.brief else prompts.render(template, question=asked, pictures=len(views))
        return self._fresh([Turn("user", (*(IMAGE,) * len(views), text))], views)

    def ask_where(self, view: View) -> Exchange:
        """Where in a picture of the photo the thing is that the question asks about."""
        text = self.item.where or prompts.render("evaluate_where", question=self.example.question)
        return self._fresh([Turn("user", (IMAGE, text))], [view])

    def ask_graded(self) -> Exchange:
        """The question, with how to choose the resolution of a look."""
        asked = self.ask()
        least, most = self.switches.grades
        text = prompts.render("evaluate_graded", least=least, most=most)
        return asked._replace(turns=(*asked.turns[:-1], _with(asked.turns[-1], text)))

    def having_looked(self, box: Box) -> Exchange:
        """The question, after the policy has looked at a native box: it goes on from there."""
        turns = opening(self.example.asked, self.manner.dialect, self.manner.brief)
        box = self.setting.read(self.setting.written(box))
        looked, begun = having_looked(box, self.setting, self.manner.dialect, self.manner.brief)
        view = self.setting.zoom(box).view
        self.views.append(view)
        return Exchange(
            turns=(*turns, *looked),
            begun=begun.content,
            pictures=(self.show(self.posed), self._looked(view)),
            fresh=True,
        )

    def close(self, passing: bool = False) -> Exchange:
        """No more looks: the answer now."""
        if self.manner.dialect is Dialect.INLINE:
            return Exchange(begun=(CLOSING,), instead=True, passing=passing)
        turn = Turn("user", (prompts.render("evaluate_close"),))
        return Exchange(turns=(turn,), begun=(f"<think>{CLOSING}",), passing=passing)

    def go_on(self) -> Exchange:
        """No picture comes; the policy goes on with what it sees."""
        self.steps += 1
        if self.manner.dialect is Dialect.INLINE:
            return Exchange()
        return Exchange(turns=(Turn("user", (prompts.render("evaluate_no_picture"),)),))

    def respond(self, words: Written, grade: Grade | None = None) -> Exchange:
        """What comes back for a look the policy asked for: the crop, or what is wrong with its box."""
        self.steps += 1
        try:
            views = [self._graded(look.view, words.text, grade) for look in self._looks(words.said)]
            pictures = [self._looked(view) for view in views]
        except ValueError as error:
            self.faults += 1
            return self._told(str(error))
        self.views += views
        places = (IMAGE,) * len(views)
        if self.manner.dialect is Dialect.INLINE:
            return Exchange(begun=places, pictures=tuple(pictures))
        (turn,) = shown(self.manner.dialect, self.manner.brief)
        return Exchange(turns=(turn._replace(content=(*places, *turn.content[1:])),), pictures=tuple(pictures))

    # What is read

    def asks(self, words: Written) -> bool:
        """Whether the policy asks for a look."""
        return words.ended and wants(words.said, self.manner.dialect)

    @property
    def spent(self) -> bool:
        """Whether it has had all its looks."""
        most = self.manner.max_zooms if self.switches.max_zooms is None else self.switches.max_zooms
        return self.steps >= (min(most, 1) if self.switches.regions == "together" else most)

    def found(self, words: Written, view: View) -> Box | None:
        """The native box that was written about a picture of the photo; None if there is none that says anything."""
        boxes = boxes_in(words.text)
        if not boxes:
            return None
        native = self.setting.from_picture(boxes[-1], view).clip(self.example.photo.size)
        return native if 0 < native.area < NOTHING_SAID * view.box.area else None

    def outcome(self, words: Written) -> Outcome:
        """The end of an attempt. A reply that never came to its end is none."""
        reply = last_answer(words.text)
        if reply is None and words.ended:
            reply = words.said.strip() or None
        return Outcome(reply, tuple(self.views), self.faults)

    # Pictures

    def show(self, view: View) -> Shown:
        """A picture of the photo. Raises PhotoError."""
        return Shown(view, self.example.photo.picture(view))

    def _fresh(self, turns: list[Turn], views: list[View]) -> Exchange:
        return Exchange(turns=tuple(turns), pictures=tuple(self.show(view) for view in views), fresh=True)

    def _looks(self, text: str) -> list[Zoom]:
        dialect = self.manner.dialect
        if self.switches.regions != "one":
            return all_wanted(text, self.setting, dialect)
        look = wanted(text, self.setting, dialect)
        return [look] if look else []

    def _told(self, fault: str) -> Exchange:
        if self.manner.dialect is Dialect.INLINE:
            return Exchange(begun=(f" ({fault})",))
        return Exchange(turns=(Turn("user", (fault,)),))

    def _graded(self, view: View, text: str, grade: Grade | None) -> View:
        if grade is None:
            return view
        pixels = grade(view, text) * PATCH**2
        width, height = smart_size(view.box.size.fit(pixels), pixels)
        return view.model_copy(update={"width": width, "height": height})

    def _looked(self, view: View) -> Shown:
        """What is shown for a look: the crop asked for, or what the switch puts in its place."""
        return Shown(view, CROPS[self.switches.crops](view, self.item, self.setting, self.other))


def _with(turn: Turn, text: str) -> Turn:
    """A turn with a paragraph more."""
    return turn._replace(content=(*turn.content, f"\n{text}"))


def _zoom(manner: Manner, switches: Switches) -> ZoomPolicy:
    asked = {
        "max_pixels": switches.crop_tokens and switches.crop_tokens * PATCH**2,
        "crop_source": switches.crop_source,
    }
    return manner.zoom.model_copy(update={key: value for key, value in asked.items() if value is not None})
