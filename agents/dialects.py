"""How a trace is written as chat text and read back; the only module that knows the tags.

`parse(render(trace)) == trace` for every dialect and frame, for traces whose boxes the frame can
write (`settle` makes any trace such a one).
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from typing import Literal, NamedTuple

import prompts
from agents.boxes import Box, BoxFrame, Size, parse_box
from agents.trace import Answer, Focus, Segment, Think, Trace, Zoom
from agents.views import View, ZoomPolicy, zoom_view

BOX_START, BOX_END, ZOOM_TOKEN = "<|box_start|>", "<|box_end|>", "<|image_zoomin|>"
ZOOM_TOOL = "image_zoom_in_tool"
IMAGE = None
"""In a turn's content: the place where the next image enters."""

_BOX = r"\[\s*-?\d+\s*,\s*-?\d+\s*,\s*-?\d+\s*,\s*-?\d+\s*\]"
_FOCUS = re.compile(rf"(?:{re.escape(BOX_START)})?({_BOX})(?:{re.escape(BOX_END)})?")
_TOOL_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_ANSWER = re.compile(r"<answer>(.*?)</answer>\s*$", re.DOTALL)
_THINK = re.compile(r"^\s*<think>(.*?)</think>", re.DOTALL)


class Dialect(StrEnum):
    """How a trace is written as text."""

    INLINE = "inline"
    """The paper's: one assistant turn, the crop's tokens enter right after `<|image_zoomin|>`."""
    TOOL_CALL = "tool_call"
    """The released models': the zoom is a tool call, the crop comes back in a user turn."""


class DialectError(ValueError):
    """Text that is not a trace in this dialect; the message says what is wrong, to its writer."""


class Setting(NamedTuple):
    """What a dialect has to know of the task to write boxes and to cut crops."""

    photo: Size
    """Native size of the upright photo."""
    posed: Size
    """Size of the picture the model was sent first."""
    policy: ZoomPolicy
    frame: BoxFrame

    def written(self, box: Box) -> Box:
        return self.frame.from_native(box, self.photo, self.posed)

    def read(self, box: Box) -> Box:
        return self.frame.to_native(box, self.photo, self.posed)

    def in_picture(self, box: Box, view: View) -> Box:
        """A native box as this frame writes it about one picture of the photo."""
        return self.frame.from_native(view.from_photo(box), view.size, view.size)

    def from_picture(self, box: Box, view: View) -> Box:
        """A box written about one picture of the photo, in native pixels."""
        return view.to_photo(self.frame.to_native(box, view.size, view.size))

    def zoom(self, box: Box) -> Zoom:
        return Zoom(view=zoom_view(self.photo, box, self.policy, self.posed))


class Turn(NamedTuple):
    """One chat message: text, with `IMAGE` where a picture enters."""

    role: Literal["system", "user", "assistant"]
    content: tuple[str | None, ...]


def settle(trace: Trace, setting: Setting) -> Trace:
    """The trace with every box as the frame can write it, and every crop cut from the box as written.

    A model at inference can only name boxes its frame has; what it is trained on must be the crop of
    the very box in the text, so the rounding happens here, before any pixel is cut.
    """
    segments: list[Segment] = []
    for segment in trace.segments:
        match segment:
            case Focus(box=box):
                segments.append(Focus(box=setting.read(setting.written(box))))
            case Zoom():
                focus = segments[-1]
                assert isinstance(focus, Focus)  # a well-formed trace, see Trace
                segments.append(setting.zoom(focus.box))
            case _:
                segments.append(segment)
    return Trace(segments=tuple(segments))


def render(trace: Trace, question: str, setting: Setting, dialect: Dialect, brief: bool = False) -> list[Turn]:
    """The whole conversation, from the (system and) first user turn to the answer; `brief` as in `opening`."""
    if dialect is Dialect.INLINE:
        told = [Turn("assistant", tuple(_inline(trace, setting)))]
    else:
        told = list(_tool_turns(trace, setting, shown(dialect, brief)))
    return [*opening(question, dialect, brief), *told]


