"""Dialects: a trace as text and back, in every dialect and frame; and text that is no trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from agents.boxes import Box, BoxFrame, Size
from agents.dialects import (
    IMAGE,
    ZOOM_TOOL,
    Dialect,
    DialectError,
    Setting,
    Turn,
    called_box,
    parse,
    render,
    settle,
)
from agents.trace import Answer, Focus, Segment, Think, Trace, Words
from agents.views import ZoomPolicy, posed_view
from tests.test_boxes import boxes_in

_WORDS = TypeAdapter(Words)
SETTING = Setting(Size(1000, 800), Size(504, 392), ZoomPolicy(max_pixels=64 * 28**2), BoxFrame.NATIVE)


def allowed(text: str) -> bool:
    try:
        _WORDS.validate_python(text)
    except ValidationError:
        return False
    return True


WORDS = (
    st.one_of(
        st.sampled_from(
            [
                'It says "NO EXIT".',
                "a [note] in brackets",
                "[1, 2, 3",
                "4]",
                "<think",
                "</answer",
                "<|",
                "|>",
                "x < y",
                "{}",
            ]
        ),
        st.text(st.sampled_from("ab 1[],<>|/\"'{}\\._-é漢🙂٣"), min_size=1, max_size=30),
        st.text(min_size=1, max_size=20),
    )
    .map(str.strip)
    .filter(allowed)
)


@st.composite
def settings(draw: st.DrawFn) -> Setting:
    photo = draw(st.builds(Size, st.integers(60, 3000), st.integers(60, 3000)))
    posed = posed_view(photo, draw(st.sampled_from([224, 336, 672, 1024, None]))).size
    source = draw(st.sampled_from(["native", "resized"]))
    policy = ZoomPolicy.model_validate({"crop_source": source, "margin": draw(st.sampled_from([0.0, 0.25, 1.0]))})
    return Setting(photo, posed, policy, draw(st.sampled_from(BoxFrame)))


@st.composite
def traces(draw: st.DrawFn, setting: Setting) -> Trace:
    """Well-formed traces of any shape, as `settle` leaves them."""
    segments: list[Segment] = [Think(text=draw(WORDS))]
    for kind in draw(st.lists(st.sampled_from(["think", "focus", "zoom"]), max_size=8)):
        if kind == "think" and not isinstance(segments[-1], Think):
            segments.append(Think(text=draw(WORDS)))
        elif kind != "think":
            segments.append(Focus(box=draw(boxes_in(setting.photo))))
        if kind == "zoom":
            focus = segments[-1]
            assert isinstance(focus, Focus)
            segments.append(setting.zoom(focus.box))
    if not isinstance(segments[-1], Think):
        segments.append(Think(text=draw(WORDS)))
    return settle(Trace(segments=(*segments, Answer(text=draw(WORDS)))), setting)


@given(st.data(), settings(), st.sampled_from(Dialect))
def test_what_is_rendered_parses_back_to_the_same_trace(
    data: st.DataObject, setting: Setting, dialect: Dialect
) -> None:
    trace = data.draw(traces(setting))
    assert parse(render(trace, "What?", setting, dialect), setting, dialect) == trace


@given(st.data(), settings())
def test_settling_twice_changes_nothing_more(data: st.DataObject, setting: Setting) -> None:
    trace = data.draw(traces(setting))
    assert settle(trace, setting) == trace


@given(st.data(), settings(), st.sampled_from(Dialect))
def test_every_zoom_has_its_place_for_an_image(data: st.DataObject, setting: Setting, dialect: Dialect) -> None:
    trace = data.draw(traces(setting))
    turns = render(trace, "What?", setting, dialect)
    assert sum(turn.content.count(IMAGE) for turn in turns) == 1 + len(trace.zooms)


@given(st.text(max_size=200), st.sampled_from(Dialect))
def test_any_text_is_a_trace_or_refused(text: str, dialect: Dialect) -> None:
    read(text, dialect)


@given(
    st.lists(
        st.sampled_from(
            [
                "<think>",
                "</think>",
                "<answer>",
                "</answer>",
                "<|box_start|>",
                "<|box_end|>",
                "<|image_zoomin|>",
                "red",
                "[1, 2, 30, 40]",
                "[9, 9, 1, 1]",
                "[5000, 5000, 6000, 6000]",
                "<tool_call>",
                "</tool_call>",
                "{",
                "}",
                " ",
            ]
        ),
        max_size=12,
    ),
    st.sampled_from(Dialect),
)
def test_any_jumble_of_tags_is_a_trace_or_refused(parts: list[str], dialect: Dialect) -> None:
    read("".join(parts), dialect)


def read(text: str, dialect: Dialect) -> Trace | None:
    try:
        return parse([Turn("assistant", (text,))], SETTING, dialect)
    except DialectError:
        return None


def small_trace() -> Trace:
    box = Box(100, 200, 300, 280)
    return Trace(
        segments=(
            Think(text='There is a sign "EXIT".'),
            Focus(box=box),
            SETTING.zoom(box),
            Think(text="It is green."),
            Answer(text="green"),
        )
    )


def test_the_inline_dialect_is_the_papers() -> None:
    asked, said = render(small_trace(), "What colour?", SETTING, Dialect.INLINE)
    assert asked.role == "user"
    assert asked.content[0] is IMAGE
    assert str(asked.content[1]).endswith("Question: What colour?")
    assert said == Turn(
        "assistant",
        (
            '<think> There is a sign "EXIT". <|box_start|>[100, 200, 300, 280]<|box_end|> <|image_zoomin|>',
            IMAGE,
            " It is green. </think>\n<answer> green </answer>",
        ),
    )


def test_the_tool_call_dialect_is_the_released_models() -> None:
    system, asked, zooms, shown, answers = render(small_trace(), "What colour?", SETTING, Dialect.TOOL_CALL)
    assert (system.role, asked.role) == ("system", "user")
    assert asked.content[0] is IMAGE
    assert str(asked.content[1]).startswith("Question: What colour?\n")
    assert zooms == Turn(
        "assistant",
        (
            '<think> There is a sign "EXIT". [100, 200, 300, 280] </think>\n<tool_call>\n'
            '{"name": "image_zoom_in_tool", "arguments": {"bbox_2d": [100, 200, 300, 280]}}\n</tool_call>',
        ),
    )
    assert (shown.role, shown.content[0]) == ("user", IMAGE)
    assert answers == Turn("assistant", ("<think> It is green. </think>\n<answer> green </answer>",))


@pytest.mark.parametrize(
    ("frame", "written"),
    [
        (BoxFrame.NATIVE, "[100, 200, 300, 280]"),
        (BoxFrame.MODEL, "[50, 98, 151, 137]"),
        (BoxFrame.RELATIVE, "[100, 250, 300, 350]"),
    ],
)
def test_boxes_are_written_in_the_frame_of_the_setting(frame: BoxFrame, written: str) -> None:
    setting = SETTING._replace(frame=frame)
    said = render(small_trace(), "What?", setting, Dialect.INLINE)[-1]
    assert f"<|box_start|>{written}<|box_end|>" in str(said.content[0])


def test_a_settled_crop_is_cut_from_the_box_as_written() -> None:
    setting = SETTING._replace(frame=BoxFrame.MODEL)
    settled = settle(small_trace(), setting)
    assert settled.zooms[0] == setting.zoom(settled.boxes[0])
    assert settled.boxes[0] == setting.read(setting.written(Box(100, 200, 300, 280)))


ENDS = "b </think> <answer> red </answer>"
INLINE_FAULTS = {
    "": "Write <think>",
    "red": "Write <think>",
    "<think> a </think>": "Write <think>",
    "<answer> red </answer>": "Write <think>",
    f"<think> a {ENDS} more": "Write <think>",
    f"<think> a <think> {ENDS}": "Write <think>",
    "<think> a </think> <answer> x </answer> <answer> red </answer>": "Write <think>",
    "<think> a </think> <answer> </answer>": "prose is not empty",
    "<think> </think> <answer> red </answer>": "begins with a thought",
    f"<think> a <|image_zoomin|> {ENDS}": "follows a box",
    f"<think> a <|box_start|>[1, 2, 30, 40]<|box_end|> c <|image_zoomin|> {ENDS}": "follows a box",
    f"<think> a [1, 2, 30, 40] <|image_zoomin|> {ENDS}": "follows a box",
    f"<think> a <|box_start|>[1, 2, 30, 40]<|box_end|> <|image_zoomin|> {ENDS[2:]}": "after its last zoom",
    f"<think> a <|box_start|>[30, 2, 1, 40]<|box_end|> {ENDS}": "empty or reversed",
    f"<think> a <|box_start|>[2000, 2, 3000, 40]<|box_end|> {ENDS}": "outside the image",
    f"<think> a <tool_call> {ENDS}": "prose holds markup",
    f"<think> a [0, 0, {10**400}, 5] {ENDS}": "A box|The box",
    f"<think> a [0, 0, {'9' * 5000}, 5] {ENDS}": "digits",
}


@pytest.mark.parametrize("text", INLINE_FAULTS, ids=lambda text: str(text)[:60])
def test_inline_text_that_is_no_trace_is_refused_with_what_is_wrong(text: str) -> None:
    with pytest.raises(DialectError, match=INLINE_FAULTS[text]):
        parse([Turn("assistant", (text,))], SETTING, Dialect.INLINE)


@pytest.mark.parametrize("count", [0, 2])
def test_the_inline_dialect_has_one_assistant_turn(count: int) -> None:
    with pytest.raises(DialectError, match=f"one assistant turn, not {count}"):
        parse([Turn("assistant", ("<think> a </think>",))] * count, SETTING, Dialect.INLINE)


def zooming(arguments: str, name: str = ZOOM_TOOL) -> str:
    """A tool call as text."""
    return f'<tool_call>{{"name": "{name}", "arguments": {arguments}}}</tool_call>'


CALL_FAULTS = {
    "no call": "",
    "two calls": zooming('{"bbox_2d": [1, 2, 3, 4]}') * 2,
    "no JSON": "<tool_call>zoom!</tool_call>",
    "half a JSON": zooming('{"bbox_2d": [1, 2'),
    "a list": "<tool_call>[1, 2, 3, 4]</tool_call>",
    "a text": '<tool_call>"zoom"</tool_call>',
    "no arguments": f'<tool_call>{{"name": "{ZOOM_TOOL}"}}</tool_call>',
    "no box": zooming("{}"),
    "arguments that are a list": zooming("[1]"),
    "another tool": zooming('{"bbox_2d": [1, 2, 3, 4]}', name="rm"),
    "a reversed box": zooming('{"bbox_2d": [9, 2, 3, 4]}'),
    "NaN": zooming('{"bbox_2d": [NaN, 2, 3, 4]}'),
    "too few numbers": zooming('{"bbox_2d": [1, 2, 3]}'),
    "outside": zooming('{"bbox_2d": [5000, 2, 6000, 9]}'),
    "nested without end": zooming("[" * 100_000),
}


@pytest.mark.parametrize("what", CALL_FAULTS)
def test_a_call_that_is_no_zoom_is_refused(what: str) -> None:
    turns = [
        Turn("assistant", (f"<think> a </think>{CALL_FAULTS[what]}",)),
        Turn("assistant", ("<think> b </think> <answer> red </answer>",)),
    ]
    with pytest.raises(DialectError):
        parse(turns, SETTING, Dialect.TOOL_CALL)


def test_a_call_names_its_box() -> None:
    assert called_box(zooming('{"bbox_2d": [1, 2, 30, 40]}')) == Box(1, 2, 30, 40)


def test_a_conversation_without_a_word_of_the_model_is_refused() -> None:
    with pytest.raises(DialectError):
        parse([Turn("user", (IMAGE, "What?"))], SETTING, Dialect.TOOL_CALL)


def test_a_box_in_the_prose_may_stand_without_its_tokens() -> None:
    trace = read("<think> a [1, 2, 30, 40] b </think> <answer> red </answer>", Dialect.INLINE)
    assert trace is not None
    assert trace.boxes == [Box(1, 2, 30, 40)]
