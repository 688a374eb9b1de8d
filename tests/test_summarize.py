"""search and summarize, with a scripted teacher: from a task to a trace, or to a reject that says why."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents.boxes import Box
from pipeline.records import Rejected, Screening, Searched, Traced
from pipeline.stage import Stage, Worker
from pipeline.stages.search import Search
from pipeline.stages.summarize import Summarize
from tests.conftest import Scripted
from tests.drawn import config_at
from tests.scripted import Script, calls, fills, form_of, says, texts_of
from tests.test_screen import task

WIDE, NEAR = Box(200, 140, 500, 400), Box(256, 192, 384, 288)
SEARCH = [
    calls("zoom", {"box": list(WIDE)}, "First the middle."),
    calls("zoom", {"box": list(NEAR)}, "Now closer."),
    says("Clear now. <answer>red</answer>"),
]
LOOKS = [
    {"number": 1, "thought": "The box is too small to tell its colour."},
    {"number": 2, "thought": "There it is; I look closer."},
]
TOLD = {"looks": LOOKS, "last": "It is plainly a red box."}


def run(stage: type[Stage], script: Script, photo: Path, text: str) -> tuple[list[str], list[Rejected]]:
    worker = Worker((stage,), config_at(script.url, photo.parent / "run", summarize={"tries": 2}))
    made = asyncio.run(worker.work(text))
    assert list(worker.store.failed(stage.name)) == []
    return made, list(worker.store.rejected(stage.name))


@pytest.fixture
def searched(scripted: Scripted, photo: Path) -> Searched:
    one = task(photo, screening=Screening())
    (made,), _ = run(Search, scripted(SEARCH), photo, one.model_dump_json())
    return Searched.model_validate_json(made)


def summarize(script: Script, photo: Path, record: Searched) -> tuple[list[Traced], list[Rejected]]:
    made, rejects = run(Summarize, script, photo, record.model_dump_json())
    return [Traced.model_validate_json(text) for text in made], rejects


def test_a_solved_task_goes_on_with_its_trajectory(searched: Searched) -> None:
    assert [step.box for step in searched.trajectory.looks] == [WIDE, NEAR]
    assert searched.trajectory.correct


def test_a_task_that_is_not_solved_is_rejected_with_its_answers(scripted: Scripted, photo: Path) -> None:
    hint = fills({"correct": False, "hint": "Look again."})
    script = scripted(lambda body: hint if form_of(body) else says("<answer>blue</answer>"))
    made, (reject,) = run(Search, script, photo, task(photo).model_dump_json())
    assert (made, reject.reason) == ([], "no accepted answer")
    assert set(reject.evidence["answers"]) == {"blue"}


def test_a_summary_becomes_a_trace(scripted: Scripted, photo: Path, searched: Searched) -> None:
    (traced,), rejects = summarize(scripted([fills(TOLD)]), photo, searched)
    assert traced.trace.boxes == [WIDE, NEAR]
    assert [segment.kind for segment in traced.trace.segments] == ["think", "focus", "zoom"] * 2 + [
        "think",
        "answer",
    ]
    assert (traced.trace.answer, rejects) == ("red", [])


def test_a_trace_names_every_request_behind_it(scripted: Scripted, photo: Path, searched: Searched) -> None:
    (traced,), _ = summarize(scripted([fills(TOLD)]), photo, searched)
    assert traced.calls[:4] == ("proposed", *searched.trajectory.calls)
    assert len(traced.calls) == 5


def test_looks_that_did_not_lead_to_the_answer_are_dropped(scripted: Scripted, photo: Path, searched: Searched) -> None:
    (traced,), _ = summarize(scripted([fills({**TOLD, "looks": LOOKS[1:]})]), photo, searched)
    assert traced.trace.boxes == [NEAR]


def test_the_teacher_is_told_the_looks_by_number(scripted: Scripted, photo: Path, searched: Searched) -> None:
    script = scripted([fills(TOLD)])
    summarize(script, photo, searched)
    assert f"2. box {list(NEAR)}. Before it: Now closer." in texts_of(script.asked[0])[-1]


def look(number: int, thought: str = "I look closer.") -> dict[str, Any]:
    return {"number": number, "thought": thought}


FAULTS: dict[str, dict[str, Any]] = {
    "a look that never was": {"looks": [look(7)], "last": "It is red."},
    "prose that cannot stand in a trace": {
        "looks": [look(2, "See [1, 2, 3, 4] there.")],
        "last": "It is red.",
    },
    "answered without the closer look it needs": {"looks": [], "last": "It is red."},
    "the same box twice": {"looks": [look(2), look(2)], "last": "It is red."},
    "the prose speaks of the machinery": {"looks": [look(2)], "last": "The hint was good."},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_summary_that_fails_its_checks_twice_is_rejected_with_the_fault(
    fault: str, scripted: Scripted, photo: Path, searched: Searched
) -> None:
    script = scripted([fills(FAULTS[fault])] * 2)
    made, (reject,) = summarize(script, photo, searched)
    assert (made, reject.reason, reject.evidence["faults"]) == ([], fault, [fault, fault])
    assert len(script.asked) == 2


def test_a_second_summary_may_be_better(scripted: Scripted, photo: Path, searched: Searched) -> None:
    script = scripted([fills(FAULTS["a look that never was"]), fills(TOLD)])
    made, rejects = summarize(script, photo, searched)
    assert (len(made), rejects) == (1, [])


@pytest.mark.parametrize("last", ["", " ", "x" * 1501])
def test_a_summary_without_usable_last_words_is_no_trace(
    last: str, scripted: Scripted, photo: Path, searched: Searched
) -> None:
    script = scripted(lambda _: fills({"looks": [look(2)], "last": last}))
    made, (reject,) = summarize(script, photo, searched)
    assert (made, reject.stage) == ([], "summarize")


def test_lines_in_a_thought_become_spaces(scripted: Scripted, photo: Path, searched: Searched) -> None:
    told = {"looks": [look(2, "I look\n\n  closer.")], "last": "It is red."}
    (traced,), _ = summarize(scripted([fills(told)]), photo, searched)
    assert traced.trace.prose == "I look closer. It is red."