def opening(question: str, dialect: Dialect, brief: bool = False) -> list[Turn]:
    """What the policy is told first: the picture and the question.

    `brief` leaves out how to answer, for a policy that knows only one way.
    """
    asked = question if brief else prompts.render(f"policy_{dialect}_user", question=question)
    user = Turn("user", (IMAGE, asked))
    if dialect is Dialect.INLINE or brief:
        return [user]
    return [Turn("system", (prompts.render("policy_tool_call_system", tool=ZOOM_TOOL),)), user]


def shown(dialect: Dialect, brief: bool = False) -> list[Turn]:
    """The turns in which a crop comes back; none in the inline dialect, whose turn just goes on after it."""
    if dialect is Dialect.INLINE:
        return []
    return [Turn("user", (IMAGE,) if brief else (IMAGE, prompts.render("policy_tool_call_crop")))]


def wanted(text: str, setting: Setting, dialect: Dialect) -> Zoom | None:
    """The closer look that a text just written by the policy ends by asking for; None if it asks for none.

    In the inline dialect the text is all that was written since the last picture. Raises ValueError with a
    sentence for the policy where the box is missing or impossible.
    """
    if not wants(text, dialect):
        return None
    if dialect is Dialect.INLINE:
        return setting.zoom(_last_focus(text.rstrip().removesuffix(ZOOM_TOKEN), setting))
    return setting.zoom(_written_native(called_box(text), setting))


def all_wanted(text: str, setting: Setting, dialect: Dialect) -> list[Zoom]:
    """As `wanted`, where one step may ask for several looks: every box written since the last picture, every call."""
    if not wants(text, dialect):
        return []
    if dialect is Dialect.INLINE:
        _last_focus(text.rstrip().removesuffix(ZOOM_TOKEN), setting)
        return [setting.zoom(_native(written, setting)) for written in _FOCUS.findall(text)]
    calls = _TOOL_CALL.findall(text)
    if not calls:
        raise DialectError("A tool call stands between <tool_call> and </tool_call>.")
    return [setting.zoom(_written_native(_box_of(call), setting)) for call in calls]


def wants(text: str, dialect: Dialect) -> bool:
    """Whether a text just written by the policy ends by asking for a closer look, possible or not."""
    return text.rstrip().endswith(ZOOM_TOKEN) if dialect is Dialect.INLINE else "<tool_call>" in text


def having_looked(box: Box, setting: Setting, dialect: Dialect, brief: bool = False) -> tuple[list[Turn], Turn]:
    """What stands between the opening and the policy's next word after it has looked at a native box.

    Whole turns, and the beginning of the turn that the policy goes on with.
    """
    written = list(setting.written(box))
    if dialect is Dialect.INLINE:
        return [], Turn("assistant", (f"<think> {BOX_START}{written}{BOX_END} {ZOOM_TOKEN}", IMAGE))
    called = Turn("assistant", (f"<think> I look closer at {written}. </think>\n{_call(written)}",))
    return [called, *shown(dialect, brief)], Turn("assistant", ())


def boxes_in(text: str) -> list[Box]:
    """Every box in a text, in the frame it was written in; a written box may be impossible and is left out then."""
    found = []
    for written in _FOCUS.findall(text):
        with suppress(ValueError):
            found.append(parse_box(json.loads(written)))
    return found


def _inline(trace: Trace, setting: Setting) -> Iterator[str | None]:
    text = "<think>"
    for segment in trace.segments:
        match segment:
            case Think(text=words):
                text += f" {words}"
            case Focus(box=box):
                text += f" {BOX_START}{list(setting.written(box))}{BOX_END}"
            case Zoom():
                yield text + f" {ZOOM_TOKEN}"
                yield IMAGE
                text = ""
            case Answer(text=words):
                yield text + f" </think>\n<answer> {words} </answer>"


def _tool_turns(trace: Trace, setting: Setting, crop: list[Turn]) -> Iterator[Turn]:
    thought = ""
    box: list[int] = []
    for segment in trace.segments:
        match segment:
            case Think(text=words):
                thought += f" {words}"
            case Focus(box=native):
                box = list(setting.written(native))
                thought += f" {box}"
            case Zoom():
                yield Turn("assistant", (f"<think>{thought} </think>\n{_call(box)}",))
                yield from crop
                thought = ""
            case Answer(text=words):
                yield Turn("assistant", (f"<think>{thought} </think>\n<answer> {words} </answer>",))


