"""Verifying a run: a sound one passes, and whatever is changed in it is named."""

from collections import Counter
from pathlib import Path

import pytest

from agents.boxes import Box
from agents.trajectory import Verdict
from pipeline.config import ConfigError
from pipeline.verify import Found, Report, verify_run
from tests.drawn import draw
from tests.finished import ASTRAY, Finished


@pytest.fixture
def run(tmp_path: Path) -> Finished:
    return Finished(tmp_path)


def reasons(run: Finished, identity: str) -> list[str]:
    """What is wrong with one trace or file; nothing else may be."""
    report = verify_run(run.folder)
    assert {found.id for found in report.faults} == {identity}
    assert all(found.reason in report.text for found in report.faults)
    return [found.reason for found in report.faults]


def test_a_sound_run_passes(run: Finished) -> None:
    report = verify_run(run.folder)
    assert report.faults == []
    assert "Nothing is wrong." in report.text and "\n" not in report.text


def test_what_was_checked_is_counted(run: Finished) -> None:
    counts = verify_run(run.folder).checked
    told = {name: counts[name] for name in ("traces", "photos", "looks", "crops", "rows", "embedded")}
    assert told == {"traces": 2, "photos": 2, "looks": 2, "crops": 1, "rows": 2, "embedded": 3}


def test_a_changed_photo_is_found(run: Finished) -> None:
    draw(Path(run.direct.task.image.path), seed=99)
    assert reasons(run, run.direct.id) == ["the photo's file has changed"]


def test_a_photo_that_is_gone_is_found(run: Finished) -> None:
    Path(run.zooming.task.image.path).unlink()
    assert reasons(run, run.zooming.id) == ["the photo cannot be opened: the file is gone"]


def test_other_pixels_than_recorded_are_found(run: Finished) -> None:
    run.keep_step(run.zooming, pixels="0" * 64)
    assert reasons(run, run.zooming.id) == ["a zoom whose pixels come out otherwise"]


def test_a_view_that_its_box_does_not_give_is_found(run: Finished) -> None:
    view = run.zooming.trajectory.looks[0].view
    run.keep_step(run.zooming, view=view)
    assert "a zoom that shows another view than its box gives" in reasons(run, run.zooming.id)


def test_a_box_that_was_not_asked_for_is_found(run: Finished) -> None:
    run.keep_step(run.zooming, arguments={"box": list(ASTRAY)})
    assert reasons(run, run.zooming.id) == ["a zoom of another box than was asked for"]


@pytest.mark.parametrize("arguments", [{}, {"box": "here"}, {"box": [5000, 5000, 6000, 6000]}])
def test_arguments_that_give_no_box_are_found(run: Finished, arguments: dict[str, object]) -> None:
    run.keep_step(run.zooming, arguments=arguments)
    assert reasons(run, run.zooming.id) == ["a zoom whose arguments cannot be read"]


def test_a_box_outside_the_photo_is_found(run: Finished) -> None:
    run.keep_step(run.zooming, boxes=(Box(600, 400, 641, 480),))
    assert reasons(run, run.zooming.id) == ["a box outside the photo"]


def test_evidence_outside_the_last_crop_is_found(run: Finished) -> None:
    run.keep(run.zooming, evidence=(Box(10, 400, 60, 470),))
    assert "the evidence is not in the last crop" in reasons(run, run.zooming.id)


def test_a_crop_that_is_not_the_zoom_of_its_focus_is_found(run: Finished) -> None:
    think, focus, zoom, *rest = run.zooming.trace.segments
    wider = zoom.model_copy(update={"view": zoom.view.model_copy(update={"width": 560})})  # type: ignore[union-attr]
    trace = run.zooming.trace.model_copy(update={"segments": (think, focus, wider, *rest)})
    run.keep(run.zooming.model_copy(update={"trace": trace}))
    assert reasons(run, run.zooming.id) == ["a crop that is not the zoom of its box"]


def test_a_zoom_without_need_is_found(run: Finished) -> None:
    screening = run.zooming.task.screening
    assert screening is not None
    run.keep(run.zooming, screening=screening.model_copy(update={"posed": "market"}))
    assert reasons(run, run.zooming.id) == ["it zooms, but its answer was readable at the posed resolution"]


def test_a_direct_answer_that_needed_a_zoom_is_found(run: Finished) -> None:
    screening = run.direct.task.screening
    assert screening is not None
    run.keep(run.direct, screening=screening.model_copy(update={"posed": None}))
    found = reasons(run, run.direct.id)
    assert found == ["it answers directly, but its answer was not readable at the posed resolution"]


def test_a_trace_that_fails_its_checks_is_found(run: Finished) -> None:
    think, *rest = run.direct.trace.segments
    loud = think.model_copy(update={"text": "The verifier told me."})
    run.keep(run.direct.model_copy(update={"trace": run.direct.trace.model_copy(update={"segments": (loud, *rest)})}))
    assert "the prose speaks of the machinery" in reasons(run, run.direct.id)


def test_a_trace_that_is_not_the_exported_one_is_found(run: Finished) -> None:
    think, *rest = run.direct.trace.segments
    other = think.model_copy(update={"text": "I see it."})
    run.keep(run.direct.model_copy(update={"trace": run.direct.trace.model_copy(update={"segments": (other, *rest)})}))
    assert reasons(run, run.direct.id) == ["its row in the dataset holds another trace"]


def test_a_row_of_no_trace_is_found(run: Finished) -> None:
    run.store.forget("summarize", run.direct.id)
    assert reasons(run, run.direct.id) == ["a row of the dataset that is no trace of this run"]


@pytest.mark.parametrize("kind", ["images", "photos"])
def test_a_changed_file_of_the_dataset_is_found(run: Finished, kind: str) -> None:
    path = next((run.dataset / kind).glob("*/*"))
    path.write_bytes(path.read_bytes() + b" ")
    assert reasons(run, str(path.relative_to(run.dataset))) == ["the file is not what its name says"]


def test_a_record_that_is_no_trace_is_found(run: Finished) -> None:
    broken = run.direct.trace.model_copy(update={"segments": run.direct.trace.segments[:1]})
    run.keep(run.direct.model_copy(update={"trace": broken}))
    assert reasons(run, run.direct.id)[0] == "not a trace: Value error, a trace ends with its one answer"


def test_a_run_without_a_dataset_says_so(run: Finished) -> None:
    run.dataset.rename(run.folder / "elsewhere")
    report = verify_run(run.folder)
    assert "There is no dataset yet." in report.text and not report.faults


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a run folder"):
        verify_run(tmp_path)


def test_a_run_without_a_trace_is_refused(run: Finished) -> None:
    for one in (run.zooming, run.direct):
        run.store.forget("summarize", one.id)
    with pytest.raises(ConfigError, match="no trace yet"):
        verify_run(run.folder)


def test_a_verdict_does_not_excuse_other_pixels(run: Finished) -> None:
    attempts = [one.model_copy(update={"verdict": Verdict(correct=True)}) for one in run.zooming.trajectory.attempts]
    trajectory = run.zooming.trajectory.model_copy(update={"attempts": tuple(attempts)})
    run.keep_step(run.zooming.model_copy(update={"trajectory": trajectory}), pixels=None)
    assert reasons(run, run.zooming.id) == ["a zoom whose pixels come out otherwise"]


def test_many_faults_are_told_shortly() -> None:
    report = Report(Counter(), [Found(str(number), "wrong") for number in range(100)])
    assert report.text.endswith("and 60 more")
