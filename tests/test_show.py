"""Showing a task: everything it went through is printed, whatever it holds, and its pictures are written."""

from pathlib import Path

import pytest
from PIL import Image

from agents.boxes import whole
from agents.photos import encode_jpeg, open_photo
from agents.views import render
from pipeline.config import ConfigError
from pipeline.records import Rejected
from pipeline.show import show, tame
from pipeline.store import Outcome
from tests.finished import Finished


@pytest.fixture
def run(tmp_path: Path) -> Finished:
    return Finished(tmp_path)


@pytest.fixture
def said(run: Finished, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> "Said":
    monkeypatch.setenv("COLUMNS", "200")
    return Said(run, capsys)


class Said:
    """What is printed about an id."""

    def __init__(self, run: Finished, capsys: pytest.CaptureFixture[str]) -> None:
        self._run, self._capsys = run, capsys

    def __call__(self, identity: str) -> str:
        show(self._run.folder, identity)
        return self._capsys.readouterr().out


def pictures(run: Finished, identity: str) -> list[str]:
    return sorted(path.name for path in (run.folder / "shown" / identity).iterdir())


def test_a_trace_is_told_with_all_that_led_to_it(run: Finished, said: Said) -> None:
    text = said(run.zooming.id)
    for part in ("photo0.jpg", "sign", "MARKET", "224x224", "I cannot", "Look lower.", "closer look", "a wrong turn"):
        assert part in text


def test_the_trace_is_written_in_both_dialects(run: Finished, said: Said) -> None:
    text = said(run.zooming.id)
    assert "<tool_call>" in text and "image_zoom_in_tool" in text
    assert "<|image_zoomin|>" in text and "<posed.jpg>" in text and "<zoom-01.jpg>" in text


def test_its_pictures_are_written_and_named(run: Finished, said: Said) -> None:
    text = said(run.zooming.id)
    assert pictures(run, run.zooming.id) == ["look-01.jpg", "look-02.jpg", "photo.jpg", "posed.jpg", "zoom-01.jpg"]
    assert str(run.folder / "shown" / run.zooming.id / "look-02.jpg") in text


def test_a_look_is_written_as_the_model_saw_it(run: Finished, said: Said) -> None:
    said(run.zooming.id)
    view = run.zooming.trajectory.looks[1].view
    assert view is not None
    seen = encode_jpeg(render(open_photo(Path(run.zooming.task.image.path)), view))
    assert (run.folder / "shown" / run.zooming.id / "look-02.jpg").read_bytes() == seen


def test_the_boxes_are_drawn_on_the_photo(run: Finished, said: Said) -> None:
    said(run.zooming.id)
    with Image.open(run.folder / "shown" / run.zooming.id / "photo.jpg") as drawn:
        plain = open_photo(Path(run.zooming.task.image.path))
        assert whole(run.zooming.task.image.size).size == drawn.size
        x, y = run.zooming.trace.zooms[0].view.box.x1 + 1, run.zooming.trace.zooms[0].view.box.centre[1]
        before, after = plain.getpixel((x, int(y))), drawn.getpixel((x, int(y)))
    assert isinstance(before, tuple) and isinstance(after, tuple)
    assert sum(abs(a - b) for a, b in zip(before, after, strict=True)) > 60


def test_showing_again_leaves_no_old_picture(run: Finished, said: Said) -> None:
    said(run.zooming.id)
    stale = run.folder / "shown" / run.zooming.id / "look-09.jpg"
    stale.write_bytes(b"")
    said(run.zooming.id)
    assert not stale.exists()


def test_a_direct_trace_has_no_look(run: Finished, said: Said) -> None:
    assert "no zoom is needed" in said(run.direct.id)
    assert pictures(run, run.direct.id) == ["photo.jpg", "posed.jpg"]


def test_a_rejected_search_is_shown_with_its_reason_and_its_steps(run: Finished, said: Said) -> None:
    text = said(run.vain.id)
    assert "set aside by search: no accepted answer" in text and "CAKE" in text and "look-01.jpg" in text
    assert pictures(run, run.vain.id) == ["look-01.jpg", "photo.jpg", "posed.jpg"]


def test_a_rejected_suggestion_is_shown_with_its_evidence(run: Finished, said: Said) -> None:
    image = run.zooming.task.image.id
    reject = Rejected(
        id=f"{image}-x00", stage="propose", reason="no answer", evidence={"question": "Who?"}, image=image
    )
    run.store.finish("propose", image, Outcome([run.zooming.task.model_dump_json()], [reject]))
    text = said(reject.id)
    assert "set aside by propose: no answer" in text and "Who?" in text
    assert not (run.folder / "shown" / reject.id).exists()


def test_a_task_that_met_a_bug_is_shown_with_the_traceback(run: Finished, said: Said) -> None:
    run.store.forget("search", run.vain.id)
    run.store.fail("search", run.vain.id, "Traceback: ZeroDivisionError")
    text = said(run.vain.id)
    assert "met a bug in search" in text and "ZeroDivisionError" in text


def test_a_task_that_is_only_proposed_is_shown(run: Finished, said: Said) -> None:
    run.store.forget("search", run.vain.id)
    run.store.forget("screen", run.vain.id)
    assert "not finished yet" in said(run.vain.id)


def test_a_photo_that_is_gone_costs_only_the_pictures(run: Finished, said: Said) -> None:
    Path(run.zooming.task.image.path).unlink()
    text = said(run.zooming.id)
    assert "none: the file is gone" in text and "<tool_call>" in text


def test_a_beginning_that_fits_one_id_is_enough(run: Finished, said: Said) -> None:
    assert run.direct.id in said(run.direct.id[:6])


def test_a_beginning_that_fits_several_is_refused_with_their_ids(run: Finished) -> None:
    with pytest.raises(ConfigError, match=f"{run.zooming.id}, {run.vain.id}"):
        show(run.folder, run.zooming.task.image.id)


@pytest.mark.parametrize("wanted", ["", "../../etc/passwd", "nothing"])
def test_an_unknown_id_is_refused_with_the_nearest(run: Finished, wanted: str) -> None:
    with pytest.raises(ConfigError, match=run.direct.id):
        show(run.folder, wanted)


def test_a_near_id_is_named_first(run: Finished) -> None:
    with pytest.raises(ConfigError, match=f"Nearest ids: {run.vain.id}"):
        show(run.folder, f"{run.vain.id}9")


def test_markup_in_a_question_is_printed_as_it_is(run: Finished, said: Said) -> None:
    assert "What does the [bold]sign[/bold] say?" in said(run.zooming.id)


def test_what_could_command_a_terminal_is_printed_as_its_escape(run: Finished, said: Said) -> None:
    run.keep_step(run.zooming, thought="\x1b]0;owned\x07\u202e")
    text = said(run.zooming.id)
    assert "\\x1b]0;owned\\x07\\u202e" in text and "\x1b" not in text


def test_tame_text_keeps_lines_and_letters() -> None:
    assert tame("é 漢\n½") == "é 漢\n½"