def _call(box: list[int]) -> str:
    call = json.dumps({"name": ZOOM_TOOL, "arguments": {"bbox_2d": box}})
    return f"<tool_call>\n{call}\n</tool_call>"


def parse(turns: list[Turn], setting: Setting, dialect: Dialect) -> Trace:
    """The trace that assistant turns write; raises DialectError with what is wrong."""
    said = ["".join(part or "" for part in turn.content) for turn in turns if turn.role == "assistant"]
    read = _read_inline if dialect is Dialect.INLINE else _read_tool_turns
    try:
        return Trace(segments=tuple(read(said, setting)))
    except DialectError:
        raise
    except ValueError as error:
        raise DialectError(str(error)) from error


def _read_inline(said: list[str], setting: Setting) -> Iterator[Segment]:
    if len(said) != 1:
        raise DialectError(f"The inline dialect has one assistant turn, not {len(said)}.")
    thought, answer = _halves(said[0])
    pieces = thought.split(ZOOM_TOKEN)
    for index, piece in enumerate(pieces):
        yield from _prose(piece, setting)
        if index < len(pieces) - 1:
            yield setting.zoom(_last_focus(piece, setting))
    yield Answer(text=answer)


def _last_focus(piece: str, setting: Setting) -> Box:
    """The native box at the very end of a piece of prose."""
    boxes = _FOCUS.findall(piece)
    if not boxes or not piece.rstrip().endswith(BOX_END):
        raise DialectError(f"{ZOOM_TOKEN} follows a box.")
    return _native(boxes[-1], setting)


def _read_tool_turns(said: list[str], setting: Setting) -> Iterator[Segment]:
    for text in said[:-1]:
        box = called_box(text)
        thought = _THINK.match(text)
        prose = list(_prose(thought.group(1) if thought else "", setting))
        focus = Focus(box=_written_native(box, setting))
        yield from prose if prose and prose[-1] == focus else [*prose, focus]
        yield setting.zoom(focus.box)
    thought_text, answer = _halves(said[-1] if said else "")
    yield from _prose(thought_text, setting)
    yield Answer(text=answer)


def called_box(text: str) -> Box:
    """The box of the one tool call in an assistant turn, in the frame it was written in."""
    calls = _TOOL_CALL.findall(text)
    if len(calls) != 1:
        raise DialectError(f"A turn that zooms makes one tool call, not {len(calls)}.")
    return _box_of(calls[0])


def _box_of(written: str) -> Box:
    """The box of one tool call, in the frame it was written in."""
    try:
        call = json.loads(written)
        name, box = call["name"], call["arguments"]["bbox_2d"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DialectError("A tool call is a JSON object with name and arguments.bbox_2d.") from error
    if name != ZOOM_TOOL:
        raise DialectError(f"There is no tool {str(name)[:40]!r}; use {ZOOM_TOOL}.")
    return parse_box(box)


def _halves(text: str) -> tuple[str, str]:
    """What is thought and what is answered."""
    thought, answer = _THINK.match(text), _ANSWER.search(text)
    if not thought or not answer or text.count("<think>") != 1 or text.count("<answer>") != 1:
        raise DialectError("Write <think> ... </think> once, then <answer> ... </answer> once.")
    return thought.group(1), answer.group(1).strip()


def _prose(text: str, setting: Setting) -> Iterator[Segment]:
    for index, piece in enumerate(_FOCUS.split(text)):
        if index % 2:
            yield Focus(box=_native(piece, setting))
        elif piece.strip():
            yield Think(text=piece.strip())


def _native(written: str, setting: Setting) -> Box:
    return _written_native(parse_box(json.loads(written)), setting)


def _written_native(box: Box, setting: Setting) -> Box:
    native = setting.read(box)
    if not native.area:
        raise DialectError(f"The box {list(box)} lies outside the image.")
    return native
